"""D6 and I2: what is ours is paid out by two people's decision, and what Stripe pays out by itself is noticed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from kernel.ids import new_id
from ledger import adjustments, chart
from ledger.adjustments import Line
from ledger.balances import balance
from ledger.chart import Side
from ledger.periods import SamePersonTwice
from persistence import due
from persistence.tables import OutboxEvent
from persistence.unit_of_work import atomically, reading
from reconciliation import own_payouts
from reconciliation.own_payouts import (
    NothingToPayOut,
    OwnPayoutDecided,
    OwnPayoutNotFound,
    OwnPayoutUnderWay,
)
from reconciliation.solvency import PlatformPayoutBlocked
from runtime import books as all_books
from tests.books import expect_refusal, seal_everything
from tests.escrow.story import FINANCE, MEDIATOR, usd

SECOND = MEDIATOR


@pytest.fixture
def earned(finance, world, clock):
    """Of three payments of 105.00 one was released: 25.00 are ours, less three fees of 3.35."""
    for _ in range(2):
        world.fund()
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    finance.reconcile()
    return world


def propose(amount="10.00", *, by=FINANCE):
    return atomically(
        own_payouts.propose,
        own_payout_id=new_id("op"),
        gateway="stripe",
        amount=usd(amount),
        reason="The rent.",
        by=by.id,
    )


def approve(payout, *, by=SECOND):
    return atomically(own_payouts.approve, own_payout_id=payout.id, by=by.id)


def now(payout):
    return reading(own_payouts.own_payout, own_payout_id=payout.id)


def at(place):
    return reading(balance, place).posted.decimal


def in_the_bank():
    return at(chart.bank_in_transit("USD")), at(chart.bank("USD"))


def told(name):
    found = reading(
        lambda session: session.scalars(select(OutboxEvent).where(OutboxEvent.name == name)).all()
    )
    return [event.payload for event in found]


def sent(world):
    return [payout for payout in world.made("payout") if payout["metadata"]["holdfast_id"].startswith("op_")]


def the_books_are_sound(finance, *, but=()):
    finance.reconcile()
    assert finance.differences() == []
    seal_everything()
    assert [breach.rule for breach in reading(all_books.verify)] == [*but]
    assert reading(due.parked) == []


def brought_back(payout):
    """Two people in finance have had it sent back from our bank, and book it."""
    lines = [
        Line("assets:gateway:stripe:available", Side.DEBIT, payout.amount),
        Line("assets:bank:arrived", Side.CREDIT, payout.amount),
    ]
    asked = {"lines": lines, "reason": "It was not ours.", "by": FINANCE.id}
    proposed = atomically(adjustments.propose, adjustment_id=new_id("aj"), **asked)
    atomically(adjustments.approve, adjustment_id=proposed.id, by=SECOND.id)


def test_d6_what_two_people_decide_arrives_and_every_line_has_its_entry(earned, finance, clock):
    payout = approve(propose())
    assert (payout.state, in_the_bank()) == ("ordered", ("10.00", "0.00"))
    earned.settle()
    (there,) = sent(earned)
    assert (there["amount"], now(payout).state, now(payout).gateway_id) == (1_000, "sent", there["id"])
    finance.reconcile()
    assert finance.differences() == []
    clock.advance(days=3)
    earned.settle()
    assert (now(payout).state, in_the_bank()) == ("paid", ("0.00", "10.00"))
    the_books_are_sound(finance)
    assert finance.statement().state == "covered"


def test_d6_one_person_is_not_enough_and_nothing_moves_before(earned):
    payout = propose()
    with expect_refusal(SamePersonTwice):
        approve(payout, by=FINANCE)
    earned.settle()
    assert (in_the_bank(), sent(earned)) == (("0.00", "0.00"), [])
    rejected = atomically(own_payouts.reject, own_payout_id=payout.id, by=SECOND.id, decision="Too early.")
    assert (rejected.state, rejected.decision) == ("rejected", "Too early.")
    with expect_refusal(OwnPayoutDecided):
        approve(payout)


def test_d6_whoever_proposed_it_takes_it_back(earned):
    payout = propose()
    with expect_refusal(OwnPayoutNotFound):
        atomically(own_payouts.withdraw, own_payout_id=payout.id, by=SECOND.id)
    assert atomically(own_payouts.withdraw, own_payout_id=payout.id, by=FINANCE.id).state == "withdrawn"
    assert reading(own_payouts.own_payouts, after=None, limit=9, state="withdrawn") == [now(payout)]
    with expect_refusal(OwnPayoutNotFound):
        reading(own_payouts.own_payout, own_payout_id=new_id("op"))


def test_d6_what_is_held_for_others_is_not_paid_out_whoever_approves(earned):
    # Of 14.95 that are ours.
    with expect_refusal(PlatformPayoutBlocked):
        propose("14.96")
    with expect_refusal(NothingToPayOut):
        propose("0.00")
    first, second = propose("14.95"), propose("14.95")
    approve(first)
    with expect_refusal(OwnPayoutUnderWay):
        approve(second)
    earned.settle()
    with expect_refusal(PlatformPayoutBlocked):
        approve(second)


def test_d6_what_is_needed_meanwhile_is_not_sent(earned, finance):
    payout = approve(propose("14.95"))
    # A charge of the gateway's own comes between the decision and the order.
    earned.peer.book_line("stripe_fee", -500)
    finance.reconcile()
    earned.settle()
    assert (now(payout).state, now(payout).failure_code) == ("failed", "blocked")
    assert (sent(earned), in_the_bank()) == ([], ("0.00", "0.00"))


def test_d6_an_answer_that_is_lost_pays_once(earned, finance, clock):
    earned.peer.fault("cut_after_effect", count=1, path="/v1/payouts", method="POST")
    payout = approve(propose())
    earned.settle()
    assert now(payout).state in {"unknown", "sent"}
    clock.advance(minutes=30)
    earned.settle()
    assert (len(sent(earned)), now(payout).state) == (1, "sent")
    the_books_are_sound(finance)


def test_d6_what_our_bank_does_not_take_is_ours_at_the_gateway_again(earned, finance, clock):
    payout = approve(propose())
    earned.settle()
    earned.peer.fail_payout(now(payout).gateway_id)
    earned.settle()
    assert (now(payout).state, in_the_bank()) == ("failed", ("0.00", "0.00"))
    the_books_are_sound(finance)


def test_d6_what_our_bank_sends_back_later_is_ours_again_too(earned, finance, clock):
    payout = approve(propose())
    earned.settle()
    clock.advance(days=3)
    earned.settle()
    earned.peer.fail_payout(now(payout).gateway_id)
    earned.settle()
    assert (now(payout).state, in_the_bank()) == ("returned", ("0.00", "0.00"))
    the_books_are_sound(finance)


def test_i2_a_payout_that_nobody_ordered_is_told_booked_and_adds_up(earned, finance, clock):
    there = earned.peer.pay_out_by_itself()
    earned.settle()
    (payout,) = reading(own_payouts.own_payouts, after=None, limit=9)
    assert (payout.gateway_id, payout.automatic, payout.proposed_by, payout.carried) == (
        there["id"],
        True,
        None,
        None,
    )
    assert told("own_payout.unordered") == [{"currency": "USD", "amount_minor": there["amount"]}]
    # All that was there has gone, and what is held for others with it.
    finance.reconcile()
    assert finance.differences() == []
    assert finance.statement().state == "short"
    with expect_refusal(PlatformPayoutBlocked):
        propose("1.00")
    clock.advance(hours=5)
    earned.settle()
    assert now(payout).carried == payout.amount
    clock.advance(days=3)
    earned.settle()
    assert now(payout).state == "paid"
    assert told("own_payout.does_not_add_up") == []
    the_books_are_sound(finance, but=["held_money_is_covered"])
    brought_back(payout)


def test_i2_lines_that_do_not_add_up_to_what_was_paid_out_are_told(earned, clock):
    there = earned.peer.pay_out_by_itself()
    (line, *_) = [
        thing
        for thing in earned.peer.state()["objects"].values()
        if thing["object"] == "balance_transaction" and thing["type"] == "charge"
    ]
    earned.peer.change_line(line["id"], amount=line["amount"] - 100)
    clock.advance(hours=5)
    earned.settle()
    assert told("own_payout.does_not_add_up") == [
        {"carried_minor": there["amount"] - 100, "amount_minor": there["amount"]}
    ]
    (payout,) = reading(own_payouts.own_payouts, after=None, limit=9)
    brought_back(payout)


def test_i2_news_that_comes_twice_and_out_of_order_is_booked_once(earned, finance, clock):
    earned.peer.pay_out_by_itself()
    clock.advance(days=3)
    earned.settle()
    before = in_the_bank()
    earned.peer.redeliver(types="payout.*")
    earned.settle()
    assert in_the_bank() == before
    (payout,) = reading(own_payouts.own_payouts, after=None, limit=9)
    assert before == ("0.00", payout.amount.decimal)
    the_books_are_sound(finance, but=["held_money_is_covered"])
    brought_back(payout)
