"""Many windows that closed are paid out together, each once, whoever sweeps and whoever comes in between."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from escrow.sweep import release_many_by_time
from kernel.ids import new_id
from persistence.unit_of_work import atomically
from tests.books import nothing_moves
from tests.escrow.story import (
    accept,
    dispute,
    funded,
    look,
    money,
    request_changes,
    submit,
    submitted,
    time_is_up,
    told,
    told_last,
    usd,
)
from tests.threads import at_once, together


def sweep(*milestones):
    ids = [milestone if isinstance(milestone, str) else milestone.submission_id for milestone in milestones]
    return atomically(release_many_by_time, releases={one: new_id("rl") for one in ids})


def test_all_that_nobody_answered_are_paid_at_once(clock):
    milestones = [submitted(), submitted("50.00"), submitted("1.50")]
    clock.advance(hours=73)
    swept = sweep(*milestones)
    assert sorted(swept.settled) == sorted(milestone.submission_id for milestone in milestones)
    assert swept.left == []
    assert [look(milestone).state for milestone in milestones] == ["released"] * 3
    assert money()["wallet"] == "136.35"
    assert money()["worker fees"] == "15.15"
    assert "held" not in money()
    assert (told()["milestone.released"], told()["contract.completed"]) == (3, 3)


def test_a_sweep_leaves_what_one_release_by_time_would_have_left(clock):
    swept, alone = submitted(), submitted()
    clock.advance(hours=73)
    sweep(swept)
    by_sweep = look(swept), told_last("milestone.released")
    time_is_up(alone.submission_id)
    by_itself = look(alone), told_last("milestone.released")
    for one in (by_sweep, by_itself):
        assert (one[0].state, one[0].deadline_at, one[0].version) == ("released", None, alone.version + 1)
        assert (one[0].released, one[0].worker_fee) == (usd("100.00"), usd("10.00"))
        assert (one[1]["amount_minor"], one[1]["cause"]) == (9_000, "by_time")
    assert by_sweep[1].keys() == by_itself[1].keys()


def test_twice_is_nothing(clock):
    milestones = [submitted(), submitted()]
    clock.advance(hours=73)
    sweep(*milestones)
    with nothing_moves():
        swept = sweep(*milestones)
    assert len(swept.settled) == 2


def test_a_window_that_is_still_open_is_left_and_the_others_are_paid(clock):
    early = submitted()
    clock.advance(hours=1)
    late = submitted()
    clock.set(early.deadline_at)
    swept = sweep(early, late)
    assert (swept.settled, swept.left) == ([early.submission_id], [late.submission_id])
    assert [look(milestone).state for milestone in (early, late)] == ["released", "submitted"]
    assert money()["held"] == "100.00"


def test_what_was_answered_in_time_is_not_paid_by_time(clock):
    disputed, sent_back, paid, waiting = submitted(), submitted(), submitted(), submitted()
    first_ids = [milestone.submission_id for milestone in (disputed, sent_back, paid, waiting)]
    dispute(disputed)
    request_changes(sent_back)
    accept(paid)
    clock.advance(hours=73)
    swept = sweep(*first_ids)
    assert sorted(swept.settled) == sorted(first_ids)
    assert [look(milestone).state for milestone in (disputed, sent_back, paid, waiting)] == [
        "disputed",
        "funded",
        "released",
        "released",
    ]
    assert money()["held"] == "200.00"
    assert money()["wallet"] == "180.00"


def test_of_two_submissions_of_one_milestone_the_one_that_is_waited_for_counts(clock):
    milestone = submitted()
    first = milestone.submission_id
    request_changes(milestone)
    clock.advance(hours=10)
    second = submit(milestone).id
    clock.advance(hours=63)
    swept = sweep(first, second)
    assert (swept.settled, swept.left) == ([first], [second])
    clock.advance(hours=10)
    assert sweep(first, second).left == []
    assert money()["wallet"] == "90.00"


def test_a_contract_ends_when_the_last_of_its_milestones_is_paid(clock):
    milestone = submitted()
    other = funded()
    clock.advance(hours=73)
    sweep(milestone)
    assert told()["contract.completed"] == 1
    assert look(other).state == "funded"


@pytest.mark.mariadb
def test_four_sweepers_at_once_pay_everybody_once(clock):
    milestones = [submitted("10.00") for _ in range(12)]
    clock.advance(hours=73)
    together(lambda: sweep(*milestones), people=4)
    assert money()["wallet"] == "108.00"
    assert told()["milestone.released"] == 12


@pytest.mark.mariadb
def test_a_sweep_and_a_client_who_accepts_at_the_same_moment_pay_once(clock):
    milestones = [submitted("10.00") for _ in range(6)]
    clock.advance(hours=73)
    at_once(lambda: sweep(*milestones), *[lambda each=each: accept(each) for each in milestones])
    assert [look(milestone).state for milestone in milestones] == ["released"] * 6
    assert money()["wallet"] == "54.00"
    assert told()["milestone.released"] == 6


def test_a_sweep_of_many_takes_few_more_statements_than_one_of_few(clock, database):
    def statements(count):
        milestones = [submitted("10.00") for _ in range(count)]
        clock.advance(hours=73)
        counted = []
        listener = lambda _c, _cu, statement, *_: counted.append(statement)  # noqa: E731 - removed by its name
        event.listen(database.engine, "before_cursor_execute", listener)
        sweep(*milestones)
        event.remove(database.engine, "before_cursor_execute", listener)
        return len(counted)

    statements(1)
    assert statements(9) == statements(3)
