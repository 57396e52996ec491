"""Giving a client's money back to the card it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways import orders
from gateways.contract import Busy, RefundFound, RefundOrder, RefundState, Rejected, Unknown
from gateways.orders import Verdict
from kernel.refusals import Conflict, NotFound
from ledger import movements
from ledger.posting import post
from payments import chargebacks
from payments.collecting import GatewayDisagrees, PaymentNotFound
from payments.conversions import convert
from payments.states import CAME_BACK, PAID, REFUND
from payments.tables import Payment, Refund
from payments.views import ChargebackView, RefundView, payment_view, refund_view
from persistence import clock, due, outbox
from persistence.locks import locked

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import PaysIn
    from gateways.orders import Call
    from kernel.money import Money

Answer = RefundFound | Rejected | Busy | Unknown

_LOOK_AGAIN = timedelta(hours=6)
# A refund may come back from the bank weeks after it was called done, and that event may be lost.
_LOOKS_AFTER_SUCCESS = (timedelta(days=8), timedelta(days=35))

_ACTS = {
    RefundState.PENDING: "wait",
    RefundState.SUCCEEDED: "succeed",
    RefundState.FAILED: "fail",
    RefundState.CANCELED: "fail",
}


class RefundNotFound(NotFound):
    """There is no such refund, or it is somebody else's."""

    code = "refund_not_found"


class RefundTooLarge(Conflict):
    """More would go back than was ever paid."""

    code = "refund_too_large"


class ChargebackUndecided(Conflict):
    """The client's bank is taking this payment back: what is given back as well would be given twice."""

    code = "chargeback_undecided"


def order_refund(
    session: Session,
    *,
    refund_id: str,
    payment_id: str,
    held: Money,
    client_fee: Money,
    by: str,
    reason: str,
    owed: bool = False,
    late: bool = False,
) -> RefundView:
    """Take the money out of the hold and our fee (or of what is `owed`), and order the gateway to give it back.

    The gateway is called after the commit; refuses when all refunds together would exceed the payment, and while the
    client's bank is taking it back.
    """
    row = place_refund(
        session,
        refund_id=refund_id,
        payment_id=payment_id,
        held=held,
        client_fee=client_fee,
        reason=reason,
        late=late,
    )
    post(
        session,
        movements.refund_ordered_again(row.milestone_id, amount=held + client_fee)
        if owed
        else movements.refund_ordered(row.milestone_id, held=held, client_fee=client_fee),
        key=f"{refund_id}:ordered_again" if owed else f"{refund_id}:ordered",
        reference=row.milestone_id,
        actor=by,
        reason=reason,
    )
    session.flush()
    return refund_view(row)


def place_refund(
    session: Session,
    *,
    refund_id: str,
    payment_id: str,
    held: Money,
    client_fee: Money,
    reason: str,
    late: bool = False,
) -> Refund:
    """The order itself, to be sent after the commit; where the money comes from is booked by whoever places it."""
    payment = locked(session, Payment, payment_id)
    if payment is None or payment.state not in PAID:
        raise PaymentNotFound("There is no payment to give back.")
    amount = held + client_fee
    taken = refuse_what_is_undecided(session, milestone_id=payment.milestone_id, payment_id=payment_id)
    left = payment_view(payment).charged.amount_minor - payment.refunded_minor
    left -= sum(each.taken.amount_minor for each in taken)
    if amount.amount_minor > left:
        raise RefundTooLarge("That is more than is left of the payment.", field="amount")
    payment.refunded_minor += amount.amount_minor
    row = Refund(
        id=refund_id,
        payment_id=payment_id,
        milestone_id=payment.milestone_id,
        gateway=payment.gateway,
        state=REFUND.initial,
        currency=held.currency,
        held_minor=held.amount_minor,
        client_fee_minor=client_fee.amount_minor,
        late=late,
        reason=reason,
        attempt=1,
        calls=0,
        calls_over=0,
        ordered_at=clock.now(session),
    )
    session.add(row)
    due.schedule(
        session, kind="send_refund", subject=refund_id, due_at=row.ordered_at, key=f"send_refund:{refund_id}"
    )
    return row


