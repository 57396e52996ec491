from __future__ import annotations

import pytest

from escrow import refunds
from escrow.acts import ActNotPossible, NotYourAct
from escrow.fees import FeeSchedule
from escrow.release import AmountNotHeld, AmountNotPositive, OtherCurrency
from gateways.contract import Busy, RefundState, Rejected, Unknown
from kernel.ids import new_id
from kernel.money import Money
from payments.collecting import GatewayDisagrees
from payments.refunds import RefundNotFound
from persistence.unit_of_work import atomically
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    ADMIN,
    CLIENT,
    FINANCE,
    OTHER_CLIENT,
    OTHER_WORKER,
    WORKER,
    accept,
    accepted,
    agree,
    ask_back,
    close,
    dispute,
    draft,
    fund,
    funded,
    give_back,
    look,
    look_at_contract,
    money,
    order_again,
    payment_of,
    record_refund,
    refund_answer,
    refunds_of,
    request_changes,
    requests_of,
    settle,
    submit,
    time_is_up,
    told,
    told_last,
    usd,
)
from tests.threads import at_once, succeeded, together

_FUNDED = {"pending": "101.65", "held": "100.00", "client fees": "5.00", "gateway fees": "3.35"}
_ORDERED = {"pending": "101.65", "refunds": "105.00", "gateway fees": "3.35"}
_OWED = {"pending": "101.65", "owed": "105.00", "gateway fees": "3.35"}
# All went back; what the gateway kept of the payment is our loss.
_RETURNED = {"pending": "101.65", "available": "-105.00", "gateway fees": "3.35"}


def test_a_refund_gives_the_price_back_with_our_fee():
    milestone = funded()
    refund = give_back(milestone)
    assert (refund.held, refund.client_fee, refund.amount) == (usd("100.00"), usd("5.00"), usd("105.00"))
    assert money() == _ORDERED
    seen = look(milestone)
    assert (seen.state, seen.held, seen.refunded, seen.client_fee_returned) == (
        "refunded",
        usd("0.00"),
        usd("100.00"),
        usd("5.00"),
    )
    assert record_refund(refund, refund_answer(refund)).state == "succeeded"
    assert money() == _RETURNED
    assert payment_of(milestone).refunded == usd("105.00")


def test_parts_give_back_the_whole_fee_with_the_last_cent():
    milestone = funded("10.00")
    fees = [give_back(milestone, part).client_fee.decimal for part in ("3.33", "3.33", "3.33")]
    assert fees == ["0.16", "0.17", "0.16"]
    assert look(milestone).state == "funded"
    assert give_back(milestone).client_fee == usd("0.01")
    assert look(milestone).client_fee_returned == usd("0.50")
    assert money()["refunds"] == "10.50"


def test_the_fee_on_what_was_paid_to_the_worker_stays_ours():
    milestone = funded()
    accept(milestone, "60.00")
    refund = give_back(milestone)
    assert (refund.held, refund.client_fee) == (usd("40.00"), usd("2.00"))
    assert look(milestone).state == "refunded"
    assert money() == {
        "pending": "101.65",
        "wallet": "54.00",
        "refunds": "42.00",
        "client fees": "3.00",
        "worker fees": "6.00",
        "gateway fees": "3.35",
    }


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (usd("100.01"), AmountNotHeld),
        (usd("0.00"), AmountNotPositive),
        (usd("-0.01"), AmountNotPositive),
        (Money(1, "EUR"), OtherCurrency),
    ],
)
def test_only_a_part_of_what_is_held_goes_back(amount, refusal):
    milestone = funded()
    with expect_refusal(refusal) as caught:
        _give_back(milestone, amount)
    assert caught.value.field == "amount"


def test_what_was_released_does_not_go_back():
    milestone = funded()
    accept(milestone, "60.00")
    with expect_refusal(AmountNotHeld):
        give_back(milestone, "40.01")


def test_a_second_refund_of_everything_is_refused():
    milestone = funded()
    give_back(milestone)
    with expect_refusal(ActNotPossible):
        give_back(milestone)
    assert money() == _ORDERED


