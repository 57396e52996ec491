"""The tables of the ledger; nothing outside this package touches them.

They have no foreign keys: one module writes them, and checking each line against its entry and its account again
costs a third of a batch. `verify` finds a line without either.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    event,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from ledger.immutability import refuse_changes
from persistence.columns import TABLE_OPTIONS, Base, Id, Json, UtcDateTime, ascii_text

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.types import TypeEngine

# As many transactions may touch the shared accounts at once without waiting for each other.
LANES = 64

_OPTIONS: dict[str, Any] = TABLE_OPTIONS


def _bytes(length: int) -> TypeEngine[bytes]:
    return LargeBinary(length).with_variant(mysql.BINARY(length), "mysql", "mariadb")


accounts = Table(
    "ledger_accounts",
    Base.metadata,
    Column("id", _bytes(16), primary_key=True),
    Column("code", ascii_text(96), nullable=False),
    Column("currency", ascii_text(3), nullable=False),
    Column("normal", ascii_text(6), nullable=False),
    Column("floor", Boolean, nullable=False),
    Column("shared", Boolean, nullable=False),
    UniqueConstraint("code", "currency"),
    comment="One row for every account that was ever touched",
    info={"append_only": True},
    **_OPTIONS,
)

balances = Table(
    "ledger_balances",
    Base.metadata,
    Column("account_id", _bytes(16), nullable=False),
    Column("lane", SmallInteger, nullable=False, autoincrement=False),
    # How many postings the lane has; the last one carries this number.
    Column("sequence", BigInteger, nullable=False),
    Column("debits_posted", BigInteger, nullable=False),
    Column("credits_posted", BigInteger, nullable=False),
    Column("debits_pending", BigInteger, nullable=False),
    Column("credits_pending", BigInteger, nullable=False),
    # Of the last posting, so that the next cannot be recorded before it, whatever the clock does.
    Column("recorded_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("account_id", "lane"),
    sqlite_with_rowid=False,
    **_OPTIONS,
)

entries = Table(
    "ledger_entries",
    Base.metadata,
    Column("id", Id("en"), primary_key=True),
    Column("movement", ascii_text(40), nullable=False),
    Column("phase", ascii_text(12), nullable=False),
    Column("reference", ascii_text(80), nullable=False),
    Column("actor", ascii_text(40), nullable=False),
    Column("approved_by", ascii_text(40)),
    Column("reason", String(500)),
    Column("idempotency_key", ascii_text(160), nullable=False),
    Column("fingerprint", _bytes(32), nullable=False),
    Column("value_date", Date, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("resolves_id", Id("en")),
    Column("reverses_id", Id("en")),
    UniqueConstraint("idempotency_key"),
    # A hold is resolved once and an entry is reversed once: the second insert finds the first.
    UniqueConstraint("resolves_id"),
    UniqueConstraint("reverses_id"),
    Index(None, "reference", "id"),
    # What was recorded when: lists read a range of it, and what no seal holds yet is at its end.
    Index(None, "recorded_at", "id"),
    info={"append_only": True},
    # A hidden row number would be one more key, by which a row could be replaced.
    sqlite_with_rowid=False,
    **_OPTIONS,
)

postings = Table(
    "ledger_postings",
    Base.metadata,
    Column("account_id", _bytes(16), nullable=False),
    Column("lane", SmallInteger, nullable=False, autoincrement=False),
    Column("sequence", BigInteger, nullable=False, autoincrement=False),
    Column("entry_id", Id("en"), nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("side", ascii_text(6), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    # What the account's lane holds, and what is held back in it, once this line is in.
    Column("balance_minor", BigInteger, nullable=False),
    Column("held_minor", BigInteger, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    # An account's lines lie together and in order: a statement reads a range. It is also the last guard against two
    # writers that both believe to own the lane.
    PrimaryKeyConstraint("account_id", "lane", "sequence"),
    UniqueConstraint("entry_id", "line"),
    Index(None, "account_id", "lane", "recorded_at", "sequence"),
    CheckConstraint("amount_minor > 0", name="amount_is_positive"),
    CheckConstraint("side IN ('debit', 'credit')", name="side_is_known"),
    info={"append_only": True},
    sqlite_with_rowid=False,
    **_OPTIONS,
)

# MariaDB weighs by what it believes of a table, and at times reads all lines of an account to find one. Hints, for a
# dialect that has them.
BY_INSTANT = "FORCE INDEX (ix_ledger_postings_account_id_lane_recorded_at_sequence)"
BY_ENTRY = "FORCE INDEX (uq_ledger_postings_entry_id_line)"
BY_CODE = "FORCE INDEX (uq_ledger_accounts_code_currency)"

lanes = Table(
    "ledger_lanes",
    Base.metadata,
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    **_OPTIONS,
)

seals = Table(
    "ledger_seals",
    Base.metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # Which columns the leaves are made of, and how.
    Column("version", SmallInteger, nullable=False),
    # The hash of the seal before this one.
    Column("previous", _bytes(32), nullable=False),
    Column("root", _bytes(32), nullable=False),
    Column("size", Integer, nullable=False),
    Column("first_recorded_at", UtcDateTime, nullable=False),
    Column("last_recorded_at", UtcDateTime, nullable=False),
    Column("sealed_at", UtcDateTime, nullable=False),
    Column("key_id", ascii_text(16), nullable=False),
    # Of it the salts are made without which a hidden amount could be guessed; it never leaves the database.
    Column("seed", _bytes(32), nullable=False),
    Column("signature", _bytes(64), nullable=False),
    info={"append_only": True},
    sqlite_with_rowid=False,
    **_OPTIONS,
)

seal_leaves = Table(
    "ledger_seal_leaves",
    Base.metadata,
    # An entry is in one seal: the second sealer finds the first.
    Column("entry_id", Id("en"), primary_key=True),
    Column("seal", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("leaf", _bytes(32), nullable=False),
    UniqueConstraint("seal", "position"),
    info={"append_only": True},
    sqlite_with_rowid=False,
    **_OPTIONS,
)

# Most entries count for the day on which they are recorded; these few do not, and a report by day need only look here.
dated = Table(
    "ledger_dated_entries",
    Base.metadata,
    Column("entry_id", Id("en"), primary_key=True),
    Column("value_date", Date, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    # The day it would have counted for, had that day's period not been closed.
    Column("belongs_to", Date),
    Index(None, "value_date", "entry_id"),
    Index(None, "recorded_at", "entry_id"),
    info={"append_only": True},
    sqlite_with_rowid=False,
    **_OPTIONS,
)

period_acts = Table(
    "ledger_period_acts",
    Base.metadata,
    Column("period", ascii_text(7), nullable=False),
    # Counted from one for every period: of two who act on it at once, the second finds the first.
    Column("number", SmallInteger, nullable=False, autoincrement=False),
    Column("act", ascii_text(16), nullable=False),
    Column("state", ascii_text(12), nullable=False),
    Column("actor", ascii_text(40), nullable=False),
    Column("reason", String(500)),
    Column("acted_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("period", "number"),
    info={"append_only": True},
    sqlite_with_rowid=False,
    **_OPTIONS,
)


class Adjustment(Base):
    """A proposal; nothing is posted before somebody else has approved it."""

    __tablename__ = "ledger_adjustments"
    __table_args__ = (Index(None, "state", "id"), _OPTIONS)

    id: Mapped[str] = mapped_column(Id("aj"), primary_key=True)
    state: Mapped[str] = mapped_column(ascii_text(12))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    reason: Mapped[str] = mapped_column(String(500))
    value_date: Mapped[date | None] = mapped_column(Date)
    carry_over: Mapped[bool] = mapped_column(Boolean)
    proposed_by: Mapped[str] = mapped_column(ascii_text(40))
    proposed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(ascii_text(40))
    decided_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decision: Mapped[str | None] = mapped_column(String(500))
    entry_id: Mapped[str | None] = mapped_column(Id("en"))


for _table in (accounts, entries, postings, seals, seal_leaves, dated, period_acts):
    refuse_changes(_table)


def seed_lanes(connection: Connection) -> None:
    """Put the lane rows in place; those that are there stay."""
    ignoring = "OR IGNORE" if connection.dialect.name == "sqlite" else "IGNORE"
    rows = [{"lane": lane} for lane in range(LANES)]
    connection.execute(lanes.insert().prefix_with(ignoring), rows)


def _seed(_table: Table, connection: Connection, **_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
    seed_lanes(connection)


# So that tables made without the migrations are the same.
event.listen(lanes, "after_create", _seed)
