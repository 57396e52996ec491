"""Held money goes back to the client: the worker gives it back, or both agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from escrow import fees, states
from escrow.acts import (
    ActNotPossible,
    Held,
    MilestoneNotFound,
    NotYourAct,
    hold_milestone,
    move,
    tell,
    transition,
)
from escrow.release import part_of_the_hold
from escrow.tables import RefundRequest
from escrow.views import MilestoneView, RefundRequestView, refund_request_view
from identity.actors import SYSTEM
from kernel.money import Money
from kernel.refusals import NotFound
from payments import chargebacks, collecting, owed
from payments import refunds as payment_refunds
from payments.states import REFUND
from persistence import clock
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from escrow.tables import Milestone
    from gateways.contract import Busy, RefundFound, Rejected, Unknown
    from identity.actors import Actor
    from kernel.states import Transition
    from payments.refunds import RefundToSend
    from payments.views import RefundView


class RefundRequestNotFound(NotFound):
    """There is no such request, or it belongs to other people."""

    code = "refund_request_not_found"


def refund(
    session: Session,
    *,
    milestone_id: str,
    refund_id: str,
    amount: Money,
    reason: str,
    by: Actor,
) -> tuple[MilestoneView, RefundView]:
    """The worker gives the client what is held or a part of it, with the fee that goes with it."""
    on = hold_milestone(session, milestone_id, by=by)
    act = "refund" if amount == on.held else "refund_part"
    transition(states.MILESTONE, on.milestone.state, act, on.party)
    held = part_of_the_hold(on, amount)
    back = pay_client(session, on, refund_id=refund_id, held=held, by=by.id, reason=reason)
    answer_open_request(session, on, given=held)
    return move(
        session, on, act, refund_id=back.id, amount_minor=held.amount_minor, currency=held.currency
    ), back


def pay_client(
    session: Session, on: Held, *, refund_id: str, held: Money, by: str, reason: str
) -> RefundView:
    """Take `held` out of the hold and the fee that goes with it out of our income, and order the refund."""
    row = on.milestone
    payment = collecting.live_payment(session, row.id)
    assert payment is not None, "what is held was paid"
    fee = client_fee_on(row, held)
    back = payment_refunds.order_refund(
        session, refund_id=refund_id, payment_id=payment.id, held=held, client_fee=fee, by=by, reason=reason
    )
    row.refunded_minor += held.amount_minor
    row.client_fee_returned_minor += fee.amount_minor
    return back


def client_fee_on(row: Milestone, part: Money) -> Money:
    """What of our fee goes back to the client with this part of the price, after all that went back before."""
    price, paid_fee = Money(row.price_minor, row.currency), Money(row.client_fee_minor, row.currency)
    due_back = fees.fee_to_return(paid_fee, price)(Money(row.refunded_minor, row.currency) + part)
    return due_back - Money(row.client_fee_returned_minor, row.currency)


def record_refund(
    session: Session,
    *,
    refund_id: str,
    outcome: RefundFound | Rejected | Busy | Unknown | None,
    intent: RefundToSend | None = None,
) -> RefundView:
    """Write what the gateway answered or reported; a refund that failed is owed to the client, and not held again.

    It was decided, and perhaps said to the client: no clock, no submission and no release may reach it any more.
    """
    was = payment_refunds.find_refund(session, refund_id=refund_id, gateway_id=None)
    if was is None:
        raise payment_refunds.RefundNotFound("There is no refund with this id.")
    on = hold_milestone(session, was.milestone_id, by=SYSTEM)
    was = payment_refunds.find_refund(session, refund_id=refund_id, gateway_id=None) or was
    now = payment_refunds.record_refund(session, refund_id=refund_id, outcome=outcome, intent=intent)
    if now.state == "failed" and was.state != "failed":
        on.milestone.owed_minor += (now.amount - _covered(session, now)).amount_minor
        on.milestone.version += 1
        tell(session, on, "milestone.refund_failed", refund_id=now.id, reason=now.failure_reason)
    return now


def order_refund_again(
    session: Session, *, refund_id: str, again_id: str, by: Actor
) -> tuple[MilestoneView, RefundView]:
    """The client, or staff for them, has a refund that came back sent once more, as a refund of its own."""
    was = payment_refunds.find_refund(session, refund_id=refund_id, gateway_id=None)
    on = _milestone_with(session, was.milestone_id if was is not None else None, by)
    # Once more, now that nobody else can change it.
    came_back = payment_refunds.find_refund(session, refund_id=refund_id, gateway_id=None)
    if on is None or came_back is None:
        raise payment_refunds.RefundNotFound("There is no refund with this id among yours.")
    side = on.party if on.party in {states.CLIENT, states.WORKER} else states.STAFF
    transition(REFUND, came_back.state, "order_again", side)
    if came_back.amount > on.view.owed:
        raise payment_refunds.RefundTooLarge("The client's bank has given this money back already.")
    again = owed.order_again(session, refund_id=refund_id, again_id=again_id, by=by.id)
    on.milestone.owed_minor -= again.amount.amount_minor
    on.milestone.version += 1
    tell(session, on, "milestone.refund_ordered_again", refund_id=again.id)
    session.flush()
    return on.view, again


def request_refund(
    session: Session, *, milestone_id: str, request_id: str, amount: Money, reason: str, by: Actor
) -> RefundRequestView:
    """The client asks for held money back; one open request at a time, and nothing moves until the worker agrees."""
    on = hold_milestone(session, milestone_id, by=by)
    if on.party != states.CLIENT:
        raise NotYourAct("Only the client can ask for a refund.")
    if on.milestone.state != "funded":
        raise ActNotPossible(
            f"The milestone is {on.milestone.state}; a refund can be asked for while it is funded.",
            state=on.milestone.state,
        )
    asked = part_of_the_hold(on, amount)
    if _open_request(session, milestone_id) is not None:
        raise ActNotPossible(
            "You have asked for a refund already. The worker's answer is awaited.", state="open"
        )
    row = RefundRequest(
        id=request_id,
        milestone_id=milestone_id,
        open_for=milestone_id,
        currency=asked.currency,
        amount_minor=asked.amount_minor,
        reason=reason,
        state=states.REFUND_REQUEST.initial,
        requested_at=clock.now(session),
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    tell(session, on, "refund_request.opened", subject=row.id)
    return refund_request_view(row)


def agree_to_refund(
    session: Session, *, request_id: str, refund_id: str, by: Actor
) -> tuple[MilestoneView, RefundView]:
    """The worker agrees: what was asked for goes back, or all that is still held if that is less."""
    row, on, _ = _answer(session, request_id, "agree", by)
    amount = min(Money(row.amount_minor, row.currency), on.held)
    return refund(
        session, milestone_id=row.milestone_id, refund_id=refund_id, amount=amount, reason=row.reason, by=by
    )


def close_request(session: Session, *, request_id: str, act: str, by: Actor) -> RefundRequestView:
    """The worker declines, or the client withdraws; the money stays held."""
    row, on, step = _answer(session, request_id, act, by)
    _close(session, on, row, step)
    return refund_request_view(row)


def _covered(session: Session, refund: RefundView) -> Money:
    # What came after it had been given up is another payment than the one that a bank has taken back.
    if refund.late:
        return Money.zero(refund.amount.currency)
    return chargebacks.cover(session, milestone_id=refund.milestone_id, by=refund.amount, refund_id=refund.id)


def _answer(session: Session, request_id: str, act: str, by: Actor) -> tuple[RefundRequest, Held, Transition]:
    on = _milestone_of(session, request_id, by)
    row = locked(session, RefundRequest, request_id) if on is not None else None
    if on is None or row is None:
        raise RefundRequestNotFound("There is no refund request with this id among yours.")
    return row, on, transition(states.REFUND_REQUEST, row.state, act, on.party)


def _milestone_of(session: Session, request_id: str, by: Actor) -> Held | None:
    row = session.get(RefundRequest, request_id)
    return _milestone_with(session, row.milestone_id if row is not None else None, by)


def _milestone_with(session: Session, milestone_id: str | None, by: Actor) -> Held | None:
    try:
        return hold_milestone(session, milestone_id, by=by) if milestone_id is not None else None
    except MilestoneNotFound:
        # To strangers what belongs to it is not there either, and looks no different from what never was.
        return None


def answer_open_request(session: Session, on: Held, *, given: Money) -> None:
    """So much has gone back: what the client had asked for is answered with it."""
    row = _open_request(session, on.milestone.id)
    # Less than was asked for is no answer, unless it was all there was.
    if row is not None and (given.amount_minor >= row.amount_minor or not on.held):
        _close(session, on, row, transition(states.REFUND_REQUEST, row.state, "agree", states.WORKER))


def _close(session: Session, on: Held, row: RefundRequest, step: Transition) -> None:
    row.state, row.open_for, row.answered_at = step.to, None, clock.now(session)
    session.flush()
    tell(session, on, step.event, subject=row.id)


def _open_request(session: Session, milestone_id: str) -> RefundRequest | None:
    return session.scalar(select(RefundRequest).where(RefundRequest.open_for == milestone_id))
