"""What is asked of every gateway alike, of each adapter over HTTP against its own peer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gateways.adyen import client as adyen
from gateways.adyen.gateway import AdyenGateway
from gateways.contract import (
    Busy,
    CustomerOrder,
    PaymentFound,
    PaymentOrder,
    PaymentState,
    RefundFound,
    RefundOrder,
    RefundState,
    Rejected,
    SignatureRefused,
    Unknown,
)
from gateways.paypal import client as paypal
from gateways.paypal.gateway import PayPalGateway
from gateways.reaching import UNREACHABLE
from gateways.stripe import client as stripe
from gateways.stripe.gateway import StripeGateway
from kernel.ids import new_id
from kernel.money import Money
from tests.gateways.adyen.conftest import Inbox

if TYPE_CHECKING:
    from collections.abc import Callable

NOWHERE = "http://127.0.0.1:9"


@dataclass
class Played:
    """A gateway under test: the adapter, its peer, and what people and banks do there."""

    gateway: Any
    peer: Any
    connected: Callable[..., Any]
    # Where its orders for payments and for refunds arrive.
    collects_at: str
    refunds_at: str
    pays: Callable[[PaymentFound, PaymentOrder], None]
    takes_back: Callable[[PaymentFound], str]
    news: Callable[[], list[tuple[bytes, dict[str, str]]]]
    hear: Callable[[], None] = lambda: None


def _stripe(running, _clock):
    def connected(**settings):
        usual = {
            "secret_key": running.secret_key,
            "publishable_key": running.publishable_key,
            "webhook_secrets": [running.webhook_secret],
            "api_base": running.base_url,
            "retries": 0,
        }
        return StripeGateway(stripe.connect(**usual | settings))

    def news():
        events = [each for each in running.state()["objects"].values() if each["object"] == "event"]
        signed = [running.signed(each["id"]) for each in events]
        return [(body, {"Stripe-Signature": signature}) for body, signature in signed]

    return Played(
        connected(),
        running,
        lambda base: connected(api_base=base),
        ".*/payment_intents",
        ".*/refunds",
        lambda found, _order: running.pay(found.client_secret),
        lambda paid: running.dispute(paid.charge.gateway_id)["id"],
        news,
    )


def _adyen(running, clock):
    inbox = Inbox(running.adyen, clock)

    def connected(**settings):
        known = running.adyen.settings
        usual = {
            "api_key": known.api_key,
            "client_key": known.client_key,
            "merchant_account": known.merchant_account,
            "balance_platform": known.balance_platform,
            "balance_account": known.balance_account,
            "hmac_keys": [known.hmac_key],
            "platform_hmac_keys": [known.platform_hmac_key],
            "return_url": "holdfast://paid",
            "api_base": running.adyen.api_base,
            "told": inbox.told,
            "now": clock.now,
        }
        return AdyenGateway(adyen.connect(**usual | settings))

    gateway = connected()
    return Played(
        gateway,
        running.adyen,
        lambda base: connected(api_base=base),
        ".*/sessions",
        ".*/refunds",
        lambda found, _order: running.adyen.pay(found.client_secret),
        lambda paid: f"{paid.gateway_id.partition('.')[0]}.{running.adyen.dispute(paid.payment_id)['id']}",
        running.adyen.news,
        lambda: inbox.hear(gateway),
    )


def _paypal(running, _clock):
    def connected(**settings):
        usual = running.paypal.credentials | {"api_base": running.paypal.api_base}
        return PayPalGateway(paypal.connect(**usual | settings))

    gateway = connected()

    def pay(found, order):
        running.paypal.approve(found.gateway_id)
        collected = gateway.capture_payment(found.gateway_id, key=f"{order.key}.capture")
        assert collected.state is PaymentState.SUCCEEDED

    return Played(
        gateway,
        running.paypal,
        lambda base: connected(api_base=base),
        ".*/checkout/orders",
        ".*/captures/.*/refund",
        pay,
        lambda paid: running.paypal.dispute(paid.charge.gateway_id, channel="EXTERNAL", stage="CHARGEBACK")[
            "dispute_id"
        ],
        lambda: [running.paypal.signed(each["id"]) for each in running.paypal.events()],
    )


@pytest.fixture(params=[_stripe, _adyen, _paypal], ids=["stripe", "adyen", "paypal"])
def played(request, stripe_peer, clock):
    it = request.param(stripe_peer, clock)
    # What falls due at it is done at once, by the peer whose turn it is.
    clock.hand_to(lambda step: it.peer.advance(step.total_seconds()))
    yield it
    assert it.peer.violations() == []


@pytest.fixture
def order(played):
    customer = played.gateway.create_customer(
        CustomerOrder(new_id("cu"), new_id("us"), "client@example.com")
    ).gateway_id
    return PaymentOrder(new_id("py"), new_id("ms"), Money(10_000, "USD"), customer, False, "A logo")


@pytest.fixture
def begun(played, order):
    found = played.gateway.create_payment(order)
    assert isinstance(found, PaymentFound)
    return found


@pytest.fixture
def paid(played, order, begun, clock):
    played.pays(begun, order)
    played.hear()
    clock.advance(minutes=1)
    found = played.gateway.payment(begun.gateway_id)
    assert isinstance(found, PaymentFound)
    return found


@pytest.fixture
def settled(played, order, paid, clock):
    """The payment, when all of it can be given back: its money is there, and enough of ours for what the fee took."""
    other = replace(order, payment_id=new_id("py"))
    played.pays(played.gateway.create_payment(other), other)
    clock.advance(days=4)
    played.hear()
    return paid


def usd(amount):
    return Money.parse(amount, "USD")


def test_a_client_is_recorded_once(played):
    order = CustomerOrder(new_id("cu"), new_id("us"), "client@example.com")
    assert played.gateway.create_customer(order) == played.gateway.create_customer(order)


def test_a_payment_begins_once_with_something_to_pay_by(played, order, begun):
    assert begun.state in {PaymentState.NEEDS_METHOD, PaymentState.NEEDS_ACTION}
    assert (begun.amount, begun.charge, begun.payment_id, begun.livemode) == (
        order.amount,
        None,
        order.payment_id,
        False,
    )
    assert begun.client_secret
    assert played.gateway.create_payment(order) == begun


def test_a_paid_payment_brings_its_charge_and_what_the_gateway_kept(paid, order):
    assert (paid.state, paid.amount, paid.payment_id) == (
        PaymentState.SUCCEEDED,
        order.amount,
        order.payment_id,
    )
    assert paid.charge.amount == order.amount
    assert usd("0.00") < paid.charge.fee < usd("10.00")
    assert paid.charge.gateway_id
    assert paid.charge.balance_transaction


def test_what_is_not_paid_can_be_stopped_and_what_is_paid_stays(played, begun, order, paid):
    assert played.gateway.cancel_payment(begun.gateway_id).state is PaymentState.SUCCEEDED
    other = played.gateway.create_payment(replace(order, payment_id=new_id("py")))
    assert played.gateway.cancel_payment(other.gateway_id).state is PaymentState.CANCELED


def test_money_is_given_back_once_and_in_parts(played, settled, clock):
    paid = settled
    first = RefundOrder(new_id("rf"), paid.gateway_id, usd("30.00"))
    given = [played.gateway.create_refund(first) for _ in range(2)]
    assert [each.gateway_id for each in given] == [given[0].gateway_id] * 2
    assert (given[0].amount, given[0].refund_id) == (usd("30.00"), first.refund_id)
    rest = RefundOrder(new_id("rf"), paid.gateway_id, usd("70.00"))
    assert isinstance(played.gateway.create_refund(rest), RefundFound)
    clock.advance(days=3)
    played.hear()
    for order in (first, rest):
        found = played.gateway.find_refund(order)
        assert (found.state, found.amount) == (RefundState.SUCCEEDED, order.amount)
        assert played.gateway.refund(found.gateway_id) == found


def test_no_more_is_given_back_than_was_paid(played, settled, clock):
    paid = settled
    whole = RefundOrder(new_id("rf"), paid.gateway_id, usd("100.00"))
    assert isinstance(played.gateway.create_refund(whole), RefundFound)
    more = RefundOrder(new_id("rf"), paid.gateway_id, usd("0.01"))
    outcome = played.gateway.create_refund(more)
    clock.advance(days=3)
    played.hear()
    # Some say no at once, and some take it and say so later.
    if isinstance(outcome, RefundFound):
        assert played.gateway.refund(outcome.gateway_id).state is RefundState.FAILED
    else:
        assert isinstance(outcome, Rejected)
        assert not outcome.temporary


def test_a_payment_whose_answer_was_lost_is_begun_once(played, order):
    played.peer.fault("cut_after_effect", method="POST", path=played.collects_at)
    assert isinstance(played.gateway.create_payment(order), Unknown)
    again = played.gateway.create_payment(order)
    assert (again.payment_id, again.amount) == (order.payment_id, order.amount)
    assert played.gateway.create_payment(order) == again


def test_a_refund_whose_answer_was_lost_is_found_and_given_once(played, settled, clock):
    paid = settled
    order = RefundOrder(new_id("rf"), paid.gateway_id, usd("60.00"))
    played.peer.fault("cut_after_effect", method="POST", path=played.refunds_at)
    assert isinstance(played.gateway.create_refund(order), Unknown)
    clock.advance(minutes=10)
    found = played.gateway.find_refund(order)
    assert (found.refund_id, found.amount) == (order.refund_id, usd("60.00"))
    # The rest is still there, and no more.
    rest = RefundOrder(new_id("rf"), paid.gateway_id, usd("40.00"))
    assert isinstance(played.gateway.create_refund(rest), RefundFound)


@pytest.mark.parametrize("status", [500, 503])
def test_an_answer_that_tells_nothing_is_unknown(played, order, status):
    played.peer.fault("status", status=status, method="POST", path=played.collects_at)
    assert isinstance(played.gateway.create_payment(order), Unknown)


def test_to_be_asked_to_slow_down_is_no_failure(played, order):
    played.peer.fault("status", status=429, method="POST", path=played.collects_at)
    outcome = played.gateway.create_payment(order)
    assert isinstance(outcome, Busy)
    assert outcome.retry_after_seconds >= 1
    assert isinstance(played.gateway.create_payment(order), PaymentFound)


def test_where_nobody_listens_nothing_was_sent(played, order):
    assert played.connected(NOWHERE).create_payment(order) == UNREACHABLE


def test_a_chargeback_takes_what_was_paid_and_says_of_which_payment(played, paid, clock):
    taken = played.takes_back(paid)
    clock.advance(minutes=5)
    played.hear()
    found = played.gateway.chargeback(taken)
    assert (found.kind, found.amount, found.payment) == ("chargeback", usd("100.00"), paid.gateway_id)
    assert sum(line.amount.amount_minor for line in found.lines) == 10_000
    assert found.answers == 0


def test_all_that_is_told_of_a_payment_is_believed_and_read_again(played, paid, clock):
    told = [
        listed
        for payload, headers in played.news()
        for listed in played.gateway.verify_events(payload, headers, now=clock.now)
    ]
    assert told
    assert all(each.event is not None for each in told)
    for each in told:
        assert played.gateway.read_event(each.payload) == each.event
        assert not each.event.livemode
    assert len({each.event.id for each in told}) == len(told)


def test_what_was_changed_on_the_way_is_not_believed(played, paid, clock):
    said = [(payload, headers) for payload, headers in played.news() if b"100" in payload]
    assert said
    for payload, headers in said:
        forged = payload.replace(b"100", b"900")
        with pytest.raises(SignatureRefused):
            played.gateway.verify_events(forged, headers, now=clock.now)
        with pytest.raises(SignatureRefused):
            played.gateway.verify_events(forged, {}, now=clock.now)


def test_its_lines_are_what_lies_there(played, paid, clock):
    order = RefundOrder(new_id("rf"), paid.gateway_id, usd("25.00"))
    assert isinstance(played.gateway.create_refund(order), RefundFound)
    clock.advance(days=4)
    lines, after = [], None
    while True:
        page = played.gateway.balance_lines(since=clock.now() - timedelta(days=10), after=after)
        lines += page.lines
        after = page.after
        if after is None:
            break
    there = played.gateway.balance("USD")
    assert (
        sum(line.net_minor for line in lines if line.currency == "USD")
        == (there.available + there.pending).amount_minor
    )
    assert len({line.line_id for line in lines}) == len(lines)
    assert {line.our_id for line in lines} >= {paid.payment_id, order.refund_id}
    assert all(line.gross_minor - line.fee_minor == line.net_minor for line in lines)


def test_a_currency_without_decimals_is_not_multiplied(played, order):
    yen = replace(order, payment_id=new_id("py"), amount=Money(10_000, "JPY"))
    assert played.gateway.create_payment(yen).amount == Money(10_000, "JPY")
