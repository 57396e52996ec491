"""A peer for each test, the real SDK pointed at it, and an endpoint that takes its webhooks."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import stripe

import sandbox
from tests.sandbox.playing import WORKER, connected, paid

if TYPE_CHECKING:
    from collections.abc import Iterator


class Endpoint:
    """A webhook endpoint: keeps what it is sent and answers as it is told."""

    def __init__(self):
        self.received: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}/webhooks"

    @property
    def events(self):
        """What arrived, parsed by the SDK without a look at the signature."""
        return [stripe.Event.construct_from(json.loads(body), None) for body, _ in self.received]

    @property
    def types(self):
        return [event.type for event in self.events]

    def take(self, body, signature):
        with self._lock:
            self.received.append((body, signature))
            return self.answers.pop(0) if self.answers else 200

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self):
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(endpoint.take(body, self.headers["Stripe-Signature"]))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args):
                """The test reads what arrived."""

        return Handler


@pytest.fixture
def unchecked_peer(tmp_path) -> Iterator[sandbox.Running]:
    """A peer that may be asked what Stripe would not understand."""
    running = sandbox.start(clock_file=tmp_path / "clock.json", seed=7)
    yield running
    running.close()


@pytest.fixture
def peer(unchecked_peer) -> Iterator[sandbox.Running]:
    """A peer of whom nothing may be asked that Stripe would not understand."""
    yield unchecked_peer
    assert unchecked_peer.violations() == []


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    opened = Endpoint()
    yield opened
    opened.close()


@pytest.fixture
def http():
    """One HTTP client, closed in the end."""
    client = stripe.RequestsClient(timeout=20)
    yield client
    client.close()


@pytest.fixture
def api(peer, http):
    """The SDK's services, without retries, so that a test sees each answer."""
    return connected(peer, http).v1


@pytest.fixture
def customer(api):
    return api.customers.create({"email": "client@example.com"})


@pytest.fixture
def worker(api, peer):
    """A connected account that has completed Stripe's form."""
    account = api.accounts.create(WORKER)
    peer.complete_onboarding(account.id)
    return account


@pytest.fixture
def charge(api, peer):
    """100.00 USD, just paid by card and not yet settled."""
    return paid(api, peer, 10_000)