def test_parallel_refunds_never_give_back_more_than_is_held():
    milestone = funded()
    results = at_once(*[lambda: give_back(milestone, "30.00")] * 6)
    assert len(succeeded(results)) == 3
    assert (money()["held"], money()["refunds"]) == ("10.00", "94.50")


def test_parallel_refund_and_release_share_what_is_held():
    milestone = funded()
    at_once(*[lambda: give_back(milestone, "30.00"), lambda: accept(milestone, "30.00")] * 3)
    assert look(milestone).held == usd("10.00")
    assert look(milestone).released + look(milestone).refunded == usd("90.00")


# --- what the gateway says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        ["pending", "succeeded"],
        ["succeeded", "pending", "succeeded"],
        ["succeeded", "succeeded"],
        ["pending", "pending", "succeeded", "pending"],
    ],
)
def test_in_whatever_order_the_gateway_says_it_the_refund_is_confirmed_once(said):
    refund = give_back(funded())
    for state in said:
        record_refund(refund, refund_answer(refund, RefundState(state)))
    assert money() == _RETURNED
    assert told()["refund.succeeded"] == 1


def test_a_refund_confirmed_by_twenty_at_once_is_booked_once():
    refund = give_back(funded())
    together(lambda: record_refund(refund, refund_answer(refund)), people=20)
    assert money() == _RETURNED


def test_a_refund_that_waits_says_for_what():
    refund = give_back(funded())
    waiting = record_refund(refund, refund_answer(refund, RefundState.PENDING))
    assert (waiting.state, waiting.waits_for) == ("pending", "charge_pending")
    assert money() == _ORDERED


def test_a_refund_whose_answer_was_lost_is_unknown_until_the_gateway_is_asked():
    refund = give_back(funded())
    assert record_refund(refund, Unknown("no answer")).state == "unknown"
    assert money() == _ORDERED
    record_refund(refund, refund_answer(refund))
    assert money() == _RETURNED


def test_a_refund_that_was_put_off_stays_ordered():
    refund = give_back(funded())
    for later in (Busy(2), Rejected("balance_insufficient", "Later.", temporary=True)):
        assert record_refund(refund, later).state == "ordered"
    assert money() == _ORDERED
    record_refund(refund, refund_answer(refund))
    assert money() == _RETURNED


@pytest.mark.parametrize("said", [Unknown("no answer"), Busy(2), Rejected("charge_already_refunded", "No.")])
def test_nothing_the_gateway_says_of_another_try_undoes_a_confirmed_refund(said):
    refund = give_back(funded())
    record_refund(refund, refund_answer(refund))
    with nothing_moves():
        record_refund(refund, said)


def test_a_refund_over_another_amount_is_refused_and_not_booked():
    refund = give_back(funded())
    for amount in (usd("104.99"), usd("105.01"), Money(10_500, "EUR")):
        with expect_refusal(GatewayDisagrees):
            record_refund(refund, refund_answer(refund, amount=amount))
    assert money() == _ORDERED


@pytest.mark.parametrize("state", [RefundState.PENDING, RefundState.SUCCEEDED])
def test_a_refund_that_was_refused_ordered_again_and_is_there_all_the_same_is_left_to_a_person(state):
    refund = give_back(funded())
    record_refund(refund, Rejected("charge_disputed", "No."))
    again = order_again(refund)
    record_refund(again, refund_answer(again))
    with expect_refusal(GatewayDisagrees):
        record_refund(refund, refund_answer(refund, state))


def test_another_refunds_answer_is_refused():
    milestone = funded()
    first, second = give_back(milestone, "50.00"), give_back(milestone)
    with expect_refusal(GatewayDisagrees):
        record_refund(first, refund_answer(second))
    record_refund(first, refund_answer(first))
    with expect_refusal(GatewayDisagrees):
        record_refund(first, refund_answer(second))


def test_an_answer_for_a_refund_that_is_not_there_is_refused():
    refund = give_back(funded())
    with expect_refusal(RefundNotFound):
        atomically(refunds.record_refund, refund_id=new_id("rf"), outcome=refund_answer(refund))


