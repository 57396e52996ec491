"""What the adapter says when the road to Stripe, or Stripe itself, is bad: unknown where nothing tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateways.contract import (
    AccountOrder,
    Busy,
    CustomerOrder,
    PayoutOrder,
    RefundOrder,
    Rejected,
    Unknown,
)
from gateways.reaching import UNREACHABLE
from kernel.ids import new_id
from kernel.money import Money

USD_10 = Money(1_000, "USD")

# Every order: how it is placed, and how what came of it is found.
ORDERS = {
    "create_customer": lambda _: (CustomerOrder(new_id("cu"), new_id("us"), "a@example.com"),),
    "create_payment": lambda world: (world["payment_order"],),
    "create_setup": lambda world: (world["customer"],),
    "create_refund": lambda world: (RefundOrder(new_id("rf"), world["payment"].gateway_id, USD_10),),
    "create_account": lambda _: (AccountOrder(new_id("ac"), new_id("us"), "b@example.com", "US"),),
    "create_transfer": lambda world: (world["transfer_order"],),
    "create_payout": lambda world: (PayoutOrder(new_id("po"), world["funded_account"], USD_10),),
}
QUESTIONS = {
    "payment": lambda world: (world["payment"].gateway_id,),
    "find_payment": lambda world: (world["payment_order"],),
    "save_card_of": lambda world: (world["unpaid"],),
    "confirm_payment": lambda world: (world["unpaid"],),
    "cancel_payment": lambda world: (world["payment"].gateway_id,),
    "customer_session": lambda world: (world["customer"],),
    "ephemeral_key": lambda world: (world["customer"],),
    "cards": lambda world: (world["customer"],),
    "card": lambda world: (world["card"],),
    "set_default_card": lambda world: (world["customer"], world["card"]),
    "detach_card": lambda world: (world["card"],),
    "refund": lambda _: ("re_unknown",),
    "find_refund": lambda world: (RefundOrder(new_id("rf"), world["payment"].gateway_id, USD_10),),
    "account": lambda world: (world["account"],),
    "find_customer": lambda _: (CustomerOrder(new_id("cu"), new_id("us"), "a@example.com"),),
    "find_account": lambda _: (AccountOrder(new_id("ac"), new_id("us"), "b@example.com", "US"),),
    "onboarding_link": lambda world: (world["account"],),
    "account_session": lambda world: (world["account"],),
    "find_transfer": lambda world: (world["transfer_order"],),
    "payout": lambda world: (world["account"], "po_unknown"),
    "find_payout": lambda world: (PayoutOrder(new_id("po"), world["account"], USD_10),),
    "balance": lambda _: ("USD",),
}
NAMED = {
    "confirm_payment": {"token": "ctoken_1", "key": "py_1.ctoken_1"},
    "save_card_of": {"save": True},
    "create_setup": {"key": "setup_1"},
    "find_account": {"since": datetime(2026, 1, 1, tzinfo=UTC)},
    "customer_session": {"component": "payment_sheet"},
    "ephemeral_key": {"api_version": "2020-08-27"},
    "onboarding_link": {"return_url": "https://example.com/a", "refresh_url": "https://example.com/b"},
}
CALLS = ORDERS | QUESTIONS
_MONEY_OUT = ("create_refund", "create_transfer", "create_payout")


@pytest.fixture
def world(stripe, peer, customer, payment_order, payment, transfer_order, account):  # noqa: PLR0917 - one of everything
    """One of everything the calls are about."""
    setup = stripe.create_setup(customer, key="saved")
    peer.save_card(setup.client_secret.value)
    (card,) = stripe.cards(customer)
    order = replace(payment_order, payment_id=new_id("py"), milestone_id=new_id("ms"))
    transfer = stripe.create_transfer(replace(transfer_order, transfer_id=new_id("tr"), amount=USD_10))
    assert transfer.amount == USD_10
    unpaid = stripe.create_payment(replace(payment_order, payment_id=new_id("py")))
    peer.advance(3 * 86_400)
    return {
        "customer": customer,
        "card": card.gateway_id,
        "payment": payment,
        "unpaid": unpaid.gateway_id,
        "payment_order": order,
        "transfer_order": replace(transfer_order, amount=USD_10),
        "account": account,
        "funded_account": account,
    }


def call(stripe, name, arguments):
    return getattr(stripe, name)(*arguments, **NAMED.get(name, {}))


@pytest.mark.parametrize("kind", ["cut_before_effect", "cut_after_effect"])
@pytest.mark.parametrize("name", CALLS)
def test_without_an_answer_the_outcome_is_unknown(stripe, peer, world, name, kind):
    arguments = CALLS[name](world)
    peer.fault(kind)
    outcome = call(stripe, name, arguments)
    assert outcome == Unknown("no answer: ConnectionError")


@pytest.mark.parametrize("name", CALLS)
def test_too_slow_an_answer_is_none(connected, peer, world, name):
    arguments = CALLS[name](world)
    peer.fault("hold_before_effect")
    outcome = call(connected(answer_seconds=0.2), name, arguments)
    peer.clear_faults()
    assert outcome == Unknown("no answer: ReadTimeout")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [500, 502, 503, 409])
def test_an_answer_that_tells_nothing_is_unknown(stripe, peer, world, name, status):
    arguments = CALLS[name](world)
    peer.fault("status", status=status)
    outcome = call(stripe, name, arguments)
    assert isinstance(outcome, Unknown)
    assert f"status {status}" in outcome.reason


@pytest.mark.parametrize("name", CALLS)
def test_stripe_asking_to_slow_down_is_no_failure(stripe, peer, world, name):
    arguments = CALLS[name](world)
    peer.fault("status", status=429)
    outcome = call(stripe, name, arguments)
    assert isinstance(outcome, Busy)
    assert 1 <= outcome.retry_after_seconds <= 300


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("kind", ["cut_before_effect", "cut_after_effect"])
def test_the_same_order_again_has_its_effect_once(stripe, peer, world, name, kind):
    arguments = ORDERS[name](world)
    peer.fault(kind)
    assert isinstance(call(stripe, name, arguments), Unknown)
    again = call(stripe, name, arguments)
    assert not isinstance(again, Rejected | Busy | Unknown)
    assert call(stripe, name, arguments).gateway_id == again.gateway_id


@pytest.mark.parametrize(
    ("placed", "found"),
    [
        ("create_payment", "find_payment"),
        ("create_refund", "find_refund"),
        ("create_transfer", "find_transfer"),
        ("create_payout", "find_payout"),
    ],
)
def test_an_order_whose_answer_was_lost_is_found_if_it_had_its_effect(stripe, peer, world, placed, found):
    arguments = ORDERS[placed](world)
    peer.fault("cut_before_effect")
    assert isinstance(call(stripe, placed, arguments), Unknown)
    assert call(stripe, found, arguments) is None
    peer.fault("cut_after_effect")
    assert isinstance(call(stripe, placed, arguments), Unknown)
    effect = call(stripe, found, arguments)
    assert effect is not None
    assert call(stripe, placed, arguments).gateway_id == effect.gateway_id


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize("name", ORDERS)
def test_one_order_is_one_request_so_that_its_answer_is_about_all_that_was_sent(
    connected, peer, world, name, status
):
    arguments = ORDERS[name](world)
    peer.fault("cut_after_effect")
    # What a second try inside the call would be told: nothing was done by it, and nothing of the first.
    peer.fault("status", status=status, nth=2)
    before = len(peer.journal())
    outcome = call(connected(retries=1), name, arguments)
    assert outcome == Unknown("no answer: ConnectionError")
    assert len(peer.journal()) == before + 1


@pytest.mark.parametrize("name", CALLS)
def test_a_refused_key_fails_no_order(connected, world, name, caplog):
    outcome = call(connected(key="sk_test_stolen"), name, CALLS[name](world))
    if name.startswith("find_"):
        # The order that is looked for was not refused; whether it stands is still not known.
        assert outcome == Unknown("could not be looked up: credentials_refused")
    else:
        assert outcome == Rejected(
            "credentials_refused", "The payment provider is not available.", temporary=True, at_the_door=True
        )
    assert any(record.levelname == "CRITICAL" for record in caplog.records)
    assert "sk_test_stolen" not in caplog.text


def test_another_order_under_the_same_key_says_nothing_of_the_first_and_is_a_bug(stripe, world, caplog):
    order = world["payment_order"]
    assert stripe.create_payment(order).payment_id == order.payment_id
    answer = stripe.create_payment(replace(order, amount=USD_10))
    assert isinstance(answer, Unknown)
    assert "another order" in answer.reason
    assert any(record.levelname == "CRITICAL" for record in caplog.records)


def test_a_question_that_is_refused_says_nothing_of_the_order_it_was_about(stripe, world):
    answer = stripe.find_payout(PayoutOrder(new_id("po"), "acct_gone", USD_10))
    assert isinstance(answer, Unknown)
    assert "account_invalid" in answer.reason


@pytest.mark.parametrize("name", ["payout", "create_payout", "balance"])
def test_an_account_that_has_left_us_is_refused_for_good(stripe, world, name):
    order = PayoutOrder(new_id("po"), "acct_gone", USD_10)
    asked = {
        "payout": lambda: stripe.payout("acct_gone", "po_1"),
        "create_payout": lambda: stripe.create_payout(order),
        "balance": lambda: stripe.balance("USD", account="acct_gone"),
    }
    refused = asked[name]()
    assert (refused.code, refused.temporary) == ("account_invalid", False)


def test_what_stripe_does_not_have_is_refused(stripe):
    assert stripe.payment("pi_unknown").code == "resource_missing"
    assert stripe.refund("re_unknown").code == "resource_missing"
    assert stripe.card("pm_unknown").code == "resource_missing"


@pytest.mark.parametrize(
    "card", ["..", ".", "", "../customers", "pm_x/../../customers", "pm_\u0661", "cus_unknown"]
)
def test_what_is_no_card_leads_to_no_other_address_of_stripes(stripe, peer, card):
    for outcome in (stripe.card(card), stripe.detach_card(card)):
        assert (outcome.code, outcome.temporary) == ("resource_missing", False)
    assert peer.journal() == []


def test_nobody_listens(stripe, connected, peer):
    silent = connected(api_base="http://127.0.0.1:9")
    assert silent.payment("pi_1") == UNREACHABLE