def refuse_what_is_undecided(session: Session, *, milestone_id: str, payment_id: str) -> list[ChargebackView]:
    """What banks have taken of a payment; refuses while one of them has not decided."""
    about = chargebacks.of_milestone(session, milestone_id)
    taken = [each for each in about if each.payment_id == payment_id]
    if any(each.undecided for each in taken):
        raise ChargebackUndecided(
            "This payment is being looked at. Nothing of it is given back until that is done."
        )
    return taken


@dataclass(frozen=True, slots=True)
class RefundToSend:
    """A refund for the gateway, and the call that is to be made about it."""

    refund: RefundView
    order: RefundOrder
    call: Call


def refund_to_send(session: Session, *, refund_id: str) -> RefundToSend | None:
    """The order for the gateway, noted as out from now on; None when its answer is known already."""
    row = locked(session, Refund, refund_id)
    if row is None or row.gateway_id is not None or row.state not in {"ordered", "unknown"}:
        return None
    payment = session.get_one(Payment, row.payment_id)
    assert payment.gateway_id is not None, "a payment that succeeded has its gateway's id"
    instant = clock.now(session)
    row.sent_at = row.sent_at or instant
    call = orders.next_call(row, now=instant)
    view = refund_view(row)
    order = RefundOrder(
        refund_id=row.id, payment=payment.gateway_id, amount=view.amount, attempt=call.attempt
    )
    return RefundToSend(view, order, call)


def send_refund(intent: RefundToSend, *, through: PaysIn) -> Answer | None:
    """What the gateway says to the order; None when it was only asked, and has no such refund."""
    return orders.carry_out(
        intent.call,
        find=lambda: through.find_refund(intent.order),
        create=lambda: through.create_refund(intent.order),
    )


def find_refund(
    session: Session, *, refund_id: str | None, gateway_id: str | None, gateway: str | None = None
) -> RefundView | None:
    """The refund by our id or, failing that, by what `gateway` calls it; one of another gateway's is none."""
    row = session.get(Refund, refund_id, populate_existing=True) if refund_id else None
    if row is not None and gateway is not None and row.gateway != gateway:
        return None
    if row is None and gateway_id:
        named = (Refund.gateway == gateway) & (Refund.gateway_id == gateway_id)
        row = session.scalar(select(Refund).where(named))
    return refund_view(row) if row is not None else None


def record_refund(
    session: Session, *, refund_id: str, outcome: Answer | None, intent: RefundToSend | None = None
) -> RefundView:
    """Bring our refund to where the gateway says it is; confirmed and failed are booked once each.

    `intent` is the call that was answered; where the gateway's refund stands needs none, whoever asked for it.
    """
    row = locked(session, Refund, refund_id)
    if row is None:
        raise RefundNotFound("There is no refund with this id.")
    if isinstance(outcome, RefundFound):
        _refuse_another_refund(row, outcome)
        row.gateway_id = outcome.gateway_id
        row.waits_for = outcome.pending_reason
        row.failure_reason = outcome.failure_reason
        row.bank_reference = outcome.reference
        _keep_what_moved(row, outcome)
        _step(session, row, _ACTS[outcome.state])
    elif intent is not None and row.gateway_id is None and row.state in {"ordered", "unknown"}:
        _record_nothing(session, row, intent.call, outcome)
    return refund_view(row)


def _record_nothing(
    session: Session, row: Refund, call: Call, outcome: Rejected | Busy | Unknown | None
) -> None:
    verdict = orders.judge(row, call=call, outcome=outcome)
    if verdict is Verdict.UNANSWERED:
        _step(session, row, "lose_answer")
    elif verdict is Verdict.REFUSED:
        assert isinstance(outcome, Rejected), "only a refusal is for good"
        row.failure_reason = outcome.code[:64]
        _step(session, row, "fail")


def next_try(session: Session, *, refund: RefundView, outcome: Answer | None) -> datetime | None:
    """When to send it again; None when there is nothing (left) to send."""
    if refund.state not in {"ordered", "unknown"}:
        return None
    instant = clock.now(session)
    if isinstance(outcome, Busy):
        return instant + timedelta(seconds=outcome.retry_after_seconds)
    if outcome is None and session.get_one(Refund, refund.id).out_since is None:
        # It has never arrived, and nothing is in the way of the next attempt.
        return instant
    return orders.next_try(now=instant, since=refund.ordered_at)


