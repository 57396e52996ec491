"""Stripe's own examples go through the adapter without a surprise."""

from __future__ import annotations

import ast
import inspect
import json
from datetime import UTC, datetime

import pytest
import stripe.params._webhook_endpoint_create_params as endpoint_params

from gateways.contract import AccountState, ObjectKind, PaymentState, PayoutState, RefundState, Rejected
from gateways.stripe.accounts import read_account, read_standing
from gateways.stripe.cards import read_card, read_client_secret
from gateways.stripe.client import connect
from gateways.stripe.gateway import StripeGateway
from gateways.stripe.outcomes import understood
from gateways.stripe.payments import read_charge, read_payment
from gateways.stripe.payouts import read_balance, read_payout
from gateways.stripe.refunds import read_refund
from gateways.stripe.transfers import read_transfer
from kernel.money import Money
from tests.gateways.fixtures import ABSENT, resources

pytestmark = pytest.mark.skipif(not resources(), reason=ABSENT)

_WRITTEN_AT = datetime(2009, 2, 13, 23, 31, 30, tzinfo=UTC)

# Objects whose events are named differently from the object they carry.
_CARRIED = {
    "account.external_account": "bank_account",
    "charge.dispute": "dispute",
    "charge.refund": "refund",
    "customer.source": "card",
    "customer.subscription": "subscription",
    "issuing_dispute": "issuing.dispute",
}


def example(name, **changes):
    return resources()[name] | changes


def test_a_payment_intent_is_read():
    payment = understood(example("payment_intent"), read_payment)
    assert payment.state is PaymentState.NEEDS_METHOD
    assert payment.amount == Money(1099, "USD")
    assert payment.charge is None
    assert payment.payment_id is None


def test_a_succeeded_payment_intent_brings_its_charge():
    charge = example("charge", balance_transaction=example("balance_transaction", fee=33))
    payment = understood(
        example("payment_intent", status="succeeded", latest_charge=charge, metadata={"holdfast_id": "py_1"}),
        read_payment,
    )
    assert payment.charge.amount == Money(100, "USD")
    assert payment.charge.fee == Money(33, "USD")
    assert payment.charge.available_on == _WRITTEN_AT
    assert (payment.charge.settled, payment.charge.card_brand, payment.charge.card_last4) == (
        True,
        "visa",
        "4242",
    )
    assert payment.payment_id == "py_1"


def test_a_charge_whose_line_is_not_written_yet_is_no_charge():
    payment = understood(
        example("payment_intent", status="succeeded", latest_charge=example("charge")), read_payment
    )
    assert payment.state is PaymentState.SUCCEEDED
    assert payment.charge is None


def test_a_charge_for_another_kind_of_method_has_no_card():
    charge = understood(
        example("charge", balance_transaction=example("balance_transaction"), payment_method_details=None),
        read_charge,
    )
    assert (charge.card_brand, charge.card_last4) == (None, None)


def test_a_refund_is_read():
    refund = understood(example("refund"), read_refund)
    assert (refund.state, refund.amount, refund.reference) == (RefundState.SUCCEEDED, Money(100, "USD"), None)


def test_a_transfer_is_read():
    transfer = understood(
        example("transfer", balance_transaction=example("balance_transaction")), read_transfer
    )
    assert transfer.amount == Money(1100, "USD")
    assert transfer.available_on == _WRITTEN_AT


def test_a_transfer_is_usable_when_its_source_has_settled():
    later = example("balance_transaction", available_on=1234567890 + 172800)
    transfer = understood(
        example(
            "transfer",
            balance_transaction=example("balance_transaction"),
            source_transaction=example("charge", balance_transaction=later),
        ),
        read_transfer,
    )
    assert transfer.available_on == datetime(2009, 2, 15, 23, 31, 30, tzinfo=UTC)


