from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sqlalchemy import select

from escrow import contracts, funding
from escrow.acts import ActNotPossible, MilestoneNotFound, NotYourAct
from escrow.fees import FeeSchedule
from gateways.contract import Busy, PaymentState, RefundState, Rejected, Unknown
from kernel.ids import new_id
from kernel.money import Money
from payments import sending
from payments.collecting import GatewayDisagrees, PaymentNotFound, find_payment
from payments.sending import SheetEnded
from payments.tables import Customer
from persistence import due
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    CLIENT,
    MEDIATOR,
    OTHER_CLIENT,
    WORKER,
    accept,
    accepted,
    answer,
    checkout,
    draft,
    fund,
    funded,
    give_back,
    look,
    money,
    now,
    offered,
    order_again,
    payment_of,
    record,
    record_refund,
    refund_answer,
    refunds_of,
    told,
    usd,
)
from tests.threads import at_once, together

_FUNDED = {"pending": "101.65", "held": "100.00", "client fees": "5.00", "gateway fees": "3.35"}
_DECLINED = Rejected("card_declined", "Your card was declined.")
_LOST = Unknown("no answer")
_AT_ADYEN = new_id("cu")
_A_MOMENT = timedelta(minutes=1)


def test_a_client_pays_price_and_fee_and_the_price_is_held():
    milestone = draft()
    payment = checkout(milestone.id)
    assert (payment.price, payment.client_fee, payment.charged) == (usd("100.00"), usd("5.00"), usd("105.00"))
    assert money() == {}
    paid = record(payment, answer(payment))
    assert money() == _FUNDED
    assert (paid.state, paid.gateway_fee, paid.card_brand, paid.card_last4) == (
        "succeeded",
        usd("3.35"),
        "visa",
        "4242",
    )
    seen = look(milestone)
    assert (seen.state, seen.held, seen.funded_at is not None) == ("funded", usd("100.00"), True)


def test_without_fees_the_price_alone_is_paid_and_held():
    milestone = draft(fees=FeeSchedule(0, 0))
    fund(milestone.id, fee="0.00")
    assert money() == {"pending": "100.00", "held": "100.00"}


def test_an_amount_without_decimals_is_held_as_it_is():
    milestone = accepted("5000", currency="JPY").milestones[0]
    fund(milestone.id, fee="180")
    assert money() == {"pending": "5070", "held": "5000", "client fees": "250", "gateway fees": "180"}


def test_two_clicks_are_one_payment():
    milestone = draft()
    payments = together(lambda: checkout(milestone.id), people=2)
    assert payments[0] == payments[1]
    assert told()["milestone.funding"] == 1


def test_sixteen_clicks_are_one_payment():
    milestone = draft()
    assert len({payment.id for payment in together(lambda: checkout(milestone.id), people=16)}) == 1


def test_two_milestones_are_paid_for_side_by_side():
    first, second = accepted("100.00", "50.00").milestones
    payments = at_once(lambda: checkout(first.id), lambda: checkout(second.id))
    for payment in payments:
        record(payment, answer(payment))
    assert money()["held"] == "150.00"


def test_a_milestone_is_not_funded_before_the_worker_has_accepted():
    milestone = offered("100.00").milestones[0]
    with expect_refusal(ActNotPossible) as caught:
        checkout(milestone.id)
    assert caught.value.details == {"state": "offered"}


def test_a_milestone_of_a_cancelled_contract_is_not_funded():
    milestone = draft()
    atomically(contracts.cancel_contract, contract_id=milestone.contract_id, by=CLIENT)
    with expect_refusal(ActNotPossible):
        checkout(milestone.id)


@pytest.mark.parametrize("somebody", [WORKER, MEDIATOR])
def test_nobody_but_the_client_pays(somebody):
    milestone = draft()
    with expect_refusal(NotYourAct):
        checkout(milestone.id, by=somebody)
    checkout(milestone.id)
    with expect_refusal(NotYourAct):
        checkout(milestone.id, by=somebody)


def test_a_stranger_finds_nothing_to_pay():
    milestone = draft()
    with expect_refusal(MilestoneNotFound):
        checkout(milestone.id, by=OTHER_CLIENT)


def test_what_is_held_is_not_paid_again():
    milestone = funded()
    with expect_refusal(ActNotPossible):
        checkout(milestone.id)


