"""Work on money coming in: asking the gateway how payments and refunds are, settling charges, sending refunds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from escrow import funding
from escrow import refunds as escrow_refunds
from gateways.contract import VANISHED, PaymentState, Rejected
from jobs.work import NotYet, handler
from payments import charges, collecting, refunds
from payments.answers import found
from payments.customers import NoCardsYet
from payments.states import PAYMENT
from persistence import clock
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import capturing, paying_in

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from escrow.funding import Checkout
    from gateways.contract import Busy, PaymentFound, RefundFound, Unknown
    from payments.refunds import RefundToSend
    from payments.views import PaymentView
    from persistence.due import Work

_AN_HOUR = timedelta(hours=1)
_A_DAY = timedelta(days=1)
# A payer who has not paid after two days rarely does; but a bank debit takes four, and events may be lost.
_WATCHED_CLOSELY = timedelta(days=2)
# Who comes back later than this gets a new sheet; until then the worker cannot leave what nobody pays for.
_ABANDONED = timedelta(days=7)


@handler("refresh_payment")
def refresh_payment(work: Work) -> None:
    """Ask the gateway how a payment is, and write it down. The subject is our id, or the gateway's from an event."""
    if work.subject.startswith("py_"):
        _refresh_ours(work)
    else:
        _refresh_theirs(work)


@handler("stop_payment")
def stop_payment(work: Work) -> None:
    """Cancel, at the gateway, a payment that it made after the payment was given up here."""
    payment = reading(collecting.find_payment, payment_id=work.subject, gateway_id=None)
    assert payment is not None, "a payment is never deleted"
    assert payment.gateway_id is not None, "the gateway has made it"
    _written(payment.id, paying_in(payment.gateway).cancel_payment(payment.gateway_id))


@handler("capture_payment")
def capture_payment(work: Work) -> None:
    """Collect what the payer has agreed to at the gateway, unless it was given up; once however often this runs."""
    outcome = staged(
        begin=funding.payment_to_capture,
        call=_capture,
        record=funding.record_captured,
        payment_id=work.subject,
    )
    # What was declined is over until the payer comes back; what was not answered goes again.
    if outcome is not None and (not isinstance(outcome, Rejected) or outcome.temporary):
        found(outcome)


@handler("settle_charge")
def settle_charge(work: Work) -> None:
    """Book the charge as available once the gateway says that it is."""
    payment = reading(collecting.find_payment, payment_id=work.subject, gateway_id=None)
    assert payment is not None
    assert payment.gateway_id is not None, "a payment that succeeded has its gateway's id"
    now = found(paying_in(payment.gateway).payment(payment.gateway_id))
    if now.charge is None or not now.charge.settled:
        raise NotYet(_later(_AN_HOUR))
    atomically(charges.settle, payment_id=payment.id)


@handler("send_refund")
def send_refund(work: Work) -> None:
    """Have the gateway give the money back; the same refund is given once however often this runs."""
    again_at = staged(
        begin=refunds.refund_to_send, call=_give_back, record=_record_refund, refund_id=work.subject
    )
    if again_at is not None:
        raise NotYet(again_at)


@handler("refresh_refund")
def refresh_refund(work: Work) -> None:
    """Ask the gateway how a refund is, and write it down. The subject is our id, or the gateway's from an event."""
    ours = work.subject if work.subject.startswith("rf_") else None
    told_by = work.payload.get("gateway")
    refund = reading(refunds.find_refund, refund_id=ours, gateway_id=work.subject, gateway=told_by)
    name, gateway_id = (
        (refund.gateway, refund.gateway_id) if refund else (work.payload["gateway"], work.subject)
    )
    assert gateway_id is not None, "a refund the gateway has has its id"
    outcome = found(paying_in(name).refund(gateway_id))
    refund = refund or reading(
        refunds.find_refund, refund_id=outcome.refund_id, gateway_id=None, gateway=name
    )
    if refund is None:
        # Made by hand at the gateway, not by us: reconciliation finds it there.
        return
    now = atomically(escrow_refunds.record_refund, refund_id=refund.id, outcome=outcome)
    if ours and now.state == "pending":
        raise NotYet(_later(_AN_HOUR * 6))


