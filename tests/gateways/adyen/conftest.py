"""The adapter, connected to a peer that understands only what Adyen's own documents say."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest

import sandbox
from gateways.adyen.client import connect
from gateways.adyen.gateway import AdyenGateway
from gateways.contract import (
    AccountFound,
    AccountOrder,
    PaymentFound,
    PaymentOrder,
    TransferFound,
    TransferOrder,
)
from kernel.ids import new_id
from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.adyen.remote import Adyen
    from tests.clock import Clock


class Inbox:
    """What Holdfast has been told and has kept, by what it is about."""

    def __init__(self, peer: Adyen, clock: Clock):
        self.peer = peer
        self.clock = clock
        self.kept = defaultdict(list)
        self.events = []
        self.known = set()
        self.heard = 0

    def told(self, object_id):
        return self.kept[object_id]

    def miss(self):
        """Lose all that Adyen has sent since the last time."""
        self.heard = len(self.peer.news())

    def hear(self, gateway):
        """Take in all that Adyen has sent since the last time, each event once; returns the events."""
        news = self.peer.news()[self.heard :]
        self.heard += len(news)
        return self.take_in(gateway, news)

    def take_in(self, gateway, news):
        """Take in these bodies with their headers; returns the events."""
        listed = [
            each
            for payload, headers in news
            for each in gateway.verify_events(payload, headers, now=self.clock.now)
        ]
        for each in listed:
            if each.event is not None and each.event.id not in self.known:
                self.known.add(each.event.id)
                self.events.append(each.event)
                self.kept[each.event.object_id].append(each.payload)
        return [each.event for each in listed]


@pytest.fixture
def adyen_peer(clock: Clock) -> Iterator[Adyen]:
    """Adyen, as far as this test is concerned; turning the clock turns its time as well.

    At the end it must not have been asked, nor have said, anything that the real one would not.
    """
    running = sandbox.start(clock_file=clock.path)
    clock.hand_to(lambda step: running.adyen.advance(step.total_seconds()))
    yield running.adyen
    violations = running.adyen.violations()
    running.close()
    assert violations == []


@pytest.fixture
def inbox(adyen_peer, clock) -> Inbox:
    """What was heard and kept."""
    return Inbox(adyen_peer, clock)


@pytest.fixture
def connected(adyen_peer, inbox, clock) -> Callable[..., AdyenGateway]:
    """The adapter with the settings a test asks for."""

    def connect_with(**settings) -> AdyenGateway:
        known = adyen_peer.settings
        usual = {
            "api_key": known.api_key,
            "client_key": known.client_key,
            "merchant_account": known.merchant_account,
            "balance_platform": known.balance_platform,
            "balance_account": known.balance_account,
            "hmac_keys": [known.hmac_key],
            "platform_hmac_keys": [known.platform_hmac_key],
            "return_url": "holdfast://paid",
            "api_base": adyen_peer.api_base,
            "told": inbox.told,
            "now": clock.now,
        }
        return AdyenGateway(connect(**usual | settings))

    return connect_with


@pytest.fixture
def adyen(connected) -> AdyenGateway:
    """The adapter."""
    return connected()


@pytest.fixture
def payment_order() -> PaymentOrder:
    """100.00 USD for a milestone."""
    return PaymentOrder(
        payment_id=new_id("py"),
        milestone_id=new_id("ms"),
        amount=Money(10_000, "USD"),
        customer=new_id("cu"),
        save_card=False,
        description="A logo",
    )


@pytest.fixture
def begun(adyen, payment_order) -> PaymentFound:
    """A payment that waits for the payer."""
    made = adyen.create_payment(payment_order)
    assert isinstance(made, PaymentFound)
    return made


@pytest.fixture
def payment(adyen, adyen_peer, begun) -> PaymentFound:
    """100.00 USD, just paid."""
    adyen_peer.pay(begun.client_secret)
    paid = adyen.payment(begun.gateway_id)
    assert isinstance(paid, PaymentFound)
    return paid


@pytest.fixture
def account(adyen, adyen_peer) -> str:
    """The account of a worker who has told Adyen everything."""
    found = adyen.create_account(AccountOrder(new_id("ac"), new_id("us"), "worker@example.com", "US"))
    assert isinstance(found, AccountFound)
    adyen_peer.complete_onboarding(found.gateway_id)
    return found.gateway_id


@pytest.fixture
def settled(payment, clock) -> PaymentFound:
    """The same, once it may be used."""
    clock.advance(days=3)
    return payment


@pytest.fixture
def transfer_order(payment_order, settled, account) -> TransferOrder:
    """90.00 USD of it for the worker."""
    return TransferOrder(new_id("tr"), payment_order.milestone_id, Money(9_000, "USD"), account, None)


@pytest.fixture
def transfer(adyen, transfer_order) -> TransferFound:
    """The 90.00 USD, moved."""
    found = adyen.create_transfer(transfer_order)
    assert isinstance(found, TransferFound)
    return found
