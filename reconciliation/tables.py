"""Rows of reconciliation: how far was read, the lines and both sides of every item, breaks, runs and statements.

Lines, the sides of items and what was done about breaks are only ever added, and each carries the instant from which it
was known: so what was known at any instant can be told again.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from gateways.tables import Sent
from ledger.immutability import refuse_changes
from persistence.columns import TABLE_OPTIONS, Base, Id, Json, UtcDateTime, ascii_text

_GATEWAY = 16
_ACCOUNT = 64
_WORKER = 40
_ITEM = 128


def _bytes(length: int) -> Any:  # noqa: ANN401 - a type of SQLAlchemy's
    return LargeBinary(length).with_variant(mysql.BINARY(length), "mysql", "mariadb")


class Read(Base):
    """How far one source was read: an account at the gateway (ours is the empty one), or our own books.

    While a list is being read, newest first, `since` is where it ends and `after` the line it has come to.
    """

    __tablename__ = "reconciliation_reads"

    gateway: Mapped[str] = mapped_column(ascii_text(_GATEWAY), primary_key=True)
    source: Mapped[str] = mapped_column(ascii_text(_ACCOUNT), primary_key=True)
    worker: Mapped[str] = mapped_column(ascii_text(_WORKER))
    read_to: Mapped[datetime | None] = mapped_column(UtcDateTime)
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    after: Mapped[str | None] = mapped_column(ascii_text(128))
    newest: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The run that has read it to its end.
    run_id: Mapped[str | None] = mapped_column(Id("rn"))


class Line(Base):
    """A line of a gateway, as it was first seen."""

    __tablename__ = "reconciliation_lines"
    __table_args__ = (
        Index(None, "gateway", "currency", "created_at"),
        Index(None, "gateway", "source"),
        Index(None, "gateway", "spread", "account", "line_id"),
        TABLE_OPTIONS,
    )

    gateway: Mapped[str] = mapped_column(ascii_text(_GATEWAY), primary_key=True)
    account: Mapped[str] = mapped_column(ascii_text(_ACCOUNT), primary_key=True)
    line_id: Mapped[str] = mapped_column(ascii_text(_ACCOUNT), primary_key=True)
    worker: Mapped[str] = mapped_column(ascii_text(_WORKER))
    kind: Mapped[str] = mapped_column(ascii_text(16))
    type: Mapped[str] = mapped_column(ascii_text(64))
    gross_minor: Mapped[int] = mapped_column(BigInteger)
    fee_minor: Mapped[int] = mapped_column(BigInteger)
    net_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(ascii_text(3))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    available_on: Mapped[datetime] = mapped_column(UtcDateTime)
    source: Mapped[str | None] = mapped_column(ascii_text(128))
    our_id: Mapped[str | None] = mapped_column(ascii_text(64))
    transfer: Mapped[str | None] = mapped_column(ascii_text(128))
    about: Mapped[str] = mapped_column(ascii_text(80))
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Whether it stands among the sides of items.
    spread: Mapped[bool] = mapped_column(Boolean)


class Part(Base):
    """One side of an item: what a line, or an entry, says came to the gateway for it.

    `open` says that the item has yet to be looked at, or did not come out even when it was.
    """

    __tablename__ = "reconciliation_parts"
    __table_args__ = (Index(None, "gateway", "open", "item", "currency"), TABLE_OPTIONS)

    gateway: Mapped[str] = mapped_column(ascii_text(_GATEWAY), primary_key=True)
    item: Mapped[str] = mapped_column(ascii_text(_ITEM), primary_key=True)
    currency: Mapped[str] = mapped_column(ascii_text(3), primary_key=True)
    # `line` or `entry`.
    side: Mapped[str] = mapped_column(ascii_text(8), primary_key=True)
    ref: Mapped[str] = mapped_column(ascii_text(80), primary_key=True)
    worker: Mapped[str] = mapped_column(ascii_text(_WORKER))
    # Of a line its kind, of an entry its movement.
    kind: Mapped[str] = mapped_column(ascii_text(40))
    minor: Mapped[int] = mapped_column("amount_minor", BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    open: Mapped[bool] = mapped_column(Boolean)


class Break(Base):
    """An item over which the two sides differ, from when until when; what is said of the amounts never changes.

    When they do change, another break follows it. A line in suspense is one until somebody has explained it.
    """

    __tablename__ = "reconciliation_breaks"
    __table_args__ = (
        # One open break for an item: `live_for` is the item and its currency until it closes, then nothing.
        UniqueConstraint("gateway", "live_for"),
        Index(None, "gateway", "item"),
        Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("bk"), primary_key=True)
    gateway: Mapped[str] = mapped_column(ascii_text(_GATEWAY))
    live_for: Mapped[str | None] = mapped_column(ascii_text(_ITEM + 4))
    item: Mapped[str] = mapped_column(ascii_text(_ITEM))
    worker: Mapped[str] = mapped_column(ascii_text(_WORKER))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    kind: Mapped[str] = mapped_column(ascii_text(16))
    line_kind: Mapped[str | None] = mapped_column(ascii_text(16))
    gateway_minor: Mapped[int] = mapped_column(BigInteger)
    books_minor: Mapped[int] = mapped_column(BigInteger)
    # Since when there is something to differ about, and until when that is only a matter of time.
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    allowed_until: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(ascii_text(12))
    owner: Mapped[str | None] = mapped_column(ascii_text(40))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BreakAct(Base):
    """What somebody did about a break."""

    __tablename__ = "reconciliation_break_acts"
    __table_args__: Any = ({"info": {"append_only": True}, "sqlite_with_rowid": False, **TABLE_OPTIONS},)

    break_id: Mapped[str] = mapped_column(Id("bk"), primary_key=True)
    # Of two who act at once, the second finds the first.
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    act: Mapped[str] = mapped_column(ascii_text(16))
    actor: Mapped[str] = mapped_column(ascii_text(40))
    owner: Mapped[str | None] = mapped_column(ascii_text(40))
    reason: Mapped[str | None] = mapped_column(String(500))
    entry_id: Mapped[str | None] = mapped_column(Id("en"))
    acted_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Run(Base):
    """One reconciliation of a gateway: begun, and carried on by whoever comes until it is done."""

    __tablename__ = "reconciliation_runs"
    __table_args__ = (UniqueConstraint("gateway", "live_for"), Index(None, "gateway", "id"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("rn"), primary_key=True)
    gateway: Mapped[str] = mapped_column(ascii_text(_GATEWAY))
    # One at a time: `run` until it is done, then nothing.
    live_for: Mapped[str | None] = mapped_column(ascii_text(8))
    day: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(ascii_text(12))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # What is stated about solvency is as of this: of its beginning, or of when the gateway's list was written if that
    # was before. Everything else is as of when both sides had been read.
    listed_until: Mapped[datetime] = mapped_column(UtcDateTime)
    known_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_by: Mapped[str] = mapped_column(ascii_text(40))
    # Our balances at the gateway before the lines were read and after it: `{"USD": [available, pending]}`.
    balances_before: Mapped[dict[str, Any] | None] = mapped_column(Json)
    balances_after: Mapped[dict[str, Any] | None] = mapped_column(Json)
    # The item up to which the sides were compared.
    compared_to: Mapped[str | None] = mapped_column(ascii_text(_ITEM + 4))
    lines: Mapped[int] = mapped_column(Integer)


class Report(Base):
    """What a run reported of one currency."""

    __tablename__ = "reconciliation_reports"

    run_id: Mapped[str] = mapped_column(Id("rn"), primary_key=True)
    currency: Mapped[str] = mapped_column(ascii_text(3), primary_key=True)
    gateway: Mapped[str] = mapped_column(ascii_text(_GATEWAY))
    day: Mapped[date] = mapped_column(Date)
    known_at: Mapped[datetime] = mapped_column(UtcDateTime)
    said: Mapped[dict[str, Any]] = mapped_column(Json)


class Statement(Base):
    """What was stated about solvency, signed and naming the statement before it."""

    __tablename__ = "reconciliation_statements"
    __table_args__: Any = (
        UniqueConstraint("run_id", "currency"),
        {"info": {"append_only": True}, "sqlite_with_rowid": False, **TABLE_OPTIONS},
    )

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run_id: Mapped[str] = mapped_column(Id("rn"))
    currency: Mapped[str] = mapped_column(ascii_text(3))
    state: Mapped[str] = mapped_column(ascii_text(8))
    stated: Mapped[dict[str, str]] = mapped_column(Json)
    key_id: Mapped[str] = mapped_column(ascii_text(16))
    hash: Mapped[bytes] = mapped_column(_bytes(32))
    signature: Mapped[bytes] = mapped_column(_bytes(64))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OwnPayout(Sent, Base):
    """What is ours on its way from a gateway to our bank: proposed and approved by two, or begun by the gateway itself.

    What the lines add up to that an automatic one carries is known once the gateway has told.
    """

    __tablename__ = "own_payouts"
    __table_args__ = (
        UniqueConstraint("gateway", "gateway_id"),
        # One at a time in each currency is ordered and not sent: so what has to stay is never counted for two.
        UniqueConstraint("live_for"),
        Index(None, "state", "id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("op"), primary_key=True)
    gateway: Mapped[str] = mapped_column(ascii_text(_GATEWAY))
    gateway_id: Mapped[str | None] = mapped_column(ascii_text(64))
    live_for: Mapped[str | None] = mapped_column(ascii_text(3))
    state: Mapped[str] = mapped_column(ascii_text(16))
    automatic: Mapped[bool] = mapped_column(Boolean)
    currency: Mapped[str] = mapped_column(ascii_text(3))
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(500))
    proposed_by: Mapped[str | None] = mapped_column(Id("us"))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(Id("us"))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision: Mapped[str | None] = mapped_column(String(500))
    arrives_on: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure_code: Mapped[str | None] = mapped_column(ascii_text(64))
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    carried_minor: Mapped[int | None] = mapped_column(BigInteger)


for _table in (BreakAct.__table__, Statement.__table__):
    refuse_changes(_table)  # type: ignore[arg-type]
