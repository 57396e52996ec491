"""One step of a payout: the state, the entry that goes with it, and what is told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways.contract import PayoutMethod
from kernel.money import Money
from kernel.refusals import NotFound
from ledger import movements
from ledger.posting import post, post_hold, void_hold
from payments import debts
from payouts.looks import look_at_what_lies_there
from payouts.recovery import order_reversal
from payouts.states import PAYOUT, UNDONE
from payouts.tables import Payout, PayoutPart, Transfer
from payouts.views import PartView, payout_view
from persistence import clock, due, outbox
from persistence.locks import locked

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from payouts.views import PayoutView

# An hour after the money should be there the gateway is asked, whether or not an event came.
_AFTER_ARRIVAL = timedelta(hours=1)
# Banks send back within five business days; after these it is asked once more.
_AFTER_PAYMENT = timedelta(days=8)


class PayoutNotFound(NotFound):
    """There is no such payout, or it is somebody else's."""

    code = "payout_not_found"


def held_payout(session: Session, payout_id: str) -> Payout:
    """The payout, locked."""
    row = locked(session, Payout, payout_id)
    if row is None:
        raise PayoutNotFound("There is no payout with this id.")
    return row


def step(session: Session, row: Payout, act: str) -> bool:
    """Take the step if it can be taken from here, with its entry and its event; a payout never goes back."""
    transition = PAYOUT.step(row.state, act)
    if transition is None:
        return False
    row.state = transition.to
    book = _BOOKS.get(act)
    if book is not None:
        book(session, row)
    if row.state in UNDONE:
        # Its account may have left us, or leave this moment: then the money goes no other way than back.
        look_at_what_lies_there(session, account_id=row.account_id, because_of=f"{row.id}:{row.state}")
    tell(session, row, transition.event)
    session.flush()
    return True


def tell(session: Session, row: Payout, event: str) -> None:
    """Publish `event` about the payout with what every listener needs."""
    outbox.publish(
        session,
        name=event,
        subject=row.id,
        payload={
            "payout_id": row.id,
            "worker_id": row.worker_id,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "method": row.method,
            "fee_minor": row.fee_minor,
            "bank_last4": row.bank_last4,
            "reason": row.reason,
        },
    )


def view(session: Session, row: Payout) -> PayoutView:
    """The payout with its parts."""
    rows = session.execute(
        select(PayoutPart, Transfer.milestone_id)
        .join(Transfer, Transfer.id == PayoutPart.transfer_id)
        .where(PayoutPart.payout_id == row.id)
        .order_by(PayoutPart.transfer_id)
    )
    parts = (
        PartView(
            part.transfer_id,
            milestone_id,
            Money(part.amount_minor, row.currency),
            Money(part.fee_minor, row.currency),
        )
        for part, milestone_id in rows
    )
    return payout_view(row, tuple(parts))


def _send(session: Session, row: Payout) -> None:
    row.sent_at = clock.now(session)
    row.reason = None
    sent = "instant_payout_sent" if _instant(row) else "payout_sent"
    entry = post_hold(session, row.hold_entry_id, sent, key=f"{row.id}:sent", actor=row.gateway)
    row.resolved_entry_id = entry.id
    assert row.arrives_on is not None, "the gateway says when it arrives"
    _ask_at(session, row, max(row.arrives_on, row.sent_at) + _AFTER_ARRIVAL, "sent")


def _refuse(session: Session, row: Payout) -> None:
    row.undone_at = clock.now(session)
    entry = void_hold(
        session, row.hold_entry_id, key=f"{row.id}:refused", actor=row.gateway, reason=row.reason
    )
    row.resolved_entry_id = entry.id


def _pay(session: Session, row: Payout) -> None:
    row.paid_at = clock.now(session)
    entry = post(
        session,
        movements.payout_paid(row.gateway, row.worker_id, amount=Money(row.amount_minor, row.currency)),
        key=f"{row.id}:paid",
        reference=row.id,
        actor=row.gateway,
    )
    row.paid_entry_id = entry.id
    _collect_fee(session, row)
    _ask_at(session, row, row.paid_at + _AFTER_PAYMENT, "paid")


def _fail(session: Session, row: Payout) -> None:
    row.undone_at = clock.now(session)
    amount, fee = Money(row.amount_minor, row.currency), Money(row.fee_minor, row.currency)
    entry = post(
        session,
        movements.instant_payout_failed(row.worker_id, amount=amount, fee=fee)
        if _instant(row)
        else movements.payout_failed(row.worker_id, amount=amount),
        key=f"{row.id}:failed",
        reference=row.id,
        actor=row.gateway,
        reason=row.reason,
    )
    row.undone_entry_id = entry.id
    debts.look_for_debts(session, worker_id=row.worker_id, because_of=row.id)


def _return(session: Session, row: Payout) -> None:
    row.undone_at = clock.now(session)
    entry = post(
        session,
        movements.payout_returned(row.gateway, row.worker_id, amount=Money(row.amount_minor, row.currency)),
        key=f"{row.id}:returned",
        reference=row.id,
        actor=row.gateway,
        reason=row.reason,
    )
    row.undone_entry_id = entry.id
    debts.look_for_debts(session, worker_id=row.worker_id, because_of=row.id)


def _collect_fee(session: Session, row: Payout) -> None:
    """The fee is earned and lies at the worker's account, in the transfers that were kept for it: it is fetched."""
    parts = session.execute(
        select(PayoutPart, Transfer)
        .join(Transfer, Transfer.id == PayoutPart.transfer_id)
        .where(PayoutPart.payout_id == row.id, PayoutPart.fee_minor > 0)
        .order_by(PayoutPart.transfer_id)
    )
    for part, transfer in parts.all():
        order_reversal(session, transfer, Money(part.fee_minor, row.currency), payout_id=row.id)


def _instant(row: Payout) -> bool:
    return row.method == PayoutMethod.INSTANT


_BOOKS = {"send": _send, "refuse": _refuse, "pay": _pay, "fail": _fail, "return": _return}


def _ask_at(session: Session, row: Payout, at: datetime, after: str) -> None:
    due.schedule(
        session, kind="refresh_payout", subject=row.id, due_at=at, key=f"refresh_payout:{row.id}:{after}"
    )