# --- what the gateway says --------------------------------------------------------------------------------------------


def test_a_success_said_five_times_is_booked_once():
    milestone = draft()
    payment = checkout(milestone.id)
    for _ in range(5):
        record(payment, answer(payment))
    assert money() == _FUNDED
    assert (told()["payment.succeeded"], told()["milestone.funded"]) == (1, 1)


def test_a_success_said_by_twenty_at_once_is_booked_once():
    payment = checkout(draft().id)
    together(lambda: record(payment, answer(payment)), people=20)
    assert money() == _FUNDED
    assert told()["milestone.funded"] == 1


@pytest.mark.parametrize(
    "said",
    [
        ["needs_method", "needs_action", "processing", "succeeded"],
        ["succeeded", "processing", "needs_action", "needs_method"],
        ["processing", "succeeded", "canceled"],
        ["succeeded", "canceled", "succeeded"],
        ["needs_action", "succeeded", "needs_action"],
    ],
)
def test_in_whatever_order_the_gateway_says_it_the_money_is_held_once(said):
    milestone = draft()
    payment = checkout(milestone.id)
    for state in said:
        record(payment, answer(payment, PaymentState(state)))
    assert money() == _FUNDED
    assert look(milestone).state == "funded"
    assert (payment_of(milestone).state, payment_of(milestone).gateway_state) == ("succeeded", "succeeded")


@pytest.mark.parametrize(
    "ours", [_LOST, _DECLINED, Busy(2), Rejected("processing_error", "Later.", temporary=True)]
)
def test_an_event_that_overtakes_our_own_answer_is_what_counts(ours):
    milestone = draft()
    payment = checkout(milestone.id)
    record(payment, answer(payment))
    with nothing_moves():
        record(payment, ours)
    assert money() == _FUNDED


def test_an_answer_that_was_lost_is_unknown_until_the_gateway_is_asked():
    milestone = draft()
    payment = checkout(milestone.id)
    assert record(payment, _LOST).state == "unknown"
    assert look(milestone).state == "funding"
    assert money() == {}
    record(payment, answer(payment))
    assert money() == _FUNDED


def test_a_payment_whose_answer_was_lost_is_still_the_one_that_is_paid():
    milestone = draft()
    payment = checkout(milestone.id)
    record(payment, _LOST)
    assert checkout(milestone.id).id == payment.id


def test_a_success_whose_charge_is_not_written_yet_waits_for_it():
    milestone = draft()
    payment = checkout(milestone.id)
    record(payment, replace(answer(payment), charge=None))
    assert (money(), look(milestone).state) == ({}, "funding")
    record(payment, answer(payment))
    assert money() == _FUNDED


def test_a_refused_order_frees_the_milestone_for_another_try():
    milestone = draft()
    payment = checkout(milestone.id)
    refused = record(payment, _DECLINED)
    assert (refused.state, refused.decline_code) == ("canceled", "card_declined")
    assert (look(milestone).state, money()) == ("draft", {})
    again = checkout(milestone.id)
    assert again.id != payment.id
    record(again, answer(again))
    assert money() == _FUNDED


@pytest.mark.parametrize(
    "later", [Busy(2), Rejected("credentials_refused", "Not available.", temporary=True)]
)
def test_an_order_that_was_only_put_off_is_kept(later):
    milestone = draft()
    payment = checkout(milestone.id)
    assert record(payment, later).state == "ordered"
    assert checkout(milestone.id).id == payment.id


def test_a_declined_card_leaves_the_payment_open_for_another_card():
    milestone = draft()
    payment = checkout(milestone.id)
    declined = replace(answer(payment, PaymentState.NEEDS_METHOD), decline_code="insufficient_funds")
    assert record(payment, declined).decline_code == "insufficient_funds"
    assert checkout(milestone.id).id == payment.id
    with nothing_moves():
        # A refusal of something else asked about it does not end it.
        record(payment, _DECLINED)


def test_the_gateways_success_counts_for_a_payment_known_by_its_id_only():
    payment = checkout(draft().id)
    record(payment, answer(payment, PaymentState.PROCESSING))
    found = reading(find_payment, payment_id=None, gateway_id=f"pi_{payment.id}", gateway="stripe")
    assert found is not None
    assert found.id == payment.id
    assert reading(find_payment, payment_id=None, gateway_id="pi_of_somebody_else", gateway="stripe") is None