def _refresh_ours(work: Work) -> None:
    payment = reading(collecting.find_payment, payment_id=work.subject, gateway_id=None)
    assert payment is not None, "a payment is never deleted"
    if payment.state in PAYMENT.terminal:
        return
    outcome = _look_up(payment)
    if outcome is not None:
        payment = _written(payment.id, outcome)
    if _is_abandoned(payment):
        payment = _give_up(payment)
    if payment.state not in PAYMENT.terminal:
        raise NotYet(_next_look(payment))


def _is_abandoned(payment: PaymentView) -> bool:
    # Where a bank is at work already, it is waited for.
    return (
        payment.state not in PAYMENT.terminal
        and payment.gateway_state != PaymentState.PROCESSING
        and payment.ordered_at + _ABANDONED <= _now()
    )


def _give_up(payment: PaymentView) -> PaymentView:
    outcome = staged(
        begin=funding.checkout_to_stop, call=_stop, record=funding.record_stopped, payment_id=payment.id
    )
    if outcome is not None and outcome != VANISHED:
        found(outcome)
    now = reading(collecting.find_payment, payment_id=payment.id, gateway_id=None)
    assert now is not None, "a payment is never deleted"
    return now


def _stop(intent: Checkout) -> PaymentFound | Rejected | Busy | Unknown:
    return funding.stop_collecting(paying_in(intent.payment.gateway), intent)


def _written(payment_id: str, outcome: PaymentFound | Rejected | Busy | Unknown) -> PaymentView:
    there = outcome if outcome == VANISHED else found(outcome)
    return atomically(funding.record_payment, payment_id=payment_id, outcome=there)


def _next_look(payment: PaymentView) -> datetime:
    instant = _now()
    return instant + (_AN_HOUR if instant < payment.ordered_at + _WATCHED_CLOSELY else _A_DAY)


def _look_up(payment: PaymentView) -> PaymentFound | Rejected | Busy | Unknown | None:
    at = paying_in(payment.gateway)
    if payment.gateway_id is not None:
        return at.payment(payment.gateway_id)
    try:
        return at.find_payment(reading(funding.checkout, payment_id=payment.id).order)
    except NoCardsYet:
        # Nothing was ordered there before the client had a record.
        return None


def _refresh_theirs(work: Work) -> None:
    name = work.payload["gateway"]
    outcome = found(paying_in(name).payment(_asked_by(work)))
    payment = reading(
        collecting.find_payment, payment_id=outcome.payment_id, gateway_id=work.subject, gateway=name
    )
    if payment is not None:
        atomically(funding.record_payment, payment_id=payment.id, outcome=outcome)
    elif outcome.payment_id is not None:
        # It carries an id of ours that is not in these books: a person has to look, and nothing is guessed.
        raise collecting.PaymentNotFound("The gateway has a payment of ours that is not in these books.")


def _asked_by(work: Work) -> str:
    # News need not say all that the gateway has to be asked by; our own row has it since the payment was begun.
    ours, name = work.payload.get("ours"), work.payload["gateway"]
    known = reading(collecting.find_payment, payment_id=ours, gateway_id=None, gateway=name) if ours else None
    return known.gateway_id if known is not None and known.gateway_id is not None else work.subject


def _capture(intent: Checkout) -> PaymentFound | Rejected | Busy | Unknown:
    return funding.capture(capturing(intent.payment.gateway), intent)


def _give_back(intent: RefundToSend) -> RefundFound | Rejected | Busy | Unknown | None:
    return refunds.send_refund(intent, through=paying_in(intent.refund.gateway))


def _record_refund(
    session: Session, *, intent: RefundToSend, outcome: RefundFound | Rejected | Busy | Unknown | None
) -> datetime | None:
    now = escrow_refunds.record_refund(session, refund_id=intent.refund.id, outcome=outcome, intent=intent)
    return refunds.next_try(session, refund=now, outcome=outcome)


def _now() -> datetime:
    return reading(clock.now)


def _later(distance: timedelta) -> datetime:
    return _now() + distance