def test_a_payout_is_read():
    payout = understood(example("payout"), read_payout)
    assert (payout.state, payout.amount) == (PayoutState.IN_TRANSIT, Money(1100, "USD"))
    assert (payout.arrives_on, payout.trace_id, payout.failure_code) == (_WRITTEN_AT, None, None)


def test_an_account_is_read():
    account = understood(example("account"), read_account)
    assert account.state is AccountState.INCOMPLETE
    assert (account.can_receive_transfers, account.can_be_paid_out) == (True, False)
    assert "external_account" in account.missing
    assert account.disabled_reason == "requirements.past_due"


def test_an_account_shows_its_bank():
    bank = example("external_account", default_for_currency=True)
    other = example("external_account", last4="1111", default_for_currency=False)
    account = understood(example("account", external_accounts={"data": [other, bank]}), read_account)
    assert (account.bank_name, account.bank_last4) == ("STRIPE TEST BANK", "6789")


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"payouts_enabled": True, "details_submitted": True, "requirements": {}}, AccountState.READY),
        ({"details_submitted": False, "requirements": {}}, AccountState.INCOMPLETE),
        ({"details_submitted": True, "requirements": {"currently_due": ["x"]}}, AccountState.INCOMPLETE),
        ({"details_submitted": True, "requirements": {"past_due": ["x"]}}, AccountState.RESTRICTED),
        (
            {"details_submitted": True, "requirements": {"pending_verification": ["x"]}},
            AccountState.IN_REVIEW,
        ),
        (
            {"payouts_enabled": True, "requirements": {"disabled_reason": "rejected.fraud"}},
            AccountState.RESTRICTED,
        ),
        ({"payouts_enabled": True, "capabilities": {"transfers": "pending"}}, AccountState.INCOMPLETE),
    ],
)
def test_what_stripe_requires_decides_whether_a_worker_can_be_paid(changes, state):
    assert understood(example("account", **changes), read_account).state is state


def test_g7_an_account_that_was_deleted_is_spoken_of_no_longer():
    gone = {"id": "acct_1", "object": "account", "deleted": True}
    outcome = understood(gone, read_standing)
    assert (type(outcome), outcome.temporary) == (Rejected, False)
    assert understood(example("account"), read_standing) == understood(example("account"), read_account)


def test_a_card_is_read():
    card = understood(example("payment_method"), read_card)
    assert (card.brand, card.last4, card.expiry_month, card.expiry_year) == ("visa", "4242", 8, 2030)
    assert (card.wallet, card.customer) == ("link", None)


def test_a_balance_is_read():
    balance = understood(example("balance"), lambda values: read_balance(values, "USD"))
    assert (balance.available, balance.pending) == (Money(0, "USD"), Money(0, "USD"))
    assert understood(example("balance"), lambda values: read_balance(values, "EUR")).available == Money(
        0, "EUR"
    )


@pytest.mark.parametrize("name", ["customer_session", "account_session"])
def test_a_session_brings_its_secret(name):
    assert understood(example(name, expires_at=1234567890), read_client_secret).expires_at == _WRITTEN_AT


def test_the_example_of_an_event_is_of_no_interest():
    event = _read(example("event"))
    assert (event.type, event.kind, event.object_id) == (
        "plan.created",
        None,
        "price_1PgafmB7WZ01zgkW6dKueIc5",
    )


def _event_types():
    # Read from the SDK, so that an upgrade of it brings its new events here.
    tree = ast.parse(inspect.getsource(endpoint_params))
    words = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return sorted(
        {word for word in words if "." in word and word.replace(".", "").replace("_", "").isalnum()}
    )


def test_the_sdk_names_its_events():
    assert len(_event_types()) > 200
    assert "payment_intent.succeeded" in _event_types()


@pytest.mark.parametrize("event_type", _event_types())
def test_every_type_of_event_is_read(event_type):
    thing = _thing_of(event_type)
    event = _read(
        {
            "id": "evt_1",
            "object": "event",
            "type": event_type,
            "created": 1234567890,
            "livemode": False,
            "account": "acct_1",
            "data": {"object": thing},
        }
    )
    assert (event.id, event.type, event.account, event.created_at) == (
        "evt_1",
        event_type,
        "acct_1",
        _WRITTEN_AT,
    )
    assert event.kind is None or event.object_id


