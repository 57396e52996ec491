"""The report of a day, kept, made again, and typed for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from jobs.reconcile_commands import reconcile_commands
from jobs.reconciliation_jobs import reconcile
from jobs.reconciling import begin_daily
from jobs.work import NotYet
from persistence.unit_of_work import atomically, reading
from reconciliation import breaks, reports, runs
from tests.books import nothing_moves
from tests.escrow.story import ADMIN, FINANCE
from tests.reconciliation.test_lines_and_entries import pay_unheard


@pytest.fixture
def typed(finance):
    """Type a command: `typed("run")`."""
    app = Flask(__name__)
    app.cli.add_command(reconcile_commands)
    return lambda *words: app.test_cli_runner().invoke(args=["reconcile", *words])


def test_a_report_says_what_was_there_what_moved_and_what_is_open(finance, world):
    world.fund()
    world.peer.book_line("moon_fee", -250)
    said = finance.report(finance.reconcile()).said
    assert (said["opening"], said["closing"], said["books"], said["difference"]) == (0, 9_915, 9_915, 0)
    assert [
        (line["type"], line["lines"], line["gross"], line["fee"], line["net"]) for line in said["movements"]
    ] == [
        ("charge", 1, 10_500, 335, 10_165),
        ("moon_fee", 1, -250, 0, -250),
    ]
    assert said["breaks"] == [{"kind": "unknown_type", "breaks": 1, "difference": -250, "oldest_hours": 0}]


def test_the_day_after_opens_with_what_the_day_before_closed_with(finance, world, clock):
    world.fund()
    closing = finance.report(finance.reconcile()).said["closing"]
    clock.advance(days=1)
    world.fund()
    said = finance.report(finance.reconcile()).said
    assert (said["opening"], said["closing"]) == (closing, 2 * closing)


def test_a_past_report_stays_as_it_was_whatever_comes_later(finance, world, clock):
    pay_unheard(world)
    world.peer.book_line("moon_fee", -250)
    clock.advance(hours=25)
    first = finance.reconcile()
    atomically(breaks.assign, break_id=finance.open()[0].id, owner=FINANCE.id, by=ADMIN.id)
    second = finance.reconcile()
    kept = [finance.report(run) for run in (first, second)]
    # The webhook comes, somebody explains the rest, and more is paid.
    world.settle()
    unknown = next(each for each in finance.open() if each.kind == "unknown_type")
    atomically(
        breaks.resolve,
        break_id=unknown.id,
        explanation="gateway_fees",
        reason="Asked.",
        by=FINANCE.id,
    )
    world.fund()
    clock.advance(days=2)
    finance.reconcile()
    assert finance.open() == []
    assert [reading(reports.made_again, report=each) for each in kept] == [each.said for each in kept]
    assert kept[0].said["breaks_digest"] != kept[1].said["breaks_digest"]


def test_a_run_is_typed_and_told(finance, world, typed):
    world.fund()
    world.peer.book_line("moon_fee", -250)
    answer = typed("run")
    assert answer.exit_code == 0, answer.output
    assert "done, 2 new lines" in answer.output
    assert "1 unknown_type, -2.50 together" in answer.output
    assert "Held for others 100.00, there 99.15: short" in answer.output
    with nothing_moves():
        assert "1 unknown_type" in typed("report").output
        assert '"closing": 9915' in typed("report", "--json").output
        assert "1 reports of" in typed("replay").output


def test_errors_say_what_to_do(finance, world, typed):
    assert "Type `reconcile run` first." in typed("report").output
    assert "There is no payment gateway of this name." in typed("run", "--gateway", "nobody").output
    assert "There is no run with this id." in typed("replay", "rn_00000000000000000000000000").output
    assert "is still to come" in typed("run", "--day", "2199-01-01").output
    world.fund()
    world.peer.fault("status", path="/v1/balance_transactions", status=500, saved=False, count=None)
    assert "type it again, and it goes on where it stopped" in typed("run").output
    world.peer.clear_faults()
    assert typed("run").exit_code == 0


def test_every_day_is_reconciled_once_by_itself(finance, world, clock):
    for amount in range(1, 120):
        world.peer.book_line("stripe_fee", -amount)
    world.fund()
    tries = 0
    while _is_to_go_on():
        tries += 1
        assert tries < 50
    (run,) = reading(runs.runs, after=None, limit=10)
    assert (run.state, run.started_by, run.day) == (
        "done",
        "system",
        (clock.now() - timedelta(days=1)).date(),
    )
    reconcile(None)
    assert len(reading(runs.runs, after=None, limit=10)) == 1


def test_a_run_that_lasts_into_the_next_day_does_not_take_the_place_of_that_days_own(finance, world, clock):
    world.fund()
    yesterday = (clock.now() - timedelta(days=1)).date()
    begin_daily("stripe", day=yesterday)
    clock.advance(days=1)
    while _is_to_go_on():
        pass
    days = [run.day for run in reading(runs.runs, after=None, limit=10)]
    assert days == [yesterday + timedelta(days=1), yesterday]


def _is_to_go_on():
    try:
        reconcile(None)
    except NotYet:
        return True
    return False


def test_where_no_money_ever_was_nothing_is_reconciled(world):
    reconcile(None)
    assert reading(runs.runs, after=None, limit=10) == []
