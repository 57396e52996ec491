"""Rows of money out: workers' accounts, transfers to them and back, payouts from them and the parts of those."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from gateways.tables import Sent
from persistence.columns import TABLE_OPTIONS, Base, Id, Json, UtcDateTime, ascii_text


class PayoutAccount(Sent, Base):
    """A worker's account at one gateway, as the gateway last told; `gateway_id` is missing until it made one.

    Whoever decides about a worker's transfers or payouts locks this row first; who needs several locks all of them.
    """

    __tablename__ = "payout_accounts"
    __table_args__ = (
        # One live account per worker and gateway: `live_for` is the worker until it leaves us, then nothing.
        UniqueConstraint("live_for", "gateway"),
        UniqueConstraint("gateway", "gateway_id"),
        Index(None, "user_id", "gateway"),
        Index(None, "left_at", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("ac"), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id("us"))
    live_for: Mapped[str | None] = mapped_column(Id("us"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    state: Mapped[str] = mapped_column(ascii_text(16))
    # When we learned that the gateway speaks of it no longer; and that it did again while another was in use.
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    returned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When its worker was last told of money that waits for an account that can take it.
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    can_receive_transfers: Mapped[bool] = mapped_column(Boolean)
    can_be_paid_out: Mapped[bool] = mapped_column(Boolean)
    missing: Mapped[list[str]] = mapped_column(Json)
    disabled_reason: Mapped[str | None] = mapped_column(ascii_text(64))
    bank_name: Mapped[str | None] = mapped_column(String(120))
    bank_last4: Mapped[str | None] = mapped_column(ascii_text(4))
    # Of the bank account to which it is paid out.
    takes_instant: Mapped[bool] = mapped_column(Boolean)
    version: Mapped[int] = mapped_column(Integer)


class Transfer(Sent, Base):
    """Money on its way into the worker's account; one for each release, and one for what a bank gave back of it."""

    __tablename__ = "transfers"
    __table_args__ = (
        UniqueConstraint("release_id"),
        UniqueConstraint("repays"),
        UniqueConstraint("replaces"),
        UniqueConstraint("gateway", "gateway_id"),
        Index(None, "worker_id", "state"),
        Index(None, "milestone_id"),
        Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("tr"), primary_key=True)
    release_id: Mapped[str | None] = mapped_column(Id("rl"))
    # The line of a chargeback that brought back what the worker had given: it comes out of no charge.
    repays: Mapped[str | None] = mapped_column(Id("cl"))
    # The reversal that brought the money back from an account that has left: it comes out of no charge either.
    replaces: Mapped[str | None] = mapped_column(Id("rv"))
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    worker_id: Mapped[str] = mapped_column(Id("us"))
    payment_id: Mapped[str] = mapped_column(Id("py"))
    account_id: Mapped[str] = mapped_column(Id("ac"), ForeignKey("payout_accounts.id"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    source_charge: Mapped[str | None] = mapped_column(ascii_text(64))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(ascii_text(16))
    # In plain words, for the worker: why it is not there yet.
    reason: Mapped[str | None] = mapped_column(String(300))
    failure_code: Mapped[str | None] = mapped_column(ascii_text(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # From then on the worker can withdraw it.
    available_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    entry_id: Mapped[str | None] = mapped_column(Id("en"))


class Payout(Sent, Base):
    """A withdrawal to the worker's bank: `amount_minor` arrives, and the fee is taken from the wallet on top of it."""

    __tablename__ = "payouts"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_id"),
        Index(None, "worker_id", "id"),
        Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("po"), primary_key=True)
    worker_id: Mapped[str] = mapped_column(Id("us"))
    account_id: Mapped[str] = mapped_column(Id("ac"), ForeignKey("payout_accounts.id"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    method: Mapped[str] = mapped_column(ascii_text(8))
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    # Asked for by the worker's schedule, and not by the worker.
    by_schedule: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str] = mapped_column(ascii_text(16))
    reason: Mapped[str | None] = mapped_column(String(300))
    failure_code: Mapped[str | None] = mapped_column(ascii_text(64))
    # Where it goes, as the account stood when the worker asked.
    bank_name: Mapped[str | None] = mapped_column(String(120))
    bank_last4: Mapped[str | None] = mapped_column(ascii_text(4))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    arrives_on: Mapped[datetime | None] = mapped_column(UtcDateTime)
    trace_id: Mapped[str | None] = mapped_column(ascii_text(64))
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # When it failed or came back.
    undone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hold_entry_id: Mapped[str] = mapped_column(Id("en"))
    # What became of the hold: sent, or given up.
    resolved_entry_id: Mapped[str | None] = mapped_column(Id("en"))
    paid_entry_id: Mapped[str | None] = mapped_column(Id("en"))
    undone_entry_id: Mapped[str | None] = mapped_column(Id("en"))


class PayoutPart(Base):
    """How much of a payout, and of its fee, comes out of one transfer; the parts add up to the payout and the fee."""

    __tablename__ = "payout_parts"
    __table_args__ = (Index(None, "transfer_id"), TABLE_OPTIONS)

    payout_id: Mapped[str] = mapped_column(Id("po"), ForeignKey("payouts.id"), primary_key=True)
    transfer_id: Mapped[str] = mapped_column(Id("tr"), ForeignKey("transfers.id"), primary_key=True)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    fee_minor: Mapped[int] = mapped_column(BigInteger)


class Reversal(Sent, Base):
    """Money taken back out of a worker's account: a client has it, it is a payout's fee, or the account has left."""

    __tablename__ = "transfer_reversals"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_id"),
        UniqueConstraint("payout_id", "transfer_id"),
        Index(None, "transfer_id"),
        Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("rv"), primary_key=True)
    transfer_id: Mapped[str] = mapped_column(Id("tr"), ForeignKey("transfers.id"))
    # One of the four says why.
    chargeback_id: Mapped[str | None] = mapped_column(Id("cb"))
    clawback_id: Mapped[str | None] = mapped_column(Id("cw"))
    payout_id: Mapped[str | None] = mapped_column(Id("po"), ForeignKey("payouts.id"))
    left_account_id: Mapped[str | None] = mapped_column(Id("ac"), ForeignKey("payout_accounts.id"))
    worker_id: Mapped[str] = mapped_column(Id("us"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(ascii_text(16))
    failure_code: Mapped[str | None] = mapped_column(ascii_text(64))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ConnectedBalance(Base):
    """What the gateway said lies at a worker's account in one currency, when it was last looked at."""

    __tablename__ = "connected_balances"
    __table_args__ = (TABLE_OPTIONS,)

    account_id: Mapped[str] = mapped_column(Id("ac"), ForeignKey("payout_accounts.id"), primary_key=True)
    currency: Mapped[str] = mapped_column(ascii_text(3), primary_key=True)
    available_minor: Mapped[int] = mapped_column(BigInteger)
    pending_minor: Mapped[int] = mapped_column(BigInteger)
    instant_minor: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Since when it has been below zero, as far as anybody looked.
    negative_since: Mapped[datetime | None] = mapped_column(UtcDateTime)


class PayoutSchedule(Base):
    """When a worker is paid without asking: `next_at` is missing where that is never. A weekday is 0 on Mondays."""

    __tablename__ = "payout_schedules"
    __table_args__ = (UniqueConstraint("worker_id", "gateway"), Index(None, "next_at", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("ps"), primary_key=True)
    worker_id: Mapped[str] = mapped_column(Id("us"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    interval: Mapped[str] = mapped_column(ascii_text(12))
    weekday: Mapped[int | None] = mapped_column(SmallInteger)
    minimum_minor: Mapped[int | None] = mapped_column(BigInteger)
    minimum_currency: Mapped[str | None] = mapped_column(ascii_text(3))
    next_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changes: Mapped[int] = mapped_column(Integer)


class PayoutScheduleChange(Base):
    """What a schedule was changed to, by whom and when; never changed itself."""

    __tablename__ = "payout_schedule_changes"
    __table_args__ = (TABLE_OPTIONS,)

    schedule_id: Mapped[str] = mapped_column(Id("ps"), ForeignKey("payout_schedules.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    interval: Mapped[str] = mapped_column(ascii_text(12))
    weekday: Mapped[int | None] = mapped_column(SmallInteger)
    minimum_minor: Mapped[int | None] = mapped_column(BigInteger)
    minimum_currency: Mapped[str | None] = mapped_column(ascii_text(3))
    actor: Mapped[str] = mapped_column(ascii_text(40))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PayoutScheduleRun(Base):
    """What a schedule did in one period, named by its day, and one currency; it does it once."""

    __tablename__ = "payout_schedule_runs"
    __table_args__ = (TABLE_OPTIONS,)

    schedule_id: Mapped[str] = mapped_column(Id("ps"), ForeignKey("payout_schedules.id"), primary_key=True)
    period: Mapped[str] = mapped_column(ascii_text(10), primary_key=True)
    currency: Mapped[str] = mapped_column(ascii_text(3), primary_key=True)
    outcome: Mapped[str] = mapped_column(ascii_text(24))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    payout_id: Mapped[str | None] = mapped_column(Id("po"), ForeignKey("payouts.id"))
    ran_at: Mapped[datetime] = mapped_column(UtcDateTime)