def test_what_is_said_of_a_payment_that_is_not_ours_is_refused():
    payment = checkout(draft().id)
    with expect_refusal(PaymentNotFound):
        record(replace(payment, id=new_id("py")), answer(payment))


# --- what the gateway must not say ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "amount", [usd("104.99"), usd("105.01"), usd("100.00"), Money(10_500, "EUR"), Money(105, "JPY")]
)
@pytest.mark.parametrize("state", [PaymentState.SUCCEEDED, PaymentState.PROCESSING])
def test_a_payment_over_another_amount_is_refused_and_not_booked(amount, state):
    payment = checkout(draft().id)
    with expect_refusal(GatewayDisagrees):
        record(payment, replace(answer(payment, state), amount=amount))


def test_d2_a_charge_over_another_amount_than_its_payment_is_refused():
    payment = checkout(draft().id)
    said = answer(payment)
    half = replace(said.charge, amount=usd("50.00"))
    with expect_refusal(GatewayDisagrees):
        record(payment, replace(said, charge=half))


def test_a_fee_in_a_currency_in_which_nothing_came_is_refused():
    payment = checkout(draft().id)
    said = answer(payment)
    in_euro = replace(said.charge, fee=Money(310, "EUR"))
    with expect_refusal(GatewayDisagrees):
        record(payment, replace(said, charge=in_euro))


def test_a_second_payment_at_the_gateway_for_one_order_is_refused():
    payment = checkout(draft().id)
    record(payment, answer(payment, PaymentState.PROCESSING))
    for state in (PaymentState.PROCESSING, PaymentState.SUCCEEDED, PaymentState.CANCELED):
        with expect_refusal(GatewayDisagrees):
            record(payment, answer(payment, state, gateway_id="pi_another"))
    record(payment, answer(payment))
    with expect_refusal(GatewayDisagrees):
        record(payment, answer(payment, gateway_id="pi_another"))
    assert money() == _FUNDED


def test_another_orders_payment_is_refused():
    first, second = accepted("100.00", "100.00").milestones
    ours, other = checkout(first.id), checkout(second.id)
    with expect_refusal(GatewayDisagrees):
        record(ours, answer(other))


_ALL_OF_IT_GOES_BACK = {"pending": "101.65", "refunds": "105.00", "gateway fees": "3.35"}


def test_money_that_comes_for_an_order_we_took_for_refused_goes_back_whole():
    milestone = draft()
    payment = checkout(milestone.id)
    record(payment, _DECLINED)
    assert record(payment, answer(payment)).state == "given_back"
    assert (look(milestone).state, look(milestone).held, money()) == (
        "draft",
        usd("0.00"),
        _ALL_OF_IT_GOES_BACK,
    )
    (refund,) = refunds_of(milestone)
    assert (refund.held, refund.client_fee, refund.late) == (usd("100.00"), usd("5.00"), True)
    with nothing_moves():
        record(payment, answer(payment))


@pytest.mark.parametrize(
    "said",
    list(
        permutations(
            [
                PaymentState.PROCESSING,
                PaymentState.SUCCEEDED,
                PaymentState.CANCELED,
                PaymentState.NEEDS_ACTION,
            ]
        )
    ),
    ids=" ".join,
)
def test_whatever_else_is_said_money_that_came_after_giving_up_goes_back_once(said):
    milestone = draft()
    payment = checkout(milestone.id)
    record(payment, _DECLINED)
    for state in (*said, *reversed(said)):
        record(payment, answer(payment, state))
    assert (look(milestone).state, len(refunds_of(milestone)), money()) == ("draft", 1, _ALL_OF_IT_GOES_BACK)


def test_a_charge_that_is_still_being_written_after_giving_up_is_asked_for_again():
    payment = checkout(draft().id)
    record(payment, _DECLINED)
    assert record(payment, replace(answer(payment), charge=None)).state == "canceled"
    assert money() == {}
    work = reading(
        lambda session: session.scalars(
            select(DueWork).where(DueWork.dedup_key == f"refresh_payment:{payment.id}:late")
        ).one()
    )
    assert (work.kind, work.subject) == ("refresh_payment", f"pi_{payment.id}")


