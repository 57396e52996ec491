"""The PayPal adapter, connected to a peer that understands only what PayPal understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import sandbox
from gateways.contract import PaymentFound, PaymentOrder
from gateways.paypal.client import connect
from gateways.paypal.gateway import PayPalGateway
from kernel.ids import new_id
from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sandbox.paypal.remote import PayPal


@pytest.fixture
def paypal_peer(clock) -> Iterator[PayPal]:
    """PayPal, as far as this test is concerned; turning the clock turns its time as well.

    At the end it must not have been asked anything that the real one would not have understood.
    """
    running = sandbox.start(clock_file=clock.path)
    clock.hand_to(lambda step: running.paypal.advance(step.total_seconds()))
    yield running.paypal
    violations = running.paypal.violations()
    running.close()
    assert violations == []


@pytest.fixture
def paypal_connected(paypal_peer) -> Callable[..., PayPalGateway]:
    """The adapter with the settings a test asks for."""

    def connect_with(**settings) -> PayPalGateway:
        return PayPalGateway(
            connect(**paypal_peer.credentials | {"api_base": paypal_peer.api_base} | settings)
        )

    return connect_with


@pytest.fixture
def paypal(paypal_connected) -> PayPalGateway:
    """The adapter."""
    return paypal_connected()


@pytest.fixture
def paypal_order() -> PaymentOrder:
    """100.00 USD for a milestone."""
    return PaymentOrder(
        payment_id=new_id("py"),
        milestone_id=new_id("ms"),
        amount=Money(10_000, "USD"),
        customer="client",
        save_card=False,
        description="A logo",
    )


@pytest.fixture
def paypal_payment(paypal, paypal_peer, paypal_order) -> PaymentFound:
    """100.00 USD, just paid."""
    made = paypal.create_payment(paypal_order)
    paypal_peer.approve(made.gateway_id)
    paid = paypal.capture_payment(made.gateway_id, key=f"{paypal_order.payment_id}.capture")
    assert isinstance(paid, PaymentFound)
    return paid
