"""What of a worker's wallet can be withdrawn now, and what waits for what; the ledger's balance is the measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select
from sqlalchemy.orm import aliased

from kernel.money import Money, total
from kernel.refusals import Conflict
from ledger import chart
from ledger.balances import balance
from payouts import words
from payouts.accounts import accounts_that_left
from payouts.states import LIVE, UNDONE
from payouts.tables import Payout, PayoutPart, Reversal, Transfer
from persistence import clock

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


class NotEnoughAvailable(Conflict):
    """More was asked for than can be withdrawn now; the answer says how much can, what still waits, and until when."""

    code = "not_enough_available"


@dataclass(frozen=True, slots=True)
class Usable:
    """What is left of one transfer that can be withdrawn."""

    transfer_id: str
    left: Money


@dataclass(frozen=True, slots=True)
class Waiting:
    """Money in the wallet that cannot be withdrawn yet: why, and from when it can, where that is known."""

    amount: Money
    reason: str
    available_at: datetime | None
    milestone_id: str | None


@dataclass(frozen=True, slots=True)
class Funds:
    """A wallet in one currency; available, pending and reserved are together what the ledger says is in it."""

    available: Money
    pending: Money
    reserved: Money
    usable: tuple[Usable, ...]
    waiting: tuple[Waiting, ...]

    @property
    def balance(self) -> Money:
        """What the ledger says."""
        return self.available + self.pending + self.reserved

    @property
    def next_available_at(self) -> datetime | None:
        """When more can be withdrawn, as far as is known."""
        return min(
            (part.available_at for part in self.waiting if part.available_at is not None), default=None
        )


def funds(session: Session, *, user_id: str, gateway: str, currency: str) -> Funds:
    """The worker's wallet in one currency, as far as it can go out through this gateway."""
    wallet = balance(session, chart.wallet(user_id, currency))
    instant = clock.now(session)
    gone = accounts_that_left(session, user_id=user_id)
    rows = not_used_up(session, user_id, currency)
    ripe = [
        Usable(row.id, left)
        for row, left in rows
        if row.gateway == gateway
        and row.account_id not in gone
        and row.available_at is not None
        and row.available_at <= instant
    ]
    # What was taken back from the wallet for a debt may still lie at the gateway; it is not the worker's.
    available = min(total([part.left for part in ripe], currency), wallet.available)
    pending = wallet.available - available
    known = {part.transfer_id for part in ripe}
    waiting = [_waiting(row, left, gone) for row, left in rows if row.id not in known]
    waiting += _coming_back(session, user_id, currency) if gone else []
    return Funds(available, pending, wallet.held, tuple(ripe), tuple(_fitted(waiting, pending)))


@dataclass(frozen=True, slots=True)
class Part:
    """What of a withdrawal and of its fee comes out of one transfer."""

    transfer_id: str
    amount: Money
    fee: Money


def allot(amount: Money, fee: Money, usable: Sequence[Usable]) -> list[Part]:
    """`amount` made up of the transfers that came first, and the fee of what follows; the last one in part."""
    parts, to_bank, to_us = [], amount, fee
    for transfer in usable:
        if not (to_bank or to_us):
            break
        part = min(transfer.left, to_bank)
        kept = min(transfer.left - part, to_us)
        parts.append(Part(transfer.transfer_id, part, kept))
        to_bank -= part
        to_us -= kept
    assert not to_bank, "no more is withdrawn than is available"
    assert not to_us, "no more is charged than is available"
    return parts


def spoken_for() -> ColumnElement[int]:
    """What a part of a payout that is not undone takes of its transfer.

    The fee counts until the payout is paid. From then on the reversal that brings it to us does, in its place.
    """
    return PayoutPart.amount_minor + case((Payout.state.in_(LIVE), PayoutPart.fee_minor), else_=0)


def not_used_up(session: Session, user_id: str, currency: str) -> list[tuple[Transfer, Money]]:
    """The transfers of which something can be, or will be, withdrawn; those that arrived first come first."""
    used = (
        select(PayoutPart.transfer_id, func.sum(spoken_for()).label("minor"))
        .join(Payout, Payout.id == PayoutPart.payout_id)
        .where(Payout.worker_id == user_id, Payout.currency == currency, Payout.state.not_in(UNDONE))
        .group_by(PayoutPart.transfer_id)
        .subquery()
    )
    back = (
        select(Reversal.transfer_id, func.sum(Reversal.amount_minor).label("minor"))
        .where(Reversal.worker_id == user_id, Reversal.currency == currency)
        .group_by(Reversal.transfer_id)
        .subquery()
    )
    left = Transfer.amount_minor - func.coalesce(used.c.minor, 0) - func.coalesce(back.c.minor, 0)
    rows = session.execute(
        select(Transfer, left)
        .outerjoin(used, used.c.transfer_id == Transfer.id)
        .outerjoin(back, back.c.transfer_id == Transfer.id)
        .where(Transfer.worker_id == user_id, Transfer.currency == currency, left > 0)
        .order_by(Transfer.sent_at.is_(None), Transfer.sent_at, Transfer.id)
    )
    # MariaDB answers with a decimal.
    return [(row, Money(int(minor), currency)) for row, minor in rows]


def _coming_back(session: Session, user_id: str, currency: str) -> list[Waiting]:
    """What is brought back from accounts that left, as long as it has not been ordered to another one."""
    again = aliased(Transfer)
    anew = select(again.id).where(again.replaces == Reversal.id)
    rows = session.execute(
        select(Reversal.amount_minor, Transfer.milestone_id)
        .join(Transfer, Transfer.id == Reversal.transfer_id)
        .where(
            Reversal.worker_id == user_id,
            Reversal.currency == currency,
            Reversal.left_account_id.is_not(None),
            Reversal.state != "refused",
            ~anew.exists(),
        )
        .order_by(Reversal.id)
    )
    return [Waiting(Money(minor, currency), words.COMING_BACK, None, about) for minor, about in rows]


def _waiting(row: Transfer, left: Money, gone: Container[str]) -> Waiting:
    if row.state == "sent" and row.account_id in gone:
        return Waiting(left, words.COMING_BACK, None, row.milestone_id)
    if row.available_at is None:
        return Waiting(left, row.reason or words.MOVING, None, row.milestone_id)
    return Waiting(left, words.settles(row.available_at), row.available_at, row.milestone_id)


def _fitted(parts: Iterable[Waiting], pending: Money) -> Iterator[Waiting]:
    """The parts, cut to what is pending by the books; what none of them explains is still being moved."""
    left = pending
    for part in parts:
        amount = min(part.amount, left)
        if amount:
            yield Waiting(amount, part.reason, part.available_at, part.milestone_id)
            left -= amount
    if left:
        yield Waiting(left, words.MOVING, None, None)
