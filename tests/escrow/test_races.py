"""Everybody acts at the same moment: what got through could have happened one after the other, and nothing else did."""

from __future__ import annotations

import os
import random
from itertools import permutations

import pytest

from escrow import contracts
from escrow.acts import ActNotPossible
from escrow.contracts import MoneyStillHeld
from escrow.release import AmountNotHeld, NotDueYet
from escrow.states import MILESTONE
from escrow.submissions import ReviewWindowOver
from gateways.contract import PaymentState, RefundState
from kernel.refusals import Refusal
from persistence.unit_of_work import atomically
from tests.escrow.story import (
    WORKER,
    accept,
    accepted,
    answer,
    checkout,
    dispute,
    draft,
    fund,
    give_back,
    look,
    look_at_contract,
    money,
    record,
    record_refund,
    refund_answer,
    refunds_of,
    request_changes,
    submit,
    time_is_up,
    usd,
)
from tests.threads import at_once, succeeded

pytestmark = pytest.mark.mariadb

_FAIR = (ActNotPossible, ReviewWindowOver, AmountNotHeld, NotDueYet)
_ACTS = {
    "release": accept,
    "release_part": lambda on: accept(on, "25.00"),
    "release_by_time": lambda on: time_is_up(on.submission_id),
    "request_changes": request_changes,
    "dispute": dispute,
    "submit": submit,
    "refund": give_back,
    "refund_part": lambda on: give_back(on, "25.00"),
    # It touches nothing that is held, so it can come before or after everything else.
    "refund_failed": lambda on: _fail_the_refund(on),  # noqa: PLW0108 - it stands below
}
# The acts that meet in practice; others are strewn in.
_USUAL = ("release", "release_by_time", "dispute")


@pytest.mark.parametrize("seed", range(int(os.environ.get("HOLDFAST_RACES", "3"))))
def test_fifty_races_for_the_money_of_a_milestone(clock, seed):
    chance = random.Random(seed)
    milestones = [_ready(milestone) for milestone in accepted(*["110.00"] * 50).milestones]
    # The windows end one after the other while the races go on.
    clock.set(milestones[15].deadline_at)
    for milestone in milestones:
        racers = [*chance.sample(_USUAL, 2), *chance.choices(list(_ACTS), k=2)]
        chance.shuffle(racers)
        results = at_once(*[lambda act=act, on=milestone: _ACTS[act](on) for act in racers])
        unfair = [
            result for result in results if isinstance(result, Exception) and not isinstance(result, _FAIR)
        ]
        assert unfair == []
        through = [act for act, result in zip(racers, results, strict=True) if _got_through(result)]
        _check_could_have_happened(milestone, through)


def test_a_contract_that_is_cancelled_while_it_is_paid_for_is_one_or_the_other():
    ends = []
    for _ in range(25):
        milestone = draft()
        results = at_once(
            lambda on=milestone: checkout(on.id),
            lambda on=milestone: atomically(contracts.cancel_contract, contract_id=on.contract_id, by=WORKER),
        )
        assert len(succeeded(results)) == 1
        assert isinstance(
            next(result for result in results if isinstance(result, Exception)),
            ActNotPossible | MoneyStillHeld,
        )
        ends.append((look_at_contract(milestone).state, look(milestone).state))
    assert set(ends) <= {("cancelled", "draft"), ("active", "funding")}


def test_a_payment_that_succeeds_while_it_is_canceled_is_one_or_the_other():
    held = given_back = usd("0.00")
    for _ in range(25):
        milestone = draft()
        payment = checkout(milestone.id)
        results = at_once(
            lambda of=payment: record(of, answer(of)),
            lambda of=payment: record(of, answer(of, PaymentState.CANCELED)),
            lambda of=payment: record(of, answer(of)),
        )
        state = look(milestone).state
        assert not [result for result in results if isinstance(result, Refusal)]
        # What was canceled is not held: what was paid all the same goes back, once.
        assert (state, len(refunds_of(milestone))) in {("funded", 0), ("draft", 1)}
        held += look(milestone).held
        given_back += sum((refund.amount for refund in refunds_of(milestone)), usd("0.00"))
    assert money().get("held", "0.00") == held.decimal
    assert money().get("refunds", "0.00") == given_back.decimal


def test_the_last_milestones_of_a_contract_end_it_once():
    for _ in range(10):
        milestones = accepted("100.00", "100.00", "100.00", "100.00").milestones
        for milestone in milestones:
            fund(milestone.id)
        first, second, third, fourth = milestones
        results = at_once(
            lambda on=first: accept(on),
            lambda on=second: give_back(on),
            lambda on=third: accept(on),
            lambda on=fourth: give_back(on),
        )
        assert len(succeeded(results)) == 4
        assert look_at_contract(first).state == "completed"
    assert money()["wallet"] == "1800.00"


def _ready(milestone):
    fund(milestone.id)
    # So that there is a refund that can fail.
    give_back(milestone, "10.00")
    submit(milestone)
    return look(milestone)


def _fail_the_refund(milestone):
    refund = next(refund for refund in refunds_of(milestone) if refund.held == usd("10.00"))
    if refund.state == "failed":
        raise ActNotPossible("It failed before.")
    failed = record_refund(refund, refund_answer(refund, RefundState.FAILED))
    assert failed.state == "failed"
    return failed


def _got_through(result):
    # A sweep that finds nothing to do gives nothing.
    return result is not None and not isinstance(result, Exception)


def _check_could_have_happened(milestone, through):
    seen = look(milestone)
    assert seen.released + seen.refunded + seen.held == seen.price
    assert any(_ends_in(order, seen.state) for order in permutations(through)), (through, seen.state)


def _ends_in(order, state):
    now = "submitted"
    for act in order:
        if act == "refund_failed":
            continue
        step = MILESTONE.step(now, act)
        if step is None:
            return False
        now = step.to
    return now == state