def _refuse_another_refund(row: Refund, found: RefundFound) -> None:
    ordered = refund_view(row).amount
    if (
        found.amount != ordered
        or found.refund_id not in {None, row.id}
        or row.gateway_id not in {None, found.gateway_id}
    ):
        raise GatewayDisagrees(
            f"The gateway's refund {found.gateway_id} over {found.amount} is not {row.id} over {ordered}."
        )
    if row.state in CAME_BACK and row.gateway_id is None:
        raise GatewayDisagrees(f"The gateway has {row.id} as {found.gateway_id}, which it had refused.")


def _keep_what_moved(row: Refund, found: RefundFound) -> None:
    if found.taken is not None:
        row.taken_minor, row.taken_currency = found.taken.amount.amount_minor, found.taken.amount.currency
        row.exchange_rate = found.taken.rate
    if found.returned is not None:
        if found.returned.amount.currency != row.taken_currency:
            raise GatewayDisagrees(
                f"The gateway took {row.taken_currency} for {row.id}, and gave {found.returned.amount} back."
            )
        row.returned_minor = found.returned.amount.amount_minor


def _step(session: Session, row: Refund, act: str) -> None:
    was = row.state
    transition = REFUND.step(was, act)
    if transition is None:
        return
    row.state = transition.to
    if transition.to == "succeeded":
        row.finished_at = clock.now(session)
        _book_confirmed(session, row)
        for distance in _LOOKS_AFTER_SUCCESS:
            _look_again(session, row, distance, f":{distance.days}")
    elif transition.to == "failed":
        row.finished_at = clock.now(session)
        _book_failed(session, row, left_the_gateway=was == "succeeded")
    elif transition.to == "pending":
        # A refund may wait for days, and its event may be lost.
        _look_again(session, row, _LOOK_AGAIN)
    outbox.publish(session, name=transition.event, subject=row.id, payload={"milestone_id": row.milestone_id})


def _book_confirmed(session: Session, row: Refund) -> None:
    post(
        session,
        movements.refund_confirmed(row.gateway, amount=refund_view(row).amount),
        key=f"{row.id}:confirmed",
        reference=row.milestone_id,
        actor=row.gateway,
    )
    _convert(session, row)


def _convert(session: Session, row: Refund) -> None:
    """Where the gateway took another currency for it, that is what left our balance."""
    view = refund_view(row)
    if view.taken is not None:
        convert(
            session,
            _payment_of(session, row),
            given=view.taken.amount,
            received=view.amount,
            settled=True,
            key=f"{row.id}:converted",
        )


def _convert_back(session: Session, row: Refund) -> None:
    """What came back came at the rate of another day."""
    view = refund_view(row)
    if view.returned is not None:
        convert(
            session,
            _payment_of(session, row),
            given=view.amount,
            received=view.returned,
            settled=True,
            key=f"{row.id}:converted_back",
        )


def _payment_of(session: Session, row: Refund) -> Payment:
    payment = locked(session, Payment, row.payment_id)
    assert payment is not None, "what is given back was paid"
    return payment


def _book_failed(session: Session, row: Refund, *, left_the_gateway: bool) -> None:
    view = refund_view(row)
    if left_the_gateway:
        # The bank sent it back: first undo the confirmation, so that the money is in transit again.
        post(
            session,
            movements.refund_came_back(row.gateway, amount=view.amount),
            key=f"{row.id}:came_back",
            reference=row.milestone_id,
            actor=row.gateway,
        )
    elif row.returned_minor is not None:
        # It had been taken off our balance before we heard that it was on its way.
        _convert(session, row)
    _convert_back(session, row)
    post(
        session,
        movements.refund_failed(row.milestone_id, amount=view.amount),
        key=f"{row.id}:failed",
        reference=row.milestone_id,
        actor=row.gateway,
        reason=row.failure_reason,
    )
    _payment_of(session, row).refunded_minor -= view.amount.amount_minor


def _look_again(session: Session, row: Refund, distance: timedelta, nth: str = "") -> None:
    due.schedule(
        session,
        kind="refresh_refund",
        subject=row.id,
        due_at=clock.now(session) + distance,
        key=f"refresh_refund:{row.id}{nth}",
    )
