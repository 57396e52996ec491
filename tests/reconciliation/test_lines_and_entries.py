"""I1: every line of the gateway has its entry and every entry its line, on our balance and on the worker's."""

from __future__ import annotations

from tests.books import nothing_moves


def test_I1_a_whole_story_comes_out_even(finance, world, clock):  # noqa: N802 - the case's name
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    world.withdraw("50.00")
    world.settle()
    run = finance.reconcile()
    # 105.00 with its fee, 90.00 on to the worker and in there, and 50.00 to the bank, which has yet to confirm.
    assert (run.state, run.lines) == ("done", 4)
    assert finance.differences() == [("timing", -5_000)]
    assert finance.sides() == {"kept": 4, "line": 5, "entry": 4}
    clock.advance(days=4)
    world.settle()
    finance.reconcile()
    assert finance.differences() == []


def test_I1_a_second_run_changes_nothing(finance, world, clock):  # noqa: N802 - the case's name
    world.fund()
    finance.reconcile()
    before = finance.sides()
    kept = frozenset({"reconciliation_runs", "reconciliation_reports", "reconciliation_statements"})
    with nothing_moves(besides=kept | {"reconciliation_reads", "outbox_events"}):
        again = finance.reconcile()
    assert (again.lines, finance.sides()) == (0, before)
