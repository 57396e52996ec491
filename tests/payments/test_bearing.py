"""Who bears what a bank takes: to the cent, nobody more than they have, and everybody made whole again."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.money import Money
from payments.bearing import Shares, given_back, taken

_NAMES = [each.name for each in fields(Shares)]


def usd(**minor):
    return Shares(**{name: Money(minor.get(name, 0), "USD") for name in _NAMES})


def cents(shares):
    return {name: getattr(shares, name).amount_minor for name in _NAMES if getattr(shares, name)}


@pytest.mark.parametrize(
    ("amount", "there", "borne"),
    [
        (10_500, {"held": 10_000, "client_fee": 500}, {"held": 10_000, "client_fee": 500}),
        (4_200, {"held": 10_000, "client_fee": 500}, {"held": 4_000, "client_fee": 200}),
        (
            10_500,
            {"worker": 9_000, "worker_fee": 1_000, "client_fee": 500},
            {"worker": 9_000, "worker_fee": 1_000, "client_fee": 500},
        ),
        # Half is released: what is held goes first.
        (
            8_400,
            {"held": 5_000, "worker": 4_500, "worker_fee": 500, "client_fee": 500},
            {"held": 5_000, "worker": 2_700, "worker_fee": 300, "client_fee": 400},
        ),
        # A refund came back: that is the client's anyway.
        (
            10_500,
            {"owed": 4_200, "held": 6_000, "client_fee": 300},
            {"owed": 4_200, "held": 6_000, "client_fee": 300},
        ),
        (2_000, {"owed": 4_200, "held": 6_000, "client_fee": 300}, {"owed": 2_000}),
        # All of it was given back before.
        (10_500, {}, {"lost": 10_500}),
    ],
)
def test_the_order_in_which_it_is_borne(amount, there, borne):
    assert cents(taken(Money(amount, "USD"), there=usd(**there))) == borne


@st.composite
def payments(draw):
    """What is there of a payment, in a currency that is moved in ones or in tens."""
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    step = Money.zero(currency).step
    parts = {name: Money(draw(st.integers(0, 10_000)) * step, currency) for name in _NAMES if name != "lost"}
    return Shares(**parts, lost=Money.zero(currency)), Money(draw(st.integers(0, 60_000)) * step, currency)


@given(payments())
def test_it_is_borne_to_the_last_step_and_by_nobody_beyond_what_is_there(payment):
    there, amount = payment
    borne = taken(amount, there=there)
    assert borne.total == amount
    for name in _NAMES:
        part = getattr(borne, name)
        assert part.amount_minor >= 0
        assert part.amount_minor % part.step == 0
        assert name == "lost" or part <= getattr(there, name)
    assert not borne.lost or amount > there.total
    # Nobody loses before the hold is gone.
    assert not borne.worker or borne.held == there.held


@given(payments(), st.data())
def test_what_comes_back_in_parts_makes_everybody_whole_and_people_before_us(payment, data):
    there, amount = payment
    borne = taken(amount, there=there)
    first = Money(
        data.draw(st.integers(0, amount.amount_minor // amount.step)) * amount.step, amount.currency
    )
    back = given_back(first, borne=borne)
    assert back.total == first
    left = borne + -back
    assert not left.lost or back == replace(Shares.none(amount.currency), lost=back.lost)
    assert not (back.client_fee or back.worker_fee) or not (left.held or left.worker or left.owed)
    assert left + -given_back(amount - first, borne=left) == Shares.none(amount.currency)


def test_what_had_been_refunded_before_comes_back_to_us_and_not_into_the_hold():
    # 105.00 paid, 52.50 of it refunded, all of it charged back: the bank returns what the client had twice.
    borne = taken(Money(10_500, "USD"), there=usd(held=5_000, client_fee=250))
    assert cents(borne) == {"held": 5_000, "client_fee": 250, "lost": 5_250}
    assert cents(given_back(Money(5_250, "USD"), borne=borne)) == {"lost": 5_250}


def test_more_than_was_taken_lowers_our_loss():
    borne = usd(held=100)
    assert given_back(Money(150, "USD"), borne=borne) == replace(borne, lost=Money(50, "USD"))
