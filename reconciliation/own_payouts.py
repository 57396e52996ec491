"""Paying out what is ours: one person proposes, another one approves, and what is held for others stays.

Approved, it is booked at once, so that nobody else can count on it; only then is the gateway asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from kernel.money import Money
from kernel.refusals import Conflict, Invalid, NotFound
from ledger import movements
from ledger.periods import SamePersonTwice
from ledger.posting import post
from persistence import clock, due, outbox
from persistence.locks import locked
from persistence.unit_of_work import Retry
from reconciliation.solvency import refuse_unless_ours
from reconciliation.states import OWN_PAYOUT, UNDONE, UNSENT
from reconciliation.tables import OwnPayout

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from ledger.entries import Entry

ASK_AGAIN = timedelta(hours=6)


class OwnPayoutNotFound(NotFound):
    """There is no such payout of ours."""

    code = "own_payout_not_found"


class OwnPayoutDecided(Conflict):
    """It was approved, rejected or withdrawn before; the answer says how it is."""

    code = "own_payout_decided"


class OwnPayoutUnderWay(Conflict):
    """Another one in this currency is ordered and not sent yet: what has to stay is counted for one at a time."""

    code = "own_payout_under_way"


class NothingToPayOut(Invalid):
    """The amount is not above zero."""

    code = "nothing_to_pay_out"


@dataclass(frozen=True, slots=True)
class OwnPayoutView:
    """A payout of ours: how much from where, who decided, and how far it is.

    What an `automatic` one `carried` is what its lines at the gateway add up to; None until the gateway has told.
    """

    id: str
    gateway: str
    gateway_id: str | None
    state: str
    automatic: bool
    amount: Money
    reason: str | None
    proposed_by: str | None
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    arrives_on: datetime | None
    failure_code: str | None
    finished_at: datetime | None
    carried: Money | None


def propose(
    session: Session, *, own_payout_id: str, gateway: str, amount: Money, reason: str, by: str
) -> OwnPayoutView:
    """Ask for what is ours to be paid out; nothing moves before somebody else in finance has approved."""
    if amount.amount_minor <= 0:
        raise NothingToPayOut("Name an amount above zero.", field="amount")
    refuse_unless_ours(session, gateway=gateway, amount=amount)
    row = OwnPayout(
        id=own_payout_id,
        gateway=gateway,
        state=OWN_PAYOUT.initial,
        automatic=False,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        reason=reason,
        proposed_by=by,
        proposed_at=clock.now(session),
        attempt=1,
        calls=0,
        calls_over=0,
    )
    session.add(row)
    session.flush()
    outbox.publish(session, name="own_payout.proposed", subject=row.id)
    return view(row)


def approve(session: Session, *, own_payout_id: str, by: str, decision: str | None = None) -> OwnPayoutView:
    """Order what somebody else has proposed, as long as enough stays for everybody whose money we hold."""
    row = held(session, own_payout_id)
    _decide(session, row, "approve", by, decision)
    _begin_alone(session, row)
    amount = amount_of(row)
    refuse_unless_ours(session, gateway=row.gateway, amount=amount)
    book(session, row, movements.own_payout_ordered(row.gateway, amount=amount), "ordered", actor=by)
    due.schedule(
        session,
        kind="send_own_payout",
        subject=row.id,
        due_at=clock.now(session),
        key=f"send_own_payout:{row.id}",
    )
    return view(row)


def reject(session: Session, *, own_payout_id: str, by: str, decision: str | None = None) -> OwnPayoutView:
    """Decide against it; everything stays as it is."""
    row = held(session, own_payout_id)
    _decide(session, row, "reject", by, decision)
    return view(row)


def withdraw(session: Session, *, own_payout_id: str, by: str) -> OwnPayoutView:
    """Take one's own proposal back."""
    row = held(session, own_payout_id)
    if row.proposed_by != by:
        raise OwnPayoutNotFound("There is no such proposal of yours.")
    _decide(session, row, "withdraw", by, None)
    return view(row)


def own_payout(session: Session, *, own_payout_id: str) -> OwnPayoutView:
    """The payout with this id."""
    row = session.get(OwnPayout, own_payout_id)
    if row is None:
        raise OwnPayoutNotFound("There is no such payout of ours.")
    return view(row)