def test_money_that_came_after_giving_up_and_does_not_reach_the_card_is_owed_and_sent_again():
    milestone = draft()
    payment = checkout(milestone.id)
    record(payment, _DECLINED)
    record(payment, answer(payment))
    (refund,) = refunds_of(milestone)
    record_refund(refund, refund_answer(refund, RefundState.FAILED))
    assert look(milestone).owed == usd("105.00")
    assert money() == {"pending": "101.65", "owed": "105.00", "gateway fees": "3.35"}
    order_again(refund)
    assert (look(milestone).owed, money()) == (usd("0.00"), _ALL_OF_IT_GOES_BACK)


def test_the_next_payment_of_the_milestone_is_held_whatever_came_of_the_one_given_up():
    milestone = draft()
    first = checkout(milestone.id)
    record(first, _DECLINED)
    second = checkout(milestone.id)
    record(second, answer(second))
    record(first, answer(first))
    assert (look(milestone).state, look(milestone).held) == ("funded", usd("100.00"))
    both = {"pending": "203.30", "held": "100.00", "client fees": "5.00", "gateway fees": "6.70"}
    assert money() == both | {"refunds": "105.00"}
    # What the worker gives back is of the hold, and no less for what went back before.
    give_back(look(milestone))
    assert money() == {"pending": "203.30", "refunds": "210.00", "gateway fees": "6.70"}


# --- giving up --------------------------------------------------------------------------------------------------------


def test_a_payment_given_up_frees_the_milestone_and_nobody_paid():
    milestone = draft()
    payment = checkout(milestone.id)
    record(payment, answer(payment, PaymentState.PROCESSING))
    assert _give_up(milestone).id == payment.id
    record(payment, answer(payment, PaymentState.CANCELED))
    assert (look(milestone).state, money()) == ("draft", {})
    with nothing_moves():
        record(payment, answer(payment, PaymentState.CANCELED))


def test_a_payment_that_succeeded_while_it_was_given_up_is_held_and_can_be_refunded():
    milestone = draft()
    payment = checkout(milestone.id)
    _give_up(milestone)
    record(payment, answer(payment))
    assert money() == _FUNDED
    give_back(look(milestone))
    assert money() == {"pending": "101.65", "refunds": "105.00", "gateway fees": "3.35"}


def test_giving_up_races_success_and_the_money_is_where_the_gateway_says():
    for winner in (PaymentState.SUCCEEDED, PaymentState.CANCELED):
        milestone = draft()
        payment = checkout(milestone.id)
        at_once(
            lambda: _give_up(milestone),  # noqa: B023 - both are called before the next round
            lambda: record(payment, answer(payment, winner)),  # noqa: B023
        )
        assert look(milestone).state == {"succeeded": "funded", "canceled": "draft"}[winner.value]
    assert money() == _FUNDED


def test_only_what_is_being_paid_can_be_given_up():
    for milestone in (draft(), funded()):
        with expect_refusal(ActNotPossible):
            _give_up(milestone)
    milestone = draft()
    checkout(milestone.id)
    with expect_refusal(NotYourAct):
        atomically(funding.payment_to_cancel, milestone_id=milestone.id, by=WORKER)


# --- what is asked of the gateway, and when it is asked again ---------------------------------------------------------


def test_the_order_for_the_gateway_says_what_the_client_agreed_to():
    payment = checkout(draft().id)
    wanted = reading(funding.checkout, payment_id=payment.id)
    assert (wanted.order.payment_id, wanted.order.amount, wanted.order.customer) == (
        payment.id,
        usd("105.00"),
        f"cus_{CLIENT.id}",
    )
    assert (wanted.order.description, wanted.order.key) == ("A website: Part 1", payment.id)
    assert wanted.ask_first is False


def test_an_order_older_than_the_gateways_memory_is_asked_about_before_it_is_sent_again(clock):
    payment = checkout(draft().id)
    asked = {"payment_id": payment.id, "gateway": "stripe", "means_last": None}
    assert atomically(funding.order_to_send, **asked).ask_first is False
    clock.advance(hours=22, minutes=59)
    assert atomically(funding.order_to_send, **asked).ask_first is False
    clock.advance(minutes=2)
    assert atomically(funding.order_to_send, **asked).ask_first is True


