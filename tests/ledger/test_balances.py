"""What is in an account, now and at any past instant."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, movements
from ledger.balances import TrialLine, balance, balance_as_of, trial_balance
from ledger.posting import post_hold, void_hold
from persistence import clock as database_clock
from persistence.unit_of_work import atomically, reading
from tests.ledger.words import STRIPE, earned, escrow, funded, held, jpy, kwd, posted, released, usd, wallet

pytestmark = pytest.mark.usefixtures("database")

MILESTONE, WORKER = new_id("ms"), new_id("us")
_MICROSECOND = timedelta(microseconds=1)


def as_of(account, at):
    found = reading(balance_as_of, account, at)
    return found.posted, found.held


def test_the_balance_at_an_instant_is_what_was_recorded_until_then(clock):
    start = reading(database_clock.now)
    first = posted(funded(MILESTONE)).recorded_at
    clock.advance(hours=72)
    second = posted(released(MILESTONE, WORKER, gross="60.00", worker_fee="6.00")).recorded_at
    assert second - first >= timedelta(hours=72)
    assert as_of(escrow(MILESTONE), start) == (usd("0.00"), usd("0.00"))
    assert as_of(escrow(MILESTONE), first - _MICROSECOND) == (usd("0.00"), usd("0.00"))
    assert as_of(escrow(MILESTONE), first) == (usd("100.00"), usd("0.00"))
    assert as_of(escrow(MILESTONE), second - _MICROSECOND) == (usd("100.00"), usd("0.00"))
    assert as_of(escrow(MILESTONE), second) == (usd("40.00"), usd("0.00"))
    assert as_of(wallet(WORKER), second) == (usd("54.00"), usd("0.00"))


def test_at_an_instant_everything_of_that_instant_has_happened(clock):
    clock.advance(hours=1)
    first = earned(WORKER, "1.00")
    clock.set(clock.now() - timedelta(hours=1))
    for _ in range(3):
        assert earned(WORKER, "1.00").recorded_at == first.recorded_at
    assert as_of(wallet(WORKER), first.recorded_at) == (usd("4.00"), usd("0.00"))


def test_what_was_held_back_at_an_instant_is_remembered(clock):
    earned(WORKER, "90.00")
    clock.advance(minutes=1)
    reservation = held(movements.payout_reserved(WORKER, amount=usd("60.00")))
    clock.advance(minutes=1)
    sent = atomically(post_hold, reservation.id, "payout_sent", key="sent", actor="system")
    at_hold = reading(balance_as_of, wallet(WORKER), sent.recorded_at - _MICROSECOND)
    assert (at_hold.posted, at_hold.held, at_hold.available) == (usd("90.00"), usd("60.00"), usd("30.00"))
    assert as_of(wallet(WORKER), sent.recorded_at) == (usd("30.00"), usd("0.00"))
    assert as_of(chart.payouts_in_transit("USD"), sent.recorded_at) == (usd("60.00"), usd("0.00"))


def test_a_past_balance_does_not_change_whatever_is_posted_later(clock):
    posted(funded(MILESTONE))
    clock.advance(days=1)
    then = reading(database_clock.now)
    clock.advance(days=1)
    before = reading(trial_balance, then)
    # Backdated: it counts for that day, but was not known then.
    posted(released(MILESTONE, WORKER), value_date=then.date() - timedelta(days=1))
    earned(WORKER, "3.00")
    assert reading(trial_balance, then) == before


def test_the_trial_balance_has_every_account_that_is_not_empty_in_its_column():
    posted(funded(MILESTONE))
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("3.35")))
    posted(released(MILESTONE, WORKER))
    assert reading(trial_balance) == [
        TrialLine("assets:gateway:stripe:pending", "USD", usd("101.65"), usd("0.00")),
        TrialLine("expenses:gateway_fees", "USD", usd("3.35"), usd("0.00")),
        TrialLine("income:fees:client", "USD", usd("0.00"), usd("5.00")),
        TrialLine("income:fees:worker", "USD", usd("0.00"), usd("10.00")),
        TrialLine(f"liabilities:wallet:{WORKER}", "USD", usd("0.00"), usd("90.00")),
    ]


def test_an_account_on_its_wrong_side_stands_in_the_other_column():
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("3.35")))
    assert reading(trial_balance)[0] == TrialLine(
        "assets:gateway:stripe:pending", "USD", usd("0.00"), usd("3.35")
    )
    assert reading(balance, chart.gateway_pending(STRIPE, "USD")).posted == usd("-3.35")


def test_currencies_stand_side_by_side():
    posted(movements.tip_paid(STRIPE, WORKER, amount=jpy("1250")))
    posted(movements.tip_paid(STRIPE, WORKER, amount=kwd("1.234")))
    assert [(line.currency, line.credit.decimal) for line in reading(trial_balance)] == [
        ("JPY", "0"),
        ("KWD", "0.000"),
        ("JPY", "1250"),
        ("KWD", "1.234"),
    ]


ACTS = st.lists(
    st.tuples(st.sampled_from(["tip", "hold", "send", "void"]), st.integers(1, 5_000), st.integers(0, 3)),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_every_past_instant_can_be_asked_for(acts, clock, empty_database):
    empty_database()
    posted_minor, holds, history = 0, [], {}
    earned(WORKER, "1000.00")
    posted_minor += 100_000
    for number, (act, minor, minutes) in enumerate(acts):
        clock.advance(minutes=minutes)
        amount = Money(minor, "USD")
        if act == "tip":
            done = posted(movements.tip_paid(STRIPE, WORKER, amount=amount))
            posted_minor += minor
        elif act == "hold":
            done = held(movements.payout_reserved(WORKER, amount=amount))
            holds.append((done.id, minor))
        elif not holds:
            continue
        else:
            hold_id, held_minor = holds.pop()
            if act == "send":
                done = atomically(post_hold, hold_id, "payout_sent", key=f"{number}", actor="system")
                posted_minor -= held_minor
            else:
                done = atomically(void_hold, hold_id, key=f"{number}", actor="system")
        # Of several within one tick of the clock, the last one counts.
        history[done.recorded_at] = (posted_minor, sum(minor for _, minor in holds))
    for at, expected in history.items():
        found = reading(balance_as_of, wallet(WORKER), at)
        assert (found.posted.amount_minor, found.held.amount_minor) == expected
        lines = {line.code: line for line in reading(trial_balance, at)}
        assert lines[wallet(WORKER).code].credit.amount_minor == expected[0]
    assert reading(trial_balance, reading(database_clock.now)) == reading(trial_balance)
