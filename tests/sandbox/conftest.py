"""A peer for each test, the real SDK pointed at it, and an endpoint that takes its webhooks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import stripe

import sandbox
from tests.sandbox.endpoint import Endpoint
from tests.sandbox.playing import WORKER, connected, paid

if TYPE_CHECKING:
    from collections.abc import Iterator


class StripeEndpoint(Endpoint):
    """Reads what Stripe sends; of the headers it keeps the signature."""

    def take(self, body, headers):
        return super().take(body, headers["Stripe-Signature"])

    @property
    def events(self):
        """What arrived, parsed by the SDK without a look at the signature."""
        return [stripe.Event.construct_from(json.loads(body), None) for body, _ in self.received]

    @property
    def types(self):
        return [event.type for event in self.events]


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
    opened = StripeEndpoint()
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