# --- refunds that fail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [["failed"], ["pending", "failed"], ["canceled"], ["pending", "canceled"]])
def test_a_refund_that_fails_before_it_was_confirmed_is_owed_to_the_client(path):
    milestone = funded()
    refund = give_back(milestone)
    for state in path:
        failed = record_refund(refund, refund_answer(refund, RefundState(state)))
    assert failed.state == "failed"
    assert money() == _OWED
    seen = look(milestone)
    assert (seen.state, seen.held, seen.refunded, seen.client_fee_returned, seen.owed) == (
        "refunded",
        usd("0.00"),
        usd("100.00"),
        usd("5.00"),
        usd("105.00"),
    )
    assert (look_at_contract(milestone).state, payment_of(milestone).refunded) == ("completed", usd("0.00"))


def test_a_refund_the_gateway_refuses_is_owed_to_the_client():
    milestone = funded()
    refund = give_back(milestone)
    failed = record_refund(refund, Rejected("charge_disputed", "No."))
    assert (failed.state, failed.failure_reason) == ("failed", "charge_disputed")
    assert money() == _OWED


def test_a_refund_that_comes_back_weeks_after_it_was_confirmed_is_owed_to_the_client(clock):
    milestone = funded()
    refund = give_back(milestone)
    record_refund(refund, refund_answer(refund))
    clock.advance(days=25)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    assert money() == _OWED
    assert (look(milestone).state, look_at_contract(milestone).state) == ("refunded", "completed")
    assert told_last("milestone.refund_failed")["reason"] == "lost_or_stolen_card"


def test_a_failure_said_five_times_is_owed_once():
    milestone = funded()
    refund = give_back(milestone, "40.00")
    record_refund(refund, refund_answer(refund))
    for _ in range(5):
        record_refund(refund, refund_answer(refund, RefundState.FAILED))
    assert (money()["owed"], money()["held"], look(milestone).owed) == ("42.00", "60.00", usd("42.00"))
    with nothing_moves():
        record_refund(refund, Rejected("charge_disputed", "No."))


def test_a_failed_refund_is_not_confirmed_afterwards():
    milestone = funded()
    refund = give_back(milestone)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    before = money()
    record_refund(refund, refund_answer(refund))
    assert money() == before == _OWED
    assert refunds_of(milestone)[0].state == "failed"


@pytest.mark.parametrize("by", [CLIENT, FINANCE, ADMIN])
def test_what_came_back_is_sent_again_by_the_client_or_by_staff(by):
    milestone = funded()
    first = give_back(milestone)
    record_refund(first, refund_answer(first, RefundState.FAILED))
    again = order_again(first, by=by)
    assert (again.held, again.client_fee, again.reason) == (usd("100.00"), usd("5.00"), "Not my trade.")
    assert (again.id != first.id, money(), look(milestone).owed) == (True, _ORDERED, usd("0.00"))
    record_refund(again, refund_answer(again))
    assert money() == _RETURNED
    assert [refund.state for refund in refunds_of(milestone)] == ["repeated", "succeeded"]
    assert payment_of(milestone).refunded == usd("105.00")


def test_what_came_back_twice_is_sent_a_third_time():
    milestone = funded()
    refund = give_back(milestone, "40.00")
    for _ in range(2):
        record_refund(refund, refund_answer(refund, RefundState.FAILED))
        refund = order_again(refund)
    assert (money()["held"], money()["refunds"], look(milestone).owed) == ("60.00", "42.00", usd("0.00"))
    assert [one.state for one in refunds_of(milestone)] == ["repeated", "repeated", "ordered"]


def test_the_worker_does_not_order_it_again_nor_does_a_stranger():
    milestone = funded()
    refund = give_back(milestone)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    for by, refusal in ((WORKER, NotYourAct), (OTHER_CLIENT, RefundNotFound), (OTHER_WORKER, RefundNotFound)):
        with expect_refusal(refusal):
            order_again(refund, by=by)


def test_only_what_came_back_is_ordered_again_and_only_once():
    milestone = funded()
    refund = give_back(milestone)
    with expect_refusal(ActNotPossible):
        order_again(refund)
    record_refund(refund, refund_answer(refund))
    with expect_refusal(ActNotPossible):
        order_again(refund)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    results = at_once(*[lambda: order_again(refund)] * 5)
    assert (len(succeeded(results)), money()) == (1, _ORDERED)
    with expect_refusal(RefundNotFound):
        atomically(refunds.order_refund_again, refund_id=new_id("rf"), again_id=new_id("rf"), by=CLIENT)


