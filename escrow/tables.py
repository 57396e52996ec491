"""Rows of money held: contracts, milestones, submissions, releases, refund requests and disputes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from persistence.columns import TABLE_OPTIONS, Base, Id, UtcDateTime, ascii_text


class Contract(Base):
    """What a client and a worker agreed. The fee rates are there from acceptance on."""

    __tablename__ = "contracts"
    __table_args__ = (Index(None, "client_id", "id"), Index(None, "worker_id", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("ct"), primary_key=True)
    client_id: Mapped[str] = mapped_column(Id("us"))
    worker_id: Mapped[str] = mapped_column(Id("us"))
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(ascii_text(3))
    state: Mapped[str] = mapped_column(ascii_text(16))
    client_basis_points: Mapped[int | None] = mapped_column(Integer)
    worker_basis_points: Mapped[int | None] = mapped_column(Integer)
    # For how long its money may be held, from each payment on.
    holding_days: Mapped[int | None] = mapped_column(SmallInteger)
    version: Mapped[int] = mapped_column(Integer)
    offered_at: Mapped[datetime] = mapped_column(UtcDateTime)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Milestone(Base):
    """One piece of the work with its price, which once funded is held as far as nothing below has become of it.

    held = price - (released - given back) - refunded - charged back. What was released and then given back is part of
    what was refunded; `worker_fee_returned` is our fee on it.
    """

    __tablename__ = "milestones"
    __table_args__ = (UniqueConstraint("contract_id", "position"), Index(None, "state", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("ms"), primary_key=True)
    contract_id: Mapped[str] = mapped_column(Id("ct"))
    position: Mapped[int] = mapped_column(SmallInteger)
    title: Mapped[str] = mapped_column(String(200))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    price_minor: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(ascii_text(16))
    client_fee_minor: Mapped[int] = mapped_column(BigInteger)
    released_minor: Mapped[int] = mapped_column(BigInteger)
    worker_fee_minor: Mapped[int] = mapped_column(BigInteger)
    given_back_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    worker_fee_returned_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refunded_minor: Mapped[int] = mapped_column(BigInteger)
    client_fee_returned_minor: Mapped[int] = mapped_column(BigInteger)
    # Of what was refunded, with its fee: what came back, and is the client's until it is sent again.
    owed_minor: Mapped[int] = mapped_column(BigInteger)
    # What the client's bank has taken out of the hold.
    charged_back_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    submission_id: Mapped[str | None] = mapped_column(Id("sb"))
    deadline_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    funded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hold_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer)


class Submission(Base):
    """Work handed in; each one starts a window of its own."""

    __tablename__ = "submissions"
    __table_args__ = (Index(None, "milestone_id", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("sb"), primary_key=True)
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    note: Mapped[str] = mapped_column(Text)
    submitted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deadline_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changes_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    changes_requested: Mapped[str | None] = mapped_column(Text)


class Release(Base):
    """Held money that became the worker's: gross = net + fee."""

    __tablename__ = "releases"
    __table_args__ = (Index(None, "milestone_id", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("rl"), primary_key=True)
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    worker_fee_minor: Mapped[int] = mapped_column(BigInteger)
    cause: Mapped[str] = mapped_column(ascii_text(16))
    released_by: Mapped[str] = mapped_column(ascii_text(40))
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)
    entry_id: Mapped[str] = mapped_column(Id("en"))


class RefundRequest(Base):
    """The client asks for held money back; it goes when the worker agrees."""

    __tablename__ = "refund_requests"
    __table_args__ = (UniqueConstraint("open_for"), Index(None, "milestone_id", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("rr"), primary_key=True)
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    # One open request per milestone: the milestone while open, then nothing.
    open_for: Mapped[str | None] = mapped_column(Id("ms"))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(String(500))
    state: Mapped[str] = mapped_column(ascii_text(16))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Dispute(Base):
    """A milestone on which the two sides disagree; nothing of it moves until a mediator has decided."""

    __tablename__ = "disputes"
    __table_args__ = (UniqueConstraint("open_for"), Index(None, "milestone_id", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("dp"), primary_key=True)
    milestone_id: Mapped[str] = mapped_column(Id("ms"))
    open_for: Mapped[str | None] = mapped_column(Id("ms"))
    opened_by: Mapped[str] = mapped_column(Id("us"))
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(ascii_text(16))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_by: Mapped[str | None] = mapped_column(Id("us"))
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision: Mapped[str | None] = mapped_column(Text)
    to_worker_minor: Mapped[int | None] = mapped_column(BigInteger)
    to_client_minor: Mapped[int | None] = mapped_column(BigInteger)
