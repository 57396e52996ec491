"""What the rest of Holdfast may know of accounts, transfers and payouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.money import Money
from payouts import words

if TYPE_CHECKING:
    from datetime import datetime

    from payouts.tables import Payout, PayoutAccount, PayoutPart, Transfer
    from payouts.words import Missing, NextStep

# No gateway has made an account for the worker yet.
NO_ACCOUNT = "none"


@dataclass(frozen=True, slots=True)
class AccountView:
    """Whether a worker can be paid, what is missing for it, and the one thing to do next."""

    id: str | None
    user_id: str
    gateway: str
    gateway_id: str | None
    state: str
    can_receive_transfers: bool
    can_be_paid_out: bool
    missing: tuple[Missing, ...]
    disabled_reason: str | None
    bank_name: str | None
    bank_last4: str | None
    next_step: NextStep


@dataclass(frozen=True, slots=True)
class TransferView:
    """Released money on its way to the worker's account; `usable` once it can be withdrawn."""

    id: str
    release_id: str | None
    milestone_id: str
    worker_id: str
    gateway: str
    gateway_id: str | None
    amount: Money
    state: str
    reason: str | None
    failure_code: str | None
    created_at: datetime
    sent_at: datetime | None
    available_at: datetime | None
    entry_id: str | None
    usable: bool


@dataclass(frozen=True, slots=True)
class PartView:
    """How much of a payout, and of its fee, came out of one milestone's transfer."""

    transfer_id: str
    milestone_id: str
    amount: Money
    fee: Money


@dataclass(frozen=True, slots=True)
class PayoutView:
    """A withdrawal: what it is made of, where it goes and how far it is. `entry_ids` are its entries, in order.

    `amount` arrives, and `fee` is taken from the wallet on top of it.
    """

    id: str
    worker_id: str
    gateway: str
    gateway_id: str | None
    amount: Money
    method: str
    fee: Money
    by_schedule: bool
    state: str
    reason: str | None
    failure_code: str | None
    bank_name: str | None
    bank_last4: str | None
    requested_at: datetime
    sent_at: datetime | None
    arrives_on: datetime | None
    paid_at: datetime | None
    undone_at: datetime | None
    trace_id: str | None
    entry_ids: tuple[str, ...]
    parts: tuple[PartView, ...]

    @property
    def total(self) -> Money:
        """What leaves the wallet."""
        return self.amount + self.fee

    @property
    def expected_at(self) -> datetime:
        """When it should be at the bank: as the gateway says or, before it has said so, as it usually is."""
        return self.arrives_on or words.usual_arrival(self.method, self.requested_at)


@dataclass(frozen=True, slots=True)
class PayoutPartView:
    """The part of a payout that came out of one transfer, with all that is known of the payout."""

    payout_id: str
    transfer_id: str
    amount: Money
    fee: Money
    state: str
    reason: str | None
    gateway_id: str | None
    trace_id: str | None
    bank_last4: str | None
    requested_at: datetime
    arrives_on: datetime | None
    paid_at: datetime | None
    entry_ids: tuple[str, ...]

    @property
    def entry_id(self) -> str:
        """The entry that says where the money is now."""
        return self.entry_ids[-1]


def account_view(row: PayoutAccount | None, *, user_id: str, gateway: str) -> AccountView:
    """The account as it stands in this transaction, be it that there is none."""
    known = row is not None and row.gateway_id is not None
    state = row.state if row is not None and known else NO_ACCOUNT
    missing = words.missing(row.missing) if row is not None and known else ()
    return AccountView(
        id=row.id if row is not None else None,
        user_id=user_id,
        gateway=gateway,
        gateway_id=row.gateway_id if row is not None else None,
        state=state,
        can_receive_transfers=row is not None and row.can_receive_transfers,
        can_be_paid_out=row is not None and row.can_be_paid_out,
        missing=missing,
        disabled_reason=words.disabled(row.state, row.disabled_reason) if row is not None else None,
        bank_name=row.bank_name if row is not None else None,
        bank_last4=row.bank_last4 if row is not None else None,
        next_step=words.next_step(state, missing, row.bank_last4 if row is not None else None),
    )


def transfer_view(row: Transfer, *, now: datetime) -> TransferView:
    """The transfer as it stands in this transaction."""
    return TransferView(
        id=row.id,
        release_id=row.release_id,
        milestone_id=row.milestone_id,
        worker_id=row.worker_id,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=Money(row.amount_minor, row.currency),
        state=row.state,
        reason=row.reason,
        failure_code=row.failure_code,
        created_at=row.created_at,
        sent_at=row.sent_at,
        available_at=row.available_at,
        entry_id=row.entry_id,
        usable=row.available_at is not None and row.available_at <= now,
    )


def payout_view(row: Payout, parts: tuple[PartView, ...]) -> PayoutView:
    """The payout as it stands in this transaction."""
    return PayoutView(
        id=row.id,
        worker_id=row.worker_id,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=Money(row.amount_minor, row.currency),
        method=row.method,
        fee=Money(row.fee_minor, row.currency),
        by_schedule=row.by_schedule,
        state=row.state,
        reason=row.reason,
        failure_code=row.failure_code,
        bank_name=row.bank_name,
        bank_last4=row.bank_last4,
        requested_at=row.requested_at,
        sent_at=row.sent_at,
        arrives_on=row.arrives_on,
        paid_at=row.paid_at,
        undone_at=row.undone_at,
        trace_id=row.trace_id,
        entry_ids=_entry_ids(row),
        parts=parts,
    )


def payout_part_view(row: Payout, part: PayoutPart) -> PayoutPartView:
    """One part of the payout as it stands in this transaction."""
    return PayoutPartView(
        payout_id=row.id,
        transfer_id=part.transfer_id,
        amount=Money(part.amount_minor, row.currency),
        fee=Money(part.fee_minor, row.currency),
        state=row.state,
        reason=row.reason,
        gateway_id=row.gateway_id,
        trace_id=row.trace_id,
        bank_last4=row.bank_last4,
        requested_at=row.requested_at,
        arrives_on=row.arrives_on,
        paid_at=row.paid_at,
        entry_ids=_entry_ids(row),
    )


def _entry_ids(row: Payout) -> tuple[str, ...]:
    entries = (row.hold_entry_id, row.resolved_entry_id, row.paid_entry_id, row.undone_entry_id)
    return tuple(entry for entry in entries if entry is not None)
