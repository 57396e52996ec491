"""What a client's bank does to a milestone: told in any order and any number of times, it ends the same."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from escrow import chargebacks as escrow_chargebacks
from escrow import states
from escrow.acts import ActNotPossible, NotYourAct
from escrow.chargebacks import PaymentNotBooked, dismiss_warning
from gateways.contract import ChargebackLine, ChargebackState, Rejected
from kernel.ids import new_id
from payments import chargebacks, debts
from payments.collecting import GatewayDisagrees
from payments.refunds import ChargebackUndecided, RefundTooLarge, order_refund
from payments.states import CHARGEBACK
from persistence.unit_of_work import atomically
from tests.books import expect_refusal, nothing_moves
from tests.escrow import story
from tests.escrow.story import charge_back, look, payment_of, told, usd
from tests.threads import together

INQUIRY, TAKEN, WON, LOST = (
    ChargebackState.INQUIRY,
    ChargebackState.NEEDS_RESPONSE,
    ChargebackState.WON,
    ChargebackState.LOST,
)


def _funded():
    return story.funded()


_FROM = {"funded": _funded, "submitted": story.submitted, "disputed": story.disputed}


@pytest.mark.parametrize("state", _FROM)
def test_it_stands_still_from_every_state_and_goes_on_from_there_once_all_came_back(state):
    milestone = _FROM[state]()
    charge_back(milestone, TAKEN, "105.00")
    seen = look(milestone)
    assert (seen.state, seen.held, seen.charged_back) == ("frozen", usd("0.00"), usd("100.00"))
    charge_back(milestone, WON, "105.00")
    assert look(milestone).state == "frozen", "the bank has yet to give it back"
    charge_back(milestone, WON, "105.00", "-105.00")
    seen = look(milestone)
    assert (seen.state, seen.held, seen.charged_back) == (state, usd("100.00"), usd("0.00"))
    assert (told()["milestone.frozen"], told()["milestone.thawed"]) == (1, 1)


@pytest.mark.parametrize("state", _FROM)
def test_when_the_bank_keeps_all_of_it_the_milestone_ends(state):
    milestone = _FROM[state]()
    charge_back(milestone, TAKEN, "105.00")
    charge_back(milestone, LOST, "105.00")
    assert look(milestone).state == "charged_back"
    assert story.money() == {"pending": "101.65", "available": "-105.00", "gateway fees": "3.35"}
    assert told()["contract.completed"] == 1
    assert told()["dispute.overridden"] == (state == "disputed")


def test_every_step_of_freezing_and_thawing_is_in_the_table():
    steps = {act for _, act in states.MILESTONE.table if act.startswith(("freeze", "thaw", "charge"))}
    assert steps == {"freeze", "thaw_to_funded", "thaw_to_submitted", "thaw_to_disputed", "charge_back"}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_told_in_any_order_and_twice_it_ends_the_same(order):
    milestone = story.submitted()
    news = [(INQUIRY, ()), (TAKEN, ("105.00",)), (LOST, ("105.00",))]
    for place in (*order, *order):
        state, lines = news[place]
        charge_back(milestone, state, *lines)
    assert look(milestone).state == "charged_back"
    assert story.money() == {"pending": "101.65", "available": "-105.00", "gateway fees": "3.35"}


def test_told_by_eight_at_once_each_line_is_booked_once():
    milestone = story.submitted()
    seen = together(lambda: charge_back(milestone, TAKEN, "105.00"), 8)
    assert len({each.id for each in seen}) == 1
    assert story.money()["available"] == "-105.00"
    assert told()["chargeback.opened"] == 1


def test_taken_given_back_and_taken_again_on_appeal():
    milestone = story.funded()
    charge_back(milestone, WON, "105.00", "-105.00")
    assert look(milestone).state == "funded"
    charge_back(milestone, ChargebackState.APPEAL_UNDER_REVIEW, "105.00", "-105.00", "105.00")
    assert look(milestone).state == "frozen"
    charge_back(milestone, LOST, "105.00", "-105.00", "105.00")
    assert look(milestone).state == "charged_back"


@pytest.mark.parametrize("before", ["opened", "inquiry", "needs_response", "under_review"])
def test_a_win_and_its_appeal_that_are_heard_of_together_freeze_what_was_won(before):
    milestone = story.funded()
    if before != "opened":
        charge_back(milestone, ChargebackState(before), "105.00")
    seen = charge_back(milestone, ChargebackState.APPEAL_NEEDS_RESPONSE, "105.00", "-105.00")
    assert (seen.state, seen.taken) == ("appeal_needs_response", usd("0.00"))
    assert look(milestone).state == "frozen"
    # Who had asked a little earlier writes a little later.
    charge_back(milestone, ChargebackState.UNDER_REVIEW, "105.00")
    assert look(milestone).state == "frozen"
    charge_back(milestone, WON, "105.00", "-105.00")
    assert look(milestone).state == "funded"


def test_what_comes_back_for_a_milestone_that_has_ended_is_for_a_person_to_decide():
    milestone = story.funded()
    charge_back(milestone, LOST, "105.00")
    with expect_refusal(GatewayDisagrees):
        charge_back(milestone, WON, "105.00", "-105.00")


def test_two_chargebacks_of_one_payment_end_with_the_second():
    milestone = story.submitted()
    charge_back(milestone, TAKEN, "42.00")
    charge_back(milestone, TAKEN, "63.00", gateway_id="du_2")
    charge_back(milestone, LOST, "42.00")
    assert look(milestone).state == "frozen"
    charge_back(milestone, WON, "63.00", "-63.00", gateway_id="du_2")
    seen = look(milestone)
    assert (seen.state, seen.held) == ("submitted", usd("60.00"))


def test_after_a_release_the_worker_owes_what_reached_the_wallet():
    milestone = story.funded()
    story.accept(milestone)
    seen = charge_back(milestone, TAKEN, "105.00")
    assert (seen.borne.worker, seen.borne.worker_fee, seen.borne.client_fee) == (
        usd("90.00"),
        usd("10.00"),
        usd("5.00"),
    )
    assert look(milestone).state == "released"
    assert story.money()["receivable"] == "90.00"


def test_nothing_is_given_back_while_the_bank_takes_it_or_after_it_has():
    milestone = story.funded()
    refund = story.give_back(milestone, "40.00")
    story.record_refund(refund, Rejected("charge_disputed", "No."))
    charge_back(milestone, TAKEN, "63.00")
    assert look(milestone).owed == usd("0.00")
    with expect_refusal(RefundTooLarge):
        story.order_again(refund)
    payment = payment_of(milestone)
    order = {"payment_id": payment.id, "client_fee": usd("0.00"), "by": "us_x", "reason": "No."}
    with expect_refusal(ChargebackUndecided):
        atomically(order_refund, refund_id=new_id("rf"), held=usd("1.00"), **order)
    charge_back(milestone, LOST, "63.00")
    with expect_refusal(RefundTooLarge):
        atomically(order_refund, refund_id=new_id("rf"), held=usd("42.01"), **order)


def test_a_refund_that_fails_after_the_bank_took_the_same_money_makes_up_for_our_loss():
    milestone = story.funded()
    refund = story.give_back(milestone, "40.00")
    seen = charge_back(milestone, TAKEN, "105.00")
    assert seen.borne.lost == usd("42.00")
    story.record_refund(refund, Rejected("charge_disputed", "No."))
    (seen,) = atomically(chargebacks.of_milestone, milestone.id)
    assert (seen.borne.lost, seen.borne.owed) == (usd("0.00"), usd("42.00"))
    assert look(milestone).owed == usd("0.00")
    assert "chargebacks" not in story.money()


def test_news_that_overtake_the_payment_are_told_again_later():
    milestone = story.draft()
    story.checkout(milestone.id)
    with expect_refusal(PaymentNotBooked):
        charge_back(milestone, TAKEN, "105.00")


def test_a_chargeback_in_another_currency_than_was_paid_is_refused():
    milestone = story.funded()
    found = story.chargeback(milestone, TAKEN, "105.00")
    (line,) = found.lines
    other = type(line)(line.line_id, story.Money(9_500, "EUR"), story.Money(0, "EUR"))
    wrong = type(found)(**{name: getattr(found, name) for name in found.__slots__} | {"lines": (other,)})
    with expect_refusal(GatewayDisagrees):
        atomically(
            story.chargebacks.record_chargeback,
            chargeback_id=new_id("cb"),
            payment=payment_of(milestone),
            found=wrong,
        )


def test_what_the_gateway_says_again_moves_nothing():
    milestone = story.submitted()
    charge_back(milestone, TAKEN, "105.00")
    with nothing_moves():
        charge_back(milestone, TAKEN, "105.00")


def test_every_state_of_the_gateways_is_one_of_ours():
    assert {state.value for state in ChargebackState} | {"opened"} == set(CHARGEBACK.states)


def test_a_warning_takes_nothing_and_is_dismissed_by_staff_alone():
    milestone = story.submitted()
    seen = charge_back(milestone, ChargebackState.WARNED)
    assert (look(milestone).state, look(milestone).held) == ("frozen", usd("100.00"))
    with expect_refusal(NotYourAct):
        atomically(dismiss_warning, chargeback_id=seen.id, reason="No.", by=story.WORKER)
    said = {"chargeback_id": seen.id, "reason": "The client was called.", "by": story.FINANCE}
    assert atomically(dismiss_warning, **said).state == "dismissed"
    assert look(milestone).state == "submitted"
    with expect_refusal(ActNotPossible):
        atomically(dismiss_warning, **said)
    charge_back(milestone, ChargebackState.WARNED)
    assert look(milestone).state == "submitted", "what was dismissed stays so"


def test_a_warning_dismissed_while_the_bank_takes_it_back_lets_nothing_go_on():
    milestone = story.submitted()
    seen = charge_back(milestone, ChargebackState.WARNED, gateway_id="issfr_1")
    charge_back(milestone, TAKEN, "105.00")
    atomically(dismiss_warning, chargeback_id=seen.id, reason="Too late.", by=story.FINANCE)
    assert look(milestone).state == "frozen"


def test_what_the_worker_owes_is_forgiven_in_parts_and_not_beyond_it():
    milestone = story.funded()
    story.accept(milestone)
    seen = charge_back(milestone, LOST, "105.00")
    said = {"debt_id": seen.id, "reason": "Not their fault.", "by": story.FINANCE.id}
    assert atomically(debts.forgive, amount=usd("40.00"), **said).outstanding == usd("50.00")
    for wrong in ("50.01", "0.00"):
        with expect_refusal(debts.NotOwed):
            atomically(debts.forgive, amount=usd(wrong), **said)
    assert atomically(debts.forgive, amount=usd("50.00"), **said).outstanding == usd("0.00")
    assert (story.money()["chargebacks"], story.money().get("receivable")) == ("90.00", None)
    charge_back(milestone, WON, "105.00", "-105.00")
    assert "chargebacks" not in story.money(), "what was forgiven is made up for"


def test_a_refund_that_fails_makes_up_for_the_loss_of_two_chargebacks():
    milestone = story.funded()
    refund = story.give_back(milestone)
    charge_back(milestone, LOST, "52.50")
    charge_back(milestone, LOST, "52.50", gateway_id="du_2")
    assert story.money()["chargebacks"] == "105.00"
    story.record_refund(refund, Rejected("charge_disputed", "No."))
    assert "chargebacks" not in story.money()
    assert look(milestone).owed == usd("0.00")


def test_a_bank_that_returns_what_had_been_refunded_before_holds_nothing_again():
    milestone = story.funded()
    refund = story.give_back(milestone, "50.00")
    story.record_refund(refund, story.refund_answer(refund))
    charge_back(milestone, LOST, "105.00")
    charge_back(milestone, LOST, "105.00", "-52.50")
    assert look(milestone).state == "charged_back"
    assert "chargebacks" not in story.money()


def test_fees_may_come_back_alone_and_be_taken_where_money_comes_back():
    milestone = story.funded()
    lines = (
        ChargebackLine("l1", usd("105.00"), usd("15.00")),
        ChargebackLine("l2", usd("-105.00"), usd("15.00")),
        ChargebackLine("l3", usd("0.00"), usd("-15.00")),
        ChargebackLine("l4", usd("0.00"), usd("0.00")),
    )
    found = replace(story.chargeback(milestone, WON), lines=lines)
    atomically(
        story.chargebacks.record_chargeback,
        chargeback_id=new_id("cb"),
        payment=payment_of(milestone),
        found=found,
    )
    assert (look(milestone).state, story.money()["chargeback fees"]) == ("funded", "15.00")


def _told(milestone, state, minute):
    found = replace(story.chargeback(milestone, state), as_of=datetime(2026, 12, 1, 9, minute, tzinfo=UTC))
    known = {"chargeback_id": new_id("cb"), "payment": payment_of(milestone)}
    return atomically(escrow_chargebacks.record_chargeback, **known, found=found).state


def test_a_bank_that_asks_for_more_than_was_answered_is_heard_and_older_news_is_not():
    milestone = _funded()
    asks, thinks = ChargebackState.NEEDS_RESPONSE, ChargebackState.UNDER_REVIEW
    assert _told(milestone, asks, 1) == "needs_response"
    assert _told(milestone, thinks, 2) == "under_review"
    # Asked for before the answer, and written down after it.
    assert _told(milestone, asks, 1) == "under_review"
    assert _told(milestone, asks, 3) == "needs_response"
    assert told()["chargeback.asked_again"] == 1
    assert _told(milestone, thinks, 2) == "needs_response"
    assert _told(milestone, ChargebackState.WON, 4) == "won"