def own_payouts(
    session: Session, *, after: str | None, limit: int, state: str | None = None
) -> list[OwnPayoutView]:
    """Payouts of ours, newest first; all of them, or those in one state."""
    query = select(OwnPayout).order_by(OwnPayout.id.desc()).limit(limit)
    if after is not None:
        query = query.where(OwnPayout.id < after)
    if state is not None:
        query = query.where(OwnPayout.state == state)
    return [view(row) for row in session.scalars(query)]


def held(session: Session, own_payout_id: str) -> OwnPayout:
    """The row, locked until the transaction ends."""
    row = locked(session, OwnPayout, own_payout_id)
    if row is None:
        raise OwnPayoutNotFound("There is no such payout of ours.")
    return row


def step(session: Session, row: OwnPayout, act: str) -> bool:
    """Take the step, and book what goes with it; false where it was taken before, or leads nowhere from here."""
    transition = OWN_PAYOUT.step(row.state, act)
    if transition is None:
        return False
    row.state = transition.to
    if row.state not in UNSENT:
        row.live_for = None
    if row.state in OWN_PAYOUT.terminal:
        row.finished_at = clock.now(session)
    if row.state == "sent":
        watch(session, row)
    amount = amount_of(row)
    if row.state == "paid":
        book(session, row, movements.own_payout_paid(amount=amount), "paid", actor=row.gateway)
    elif row.state in UNDONE:
        undo = movements.own_payout_failed if row.state == "failed" else movements.own_payout_returned
        book(session, row, undo(row.gateway, amount=amount), row.state, actor=row.gateway)
    outbox.publish(session, name=transition.event, subject=row.id)
    return True


def watch(session: Session, row: OwnPayout) -> None:
    """Have it looked at later, whether or not the gateway tells of it."""
    due.schedule(
        session,
        kind="refresh_own_payout",
        subject=row.id,
        due_at=clock.now(session) + ASK_AGAIN,
        key=f"refresh_own_payout:{row.id}",
    )


def book(session: Session, row: OwnPayout, entry: Entry, what: str, *, actor: str) -> None:
    """Post it once, under the name by which reconciliation finds the gateway's line about it."""
    reference = row.gateway_id if row.proposed_by is None and row.gateway_id else row.id
    post(session, entry, key=f"{reference}:{what}", reference=row.id, actor=actor)


def amount_of(row: OwnPayout) -> Money:
    """What is paid out."""
    return Money(row.amount_minor, row.currency)


def view(row: OwnPayout) -> OwnPayoutView:
    """The payout as it stands in this transaction."""
    return OwnPayoutView(
        id=row.id,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        state=row.state,
        automatic=row.automatic,
        amount=amount_of(row),
        reason=row.reason,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision=row.decision,
        arrives_on=row.arrives_on,
        failure_code=row.failure_code,
        finished_at=row.finished_at,
        carried=None if row.carried_minor is None else Money(row.carried_minor, row.currency),
    )


def _decide(session: Session, row: OwnPayout, act: str, by: str, decision: str | None) -> None:
    transition = OWN_PAYOUT.step(row.state, act)
    if transition is None:
        raise OwnPayoutDecided(f"This payout is {row.state}.", state=row.state)
    if act != "withdraw" and row.proposed_by == by:
        raise SamePersonTwice("You proposed this. Somebody else in finance has to decide.")
    row.state, row.decided_by, row.decision = transition.to, by, decision
    row.decided_at = clock.now(session)
    outbox.publish(session, name=transition.event, subject=row.id)


def _begin_alone(session: Session, row: OwnPayout) -> None:
    under_way = session.scalar(select(OwnPayout.id).where(OwnPayout.live_for == row.currency))
    if under_way is not None:
        raise OwnPayoutUnderWay(
            f"{under_way} is ordered and not sent yet. Approve this one once it is.", own_payout_id=under_way
        )
    row.live_for = row.currency
    try:
        session.flush()
    except IntegrityError as error:
        # Another one was approved at the same moment.
        raise Retry from error
