"""The application with its webhook route, and a gateway that signs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from stripe import WebhookSignature

from api import create_app
from gateways.tables import WebhookEvent
from jobs.commands import webhooks_commands
from kernel.ids import new_id
from persistence.tables import DueWork
from persistence.unit_of_work import reading
from runtime import wiring
from runtime.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask
    from werkzeug.test import TestResponse

    from tests.clock import Clock

NEW, OLD = "whsec_new", "whsec_old"


@pytest.fixture
def settings(database, database_url, redis_url, clock) -> Settings:
    """Two webhook secrets, as while one is replaced."""
    return Settings(
        ENVIRONMENT="test",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        STRIPE_SECRET_KEY="sk_test_x",
        STRIPE_PUBLISHABLE_KEY="pk_test_x",
        STRIPE_WEBHOOK_SECRETS=f"{NEW},{OLD}",
        CLOCK_FILE=clock.path,
    )


@pytest.fixture
def application(settings) -> Iterator[Flask]:
    """The real application."""
    app = create_app(settings)
    app.cli.add_command(webhooks_commands)
    yield app
    wiring.wired().database.engine.dispose()


@dataclass
class Sender:
    """Stripe's side of the webhook."""

    application: Flask
    clock: Clock

    def post(self, body: str, signature: str | None, *, gateway: str = "stripe") -> TestResponse:
        """Deliver these bytes."""
        headers = {} if signature is None else {"Stripe-Signature": signature}
        return self.application.test_client().post(f"/v1/webhooks/{gateway}", data=body, headers=headers)

    def send(self, body: str, *, secret: str = NEW, seconds_apart: int = 0) -> TestResponse:
        """Deliver these bytes signed, now or so many seconds away."""
        return self.post(body, self.signature(body, secret=secret, seconds_apart=seconds_apart))

    def signature(self, body: str, *, secret: str = NEW, seconds_apart: int = 0) -> str:
        """The header under which they would be delivered."""
        at = int(self.clock.now().timestamp()) + seconds_apart
        return WebhookSignature.generate_signature_header(body, secret, at)


@pytest.fixture
def sender(application, clock) -> Sender:
    """Stripe."""
    return Sender(application, clock)


def event(thing: dict[str, Any] | None = None, **changes: Any) -> str:
    """A snapshot event; of a payment when nothing else is said."""
    return json.dumps(
        {
            "id": new_id("evt"),
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": 1795348800,
            "livemode": False,
            "data": {"object": thing or {"id": "pi_1", "object": "payment_intent"}},
        }
        | changes
    )


def kept() -> list[WebhookEvent]:
    """What has been kept, in the order in which it came."""
    return reading(lambda session: list(session.scalars(select(WebhookEvent).order_by(WebhookEvent.id))))


def work_of(kind: str) -> list[DueWork]:
    """The work of one kind, whatever became of it."""
    statement = select(DueWork).where(DueWork.kind == kind).order_by(DueWork.id)
    return reading(lambda session: list(session.scalars(statement)))
