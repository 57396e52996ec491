"""The journal: entries as they were written down, and the only statements that write or read them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import select, true

from kernel.ids import decode
from kernel.money import Money
from ledger import chart
from ledger.chart import Side
from ledger.entries import Entry, Phase, Posting
from ledger.rows import Insert
from ledger.tables import BY_ENTRY, accounts, dated, entries, postings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date, datetime
    from typing import Any

    import sqlalchemy
    from sqlalchemy import ColumnElement, Connection, Select

    from ledger.chart import Account
    from ledger.counters import Counters
    from ledger.rows import Row
    from persistence.ahead import Ahead


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry with everything that is said about it, about to be written."""

    id: str
    entry: Entry
    phase: Phase
    reference: str
    key: str
    actor: str
    reason: str | None = None
    value_date: date | None = None
    resolves: str | None = None
    reverses: str | None = None
    # Whether it may count for the first open day where the period of its own is closed, and which day that was.
    carry_over: bool = False
    belongs_to: date | None = None

    @property
    def fingerprint(self) -> bytes:
        """What the idempotency key stands for: which money moved for what, not who said so or in which words."""
        return fingerprint(self.entry, self.phase, self.reference, self.resolves, self.reverses)

    def stored(self, recorded_at: datetime) -> PostedEntry:
        """The entry as it stands in the books once it is recorded."""
        return PostedEntry(
            id=self.id,
            movement=self.entry.movement,
            phase=self.phase,
            reference=self.reference,
            actor=self.actor,
            approved_by=self.entry.approved_by,
            reason=self.reason,
            key=self.key,
            fingerprint=self.fingerprint,
            value_date=self.value_date or recorded_at.date(),
            recorded_at=recorded_at,
            resolves=self.resolves,
            reverses=self.reverses,
            postings=self.entry.postings,
            belongs_to=self.belongs_to,
        )

    def is_told_again(self, stored: PostedEntry) -> bool:
        """Whether `stored` is this very entry."""
        asked_for = self.belongs_to or self.value_date
        same_date = asked_for in {None, stored.value_date, stored.belongs_to}
        return same_date and self.fingerprint == stored.fingerprint


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry as it stands in the books, for good."""

    id: str
    movement: str
    phase: Phase
    reference: str
    actor: str
    approved_by: str | None
    reason: str | None
    key: str
    fingerprint: bytes
    value_date: date
    recorded_at: datetime
    resolves: str | None
    reverses: str | None
    postings: tuple[Posting, ...]
    belongs_to: date | None = None

    @property
    def backdated(self) -> bool:
        """Whether it counts for a day before the one on which it was recorded."""
        return self.value_date < self.recorded_at.date()

    @property
    def entry(self) -> Entry:
        """The movement alone, without when and by whom."""
        return Entry(self.movement, self.postings, self.approved_by)


def fingerprint(
    entry: Entry, phase: Phase, reference: str, resolves: str | None, reverses: str | None
) -> bytes:
    """The digest of what an entry says about money; two entries with the same one say the same."""
    head = (entry.movement, phase.value, reference, entry.approved_by, resolves, reverses)
    lines = [
        f"{line.side.value}|{line.account.code}|{line.amount.currency}|{line.amount.amount_minor}"
        for line in entry.postings
    ]
    return sha256("\n".join([*(part or "" for part in head), *lines]).encode()).digest()


def insert_entries(connection: Connection | Ahead, stored: Sequence[PostedEntry]) -> None:
    """Write the heads of entries; a key, a hold or a reversal that is taken already raises IntegrityError."""
    _INSERT_ENTRIES.run(connection, [_head(entry) for entry in stored])
    of_another_day = [_dated(entry) for entry in stored if _is_of_another_day(entry)]
    if of_another_day:
        _INSERT_DATED.run(connection, of_another_day)


def insert_postings(connection: Connection | Ahead, rows: Sequence[Row]) -> None:
    """Write the lines of entries."""
    _INSERT_POSTINGS.run(connection, rows)


def posting_row(entry_id: bytes, line: int, posting: Posting, counters: Counters) -> Row:
    """The row of one line, once `counters` have moved by it."""
    normal = posting.account.normal
    return (
        counters.account_id,
        counters.lane,
        counters.sequence,
        entry_id,
        line,
        posting.side.value,
        posting.amount.amount_minor,
        counters.balance_minor(normal),
        counters.held_minor(normal),
        counters.recorded_at,
    )


def entries_where(connection: Connection, *conditions: ColumnElement[bool]) -> list[PostedEntry]:
    """The entries that meet the conditions, in the order in which they were recorded."""
    return entries_of(connection, HEADS.where(*conditions).order_by(entries.c.recorded_at, entries.c.id))


def entries_of(connection: Connection, heads: Select[Any]) -> list[PostedEntry]:
    """The entries whose heads a statement finds, in its order."""
    found = connection.execute(heads).all()
    lines = _lines(connection, [row.id for row in found]) if found else {}
    return [_entry(row, lines.get(row.id, ())) for row in found]


def id_batches(connection: Connection, size: int) -> Iterator[list[str]]:
    """The ids of all entries in their order, `size` at a time."""
    after: ColumnElement[bool] = true()
    while ids := list(
        connection.scalars(select(entries.c.id).where(after).order_by(entries.c.id).limit(size))
    ):
        yield ids
        after = entries.c.id > ids[-1]


def entries_by_key(connection: Connection, keys: Iterable[str]) -> dict[str, PostedEntry]:
    """The entries written under these idempotency keys, by key."""
    found = entries_where(connection, entries.c.idempotency_key.in_(sorted(set(keys))))
    return {stored.key: stored for stored in found}


def entry_by_key(connection: Connection, key: str) -> PostedEntry | None:
    """The entry written under this idempotency key."""
    return next(iter(entries_where(connection, entries.c.idempotency_key == key)), None)


def entry_by_id(connection: Connection, entry_id: str) -> PostedEntry | None:
    """The entry with this id."""
    return next(iter(entries_where(connection, entries.c.id == entry_id)), None)


_INSERT_ENTRIES = Insert(entries)
_INSERT_POSTINGS = Insert(postings)
_INSERT_DATED = Insert(dated)


def _head(stored: PostedEntry) -> Row:
    return (
        entry_bytes(stored.id),
        stored.movement,
        stored.phase.value,
        stored.reference,
        stored.actor,
        stored.approved_by,
        stored.reason,
        stored.key,
        stored.fingerprint,
        stored.value_date,
        stored.recorded_at,
        entry_bytes(stored.resolves) if stored.resolves else None,
        entry_bytes(stored.reverses) if stored.reverses else None,
    )


def entry_bytes(entry_id: str) -> bytes:
    """The sixteen bytes of an entry's id."""
    return decode("en", entry_id)