def test_late_news_of_a_refund_that_was_ordered_again_moves_nothing():
    refund = give_back(funded())
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    order_again(refund)
    for late in (refund_answer(refund, RefundState.FAILED), refund_answer(refund), Unknown("no answer")):
        assert record_refund(refund, late).state == "repeated"
        assert money() == _ORDERED


def test_what_came_back_while_work_is_looked_at_is_not_reached_by_the_clock(clock):
    milestone = funded()
    refund = give_back(milestone, "40.00")
    submission = submit(milestone)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    assert (look(milestone).held, look(milestone).deadline_at) == (usd("60.00"), submission.deadline_at)
    clock.advance(hours=73)
    assert time_is_up(submission.id).released == usd("60.00")
    assert (money()["wallet"], money()["worker fees"], money()["owed"]) == ("54.00", "6.00", "42.00")


def test_what_came_back_is_not_reached_by_releasing_a_part_or_all():
    milestone = funded()
    refund = give_back(milestone, "40.00")
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    with expect_refusal(AmountNotHeld):
        accept(milestone, "60.01")
    accept(milestone, "10.00")
    accept(milestone)
    assert (look(milestone).state, look(milestone).released) == ("released", usd("60.00"))
    assert (money()["wallet"], money()["owed"]) == ("54.00", "42.00")


def test_what_a_mediator_gave_the_client_and_came_back_is_not_reached_by_a_new_submission():
    milestone = funded()
    submit(milestone)
    dispute(milestone)
    settle(milestone, "0.00")
    (refund,) = refunds_of(milestone)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    with expect_refusal(ActNotPossible):
        submit(milestone)
    assert (look(milestone).state, money()["owed"]) == ("refunded", "105.00")


@pytest.mark.parametrize("side", [CLIENT, WORKER])
def test_what_came_back_during_a_dispute_is_not_decided_about_again(side):
    milestone = funded()
    refund = give_back(milestone, "40.00")
    dispute(milestone, by=side)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    assert (look(milestone).state, look(milestone).held) == ("disputed", usd("60.00"))
    settle(milestone, "30.00")
    assert (money()["wallet"], money()["refunds"], money()["owed"]) == ("27.00", "31.50", "42.00")


def test_with_what_came_back_the_fee_goes_back_with_the_last_cent_all_the_same():
    milestone = funded("1.00")
    first, second = give_back(milestone, "0.19"), give_back(milestone, "0.21")
    assert (first.client_fee, second.client_fee) == (usd("0.00"), usd("0.02"))
    record_refund(first, refund_answer(first, RefundState.FAILED))
    assert give_back(milestone).client_fee == usd("0.03")
    assert look(milestone).client_fee_returned == usd("0.05")
    assert (money()["refunds"], money()["owed"]) == ("0.86", "0.19")


def test_refunds_of_a_milestone_without_fees_give_back_the_price_alone():
    milestone = draft(fees=FeeSchedule(0, 0))
    fund(milestone.id, fee="0.00")
    assert give_back(milestone, "30.00").amount == usd("30.00")
    assert money() == {"pending": "100.00", "held": "70.00", "refunds": "30.00"}


def test_one_milestones_refund_leaves_the_other_alone():
    first, second = accepted("100.00", "50.00").milestones
    fund(first.id)
    fund(second.id)
    give_back(first)
    assert (look(first).held, look(second).held) == (usd("0.00"), usd("50.00"))
    assert look_at_contract(first).state == "active"


# --- asking for it ----------------------------------------------------------------------------------------------------


def test_asking_moves_nothing_and_agreeing_gives_back_what_was_asked_for():
    milestone = funded()
    request = ask_back(milestone, "40.00")
    assert (request.state, request.amount, money()) == ("open", usd("40.00"), _FUNDED)
    refund = agree(request)
    assert (refund.held, refund.client_fee, refund.reason) == (usd("40.00"), usd("2.00"), "Too late.")
    assert (look(milestone).state, look(milestone).held) == ("funded", usd("60.00"))
    assert [one.state for one in requests_of(milestone)] == ["agreed"]


