from __future__ import annotations

import threading

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from api import create_app
from persistence import unit_of_work
from persistence.unit_of_work import atomically, examining
from runtime import books as all_books
from runtime import wiring
from runtime.settings import Settings
from runtime.wiring import wired
from tests.books import seal_everything
from tests.escrow.story import enrol
from tests.payouts.world import World, know_client


@pytest.fixture(autouse=True)
def books(database, database_url, clock):
    """Everybody has an account; and however the story went, the books are right at its end."""
    wiring.build(Settings(ENVIRONMENT="test", DATABASE_URL=database_url, CLOCK_FILE=clock.path))
    unit_of_work.bind(database)
    atomically(enrol)
    yield
    seal_everything()
    assert examining(all_books.verify) == []


@pytest.fixture
def world(books, database, database_url, clock, stripe_peer):
    """The application at an address of its own, and the peer that sends its webhooks there."""
    app = create_app(
        Settings(
            ENVIRONMENT="test",
            DATABASE_URL=database_url,
            CLOCK_FILE=clock.path,
            STRIPE_SECRET_KEY=stripe_peer.secret_key,
            STRIPE_PUBLISHABLE_KEY=stripe_peer.publishable_key,
            STRIPE_WEBHOOK_SECRETS=stripe_peer.webhook_secret,
            STRIPE_API_BASE=stripe_peer.base_url,
        )
    )
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    stripe_peer.webhooks(url=f"http://127.0.0.1:{server.server_port}/v1/webhooks/stripe")
    know_client()
    yield World(app.test_client(), stripe_peer)
    stripe_peer.clear_faults()
    server.shutdown()
    server.server_close()
    thread.join()
    wired().database.engine.dispose()
    # What looks at the books afterwards does so through the database of the test.
    unit_of_work.bind(database)


class _Quiet(WSGIRequestHandler):
    def log(self, *_args):
        """What arrived is looked at where it is kept."""