@pytest.mark.parametrize("name", sorted(resources()))
def test_every_object_is_read_as_the_subject_of_an_event(name):
    event = _read(
        {
            "id": "evt_1",
            "object": "event",
            "type": "thing.updated",
            "created": 1234567890,
            "livemode": False,
            "data": {"object": example(name)},
        }
    )
    assert event.kind is None or event.object_id


@pytest.mark.parametrize(
    ("event_type", "name", "kind", "object_id"),
    [
        ("payment_intent.succeeded", "payment_intent", ObjectKind.PAYMENT, "pi_1PgafyB7WZ01zgkWSjxsAJo3"),
        ("refund.failed", "refund", ObjectKind.REFUND, "re_1Pgc72B7WZ01zgkWqPvrRrPE"),
        ("charge.refund.updated", "refund", ObjectKind.REFUND, "re_1Pgc72B7WZ01zgkWqPvrRrPE"),
        ("transfer.created", "transfer", ObjectKind.TRANSFER, "tr_1Pgc7BB7WZ01zgkWVJfE40RX"),
        ("payout.failed", "payout", ObjectKind.PAYOUT, "po_1Pgc79B7WZ01zgkWu1KToYf4"),
        ("account.updated", "account", ObjectKind.ACCOUNT, "acct_1PgafTB7WZ01zgkW"),
        ("capability.updated", "capability", ObjectKind.ACCOUNT, "acct_1PgafTB7WZ01zgkW"),
        ("account.external_account.created", "external_account", ObjectKind.ACCOUNT, "acct_1"),
        ("account.application.deauthorized", "application", ObjectKind.ACCOUNT, "acct_1"),
        ("payment_method.attached", "payment_method", ObjectKind.CARD, "pm_1Pgc75B7WZ01zgkWlHVgdEGJ"),
        ("charge.succeeded", "charge", None, "ch_1PgafuB7WZ01zgkWXYmPNZs8"),
        ("charge.dispute.created", "dispute", ObjectKind.CHARGEBACK, "dp_1Pgc71B7WZ01zgkWMevJiAUx"),
    ],
)
def test_the_news_we_depend_on_names_the_object_to_ask_for(event_type, name, kind, object_id):
    event = _read(
        {
            "id": "evt_1",
            "object": "event",
            "type": event_type,
            "created": 1234567890,
            "livemode": False,
            "account": "acct_1",
            "data": {"object": example(name)},
        }
    )
    assert (event.kind, event.object_id) == (kind, object_id)


def test_a_charge_is_part_of_its_payment():
    event = _read(
        {
            "id": "evt_1",
            "object": "event",
            "type": "charge.updated",
            "created": 1234567890,
            "livemode": False,
            "data": {"object": example("charge", payment_intent="pi_1")},
        }
    )
    assert (event.kind, event.object_id) == (ObjectKind.PAYMENT, "pi_1")


def test_a_saved_method_that_is_no_card_is_of_no_interest():
    event = _read(
        {
            "id": "evt_1",
            "object": "event",
            "type": "payment_method.attached",
            "created": 1234567890,
            "livemode": False,
            "data": {"object": example("payment_method", type="link")},
        }
    )
    assert event.kind is None


def _read(values):
    connection = connect(secret_key="sk_test_x", publishable_key="pk_test_x", webhook_secrets=["whsec_x"])
    return StripeGateway(connection).read_event(json.dumps(values).encode())


def _thing_of(event_type):
    for length in range(event_type.count("."), 0, -1):
        prefix = ".".join(event_type.split(".")[:length])
        name = _CARRIED.get(prefix, prefix)
        if name in resources():
            return example(name)
    return {"id": "obj_1", "object": event_type.rpartition(".")[0]}
