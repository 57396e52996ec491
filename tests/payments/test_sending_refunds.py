"""What the gateway is asked to give back, when it is asked first, and when no more."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from escrow.refunds import record_refund as record
from gateways.contract import RefundState, Rejected, Unknown
from kernel.ids import new_id
from payments import refunds
from payments.collecting import PaymentNotFound
from payments.queries import payment, refunds_of
from payments.refunds import RefundTooLarge
from persistence import due
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    CLIENT,
    FINANCE,
    OTHER_CLIENT,
    WORKER,
    accept,
    checkout,
    draft,
    funded,
    give_back,
    money,
    payment_of,
    record_refund,
    refund_answer,
    usd,
)

_LATER = Rejected("balance_insufficient", "Later.", temporary=True)


def test_the_order_says_what_the_card_gets_back():
    milestone = funded()
    refund = give_back(milestone, "40.00")
    wanted = _to_send(refund)
    assert (wanted.order.refund_id, wanted.order.payment, wanted.order.amount) == (
        refund.id,
        payment_of(milestone).gateway_id,
        usd("42.00"),
    )
    assert wanted.call.ask_first is False


def test_an_order_older_than_the_gateways_memory_is_asked_about_before_it_is_sent_again(clock):
    refund = give_back(funded())
    # What was never sent is not in anybody's memory.
    clock.advance(days=3)
    assert _to_send(refund).call.ask_first is False
    # From here on it may be out, and is never sent again unasked.
    clock.advance(hours=22, minutes=59)
    again = _to_send(refund)
    assert (again.call.ask_first, again.call.may_send) == (True, True)
    clock.advance(minutes=2)
    old = _to_send(refund)
    assert (old.call.ask_first, old.call.may_send) == (True, False)


@pytest.mark.parametrize("state", [RefundState.PENDING, RefundState.SUCCEEDED, RefundState.FAILED])
def test_what_the_gateway_has_is_not_sent_again(state):
    refund = give_back(funded())
    record_refund(refund, refund_answer(refund, state))
    with nothing_moves():
        assert _to_send(refund) is None


def test_what_the_gateway_may_have_is_asked_about_before_it_is_sent_again():
    refund = give_back(funded())
    first = _to_send(refund)
    _record(first, Unknown("no answer"))
    again = _to_send(refund)
    assert (again.order, again.call.ask_first) == (first.order, True)


def test_a_refund_refused_for_now_goes_again_under_a_new_key():
    refund = give_back(funded())
    first = _to_send(refund)
    _record(first, _LATER)
    again = _to_send(refund)
    assert (first.order.key, again.order.key, again.call.ask_first) == (refund.id, f"{refund.id}.2", False)


def test_a_refund_refused_for_now_after_a_lost_answer_never_goes_under_a_new_key_unasked():
    refund = give_back(funded())
    record_refund(refund, Unknown("no answer"))
    record_refund(refund, _LATER)
    again = _to_send(refund)
    assert (again.order.key, again.call.ask_first) == (refund.id, True)


def test_a_refund_that_is_not_there_is_not_sent():
    with nothing_moves():
        assert atomically(refunds.refund_to_send, refund_id=new_id("rf")) is None


def test_a_refund_is_sent_as_soon_as_it_is_ordered():
    refund = give_back(funded())
    assert [work.subject for work in atomically(due.lease) if work.kind == "send_refund"] == [refund.id]


def test_a_refund_that_waits_is_looked_at_again():
    refund = give_back(funded())
    for _ in range(3):
        record_refund(refund, refund_answer(refund, RefundState.PENDING))
    assert reading(_looks, refund.id) == 1


def test_no_more_than_was_paid_is_ever_ordered_back():
    milestone = funded()
    accept(milestone, "60.00")
    give_back(milestone, "40.00")
    with expect_refusal(RefundTooLarge):
        _order(payment_of(milestone), held="63.01")


def test_a_payment_that_brought_nothing_gives_nothing_back():
    payment_ordered = checkout(draft().id)
    with expect_refusal(PaymentNotFound):
        _order(payment_ordered, held="1.00")


def test_refunds_are_found_by_our_id_and_by_the_gateways():
    refund = give_back(funded())
    record_refund(refund, refund_answer(refund))
    for ours, theirs in ((refund.id, None), (None, f"re_{refund.id}"), (refund.id, f"re_{refund.id}")):
        found = reading(refunds.find_refund, refund_id=ours, gateway_id=theirs, gateway="stripe")
        assert found is not None
        assert found.id == refund.id
    assert (
        reading(refunds.find_refund, refund_id=None, gateway_id="re_of_somebody_else", gateway="stripe")
        is None
    )


def test_the_payer_and_staff_see_the_payment_and_its_refunds_and_nobody_else_does():
    milestone = funded()
    give_back(milestone, "40.00")
    paid = payment_of(milestone)
    for seer in (CLIENT, FINANCE):
        assert reading(payment, payment_id=paid.id, by=seer).refunded == usd("42.00")
    for stranger in (WORKER, OTHER_CLIENT):
        with expect_refusal(PaymentNotFound):
            reading(payment, payment_id=paid.id, by=stranger)
    assert [one.held for one in reading(refunds_of, milestone.id)] == [usd("40.00")]
    assert money()["refunds"] == "42.00"


def _to_send(refund):
    return atomically(refunds.refund_to_send, refund_id=refund.id)


def _record(intent, outcome):
    atomically(record, refund_id=intent.refund.id, outcome=outcome, intent=intent)


def _order(of, *, held):
    return atomically(
        refunds.order_refund,
        refund_id=new_id("rf"),
        payment_id=of.id,
        held=usd(held),
        client_fee=usd("0.00"),
        by=WORKER.id,
        reason="",
    )


def _looks(session, refund_id):
    kind = select(DueWork.id).where(DueWork.kind == "refresh_refund", DueWork.subject == refund_id)
    return len(list(session.scalars(kind)))
