"""A process is put together from its settings, and knows its gateways by name."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from persistence import clock as database_clock
from persistence.unit_of_work import reading
from runtime import wiring
from runtime.settings import Settings
from runtime.wiring import GatewayUnknown


@pytest.fixture
def wired(database, database_url, clock):
    made = wiring.build(
        Settings(
            ENVIRONMENT="test",
            DATABASE_URL=database_url,
            CLOCK_FILE=clock.path,
            STRIPE_SECRET_KEY="sk_test_x",
            STRIPE_PUBLISHABLE_KEY="pk_test_x",
        )
    )
    yield made
    made.database.engine.dispose()


def test_stripe_is_there_with_the_keys_of_the_settings(wired):
    stripe = wiring.gateway("stripe")
    assert stripe.name == "stripe"
    assert not stripe.livemode
    assert stripe.client_settings()["publishable_key"] == "pk_test_x"
    assert wiring.gateway("stripe") is stripe


def test_a_gateway_nobody_knows_is_refused(wired):
    with pytest.raises(GatewayUnknown):
        wiring.gateway("carrier pigeon")


def test_the_clock_file_turns_the_clock_of_the_process(wired, clock):
    before = reading(database_clock.now)
    clock.path.write_text(json.dumps({"offset_seconds": 72 * 3600}))
    assert timedelta(hours=72) <= reading(database_clock.now) - before < timedelta(hours=73)