def _is_of_another_day(stored: PostedEntry) -> bool:
    return stored.belongs_to is not None or stored.value_date != stored.recorded_at.date()


def _dated(stored: PostedEntry) -> Row:
    return entry_bytes(stored.id), stored.value_date, stored.recorded_at, stored.belongs_to


HEADS = select(entries, dated.c.belongs_to).outerjoin(dated, dated.c.entry_id == entries.c.id)
_LINES = (
    select(postings.c.entry_id, postings.c.side, postings.c.amount_minor, accounts)
    .join(accounts, accounts.c.id == postings.c.account_id)
    # Where accounts are few, all their lines would be read for those of some entries.
    .with_hint(postings, BY_ENTRY, "mysql")
    .order_by(postings.c.entry_id, postings.c.line)
)


def _lines(connection: Connection, entry_ids: Sequence[str]) -> dict[str, tuple[Posting, ...]]:
    lines: defaultdict[str, list[Posting]] = defaultdict(list)
    for row in connection.execute(_LINES.where(postings.c.entry_id.in_(entry_ids))):
        lines[row.entry_id].append(posting_of(row))
    return {entry_id: tuple(found) for entry_id, found in lines.items()}


def posting_of(row: sqlalchemy.Row[Any]) -> Posting:
    """The line in a row of a posting joined with its account."""
    account = account_of(row)
    return Posting(account, Side(row.side), Money(row.amount_minor, account.currency))


def account_of(row: sqlalchemy.Row[Any]) -> Account:
    """The account in a row of accounts: what the chart says of its code, whatever else the row says."""
    account = chart.named(row.code, row.currency)
    if account is None:
        raise ValueError(f"{row.code} is not in the chart of accounts")
    return account


def _entry(row: sqlalchemy.Row[Any], lines: tuple[Posting, ...]) -> PostedEntry:
    return PostedEntry(
        id=row.id,
        movement=row.movement,
        phase=Phase(row.phase),
        reference=row.reference,
        actor=row.actor,
        approved_by=row.approved_by,
        reason=row.reason,
        key=row.idempotency_key,
        fingerprint=row.fingerprint,
        value_date=row.value_date,
        recorded_at=row.recorded_at,
        resolves=row.resolves_id,
        reverses=row.reverses_id,
        postings=lines,
        belongs_to=row.belongs_to,
    )
