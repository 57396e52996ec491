"""What an instant withdrawal costs, how much can be had, and that whoever is in each other's way pays once."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.contract import BalanceFound, Busy, PayoutMethod, PayoutState, Rejected, Unknown
from kernel.ids import new_id
from kernel.money import Money
from payments.answers import GatewayUnavailable
from payouts import withdrawals
from payouts.instant import Asked, InstantFee, InstantPayoutNotCovered, InstantPayoutNotPossible
from payouts.minimums import PayoutBelowMinimum, smallest_payout
from persistence.unit_of_work import atomically
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import WORKER, usd
from tests.payouts.story import (
    GATEWAY,
    account,
    balance,
    look,
    news,
    news_of_account,
    payout_about_to_send,
    payout_answer,
    places,
    usable,
)
from tests.threads import at_once, succeeded

FEE = InstantFee(basis_points=100, least_minor=50)


def lies_there(available="90.00", *, instant=None):
    return BalanceFound(usd(available), usd("0.00"), usd(instant or available))


def instantly(amount, *, seen=None):
    return atomically(
        withdrawals.request_payout,
        payout_id=new_id("po"),
        amount=usd(amount),
        gateway=GATEWAY,
        by=WORKER,
        instant=Asked(FEE, lies_there() if seen is None else seen),
    )


def record(payout, outcome):
    return atomically(withdrawals.record, intent=payout_about_to_send(payout), outcome=outcome)


@pytest.fixture
def rich():
    account(takes_instant=True)
    return usable()


@pytest.mark.parametrize(
    ("amount", "fee"),
    [("1.00", "0.50"), ("50.00", "0.50"), ("50.49", "0.50"), ("50.50", "0.51"), ("80.00", "0.80")],
)
def test_the_fee_is_rounded_half_up_and_has_a_least(amount, fee):
    assert FEE.of(usd(amount)).decimal == fee


@given(
    st.integers(0, 10**9),
    st.integers(0, 1_000),
    st.integers(0, 1_000),
    st.sampled_from(["USD", "JPY", "KWD"]),
)
def test_the_most_is_the_largest_amount_whose_fee_is_left(wallet, rate, least, currency):
    fee, step = InstantFee(rate, least), Money.zero(currency).step
    held = Money(wallet // step * step, currency)
    most = fee.most_within(held)
    assert not most or most + fee.of(most) <= held
    more = most + Money(step, currency)
    assert more + fee.of(more) > held
    assert fee.of(more).amount_minor % step == 0


def test_an_instant_withdrawal_holds_the_amount_and_its_fee_in_one_entry(rich):
    payout = instantly("80.00")
    assert (payout.method, payout.amount, payout.fee, payout.total) == (
        "instant",
        usd("80.00"),
        usd("0.80"),
        usd("80.80"),
    )
    assert balance().reserved == usd("80.80")
    assert len(payout.entry_ids) == 1
    assert payout_about_to_send(payout).order.method is PayoutMethod.INSTANT
    news(payout, PayoutState.PAID)
    # The fee lies there until it is fetched.
    assert places() == {"connected": "10.00", "wallet": "9.20"}


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (lies_there("-1.00", instant="0.00"), "negative_balance"),
        (lies_there("90.00", instant="0.99"), "not_covered_there"),
    ],
)
def test_what_the_gateway_does_not_cover_is_refused_with_its_reason(rich, seen, reason):
    with expect_refusal(InstantPayoutNotPossible) as refused:
        instantly("10.00", seen=seen)
    assert (refused.value.field, refused.value.details["reason"]) == ("method", reason)


def test_a_bank_that_takes_none_is_refused(rich):
    news_of_account(takes_instant=False)
    with expect_refusal(InstantPayoutNotPossible) as refused:
        instantly("10.00")
    assert refused.value.details["reason"] == "bank_takes_none"


@pytest.mark.parametrize("amount", ["89.12", "90.00"])
def test_more_than_leaves_room_for_the_fee_is_refused(rich, amount):
    with expect_refusal(InstantPayoutNotCovered) as refused:
        instantly(amount)
    assert (refused.value.field, refused.value.details["at_most"]) == ("amount", usd("89.11"))


def test_more_than_the_gateway_pays_out_instantly_is_refused(rich):
    with expect_refusal(InstantPayoutNotCovered) as refused:
        instantly("20.01", seen=lies_there(instant="20.00"))
    assert refused.value.details["at_most"] == usd("20.00")


@pytest.mark.parametrize("silence", [Unknown("no answer"), Busy(3), Rejected("x", "No.", temporary=True)])
def test_without_the_gateways_word_nothing_is_ordered(rich, silence):
    with expect_refusal(GatewayUnavailable):
        instantly("10.00", seen=silence)


def test_less_than_the_smallest_payout_is_refused(rich):
    with expect_refusal(PayoutBelowMinimum) as refused:
        instantly("0.99")
    assert (refused.value.field, refused.value.details["minimum"]) == ("amount", usd("1.00"))


def test_the_smallest_payout_is_one_of_the_currency_or_what_its_banks_ask_for():
    assert [str(smallest_payout(currency)) for currency in ("USD", "JPY", "KWD", "KRW", "MXN")] == [
        "1.00 USD",
        "1 JPY",
        "1.000 KWD",
        "40000 KRW",
        "10.00 MXN",
    ]


@pytest.mark.parametrize("code", ["instant_payouts_limit_exceeded", "balance_insufficient"])
def test_what_cannot_go_at_once_is_free_again_with_its_fee(rich, code):
    payout = instantly("80.00")
    assert record(payout, Rejected(code, "No.", temporary=True)) is None
    assert (look(payout).state, look(payout).failure_code) == ("failed", code)
    assert balance().available == usd("90.00")
    assert places() == {"connected": "90.00", "wallet": "90.00"}


def test_what_may_be_out_is_not_given_up(rich):
    payout = instantly("80.00")
    record(payout, Unknown("no answer"))
    record(payout, Rejected("instant_payouts_limit_exceeded", "No.", temporary=True))
    assert look(payout).state == "unknown"
    assert balance().reserved == usd("80.80")


def test_a_gateway_that_is_busy_for_an_hour_is_not_waited_for(rich, clock):
    payout = instantly("80.00")
    assert record(payout, Busy(30)) is not None
    clock.advance(hours=1, seconds=1)
    assert record(payout, Busy(30)) is None
    assert (look(payout).state, look(payout).failure_code) == ("failed", "instant_not_at_once")
    assert balance().available == usd("90.00")


@pytest.mark.parametrize("states", [("IN_TRANSIT", "FAILED"), ("FAILED", "FAILED")])
def test_a_failure_gives_the_fee_back_once(rich, states):
    payout = instantly("80.00")
    record(payout, payout_answer(payout))
    for state in states:
        news(payout, PayoutState[state])
    assert balance().available == usd("90.00")
    # But for when it was expected to arrive.
    with nothing_moves(besides=frozenset({"payouts"})):
        news(payout, PayoutState.FAILED)


def test_the_fee_comes_out_of_the_transfers_that_follow_and_nobody_else_takes_them():
    account(takes_instant=True)
    first, second = usable(), usable()
    payout = instantly("90.00", seen=lies_there("180.00"))
    assert [(part.transfer_id, part.amount.decimal, part.fee.decimal) for part in payout.parts] == [
        (first.id, "90.00", "0.00"),
        (second.id, "0.00", "0.90"),
    ]
    assert balance().available == usd("89.10")
    news(payout, PayoutState.PAID)
    assert balance().available == usd("89.10")


@pytest.mark.mariadb
def test_two_at_the_same_moment_take_only_what_is_there(rich):
    results = at_once(*[partial(instantly, "60.00")] * 2)
    assert len(succeeded(results)) == 1
    assert balance().reserved == usd("60.60")
