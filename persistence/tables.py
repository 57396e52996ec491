"""The tables the plumbing keeps: events to tell, work that is due, and answers already given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer, LargeBinary, SmallInteger, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from persistence.columns import TABLE_OPTIONS, Base, Id, Json, UtcDateTime, ascii_text


class OutboxEvent(Base):
    """A fact that was committed together with its cause and has yet to be told to its subscribers."""

    __tablename__ = "outbox_events"
    __table_args__ = (Index(None, "told_at", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("ev"), primary_key=True)
    name: Mapped[str] = mapped_column(ascii_text(64))
    subject: Mapped[str] = mapped_column(ascii_text(40))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DueWork(Base):
    """One piece of work with the instant from which it may be done."""

    __tablename__ = "due_work"
    __table_args__ = (
        UniqueConstraint("dedup_key"),
        Index(None, "state", "due_at", "id"),
        Index(None, "subject", "state"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("du"), primary_key=True)
    kind: Mapped[str] = mapped_column(ascii_text(64))
    # Ours, or a gateway's, whose ids may be longer.
    subject: Mapped[str] = mapped_column(ascii_text(128))
    payload: Mapped[dict[str, Any]] = mapped_column(Json)
    dedup_key: Mapped[str] = mapped_column(ascii_text(160))
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(ascii_text(8))
    # How often it was handed out; how often it was begun since anybody last said what became of it.
    attempts: Mapped[int] = mapped_column(Integer)
    begun: Mapped[int] = mapped_column(SmallInteger)
    # How often it failed, and how often those failed whom it needs.
    failures: Mapped[int] = mapped_column(SmallInteger)
    outages: Mapped[int] = mapped_column(SmallInteger)
    last_error: Mapped[str | None] = mapped_column(Text)


class IdempotencyKey(Base):
    """A key a client has used, what it was used for and, once finished, what was answered."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (UniqueConstraint("owner", "client_key"), Index(None, "expires_at"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("ik"), primary_key=True)
    owner: Mapped[str] = mapped_column(ascii_text(40))
    client_key: Mapped[str] = mapped_column(ascii_text(255))
    fingerprint: Mapped[bytes] = mapped_column(
        LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")
    )
    recovery_point: Mapped[str] = mapped_column(ascii_text(32))
    resource_id: Mapped[str | None] = mapped_column(ascii_text(40))
    response_status: Mapped[int | None] = mapped_column(SmallInteger)
    response_headers: Mapped[dict[str, str] | None] = mapped_column(Json)
    response_body: Mapped[str | None] = mapped_column(
        Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
    )
    locked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
