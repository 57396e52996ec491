"""Holdfast as it runs, on one machine: the web application on a port, Stripe's peer on another, and work in between."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rq import Queue
from rq.serializers import JSONSerializer
from werkzeug.serving import WSGIRequestHandler, make_server

from api import create_app
from jobs import queues
from jobs.relay import Relay
from jobs.schedule import RECURRING
from jobs.subscriptions import SUBSCRIBERS
from persistence import due
from persistence.unit_of_work import reading
from runtime import wiring
from runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask import Flask

    import sandbox
    from sandbox.driver import Driver
    from tests.clock import Clock

# Work that makes work ends; if it does not, the test shall not hang.
_MOST_ROUNDS = 50


@dataclass
class House:
    """A running Holdfast: where it is, what it speaks to, and the clock that all of them share."""

    web: str
    peer: sandbox.Running
    redis_url: str
    clock: Clock
    work: Callable[[str], None]
    app: Flask
    others: tuple[Driver, ...] = ()

    def settle(self) -> None:
        """Let everything that is under way arrive: no webhook is on the road, and nothing is due."""
        for _ in range(_MOST_ROUNDS):
            self.work(self.redis_url)
            for peer in (self.peer, *self.others):
                peer.drain()
            if not reading(due.backlog).due:
                return
        raise AssertionError(f"Something is still due after {_MOST_ROUNDS} rounds.")

    def pass_time(self, **span: float) -> None:
        """Let time pass here and at Stripe, and everything happen that fell due meanwhile."""
        self.clock.advance(**span)
        self.settle()


class _Handler(WSGIRequestHandler):
    """Keeps connections open as a server behind a load balancer does, and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, *_args: object) -> None:
        """What matters is in the tables."""


def environment(database_url: str, redis_url: str, peer: sandbox.Running, clock_file: Path) -> dict[str, str]:
    """What a deployment would set, with Stripe's peer in the place of Stripe."""
    return {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_SECRET_KEY": peer.secret_key,
        "STRIPE_PUBLISHABLE_KEY": peer.publishable_key,
        "STRIPE_WEBHOOK_SECRETS": peer.webhook_secret,
        "STRIPE_API_BASE": peer.base_url,
        "CLOCK_FILE": str(clock_file),
        # A person is not as fast as a test.
        "REQUESTS_PER_MINUTE": "100000",
        "SIGN_INS_PER_MINUTE": "100000",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def open_house(
    database_url: str,
    redis_url: str,
    peer: sandbox.Running,
    clock: Clock,
    work: Callable[[str], None] | None = None,
    **more: str,
) -> Iterator[House]:
    """Everything in this process but the databases: the application serves a port, `work` does what is due.

    `more` are settings on top, such as `more_gateways`.
    """
    app = create_app(Settings(**environment(database_url, redis_url, peer, clock.path) | more))
    with serving(app) as address:
        peer.webhooks(url=f"{address}/v1/webhooks/stripe")
        others: tuple[Driver, ...] = ()
        if "ADYEN_API_KEY" in more:
            peer.adyen.webhooks(url=f"{address}/v1/webhooks/adyen")
            peer.paypal.webhooks(url=f"{address}/v1/webhooks/paypal")
            others = (peer.adyen, peer.paypal)
        yield House(address, peer, redis_url, clock, work or quickly, app, others)
    wiring.wired().database.engine.dispose()


def quickly(redis_url: str) -> None:
    """Do what is due, out of the same queues by the same relay and handlers, without a worker around them.

    A worker writes forty times to Redis for every job, and ends with a wait; that is time which is better spent.
    """
    with queues.connect(redis_url) as redis:
        known = queues.queues(redis)
        relay = Relay(known, SUBSCRIBERS, RECURRING)
        while relay.turn():
            while taken := Queue.dequeue_any(
                list(known.values()), None, connection=redis, serializer=JSONSerializer
            ):
                job, _ = taken
                job.perform()
                job.delete()


@contextmanager
def serving(app: Flask, port: int = 0) -> Iterator[str]:
    """The application on a port, answering several at once."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
