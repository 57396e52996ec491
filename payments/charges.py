"""What becomes of a charge after it succeeded: it settles, and money leaves it for workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from ledger import movements
from ledger.posting import post
from payments.collecting import PaymentNotFound
from payments.states import PAID
from payments.tables import Payment
from payments.views import payment_view
from persistence import clock
from persistence.locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from kernel.money import Money


def draw(session: Session, *, payment_id: str, amount: Money) -> bool:
    """Note that `amount` of the charge went to a worker; true when it came out of settled money.

    What leaves while the charge is pending never settles with us, so it is taken off what `settle` books.
    """
    row = _locked(session, payment_id)
    if row.settled_at is not None:
        return True
    assert row.received_minor is None, "what was converted is no money to pay a worker with"
    row.drawn_pending_minor += amount.amount_minor
    return False


def give_back(session: Session, *, payment_id: str, amount: Money) -> bool:
    """Note that `amount` of the charge came back from a worker; true when it is settled money."""
    row = _locked(session, payment_id)
    if row.settled_at is not None:
        return True
    row.drawn_pending_minor -= amount.amount_minor
    return False


def converted(session: Session, payment_ids: Iterable[str]) -> set[str]:
    """Those of the payments that reached our balance in another currency than workers are paid in."""
    known = select(Payment.id).where(
        Payment.id.in_(sorted(set(payment_ids))), Payment.received_currency.is_not(None)
    )
    return set(session.scalars(known))


def settle(session: Session, *, payment_id: str) -> None:
    """The gateway released the charge to our available balance: book what is left of it, once."""
    row = _locked(session, payment_id)
    if row.settled_at is not None or row.state not in PAID:
        return
    row.settled_at = clock.now(session)
    left = payment_view(row).settling
    if left:
        post(
            session,
            movements.funds_settled(row.gateway, amount=left),
            key=f"{row.id}:settled",
            reference=row.milestone_id,
            actor=row.gateway,
        )


def _locked(session: Session, payment_id: str) -> Payment:
    row = locked(session, Payment, payment_id)
    if row is None:
        raise PaymentNotFound("There is no payment with this id.")
    return row
