"""The 72 hours: elapsed time by the database's clock, never early, and the clock decides who came first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from escrow.acts import ActNotPossible
from escrow.release import NotDueYet
from escrow.submissions import ReviewWindowOver
from persistence import due
from persistence.unit_of_work import atomically
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    CLIENT,
    WORKER,
    dispute,
    funded,
    look,
    money,
    now,
    request_changes,
    settle,
    submit,
    submitted,
    time_is_up,
    usd,
)
from tests.threads import at_once, together

# A window is opened a moment after the clock was set, and read back to the same moment.
_A_MOMENT = timedelta(minutes=1)


def test_a_submission_opens_a_window_of_72_hours():
    milestone = funded()
    submission = submit(milestone)
    assert submission.deadline_at - submission.submitted_at == timedelta(hours=72)
    assert abs(submission.submitted_at - now()) < _A_MOMENT
    assert (look(milestone).state, look(milestone).deadline_at) == ("submitted", submission.deadline_at)


def test_a_minute_early_nothing_is_paid(clock):
    milestone = submitted()
    clock.set(milestone.deadline_at - timedelta(minutes=1))
    with expect_refusal(NotDueYet) as caught:
        time_is_up(milestone.submission_id)
    assert caught.value.due_at == milestone.deadline_at
    assert money()["held"] == "100.00"


@pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=1), timedelta(days=400)])
def test_at_the_deadline_or_late_the_worker_is_paid(clock, late):
    milestone = submitted()
    clock.set(milestone.deadline_at + late)
    assert time_is_up(milestone.submission_id).state == "released"
    assert money() == {
        "pending": "101.65",
        "wallet": "90.00",
        "client fees": "5.00",
        "worker fees": "10.00",
        "gateway fees": "3.35",
    }


def test_twice_is_nothing(clock):
    milestone = submitted()
    clock.advance(hours=73)
    time_is_up(milestone.submission_id)
    with nothing_moves():
        assert time_is_up(milestone.submission_id) is None


def test_ten_sweeps_at_once_pay_once(clock):
    milestone = submitted()
    clock.advance(hours=73)
    results = together(lambda: time_is_up(milestone.submission_id), people=10)
    assert [result is None for result in results].count(False) == 1
    assert money()["wallet"] == "90.00"


def test_the_sweep_finds_the_submission_at_its_deadline_and_not_before(clock):
    milestone = submitted()
    clock.set(milestone.deadline_at - timedelta(minutes=1))
    assert _swept() == []
    clock.set(milestone.deadline_at)
    assert _swept() == [milestone.submission_id]


def test_changes_stop_the_clock(clock):
    milestone = submitted()
    clock.advance(hours=71)
    seen = request_changes(milestone)
    assert (seen.state, seen.deadline_at, seen.submission_id) == ("funded", None, None)
    clock.advance(days=30)
    with nothing_moves():
        assert time_is_up(milestone.submission_id) is None
    assert look(milestone).held == usd("100.00")


def test_a_new_submission_has_a_window_of_its_own_and_the_old_one_means_nothing(clock):
    milestone = submitted()
    clock.advance(hours=71)
    request_changes(milestone)
    clock.advance(hours=5)
    again = submit(milestone)
    assert again.deadline_at - again.submitted_at == timedelta(hours=72)
    assert abs(again.submitted_at - now()) < _A_MOMENT
    clock.advance(hours=71)
    with nothing_moves():
        assert time_is_up(milestone.submission_id) is None
    with expect_refusal(NotDueYet):
        time_is_up(again.id)
    clock.advance(hours=2)
    assert time_is_up(again.id).state == "released"


def test_changes_are_not_asked_for_after_the_window(clock):
    milestone = submitted()
    clock.set(milestone.deadline_at)
    with expect_refusal(ReviewWindowOver) as caught:
        request_changes(milestone)
    assert caught.value.details == {"deadline_at": milestone.deadline_at.isoformat()}


# --- who was first, the dispute or the deadline -----------------------------------------------------------------------


@pytest.mark.parametrize("side", [CLIENT, WORKER])
def test_a_dispute_before_the_deadline_wins_even_when_the_sweep_is_late(clock, side):
    milestone = submitted()
    clock.set(milestone.deadline_at - timedelta(minutes=1))
    dispute(milestone, by=side)
    clock.advance(days=7)
    with nothing_moves():
        assert time_is_up(milestone.submission_id) is None
    assert (look(milestone).state, money()["held"]) == ("disputed", "100.00")


@pytest.mark.parametrize("side", [CLIENT, WORKER])
def test_a_dispute_at_the_deadline_is_too_late_even_when_the_sweep_has_not_come(clock, side):
    milestone = submitted()
    clock.set(milestone.deadline_at)
    with expect_refusal(ReviewWindowOver):
        dispute(milestone, by=side)
    time_is_up(milestone.submission_id)
    assert money()["wallet"] == "90.00"


def test_a_dispute_after_the_payment_says_what_happened(clock):
    milestone = submitted()
    clock.advance(hours=73)
    time_is_up(milestone.submission_id)
    with expect_refusal(ActNotPossible) as caught:
        dispute(milestone)
    assert caught.value.details["state"] == "released"


def test_the_clock_turned_while_both_wait_decides_for_one_of_them(clock):
    milestone = submitted()
    clock.set(milestone.deadline_at - timedelta(milliseconds=20))
    at_once(lambda: dispute(milestone), lambda: time_is_up(milestone.submission_id))
    state = look(milestone).state
    if state == "submitted":
        # The dispute was too late and the sweep too early; it comes again.
        clock.advance(seconds=1)
        time_is_up(milestone.submission_id)
        state = look(milestone).state
    assert {"disputed": money().get("held"), "released": money().get("wallet")}[state] in {"100.00", "90.00"}
    if state == "disputed":
        settle(milestone, "100.00")
    assert money()["wallet"] == "90.00"


# --- 72 hours are 72 hours when clocks change -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "submitted_at", "shown"),
    [
        ("America/New_York", "2027-03-13 12:00 EST", "2027-03-16 13:00 EDT"),
        ("America/New_York", "2026-10-31 12:00 EDT", "2026-11-03 11:00 EST"),
        ("Europe/Berlin", "2027-03-27 12:00 CET", "2027-03-30 13:00 CEST"),
        ("Europe/Berlin", "2027-10-30 12:00 CEST", "2027-11-02 11:00 CET"),
        # Lord Howe's clocks change by half an hour.
        ("Australia/Lord_Howe", "2027-04-03 12:00 +11", "2027-04-06 11:30 +1030"),
        ("Pacific/Kiritimati", "2027-03-13 12:00 +14", "2027-03-16 12:00 +14"),
    ],
)
def test_c4_the_deadline_is_72_hours_later_whatever_the_readers_clock_shows(clock, zone, submitted_at, shown):
    reader = ZoneInfo(zone)
    written, _ = submitted_at.rsplit(" ", 1)
    instant = datetime.strptime(written, "%Y-%m-%d %H:%M").replace(tzinfo=reader)
    milestone = funded()
    clock.set(instant)
    submission = submit(milestone)

    assert submission.submitted_at.astimezone(reader).strftime("%Y-%m-%d %H:%M %Z") == submitted_at
    assert submission.deadline_at.astimezone(reader).strftime("%Y-%m-%d %H:%M %Z") == shown
    assert submission.deadline_at - submission.submitted_at == timedelta(hours=72)

    clock.set(submission.deadline_at - timedelta(minutes=1))
    with expect_refusal(NotDueYet):
        time_is_up(submission.id)
    clock.set(submission.deadline_at)
    assert time_is_up(submission.id).state == "released"


def test_c4_the_two_halves_of_a_repeated_hour_end_an_hour_apart(clock):
    half_past_one = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    deadlines = []
    for fold in (0, 1):
        milestone = funded()
        clock.set(half_past_one.replace(fold=fold).astimezone(UTC))
        deadlines.append(submit(milestone).deadline_at)
    apart = deadlines[1] - deadlines[0]
    assert abs(apart - timedelta(hours=1)) < _A_MOMENT


def _swept():
    return [work.subject for work in atomically(due.lease) if work.kind == "release_by_time"]