def test_what_was_never_sent_is_not_asked_about_however_old_it_is(clock):
    payment = checkout(draft().id)
    clock.advance(days=2)
    asked = {"payment_id": payment.id, "gateway": "stripe", "means_last": None}
    assert atomically(funding.order_to_send, **asked).ask_first is False


def _elsewhere(payment):
    atomically(_known_at_adyen)
    return atomically(
        sending.send_elsewhere, payment_id=payment.id, tried="stripe", gateways=["stripe", "adyen"]
    )


def _known_at_adyen(session):
    session.merge(
        Customer(
            id=_AT_ADYEN,
            user_id=CLIENT.id,
            gateway="adyen",
            gateway_id=_AT_ADYEN,
            attempt=1,
            calls=0,
            calls_over=0,
        )
    )


def test_what_was_taken_elsewhere_is_sent_there_without_asking():
    payment = checkout(draft().id)
    first = atomically(funding.order_to_send, payment_id=payment.id, gateway="stripe", means_last=None)
    atomically(funding.record_collected, intent=first, outcome=Busy(2))
    assert _elsewhere(payment).gateway == "adyen"
    # Asking could only fail, and would leave the second gateway with something that seems to be out.
    sent = atomically(funding.order_to_send, payment_id=payment.id, gateway="adyen", means_last=None)
    assert (sent.order.attempt, sent.ask_first) == (2, False)


def test_what_the_first_gateway_says_when_the_second_collects_is_not_written_down():
    payment = checkout(draft().id)
    asked = {"payment_id": payment.id, "gateway": "stripe", "means_last": None}
    late = reading(funding.checkout, payment_id=payment.id)
    first = atomically(funding.order_to_send, **asked)
    atomically(funding.record_collected, intent=first, outcome=Busy(2))
    assert _elsewhere(payment).gateway == "adyen"
    with nothing_moves():
        said = atomically(
            funding.record_collected, intent=late, outcome=answer(payment, PaymentState.NEEDS_METHOD)
        )
    assert isinstance(said, Unknown)


def test_of_two_who_were_turned_away_at_once_nothing_is_out_and_another_gateway_is_asked():
    payment = checkout(draft().id)
    asked = {"payment_id": payment.id, "gateway": "stripe", "means_last": None}
    calls = [atomically(funding.order_to_send, **asked) for _ in range(2)]
    atomically(funding.record_collected, intent=calls[0], outcome=Busy(2))
    assert _elsewhere(payment) is None
    atomically(funding.record_collected, intent=calls[1], outcome=Busy(2))
    assert _elsewhere(payment).gateway == "adyen"


def test_what_many_give_up_at_once_is_given_up_once_and_the_next_payment_stays():
    milestone = draft()
    payment = checkout(milestone.id)
    # Each of them reads it before the first has given it up.
    together(lambda: atomically(funding.checkout_to_stop, payment_id=payment.id), 8)
    assert (look(milestone).state, told()["payment.canceled"]) == ("draft", 1)
    following = checkout(milestone.id)
    assert atomically(funding.checkout_to_stop, payment_id=payment.id) is None
    assert (look(milestone).state, payment_of(milestone).id) == ("funding", following.id)


def test_what_was_never_sent_is_given_up_without_asking_anybody():
    milestone = draft()
    payment = checkout(milestone.id)
    assert atomically(funding.checkout_to_stop, payment_id=payment.id) is None
    assert reading(find_payment, payment_id=payment.id, gateway_id=None).state == "canceled"
    assert look(milestone).state == "draft"
    with expect_refusal(funding.PaymentGivenUp):
        atomically(funding.order_to_send, payment_id=payment.id, gateway="stripe", means_last=None)


def test_nothing_is_sent_to_a_gateway_from_which_the_payment_was_taken_meanwhile():
    payment = checkout(draft().id)
    before = reading(find_payment, payment_id=payment.id, gateway_id=None)
    assert atomically(funding.order_to_send, payment_id=payment.id, gateway="adyen", means_last=None) is None
    assert reading(find_payment, payment_id=payment.id, gateway_id=None) == before
    sent = atomically(funding.order_to_send, payment_id=payment.id, gateway="stripe", means_last=None)
    assert sent.call.number == 1


