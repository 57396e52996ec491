"""Fees are arithmetic: whatever the parts, they add up to the cent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.fees import FeeSchedule, fee_to_return, share
from escrow.prices import LARGEST_MINOR, SMALLEST_MINOR, check_prices
from gateways.stripe.amounts import to_stripe
from kernel.money import EXPONENTS, Money, total

_RATES = st.integers(0, 10_000)
_CURRENCIES = st.sampled_from(sorted(EXPONENTS))


@pytest.fixture(autouse=True)
def books():
    """Fees know no database."""


@st.composite
def _parts(draw):
    parts = draw(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=12))
    currency = draw(_CURRENCIES)
    return [Money(part * Money.zero(currency).step, currency) for part in parts]


@given(parts=_parts(), rate=_RATES)
def test_the_fees_on_the_parts_are_the_fee_on_the_whole(parts, rate):
    schedule, before, fees = FeeSchedule(0, rate), Money.zero(parts[0].currency), []
    for part in parts:
        fee = share(schedule.worker_fee, before=before, part=part)
        # net + fee = gross, and neither is below zero.
        assert Money.zero(part.currency) <= fee <= part
        fees.append(fee.amount_minor)
        before += part
    assert sum(fees) == schedule.worker_fee(before).amount_minor


@given(parts=_parts(), rate=_RATES)
def test_the_clients_fee_comes_back_in_parts_and_completely_with_the_last_cent(parts, rate):
    price = sum(parts[1:], parts[0])
    paid = FeeSchedule(rate, 0).client_fee(price)
    returned, refunded = fee_to_return(paid, price), Money.zero(price.currency)
    last = Money.zero(price.currency)
    for part in parts:
        refunded += part
        assert last <= returned(refunded) <= paid
        last = returned(refunded)
    assert last == paid


@given(minor=st.integers(0, 10**12), rate=_RATES)
def test_a_fee_is_its_share_of_the_price_to_half_a_cent(minor, rate):
    fee = FeeSchedule(rate, rate).client_fee(Money(minor, "USD"))
    assert abs(fee.amount_minor * 10_000 - minor * rate) <= 5_000
    assert fee == FeeSchedule(rate, rate).worker_fee(Money(minor, "USD"))


@given(data=st.data(), currency=_CURRENCIES, client_rate=_RATES, worker_rate=_RATES)
def test_whatever_is_agreed_in_any_currency_is_moved_to_the_last_unit(
    data, currency, client_rate, worker_rate
):
    step, zero = Money.zero(currency).step, Money.zero(currency)
    smallest = -(-SMALLEST_MINOR[currency] // step)
    price = Money(data.draw(st.integers(smallest, LARGEST_MINOR // step)) * step, currency)
    check_prices([price], currency)
    fees = FeeSchedule(client_rate, worker_rate)
    client_fee, left = fees.client_fee(price), price
    released, refunded, earned, back = zero, zero, zero, zero
    moved = [price + client_fee]
    while left:
        steps = left.amount_minor // step
        part = Money(data.draw(st.integers(1, steps) if len(moved) < 6 else st.just(steps)) * step, currency)
        if data.draw(st.booleans()):
            fee = share(fees.worker_fee, before=released, part=part)
            moved.append(part - fee)
            released, earned = released + part, earned + fee
        else:
            returned = fee_to_return(client_fee, price)
            fee = returned(refunded + part) - returned(refunded)
            moved.append(part + fee)
            refunded, back = refunded + part, back + fee
        left -= part
    assert [amount for amount in moved if to_stripe(amount) != amount.amount_minor] == []
    # What was charged went to the worker, to the client and to us, and nowhere else.
    assert moved[0] == total(moved[1:], currency) + earned + (client_fee - back)
    assert refunded != price or back == client_fee


@pytest.mark.parametrize(
    ("price", "fee"),
    [
        ("100.00", "5.00"),
        ("0.10", "0.01"),
        ("0.09", "0.00"),
        ("1.10", "0.06"),
        ("1.09", "0.05"),
        ("9.99", "0.50"),
    ],
)
def test_five_percent_in_dollars_rounds_half_a_cent_up(price, fee):
    assert FeeSchedule(500, 0).client_fee(Money.parse(price, "USD")) == Money.parse(fee, "USD")


def test_yen_have_no_decimals_and_dinars_three():
    assert FeeSchedule(500, 0).client_fee(Money.parse("110", "JPY")) == Money.parse("6", "JPY")
    assert FeeSchedule(500, 0).client_fee(Money.parse("1.010", "KWD")) == Money.parse("0.050", "KWD")


def test_three_thirds_of_a_fee_are_the_whole_fee():
    schedule, before = FeeSchedule(0, 1_000), Money.zero("USD")
    fees = []
    for part in ("33.33", "33.33", "33.34"):
        fees.append(share(schedule.worker_fee, before=before, part=Money.parse(part, "USD")).decimal)
        before += Money.parse(part, "USD")
    assert fees == ["3.33", "3.34", "3.33"]


@pytest.mark.parametrize("rate", [-1, 10_001])
def test_a_fee_is_neither_negative_nor_more_than_the_price(rate):
    with pytest.raises(AssertionError):
        FeeSchedule(rate, 0)
    with pytest.raises(AssertionError):
        FeeSchedule(0, rate)