def test_asking_for_everything_and_agreeing_ends_the_milestone():
    milestone = funded()
    agree(ask_back(milestone))
    assert (look(milestone).state, money()) == ("refunded", _ORDERED)


@pytest.mark.parametrize(
    ("act", "by", "state"), [("decline", WORKER, "declined"), ("withdraw", CLIENT, "withdrawn")]
)
def test_a_request_that_is_closed_leaves_the_money_held_and_may_be_made_again(act, by, state):
    milestone = funded()
    closed = close(ask_back(milestone), act, by=by)
    assert (closed.state, closed.answered_at is not None, money()) == (state, True, _FUNDED)
    with expect_refusal(ActNotPossible):
        agree(closed)
    agree(ask_back(milestone))
    assert money() == _ORDERED


def test_one_request_is_open_at_a_time():
    milestone = funded()
    ask_back(milestone, "10.00")
    with expect_refusal(ActNotPossible):
        ask_back(milestone, "10.00")


def test_ten_requests_at_once_are_one():
    milestone = funded()
    results = at_once(*[lambda: ask_back(milestone, "10.00")] * 10)
    assert len(succeeded(results)) == 1
    assert len(requests_of(milestone)) == 1


def test_ten_answers_at_once_give_back_once():
    milestone = funded()
    request = ask_back(milestone, "10.00")
    results = at_once(*[lambda: agree(request), lambda: close(request, "decline", by=WORKER)] * 5)
    assert len(succeeded(results)) == 1
    (state,) = [one.state for one in requests_of(milestone)]
    assert money().get("refunds") == {"agreed": "10.50", "declined": None}[state]


@pytest.mark.parametrize("amount", ["100.01", "0.00"])
def test_only_a_part_of_what_is_held_can_be_asked_for(amount):
    milestone = funded()
    with expect_refusal(AmountNotHeld if amount == "100.01" else AmountNotPositive):
        ask_back(milestone, amount)


def test_less_than_was_asked_for_is_given_when_less_is_held_by_then():
    milestone = funded()
    request = ask_back(milestone, "80.00")
    accept(milestone, "60.00")
    refund = agree(request)
    assert (refund.held, look(milestone).state) == (usd("40.00"), "refunded")


def test_a_worker_who_gives_back_less_of_their_own_accord_has_not_answered():
    milestone = funded()
    request = ask_back(milestone, "50.00")
    give_back(milestone, "0.01")
    assert [one.state for one in requests_of(milestone)] == ["open"]
    agree(request)
    assert (look(milestone).held, [one.state for one in requests_of(milestone)]) == (usd("49.99"), ["agreed"])


@pytest.mark.parametrize("amount", ["50.00", "60.00", None])
def test_a_worker_who_gives_back_as_much_of_their_own_accord_has_answered(amount):
    milestone = funded()
    ask_back(milestone, "50.00")
    give_back(milestone, amount)
    assert [one.state for one in requests_of(milestone)] == ["agreed"]


def test_a_request_is_not_agreed_to_while_the_work_is_looked_at_or_disputed():
    milestone = funded()
    request = ask_back(milestone, "40.00")
    submit(milestone)
    with expect_refusal(ActNotPossible):
        agree(request)
    with expect_refusal(ActNotPossible):
        ask_back(milestone, "10.00")
    dispute(milestone)
    with expect_refusal(ActNotPossible):
        agree(request)
    assert close(request, "withdraw", by=CLIENT).state == "withdrawn"


def test_a_request_can_be_agreed_to_once_changes_were_asked_for():
    milestone = funded()
    request = ask_back(milestone, "40.00")
    submit(milestone)
    request_changes(milestone)
    agree(request)
    assert money()["refunds"] == "42.00"


def _give_back(milestone, amount):
    return atomically(
        refunds.refund,
        milestone_id=milestone.id,
        refund_id=new_id("rf"),
        amount=amount,
        reason="Not my trade.",
        by=WORKER,
    )
