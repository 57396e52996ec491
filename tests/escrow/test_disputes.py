from __future__ import annotations

import pytest

from escrow import contracts, disputes, queries
from escrow.acts import ActNotPossible, NotYourAct
from escrow.disputes import SplitDoesNotAddUp
from gateways.contract import RefundState
from identity.actors import Actor
from identity.permissions import Role
from kernel.ids import new_id
from kernel.money import Money
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    CLIENT,
    MEDIATOR,
    WORKER,
    accept,
    agree,
    ask_back,
    dispute,
    disputed,
    funded,
    give_back,
    look,
    look_at_contract,
    money,
    order_again,
    record_refund,
    refund_answer,
    refunds_of,
    request_changes,
    settle,
    submit,
    submitted,
    time_is_up,
    told,
    usd,
)
from tests.threads import at_once, succeeded


@pytest.mark.parametrize("side", [CLIENT, WORKER])
@pytest.mark.parametrize("milestone", [funded, submitted])
def test_a_dispute_stops_everything_and_moves_nothing(milestone, side):
    stopped = milestone()
    opened = dispute(stopped, by=side)
    assert (opened.state, opened.opened_by) == ("opened", side.id)
    seen = look(stopped)
    assert (seen.state, seen.held, seen.deadline_at) == ("disputed", usd("100.00"), None)
    for act in (accept, give_back, request_changes, submit, dispute):
        by = WORKER if act in (give_back, submit) else CLIENT
        with expect_refusal(ActNotPossible) as caught:
            act(stopped, by=by)
        assert caught.value.details["state"] == "disputed"


def test_the_worker_gets_it_all():
    milestone = disputed()
    settled = settle(milestone, "100.00")
    assert (settled.state, settled.to_worker, settled.to_client) == ("settled", usd("100.00"), usd("0.00"))
    assert money() == {
        "pending": "101.65",
        "wallet": "90.00",
        "client fees": "5.00",
        "worker fees": "10.00",
        "gateway fees": "3.35",
    }
    assert (look(milestone).state, refunds_of(milestone)) == ("released", [])


def test_the_client_gets_it_all():
    milestone = disputed()
    settled = settle(milestone, "0.00")
    assert (settled.to_worker, settled.to_client) == (usd("0.00"), usd("100.00"))
    assert money() == {"pending": "101.65", "refunds": "105.00", "gateway fees": "3.35"}
    assert look(milestone).state == "refunded"
    assert reading(queries.releases, milestone.id) == ()


def test_both_get_their_part_and_our_fees_follow_the_parts():
    milestone = disputed()
    settle(milestone, "33.33")
    assert money() == {
        "pending": "101.65",
        # 33.33 less 3.33.
        "wallet": "30.00",
        # 66.67 and two thirds of our fee, rounded down.
        "refunds": "70.00",
        "client fees": "1.67",
        "worker fees": "3.33",
        "gateway fees": "3.35",
    }
    assert (look(milestone).state, look_at_contract(milestone).state) == ("split", "completed")
    assert reading(queries.releases, milestone.id)[0].cause == "settlement"
    assert refunds_of(milestone)[0].reason == "settlement"


@pytest.mark.parametrize("to_worker", ["0.01", "99.99"])
def test_a_cent_is_a_part_too(to_worker):
    milestone = disputed()
    settle(milestone, to_worker)
    seen = look(milestone)
    assert (seen.state, seen.released, seen.refunded) == (
        "split",
        usd(to_worker),
        usd("100.00") - usd(to_worker),
    )


def test_only_what_is_still_held_is_decided():
    milestone = funded()
    accept(milestone, "20.00")
    give_back(milestone, "30.00")
    dispute(milestone)
    with expect_refusal(SplitDoesNotAddUp):
        settle(milestone, "50.01")
    settled = settle(milestone, "25.00")
    assert (settled.to_worker, settled.to_client) == (usd("25.00"), usd("25.00"))
    seen = look(milestone)
    assert (seen.released, seen.refunded, seen.worker_fee) == (usd("45.00"), usd("55.00"), usd("4.50"))