def test_of_two_orders_for_what_a_payer_is_handed_only_the_last_is_handed_out():
    payment = checkout(draft().id)
    asked = {"payment_id": payment.id, "gateway": "stripe", "means_last": timedelta(hours=1)}
    first = atomically(funding.order_to_send, **asked)
    second = atomically(funding.order_to_send, **asked)
    # The second is not answered, so that another order follows it; then the first one's answer comes.
    atomically(funding.record_collected, intent=second, outcome=Unknown("no answer"))
    begun = answer(payment, PaymentState.NEEDS_METHOD)
    late = atomically(funding.record_collected, intent=first, outcome=begun)
    assert isinstance(late, Unknown)
    last = atomically(funding.order_to_send, **asked)
    assert last.order.attempt == first.order.attempt + 1
    assert atomically(funding.record_collected, intent=last, outcome=begun) == begun


def _handed_out(payment):
    asked = {"payment_id": payment.id, "gateway": "stripe", "means_last": timedelta(hours=1)}
    first = atomically(funding.order_to_send, **asked)
    atomically(funding.record_collected, intent=first, outcome=answer(payment, PaymentState.NEEDS_METHOD))
    return asked, first.order


def test_what_a_payer_is_handed_is_ordered_anew_once_nobody_can_have_paid_by_it(clock):
    payment = checkout(draft().id)
    asked, first = _handed_out(payment)
    assert abs(first.means_until - clock.now() - timedelta(hours=1)) < _A_MOMENT
    clock.advance(minutes=59)
    assert atomically(funding.order_to_send, **asked).order == first
    clock.advance(minutes=2)
    with expect_refusal(SheetEnded) as refused:
        atomically(funding.order_to_send, **asked)
    assert 500 < refused.value.details["retry_after_seconds"] < 600
    clock.advance(minutes=10)
    second = atomically(funding.order_to_send, **asked).order
    assert second.attempt == first.attempt + 1
    assert abs(second.means_until - clock.now() - timedelta(hours=1)) < _A_MOMENT


def test_what_was_ordered_and_never_handed_out_ends_when_it_was_ordered_to(clock):
    payment = checkout(draft().id)
    asked = {"payment_id": payment.id, "gateway": "stripe", "means_last": timedelta(hours=1)}
    first = atomically(funding.order_to_send, **asked).order
    clock.advance(minutes=59)
    # A death later the same order goes again, and is told the same end: two of them end at once.
    assert atomically(funding.order_to_send, **asked).order == first
    clock.advance(minutes=1)
    assert atomically(funding.order_to_send, **asked).order.attempt == first.attempt + 1


def test_whether_the_card_is_saved_stays_as_it_was_said_while_what_was_handed_out_lasts(clock):
    milestone = draft()
    payment = checkout(milestone.id)
    asked, first = _handed_out(payment)
    checkout(milestone.id, save_card=True)
    assert atomically(funding.order_to_send, **asked).order == first
    clock.advance(minutes=71)
    checkout(milestone.id, save_card=True)
    assert atomically(funding.order_to_send, **asked).order.save_card is True


def test_nothing_is_ordered_for_a_payment_that_is_not_there():
    with expect_refusal(PaymentNotFound):
        reading(funding.checkout, payment_id=new_id("py"))


def test_an_order_is_looked_at_again_should_nobody_hear_the_answer(clock):
    payment = checkout(draft().id)
    assert atomically(due.lease) == []
    clock.advance(seconds=61)
    assert [(work.kind, work.subject) for work in atomically(due.lease)] == [("refresh_payment", payment.id)]


def test_a_charge_is_settled_when_the_gateway_said_it_would_be():
    payment = checkout(draft().id)
    said = answer(payment)
    record(payment, said)
    assert reading(_due_at, f"settle_charge:{payment.id}") == said.charge.available_on


def test_what_was_funded_and_released_says_when():
    before = now()
    milestone = funded()
    accept(milestone)
    payment = payment_of(milestone)
    assert before <= payment.ordered_at <= payment.succeeded_at <= now()
    assert look(milestone).funded_at - payment.succeeded_at < timedelta(minutes=1)


def _give_up(milestone):
    return atomically(funding.payment_to_cancel, milestone_id=milestone.id, by=CLIENT)


def _due_at(session, key):
    return session.scalar(select(DueWork.due_at).where(DueWork.dedup_key == key))
