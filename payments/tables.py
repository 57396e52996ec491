"""Rows of money in: the gateway's record of a client, payments, refunds and chargebacks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateways.tables import Sent
from persistence.columns import TABLE_OPTIONS, Base, Id, Json, UtcDateTime, ascii_text


class Customer(Sent, Base):
    """A client as one gateway knows them. `gateway_id` is missing until the gateway has answered."""

    __tablename__ = "payment_customers"
    __table_args__ = (UniqueConstraint("user_id", "gateway"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("cu"), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id("us"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    default_card: Mapped[str | None] = mapped_column(ascii_text(64))


class Payment(Sent, Base):
    """One payment for one milestone: the price that is held, and our fee on top."""

    __tablename__ = "payments"
    __table_args__ = (
        # One live payment per milestone: `live_for` is the milestone until the payment is canceled, then nothing.
        UniqueConstraint("live_for"),
        UniqueConstraint("gateway", "gateway_id"),
        Index(None, "milestone_id"),
        Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("py"), primary_key=True)
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    live_for: Mapped[str | None] = mapped_column(Id("ms"))
    client_id: Mapped[str] = mapped_column(Id("us"))
    method: Mapped[str] = mapped_column(ascii_text(16))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    state: Mapped[str] = mapped_column(ascii_text(16))
    gateway_state: Mapped[str | None] = mapped_column(ascii_text(16))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    client_fee_minor: Mapped[int] = mapped_column(BigInteger)
    save_card: Mapped[bool] = mapped_column(Boolean)
    description: Mapped[str] = mapped_column(String(200))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Until when what this attempt hands to the payer can be used, where it ends at all.
    means_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Since when a capture may be under way of which nobody has heard.
    capture_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decline_code: Mapped[str | None] = mapped_column(ascii_text(64))
    charge_id: Mapped[str | None] = mapped_column(ascii_text(64))
    balance_transaction: Mapped[str | None] = mapped_column(ascii_text(64))
    card_brand: Mapped[str | None] = mapped_column(ascii_text(32))
    card_last4: Mapped[str | None] = mapped_column(ascii_text(4))
    gateway_fee_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    # Where the gateway kept it in another currency than the client was charged in.
    gateway_fee_currency: Mapped[str | None] = mapped_column(ascii_text(3))
    # What reached our balance where the gateway converted, and the rate as it said it.
    received_currency: Mapped[str | None] = mapped_column(ascii_text(3))
    received_minor: Mapped[int | None] = mapped_column(BigInteger)
    exchange_rate: Mapped[str | None] = mapped_column(ascii_text(32))
    # Of all that was converted for it, what is not changed back: so much of `currency`, for so much of the other.
    converted_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    converted_into: Mapped[str | None] = mapped_column(ascii_text(3))
    converted_into_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    succeeded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    available_on: Mapped[datetime | None] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # What has left the charge while it was still pending, and so never settles with us.
    drawn_pending_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_minor: Mapped[int] = mapped_column(BigInteger, default=0)


class Refund(Sent, Base):
    """Money on its way back to the client's card: part of the hold and the fee that goes with it."""

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_id"),
        Index(None, "payment_id"),
        Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("rf"), primary_key=True)
    payment_id: Mapped[str] = mapped_column(Id("py"))
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    state: Mapped[str] = mapped_column(ascii_text(16))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    held_minor: Mapped[int] = mapped_column(BigInteger)
    client_fee_minor: Mapped[int] = mapped_column(BigInteger)
    # Of a payment that was made after it had been given up: its money was never held, nor our fee earned.
    late: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = mapped_column(String(500))
    waits_for: Mapped[str | None] = mapped_column(ascii_text(64))
    failure_reason: Mapped[str | None] = mapped_column(ascii_text(64))
    bank_reference: Mapped[str | None] = mapped_column(ascii_text(64))
    # What the gateway took for it in another currency, and gave back when it failed.
    taken_currency: Mapped[str | None] = mapped_column(ascii_text(3))
    taken_minor: Mapped[int | None] = mapped_column(BigInteger)
    exchange_rate: Mapped[str | None] = mapped_column(ascii_text(32))
    returned_minor: Mapped[int | None] = mapped_column(BigInteger)
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Clawback(Base):
    """Money that had been released and goes back to the client by a refund, because its worker or staff decided so.

    Of the `price` that goes back the worker owes us the `amount` that had reached the wallet; what was `recovered` of
    that, or `forgiven`, is owed no longer.
    """

    __tablename__ = "clawbacks"
    __table_args__ = (
        UniqueConstraint("refund_id"),
        Index(None, "milestone_id"),
        Index(None, "worker_id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("cw"), primary_key=True)
    refund_id: Mapped[str] = mapped_column(Id("rf"))
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    worker_id: Mapped[str] = mapped_column(Id("us"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    recovered_minor: Mapped[int] = mapped_column(BigInteger)
    forgiven_minor: Mapped[int] = mapped_column(BigInteger)
    ordered_by: Mapped[str] = mapped_column(Id("us"))
    reason: Mapped[str] = mapped_column(String(500))
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Why we bear what was still owed, and who of staff decided so.
    decided_by: Mapped[str | None] = mapped_column(Id("us"))
    decision: Mapped[str | None] = mapped_column(String(500))


class Chargeback(Base):
    """A payment that the client's bank took back, wholly or in part, or asks about.

    What the worker bore of it is owed to us: what was `recovered` of that, or `forgiven`, is owed no longer.
    """

    __tablename__ = "chargebacks"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_id"),
        Index(None, "milestone_id"),
        Index(None, "worker_id"),
        Index(None, "state", "respond_by"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("cb"), primary_key=True)
    payment_id: Mapped[str] = mapped_column(Id("py"))
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    worker_id: Mapped[str] = mapped_column(Id("us"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    # `chargeback`, which may be an inquiry, or `fraud_warning`.
    kind: Mapped[str] = mapped_column(ascii_text(16))
    gateway_id: Mapped[str] = mapped_column(ascii_text(64))
    state: Mapped[str] = mapped_column(ascii_text(24))
    # The gateway's own word for the state.
    word: Mapped[str] = mapped_column(ascii_text(64))
    reason: Mapped[str] = mapped_column(ascii_text(64))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    recovered_minor: Mapped[int] = mapped_column(BigInteger)
    forgiven_minor: Mapped[int] = mapped_column(BigInteger)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # When the gateway had last changed it by what we heard of it, where the gateway says so.
    as_of: Mapped[datetime | None] = mapped_column(UtcDateTime)
    respond_by: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Why staff dismissed it or gave the debt up, and who.
    decided_by: Mapped[str | None] = mapped_column(Id("us"))
    decision: Mapped[str | None] = mapped_column(String(500))
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ChargebackLine(Base):
    """One movement on our balance for a chargeback, and who bears how much of it; below zero where it came back.

    The shares add up to the amount; the gateway's fee is on top, and ours to bear. Where the gateway converted, `taken`
    is what moved on our balance for the amount, and the fee is in that currency.
    """

    __tablename__ = "chargeback_lines"
    __table_args__ = (
        UniqueConstraint("gateway", "line_id"),
        Index(None, "chargeback_id"),
        Index(None, "milestone_id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("cl"), primary_key=True)
    chargeback_id: Mapped[str] = mapped_column(Id("cb"))
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    line_id: Mapped[str] = mapped_column(ascii_text(64))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    taken_currency: Mapped[str | None] = mapped_column(ascii_text(3))
    taken_minor: Mapped[int | None] = mapped_column(BigInteger)
    exchange_rate: Mapped[str | None] = mapped_column(ascii_text(32))
    # Out of the hold; out of what was owed to the client already; the worker's, who has it; our fees; our loss.
    held_minor: Mapped[int] = mapped_column(BigInteger)
    owed_minor: Mapped[int] = mapped_column(BigInteger)
    worker_minor: Mapped[int] = mapped_column(BigInteger)
    client_fee_minor: Mapped[int] = mapped_column(BigInteger)
    worker_fee_minor: Mapped[int] = mapped_column(BigInteger)
    lost_minor: Mapped[int] = mapped_column(BigInteger)
    entry_id: Mapped[str] = mapped_column(Id("en"))
    booked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ChargebackEvidence(Sent, Base):
    """What is answered to the client's bank in one stage of a chargeback: its question, its taking, its appeal."""

    __tablename__ = "chargeback_evidence"
    __table_args__ = (UniqueConstraint("chargeback_id", "stage"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("ce"), primary_key=True)
    chargeback_id: Mapped[str] = mapped_column(Id("cb"))
    # The state of the chargeback when it was drafted, and once it is handed in, the one that it answers.
    stage: Mapped[str] = mapped_column(ascii_text(24))
    state: Mapped[str] = mapped_column(ascii_text(16))
    fields: Mapped[dict[str, str]] = mapped_column(Json)
    drafted_by: Mapped[str] = mapped_column(Id("us"))
    drafted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    submitted_by: Mapped[str | None] = mapped_column(Id("us"))
    submitted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure_code: Mapped[str | None] = mapped_column(ascii_text(64))