@pytest.mark.parametrize("part", [usd("100.01"), usd("-0.01"), Money(5_000, "EUR"), Money(0, "EUR")])
def test_each_part_must_be_a_part_of_what_is_held(part):
    milestone = disputed()
    for parts, field in (((part, usd("0.00")), "to_worker"), ((usd("0.00"), part), "to_client")):
        with expect_refusal(SplitDoesNotAddUp) as caught:
            _settle(milestone, *parts, MEDIATOR)
        assert caught.value.field == field


@pytest.mark.parametrize("to_client", ["0.00", "59.99", "60.01"])
def test_the_parts_must_be_what_is_held_together(to_client):
    milestone = disputed()
    with expect_refusal(SplitDoesNotAddUp) as caught:
        _settle(milestone, usd("40.00"), usd(to_client), MEDIATOR)
    assert caught.value.field == "to_client"


def test_the_decision_is_kept_with_its_reason_and_who_made_it():
    milestone = disputed()
    settle(milestone, "40.00")
    (seen,) = reading(queries.disputes, look(milestone))
    assert (seen.state, seen.decision, seen.reason) == ("settled", "Half of it works.", "It does not work.")
    assert (seen.to_worker, seen.to_client) == (usd("40.00"), usd("60.00"))
    assert seen.settled_at is not None


@pytest.mark.parametrize("side", [CLIENT, WORKER])
def test_a_party_who_is_also_a_mediator_does_not_decide_their_own_case(side):
    milestone = disputed()
    both = Actor(side.id, side.roles | {Role.MEDIATOR})
    for to_worker in ("0.00", "40.00", "100.00"):
        with expect_refusal(NotYourAct):
            settle(milestone, to_worker, by=both)


def test_a_settled_dispute_is_not_settled_again():
    milestone = disputed()
    settle(milestone, "40.00")
    for to_worker in ("0.00", "40.00", "60.00"):
        with expect_refusal(ActNotPossible):
            settle(milestone, to_worker)


def test_ten_decisions_at_once_are_one():
    milestone = disputed()
    results = at_once(*[lambda: settle(milestone, "0.00"), lambda: settle(milestone, "100.00")] * 5)
    assert len(succeeded(results)) == 1
    assert told()["milestone.settled"] == 1
    assert look(milestone).state in {"released", "refunded"}


def test_ten_disputes_at_once_are_one():
    milestone = submitted()
    results = at_once(*[lambda: dispute(milestone)] * 10)
    assert len(succeeded(results)) == 1
    assert len(reading(queries.disputes, look(milestone))) == 1


def test_a_window_that_ends_during_a_dispute_pays_nobody(clock):
    milestone = disputed()
    clock.advance(days=30)
    with nothing_moves():
        assert time_is_up(milestone.submission_id) is None


def test_a_contract_in_dispute_is_not_ended():
    milestone = disputed()
    with expect_refusal(contracts.MoneyStillHeld):
        atomically(contracts.cancel_contract, contract_id=milestone.contract_id, by=CLIENT)


def test_the_clients_part_that_comes_back_stays_the_clients():
    milestone = disputed()
    settle(milestone, "40.00")
    (refund,) = refunds_of(milestone)
    record_refund(refund, refund_answer(refund))
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    with expect_refusal(ActNotPossible):
        dispute(milestone, by=WORKER)
    assert (look(milestone).state, money()["wallet"], money()["owed"]) == ("split", "36.00", "63.00")
    order_again(refund)
    assert (money()["wallet"], money()["refunds"]) == ("36.00", "63.00")


def test_an_open_request_does_not_outlive_the_decision():
    milestone = funded()
    request = ask_back(milestone, "40.00")
    dispute(milestone)
    settle(milestone, "0.00")
    with expect_refusal(ActNotPossible):
        agree(request)


def _settle(milestone, to_worker, to_client, by):
    return atomically(
        disputes.settle_dispute,
        milestone_id=milestone.id,
        to_worker=to_worker,
        to_client=to_client,
        release_id=new_id("rl"),
        refund_id=new_id("rf"),
        decision="So be it.",
        by=by,
    )
