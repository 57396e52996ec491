"""The adapter, connected to a peer that understands only what Stripe understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateways.contract import (
    AccountFound,
    AccountOrder,
    CustomerFound,
    CustomerOrder,
    PaymentFound,
    PaymentOrder,
    TransferFound,
    TransferOrder,
)
from gateways.stripe.client import connect
from gateways.stripe.gateway import StripeGateway
from kernel.ids import new_id
from kernel.money import Money
from tests.gateways.paypal_fixtures import (  # noqa: F401 - for the tests beside this file
    paypal,
    paypal_connected,
    paypal_order,
    paypal_payment,
    paypal_peer,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import sandbox
    from gateways.contract import Charge


@pytest.fixture
def peer(stripe_peer: sandbox.Running) -> sandbox.Running:
    """A peer of whom nothing may be asked that Stripe would not understand."""
    return stripe_peer


@pytest.fixture
def connected(peer) -> Callable[..., StripeGateway]:
    """The adapter with the settings a test asks for; without retries, so that it sees each answer."""

    def connect_with(key: str | None = None, **settings) -> StripeGateway:
        connection = connect(
            secret_key=key or peer.secret_key,
            publishable_key=peer.publishable_key,
            webhook_secrets=[peer.webhook_secret],
            **{"api_base": peer.base_url, "retries": 0} | settings,
        )
        return StripeGateway(connection)

    return connect_with


@pytest.fixture
def stripe(connected) -> StripeGateway:
    """The adapter."""
    return connected()


@pytest.fixture
def customer(stripe) -> str:
    """A client's record."""
    found = stripe.create_customer(CustomerOrder(new_id("cu"), new_id("us"), "client@example.com"))
    assert isinstance(found, CustomerFound)
    return found.gateway_id


@pytest.fixture
def account(stripe, peer) -> str:
    """The account of a worker who has told Stripe everything."""
    found = stripe.create_account(AccountOrder(new_id("ac"), new_id("us"), "worker@example.com", "US"))
    assert isinstance(found, AccountFound)
    peer.complete_onboarding(found.gateway_id)
    return found.gateway_id


@pytest.fixture
def payment_order(customer) -> PaymentOrder:
    """100.00 USD for a milestone."""
    return PaymentOrder(
        payment_id=new_id("py"),
        milestone_id=new_id("ms"),
        amount=Money(10_000, "USD"),
        customer=customer,
        save_card=False,
        description="A logo",
    )


@pytest.fixture
def payment(stripe, peer, payment_order) -> PaymentFound:
    """100.00 USD, just paid."""
    made = stripe.create_payment(payment_order)
    assert isinstance(made, PaymentFound)
    peer.pay(made.client_secret)
    paid = stripe.payment(made.gateway_id)
    assert isinstance(paid, PaymentFound)
    return paid


@pytest.fixture
def charge(payment) -> Charge:
    """Its charge."""
    assert payment.charge is not None
    return payment.charge


@pytest.fixture
def transfer_order(payment_order, charge, account) -> TransferOrder:
    """90.00 USD of it for the worker."""
    return TransferOrder(
        new_id("tr"), payment_order.milestone_id, Money(9_000, "USD"), account, charge.gateway_id
    )


@pytest.fixture
def funded_account(stripe, peer, transfer_order) -> str:
    """The account, with 90.00 USD in it to pay out."""
    assert isinstance(stripe.create_transfer(transfer_order), TransferFound)
    peer.advance(3 * 86_400)
    return transfer_order.destination
