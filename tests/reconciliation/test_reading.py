"""I3: what is read twice, at once, half or while more of it comes is there once and whole."""

# ruff: noqa: N802 - the names begin with those of the cases

from __future__ import annotations

import itertools
import threading

import pytest

from jobs.reconciling import begin, carry_on
from payouts import account_news, accounts
from persistence import unit_of_work
from persistence.unit_of_work import atomically, reading
from reconciliation import runs
from reconciliation.reading import Source, keep_page, page_wanted
from runtime.wiring import gateway
from tests.escrow.story import FINANCE, OTHER_WORKER
from tests.payouts.story import account_answer


def ask(intent):
    return gateway("stripe").balance_lines(since=intent.since, after=intent.after)


def test_I3_what_comes_while_the_pages_are_turned_is_found_by_the_next_run(finance, world):
    for amount in range(1, 151):
        world.peer.book_line("stripe_fee", -amount)
    run = begin("stripe", by=FINANCE.id)
    first = atomically(page_wanted, run_id=run.id, source=Source("stripe"))
    page = ask(first)
    atomically(keep_page, intent=first, outcome=page)
    for amount in range(151, 161):
        world.peer.book_line("stripe_fee", -amount)
    assert carry_on(run.id)
    assert finance.sides()["kept"] == 150
    again = finance.reconcile()
    assert (again.lines, finance.sides()) == (10, {"kept": 160, "line": 160, "entry": 160})
    assert finance.differences() == []


def test_I3_a_line_that_is_listed_late_is_found_within_the_overlap(finance, world, clock):
    world.peer.book_line("stripe_fee", -1)
    finance.reconcile()
    clock.advance(days=2)
    world.peer.book_line("stripe_fee", -2)
    finance.reconcile()
    wanted = atomically(page_wanted, run_id=begin("stripe", by=FINANCE.id).id, source=Source("stripe"))
    # Both are asked for once more.
    assert [line.net_minor for line in ask(wanted).lines] == [-2, -1]


def test_I3_a_page_that_is_kept_twice_is_kept_once(finance, world):
    world.peer.book_line("stripe_fee", -1)
    run = begin("stripe", by=FINANCE.id)
    wanted = atomically(page_wanted, run_id=run.id, source=Source("stripe"))
    page = ask(wanted)
    for _ in range(2):
        atomically(keep_page, intent=wanted, outcome=page)
    assert carry_on(run.id)
    assert finance.sides() == {"kept": 1, "line": 1, "entry": 1}


class Died(BaseException):
    """The process is gone."""


@pytest.fixture
def dies():
    """`dies(at)`: the next time that the work has come `at` steps further, the process dies."""
    reached = []

    def observer(stage, name):
        if reached and stage in {"before_call", "after_call", "before_commit", "committed"}:
            reached[0] -= 1
            if reached[0] == 0:
                reached.clear()
                raise Died(f"{stage} {name}")

    unit_of_work.observe(observer)
    yield lambda at: reached.__setitem__(slice(None), [at])
    reached.clear()
    unit_of_work._observers.remove(observer)


def a_story(world, clock):
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    world.withdraw("50.00")
    world.settle()
    world.peer.book_line("moon_fee", -250)
    world.peer.book_line("stripe_fee", -120)


def test_a_death_between_any_two_steps_is_gone_on_from(finance, world, clock, dies):
    a_story(world, clock)
    died_at = []
    for at in itertools.count(1):
        # Something new for every run, which dies one step later than the one before.
        world.peer.book_line("stripe_fee", -at)
        run = begin("stripe", by=FINANCE.id)
        dies(at)
        try:
            carry_on(run.id)
        except Died as death:
            died_at.append(str(death))
            assert carry_on(run.id)
        else:
            break
        assert reading(runs.run_of, run_id=run.id).state == "done"
    assert len(set(died_at)) > 20
    lines = 6 + len(died_at) + 1
    assert finance.sides() == {"kept": lines, "line": lines + 1, "entry": lines}
    assert sorted(finance.differences()) == [("timing", -5_000), ("unknown_type", -250)]


def test_two_runs_at_once_are_one(finance, world, clock):
    a_story(world, clock)
    begun, done = [], []

    def work():
        run = begin("stripe", by=FINANCE.id)
        begun.append(run.id)
        done.append(carry_on(run.id))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 4
    # Who came when the first was done has begun another, which found nothing new.
    finance.reconcile()
    assert finance.sides() == {"kept": 6, "line": 7, "entry": 6}
    assert sorted(finance.differences()) == [("timing", -5_000), ("unknown_type", -250)]


def test_an_account_that_was_taken_from_us_does_not_stop_the_others(finance, world):
    world.onboard()
    world.fund()
    order = atomically(accounts.order_account, user_id=OTHER_WORKER.id, gateway="stripe")
    atomically(
        account_news.record_account,
        intent=order,
        outcome=account_answer(order.order.account_id, gateway_id="acct_1GoneForever"),
    )
    assert (finance.reconcile().state, finance.differences()) == ("done", [])


def test_an_account_that_is_taken_from_us_between_two_pages_is_read_from_there_when_it_is_back(
    finance, world, clock
):
    account = world.onboard()
    for amount in range(1, 51):
        world.peer.book_line("payout", -amount, account=account)
    clock.advance(days=10)
    for amount in range(51, 151):
        world.peer.book_line("payout", -amount, account=account)
    world.peer.fault("status", path="/v1/balance_transactions", nth=3, status=400)
    finance.reconcile()
    assert finance.sides()["kept"] == 100
    finance.reconcile()
    assert finance.sides()["kept"] == 150


def test_accounts_that_have_been_read_are_not_gone_through_again_at_every_step(finance, world):
    world.onboard()
    world.fund()
    run = begin("stripe", by=FINANCE.id)
    # The balance, ours, and the worker's.
    assert not carry_on(run.id, most=3)
    asked = []
    unit_of_work.observe(observer := lambda stage, name: asked.append((stage, name)))
    try:
        assert not carry_on(run.id, most=1)
    finally:
        unit_of_work._observers.remove(observer)
    # Of ours alone.
    assert asked.count(("committed", "reconciliation.reading.page_wanted")) == 1
