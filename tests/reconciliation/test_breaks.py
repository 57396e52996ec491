"""What is done about breaks: they are somebody's, and are explained by the books and not beside them."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import update

from jobs.reconciling import begin, carry_on
from kernel.ids import new_id
from ledger import adjustments, chart
from ledger.adjustments import Line
from ledger.balances import balance
from ledger.chart import Side
from persistence import unit_of_work
from persistence.unit_of_work import atomically, reading
from reconciliation import breaks, runs
from reconciliation.breaks import (
    AdjustmentDoesNotExplain,
    BreakClosed,
    BreakMayComeOut,
    BreakNotFound,
    OwnerNotStaff,
)
from reconciliation.tables import Part
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import ADMIN, CLIENT, FINANCE, usd
from tests.reconciliation.test_lines_and_entries import pay_unheard
from tests.threads import at_once

SUSPENSE = chart.suspense("stripe", "USD")


def posted(account):
    return reading(balance, account).posted.decimal


def resolve(found, explanation="gateway_fees", **more):
    return atomically(
        breaks.resolve, break_id=found.id, explanation=explanation, reason="Asked.", by=FINANCE.id, **more
    )


def adjusted(*lines, decided=True):
    """Two people put the books right."""
    made = atomically(
        adjustments.propose, adjustment_id=new_id("aj"), by=FINANCE.id, lines=lines, reason="A grant."
    )
    if decided:
        atomically(adjustments.approve, adjustment_id=made.id, by=ADMIN.id)
    return made.id


@pytest.fixture
def topup(finance, world, clock):
    """The gateway has 25.00 of which nobody here knows anything."""
    world.fund()
    world.settle()
    world.peer.book_line("topup", 2_500)
    clock.advance(hours=25)
    world.settle()
    finance.reconcile()
    return finance.open()[0]


def test_a_line_in_suspense_is_explained_as_a_cost(finance, world):
    world.fund()
    world.peer.book_line("moon_fee", -250)
    finance.reconcile()
    (found,) = finance.open()
    resolved = resolve(found)
    assert (resolved.state, resolved.reason) == ("resolved", "Asked.")
    # 3.35 for the charge.
    assert (posted(SUSPENSE), posted(chart.gateway_fees("USD"))) == ("0.00", "5.85")
    finance.reconcile()
    assert finance.open() == []


def test_what_we_do_not_have_is_booked_when_it_is_explained(finance, world, topup):
    resolve(topup, "goodwill")
    assert (posted(SUSPENSE), posted(chart.goodwill("USD"))) == ("0.00", "-25.00")
    finance.reconcile()
    assert finance.open() == []


def test_what_no_cost_explains_takes_an_adjustment_by_two_people(finance, world, topup):
    lines = (
        Line(SUSPENSE.code, Side.DEBIT, usd("25.00")),
        Line(chart.client_fees("USD").code, Side.CREDIT, usd("25.00")),
    )
    # Nothing was ever in suspense, so it is opened by the first line there.
    world.peer.book_line("moon_fee", -1)
    finance.reconcile()
    proposed = adjusted(*lines, decided=False)
    with expect_refusal(AdjustmentDoesNotExplain):
        resolve(topup, "adjustment", adjustment_id=proposed)
    made = adjusted(*lines)
    resolve(topup, "adjustment", adjustment_id=made)
    assert (posted(SUSPENSE), posted(chart.client_fees("USD"))) == ("-0.01", "30.00")
    (left,) = finance.open()
    with expect_refusal(AdjustmentDoesNotExplain):
        resolve(left, "adjustment", adjustment_id=made)
    finance.reconcile()
    assert [each.kind for each in finance.open()] == ["unknown_type"]


def test_an_adjustment_explains_one_break_when_two_are_explained_at_once(finance, world, clock):
    world.fund()
    for _ in range(2):
        world.peer.book_line("moon_fee", 2_500)
    finance.reconcile()
    made = adjusted(
        Line(SUSPENSE.code, Side.DEBIT, usd("25.00")),
        Line(chart.client_fees("USD").code, Side.CREDIT, usd("25.00")),
    )
    both = [
        lambda found=found: resolve(found, "adjustment", adjustment_id=made)
        for found in finance.open()
        if found.kind == "unknown_type"
    ]
    first = threading.Event()

    def observer(stage, name):
        if (stage, name) == ("before_commit", "reconciliation.breaks.resolve") and not first.is_set():
            first.set()
            # So long that the other one has looked.
            threading.Event().wait(0.5)

    unit_of_work.observe(observer)
    try:
        answers = at_once(*both)
    finally:
        unit_of_work._observers.remove(observer)
    assert sorted(type(answer).__name__ for answer in answers) == ["AdjustmentDoesNotExplain", "BreakView"]
    assert len(finance.open()) == 1


def test_who_resolves_while_a_run_closes_has_resolved_it(finance, world, topup, clock):
    """The amounts change in the moment in which somebody explains what they were."""
    run = begin("stripe", by=FINANCE.id)
    world.peer.book_line("stripe_fee", -1)
    while reading(runs.run_of, run_id=run.id).state != "collecting":
        assert not carry_on(run.id, most=1)
    while atomically(runs.collect, run_id=run.id):
        pass
    resolving, may_commit = threading.Event(), threading.Event()

    def observer(stage, name):
        if (stage, name) == ("before_commit", "reconciliation.breaks.resolve"):
            resolving.set()
            may_commit.wait(5)

    atomically(_other_amount, item=topup.item)
    unit_of_work.observe(observer)
    try:
        someone = threading.Thread(target=resolve, args=(topup,))
        someone.start()
        resolving.wait(5)
        threading.Timer(0.5, may_commit.set).start()
        while atomically(runs.compare, run_id=run.id):
            pass
        someone.join()
    finally:
        unit_of_work._observers.remove(observer)
    assert reading(breaks.break_of, break_id=topup.id).state == "resolved"
    assert carry_on(run.id)
    atomically(_other_amount, item=topup.item, back=True)
    finance.reconcile()
    assert finance.open() == []


def _other_amount(session, *, item, back=False):
    step = -1 if back else 1
    session.execute(
        update(Part).where(Part.item == item, Part.side == "line").values(minor=Part.minor + step)
    )


def test_an_adjustment_of_another_amount_explains_nothing(finance, world, topup):
    world.peer.book_line("moon_fee", -1)
    finance.reconcile()
    made = adjusted(
        Line(SUSPENSE.code, Side.DEBIT, usd("24.99")),
        Line(chart.client_fees("USD").code, Side.CREDIT, usd("24.99")),
    )
    with expect_refusal(AdjustmentDoesNotExplain):
        resolve(topup, "adjustment", adjustment_id=made)


def test_what_is_explained_while_a_run_compares_is_not_opened_again(finance, world, topup):
    run = begin("stripe", by=FINANCE.id)
    world.peer.book_line("stripe_fee", -1)
    while reading(runs.run_of, run_id=run.id).state != "collecting":
        assert not carry_on(run.id, most=1)
    while atomically(runs.collect, run_id=run.id):
        pass
    resolve(topup)
    assert carry_on(run.id)
    assert finance.open() == []


def test_a_break_is_resolved_once(finance, world, topup):
    resolve(topup)
    with expect_refusal(BreakClosed):
        resolve(topup)
    with expect_refusal(BreakNotFound):
        atomically(breaks.assign, break_id=new_id("bk"), owner=None, by=FINANCE.id)


def test_a_break_is_somebodys_of_staff_and_stays_so_when_its_amounts_change(finance, world, topup):
    with expect_refusal(OwnerNotStaff):
        atomically(breaks.assign, break_id=topup.id, owner=CLIENT.id, by=FINANCE.id)
    atomically(breaks.assign, break_id=topup.id, owner=FINANCE.id, by=ADMIN.id)
    found = reading(breaks.breaks, after=None, limit=10, owner=FINANCE.id)
    assert [each.id for each in found] == [topup.id]
    assert reading(breaks.breaks, after=None, limit=10, owner="nobody") == []


def test_what_is_young_is_not_explained_because_it_may_come_out_by_itself(finance, world, clock):
    pay_unheard(world)
    finance.reconcile()
    young = finance.open()
    assert {each.kind for each in young} == {"timing"}
    for each in young:
        with nothing_moves(), expect_refusal(BreakMayComeOut):
            resolve(each)
    world.settle()
    finance.reconcile()
    assert finance.open() == []


def test_what_comes_after_all_once_it_was_explained_is_a_break_again(finance, world, clock):
    pay_unheard(world)
    clock.advance(hours=25)
    finance.reconcile()
    for each in finance.open():
        resolve(each)
    finance.reconcile()
    assert finance.open() == []
    world.settle()
    finance.reconcile()
    # Now the books have it twice.
    assert sorted(finance.differences()) == [("timing", -10_500), ("timing", 335)]
