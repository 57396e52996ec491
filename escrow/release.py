"""Held money becomes the worker's: by acceptance, in part, by time, or by a mediator's decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from escrow import fees, states
from escrow.acts import Held, hold_milestone, move, tell, transition
from escrow.tables import Release, Submission
from escrow.views import MilestoneView, ReleaseView, release_view
from identity.actors import SYSTEM
from kernel.money import Money, movable
from kernel.refusals import Conflict, Invalid, Unavailable
from ledger import movements
from ledger.posting import post
from payments import collecting
from persistence import clock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from identity.actors import Actor
    from ledger.entries import Entry
    from payments.views import PaymentView


class AmountNotHeld(Conflict):
    """More was asked for than is held."""

    code = "amount_not_held"


class AmountNotPositive(Invalid):
    """The amount is zero or below."""

    code = "amount_not_positive"


class OtherCurrency(Invalid):
    """The amount is in another currency than the contract."""

    code = "other_currency"


class NotDueYet(Unavailable):
    """The window is still open; early never happens."""

    code = "not_due_yet"

    def __init__(self, due_at: datetime) -> None:
        super().__init__("The review window is still open.")
        self.due_at = due_at


def release(
    session: Session, *, milestone_id: str, release_id: str, amount: Money, by: Actor
) -> tuple[MilestoneView, ReleaseView]:
    """The client pays the worker what is held or a part of it; with the last cent the milestone is done.

    The amount is always said, so that nothing else is paid than what was looked at.
    """
    on = hold_milestone(session, milestone_id, by=by)
    act = "release" if amount == on.held else "release_part"
    transition(states.MILESTONE, on.milestone.state, act, on.party)
    gross = part_of_the_hold(on, amount)
    released = pay_worker(session, on, release_id=release_id, gross=gross, cause="accepted", by=by.id)
    return move(session, on, act, quietly=True), released


def release_by_time(session: Session, *, submission_id: str, release_id: str) -> MilestoneView | None:
    """Nobody answered for 72 hours: the worker is paid. None when that submission is no longer the one waited for.

    Late is fine, early is refused, twice is nothing: the lock, then the database's clock, decide.
    """
    submission = session.get_one(Submission, submission_id)
    on = hold_milestone(session, submission.milestone_id, by=SYSTEM)
    if on.milestone.state != "submitted" or on.milestone.submission_id != submission_id:
        return None
    if clock.now(session) < submission.deadline_at:
        raise NotDueYet(submission.deadline_at)
    pay_worker(session, on, release_id=release_id, gross=on.held, cause="by_time", by=SYSTEM.id)
    return move(session, on, "release_by_time", quietly=True)


def part_of_the_hold(on: Held, amount: Money) -> Money:
    """`amount`; refuses what is not a part of what is held."""
    held = on.held
    if amount.currency != held.currency:
        raise OtherCurrency(f"This contract is in {held.currency}.", field="amount")
    if amount.amount_minor <= 0:
        raise AmountNotPositive("The amount must be more than zero.", field="amount")
    if amount > held:
        raise AmountNotHeld(f"Only {held} is held for this milestone.", field="amount", held=held.decimal)
    return movable(amount, field="amount")


def pay_worker(
    session: Session, on: Held, *, release_id: str, gross: Money, cause: str, by: str
) -> ReleaseView:
    """Book `gross` from the hold to the worker's wallet less our fee, and have it sent to their account."""
    pay = Pay.of(on, release_id=release_id, gross=gross, cause=cause, by=by)
    entry = post(session, pay.entry, **pay.told)
    payment = collecting.live_payment(session, on.milestone.id)
    return keep(session, pay, entry.id, payment=payment, at=entry.recorded_at)


@dataclass(frozen=True, slots=True)
class Pay:
    """Held money on its way to becoming the worker's: `gross` leaves the hold, `fee` of it is ours."""

    on: Held
    release_id: str
    gross: Money
    fee: Money
    cause: str
    by: str

    @classmethod
    def of(cls, on: Held, *, release_id: str, gross: Money, cause: str, by: str) -> Pay:
        """With our fee on this part of the price."""
        before = Money(on.milestone.released_minor, on.milestone.currency)
        fee = fees.share(_schedule(on).worker_fee, before=before, part=gross)
        return cls(on, release_id, gross, fee, cause, by)

    @property
    def entry(self) -> Entry:
        """The movement of money."""
        return movements.milestone_released(
            self.on.milestone.id, self.on.contract.worker_id, gross=self.gross, worker_fee=self.fee
        )

    @property
    def told(self) -> Said:
        """What is said about it."""
        return {
            "key": f"{self.release_id}:released",
            "reference": self.on.milestone.id,
            "actor": self.by,
            "reason": self.cause,
        }


class Said(TypedDict):
    """What is said about the entry of a release."""

    key: str
    reference: str
    actor: str
    reason: str


def keep(
    session: Session, pay: Pay, entry_id: str, *, payment: PaymentView | None, at: datetime
) -> ReleaseView:
    """Write down what was booked, and tell whoever sends the money on to the worker."""
    row = pay.on.milestone
    row.released_minor += pay.gross.amount_minor
    row.worker_fee_minor += pay.fee.amount_minor
    released = Release(
        id=pay.release_id,
        milestone_id=row.id,
        currency=row.currency,
        gross_minor=pay.gross.amount_minor,
        worker_fee_minor=pay.fee.amount_minor,
        cause=pay.cause,
        released_by=pay.by,
        released_at=at,
        entry_id=entry_id,
    )
    session.add(released)
    view = release_view(released)
    _tell(session, pay.on, view, payment, at)
    return view


def _tell(
    session: Session, on: Held, released: ReleaseView, payment: PaymentView | None, at: datetime
) -> None:
    assert payment is not None, "what is held was paid"
    tell(
        session,
        on,
        "milestone.released",
        at=at,
        release_id=released.id,
        amount_minor=released.net.amount_minor,
        currency=released.net.currency,
        gateway=payment.gateway,
        payment_id=payment.id,
        source_charge=payment.source_charge,
        cause=released.cause,
    )


def _schedule(on: Held) -> fees.FeeSchedule:
    client, worker = on.contract.client_basis_points, on.contract.worker_basis_points
    assert client is not None, "an accepted contract has its fees"
    assert worker is not None, "an accepted contract has its fees"
    return fees.FeeSchedule(client, worker)
