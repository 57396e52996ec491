"""When a schedule pays, and that it does so once, whoever runs it, at whatever moment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import select

from gateways.contract import AccountState, BalanceFound
from kernel.money import AmountNotMovable, Money
from payouts import queries, schedules
from payouts.schedules import PayoutScheduleMalformed
from payouts.tables import PayoutScheduleChange
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import WORKER, usd
from tests.payouts.story import GATEWAY, account, balance, news_of_account, usable, withdraw
from tests.threads import at_once


def choose(interval, weekday=None, minimum=None):
    return atomically(
        schedules.change_schedule,
        gateway=GATEWAY,
        interval=interval,
        weekday=weekday,
        minimum=minimum,
        by=WORKER,
    )


def come(chosen, clock):
    """The run for the time that comes."""
    clock.set(chosen.next_at)
    run = atomically(schedules.run_to_make, schedule_id=chosen.id, due_at=chosen.next_at)
    assert run is not None
    return run


def run(intent, *, lies_there="90.00"):
    there = BalanceFound(usd(lies_there), usd("0.00"), usd("0.00"))
    return atomically(schedules.make_run, intent=intent, outcome={"USD": there})


def payouts():
    return reading(queries.payouts, by=WORKER, after=None, limit=10)


@pytest.fixture
def rich():
    account()
    return usable()


@pytest.mark.parametrize(
    ("now", "interval", "weekday", "expected"),
    [
        # The 25th of November 2026 is a Wednesday.
        ("2026-11-25T05:59:59", "daily", None, "2026-11-25T06:00:00"),
        ("2026-11-25T06:00:00", "daily", None, "2026-11-26T06:00:00"),
        ("2026-11-25T05:00:00", "weekly", "wednesday", "2026-11-25T06:00:00"),
        ("2026-11-25T06:00:00", "weekly", "wednesday", "2026-12-02T06:00:00"),
        ("2026-11-25T12:00:00", "weekly", "monday", "2026-11-30T06:00:00"),
        ("2026-12-31T12:00:00", "weekly", "friday", "2027-01-01T06:00:00"),
    ],
)
def test_the_next_time_is_the_next_morning_or_the_next_such_day(now, interval, weekday, expected, clock):
    clock.set(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert choose(interval, weekday).next_at == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_what_was_chosen_before_stays_written_down_and_choosing_it_again_is_nothing_new():
    choose("weekly", "friday", usd("20.00"))
    choose("daily")
    with nothing_moves():
        choose("daily")
    changes = reading(lambda session: list(session.scalars(select(PayoutScheduleChange))))
    assert [(each.number, each.interval, each.weekday, each.minimum_minor) for each in changes] == [
        (1, "weekly", 4, 2_000),
        (2, "daily", None, None),
    ]
    assert {each.actor for each in changes} == {WORKER.id}


@pytest.mark.parametrize(
    ("chosen", "refusal", "field"),
    [
        (("weekly",), PayoutScheduleMalformed, "weekday"),
        (("daily", "monday"), PayoutScheduleMalformed, "weekday"),
        (("on_demand", None, usd("5.00")), PayoutScheduleMalformed, "minimum"),
        (("daily", None, Money(1_001, "KWD")), AmountNotMovable, "minimum"),
    ],
)
def test_what_makes_no_schedule_is_refused(chosen, refusal, field):
    with expect_refusal(refusal) as refused:
        choose(*chosen)
    assert refused.value.field == field


def test_a_run_that_is_made_again_pays_nothing_more(rich, clock):
    chosen = choose("daily")
    intent = come(chosen, clock)
    run(intent)
    assert [(each.amount, each.by_schedule) for each in payouts()] == [(usd("90.00"), True)]
    usable()
    with nothing_moves():
        assert run(intent) is None
    assert atomically(schedules.run_to_make, schedule_id=chosen.id, due_at=chosen.next_at) is None


def test_a_schedule_that_is_ended_while_the_gateway_is_asked_pays_nothing(rich, clock):
    intent = come(choose("daily"), clock)
    choose("on_demand")
    with nothing_moves():
        assert run(intent) is None
    assert payouts() == []


def test_nothing_is_paid_before_its_time(rich):
    chosen = choose("daily")
    with nothing_moves():
        assert atomically(schedules.run_to_make, schedule_id=chosen.id, due_at=chosen.next_at) is None


@pytest.mark.parametrize(
    ("price", "lies_there", "outcome"),
    [("1.00", "0.90", "below_minimum"), ("100.00", "-0.01", "negative_balance")],
)
def test_what_cannot_be_paid_is_left_in_the_wallet_with_its_reason(price, lies_there, outcome, clock):
    account()
    usable(price)
    made = run(come(choose("daily"), clock), lies_there=lies_there)
    assert [each.outcome for each in made.last] == [outcome]
    assert payouts() == []
    assert balance().reserved == usd("0.00")


def test_an_account_that_cannot_be_paid_is_left_alone(rich, clock):
    chosen = choose("daily")
    news_of_account(state=AccountState.INCOMPLETE, can_be_paid_out=False, missing=("external_account",))
    made = run(come(chosen, clock))
    assert [(each.outcome, each.payout_id) for each in made.last] == [("account_not_ready", None)]
    assert payouts() == []


@pytest.mark.mariadb
def test_two_runs_and_a_withdrawal_at_the_same_moment_take_only_what_is_there(rich, clock):
    intent = come(choose("daily"), clock)
    at_once(partial(run, intent), partial(run, intent), lambda: withdraw("60.00"))
    taken = sum(each.amount.amount_minor for each in payouts())
    assert taken == 9_000 or [each.amount for each in payouts()] == [usd("60.00")]
    assert balance().reserved.amount_minor == taken


@pytest.mark.mariadb
def test_two_who_choose_at_the_same_moment_make_one_schedule():
    account()
    at_once(partial(choose, "daily"), partial(choose, "weekly", "friday"))
    changes = reading(lambda session: list(session.scalars(select(PayoutScheduleChange))))
    assert [each.number for each in changes] == [1, 2]
