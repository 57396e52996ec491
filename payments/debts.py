"""What workers owe for money that clients have back: found in what comes in for them, paid, or borne by us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select

from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import Conflict, NotFound
from ledger import movements
from ledger.posting import post
from payments import chargebacks
from payments.tables import Chargeback, Clawback
from persistence import clock, due
from persistence.locks import locked

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from ledger.entries import Entry


Row = TypeVar("Row", Chargeback, Clawback)


class DebtNotFound(NotFound):
    """There is no such debt, or it is somebody else's."""

    code = "debt_not_found"


class NotOwed(Conflict):
    """The worker does not owe that much for this."""

    code = "not_owed"


@dataclass(frozen=True, slots=True)
class Debt:
    """What a worker owes for a chargeback (`cb_…`) or a clawback (`cw_…`), whose id the debt has.

    `amount` had reached their wallet of the milestone's money. Of that it was `recovered` or `forgiven`, or is
    outstanding. `agreed` says that they ordered it themselves: it may be taken from whatever they have with us.
    """

    id: str
    milestone_id: str
    worker_id: str
    gateway: str
    amount: Money
    recovered: Money
    forgiven: Money
    agreed: bool
    since: datetime

    @property
    def by_bank(self) -> bool:
        """Whether the client's bank took it back, and not Holdfast for them."""
        return not _is_clawback(self.id)

    @property
    def outstanding(self) -> Money:
        """What is still owed."""
        return self.amount - self.recovered - self.forgiven


def find(session: Session, debt_id: str) -> Debt:
    """The debt with this id."""
    if _is_clawback(debt_id):
        return _debt(session, _found(session.get(Clawback, debt_id)))
    return _debt(session, _found(session.get(Chargeback, debt_id)))


def hold(session: Session, debt_id: str) -> Debt:
    """The debt, locked until the transaction ends."""
    return _debt(session, _row(session, debt_id))


def of_worker(
    session: Session, *, worker_id: str, after: str | None = None, limit: int | None = None
) -> list[Debt]:
    """What the worker owes and is outstanding, oldest first, from the one after `after` on."""
    by_banks = session.scalars(select(Chargeback).where(Chargeback.worker_id == worker_id))
    by_us = session.scalars(select(Clawback).where(Clawback.worker_id == worker_id))
    found = [_debt(session, row) for row in (*by_banks, *by_us)]
    owed = sorted((debt for debt in found if debt.outstanding), key=lambda debt: _order(debt.id))
    return [debt for debt in owed if after is None or _order(debt.id) > _order(after)][:limit]


def forgive(session: Session, *, debt_id: str, amount: Money, reason: str, by: str) -> Debt:
    """We bear this much of what the worker owes; refuses more than is owed."""
    row = _row(session, debt_id)
    refuse_more_than_is_owed(_debt(session, row), amount)
    row.decided_by, row.decision = by, reason
    row.forgiven_minor += amount.amount_minor
    post(
        session,
        _loss(row, amount),
        # What is forgiven may be given back and be forgiven again: each time is another.
        key=f"{row.id}:forgiven:{new_id('fg')}",
        reference=row.milestone_id,
        actor=by,
        reason=reason,
    )
    if isinstance(row, Chargeback):
        chargebacks.tell(session, row, "chargeback.forgiven")
    session.flush()
    return _debt(session, row)


def refuse_more_than_is_owed(debt: Debt, amount: Money) -> None:
    """Refuse an `amount` that is no part of what is outstanding."""
    owed = debt.outstanding
    if amount.currency != owed.currency or not 0 < amount.amount_minor <= owed.amount_minor:
        raise NotOwed(f"{owed} is owed for it.", field="amount", outstanding=owed.decimal)


def recovered(session: Session, *, debt_id: str, amount: Money) -> None:
    """The worker has given this much of what they owe."""
    row = _row(session, debt_id)
    row.recovered_minor += amount.amount_minor
    session.flush()


def look_for_debts(session: Session, *, worker_id: str, because_of: str) -> None:
    """Money of this worker's is with us again: what they owe is taken out of it at once, as far as it may be."""
    for debt in of_worker(session, worker_id=worker_id):
        due.schedule(
            session,
            kind="recover_debt",
            subject=debt.id,
            due_at=clock.now(session),
            key=f"recover_debt:{debt.id}:{because_of}",
        )


def _loss(row: Chargeback | Clawback, amount: Money) -> Entry:
    if isinstance(row, Chargeback):
        return movements.chargeback_lost(row.worker_id, forgiven=amount)
    return movements.debt_forgiven(row.worker_id, amount=amount)


def _is_clawback(debt_id: str) -> bool:
    return debt_id.startswith("cw_")


def _row(session: Session, debt_id: str) -> Chargeback | Clawback:
    if _is_clawback(debt_id):
        return _found(locked(session, Clawback, debt_id))
    return _found(locked(session, Chargeback, debt_id))


def _found(row: Row | None) -> Row:
    if row is None:
        raise DebtNotFound("There is no debt with this id.")
    return row


def _order(debt_id: str) -> str:
    # Ids rise with time, whatever they are of.
    return debt_id.rpartition("_")[2]


def _debt(session: Session, row: Chargeback | Clawback) -> Debt:
    if isinstance(row, Chargeback):
        amount, since, agreed = chargebacks.view(session, row).borne.worker, row.opened_at, False
    else:
        amount, since = Money(row.amount_minor, row.currency), row.ordered_at
        agreed = row.ordered_by == row.worker_id
    return Debt(
        id=row.id,
        milestone_id=row.milestone_id,
        worker_id=row.worker_id,
        gateway=row.gateway,
        amount=amount,
        recovered=Money(row.recovered_minor, row.currency),
        forgiven=Money(row.forgiven_minor, row.currency),
        agreed=agreed,
        since=since,
    )
