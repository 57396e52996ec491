"""The journal: entries as they were written down, and the only statements that write or read them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, true

from kernel.money import Money
from ledger.chart import Account, Side
from ledger.entries import Entry, Phase, Posting
from ledger.prepared import Prepared, places
from ledger.tables import accounts, entries, postings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date, datetime
    from typing import Any

    from sqlalchemy import ColumnElement, Connection, Insert, Row, Table

    from ledger.counters import Counters


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

    @property
    def fingerprint(self) -> bytes:
        """What the idempotency key stands for: which money moved for what, not who said so or in which words."""
        return fingerprint(self.entry, self.phase, self.reference, self.resolves, self.reverses)

    def is_told_again(self, stored: PostedEntry) -> bool:
        """Whether `stored` is this very entry."""
        same_date = self.value_date is None or self.value_date == stored.value_date
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


def insert_entry(connection: Connection, draft: Draft, recorded_at: datetime) -> PostedEntry:
    """Write the head of an entry; a key, a hold or a reversal that is taken already raises IntegrityError."""
    stored = PostedEntry(
        id=draft.id,
        movement=draft.entry.movement,
        phase=draft.phase,
        reference=draft.reference,
        actor=draft.actor,
        approved_by=draft.entry.approved_by,
        reason=draft.reason,
        key=draft.key,
        fingerprint=draft.fingerprint,
        value_date=draft.value_date or recorded_at.date(),
        recorded_at=recorded_at,
        resolves=draft.resolves,
        reverses=draft.reverses,
        postings=draft.entry.postings,
    )
    head = {
        "id": stored.id,
        "movement": stored.movement,
        "phase": stored.phase.value,
        "reference": stored.reference,
        "actor": stored.actor,
        "approved_by": stored.approved_by,
        "reason": stored.reason,
        "idempotency_key": stored.key,
        "fingerprint": stored.fingerprint,
        "value_date": stored.value_date,
        "recorded_at": stored.recorded_at,
        "resolves_id": stored.resolves,
        "reverses_id": stored.reverses,
    }
    _INSERT_ENTRY.run(connection, [head])
    return stored


def insert_postings(connection: Connection, rows: Sequence[dict[str, object]]) -> None:
    """Write the lines of an entry."""
    _INSERT_POSTINGS.run(connection, rows)


def posting_row(entry_id: str, line: int, posting: Posting, counters: Counters) -> dict[str, object]:
    """The row of one line, once `counters` have moved by it."""
    normal = posting.account.normal
    return {
        "account_id": counters.account_id,
        "lane": counters.lane,
        "sequence": counters.sequence,
        "entry_id": entry_id,
        "line": line,
        "side": posting.side.value,
        "amount_minor": posting.amount.amount_minor,
        "balance_minor": counters.balance_minor(normal),
        "held_minor": counters.held_minor(normal),
        "recorded_at": counters.recorded_at,
    }


def entries_where(connection: Connection, *conditions: ColumnElement[bool]) -> list[PostedEntry]:
    """The entries that meet the conditions, in the order in which they were recorded."""
    found = connection.execute(
        select(entries).where(*conditions).order_by(entries.c.recorded_at, entries.c.id)
    ).all()
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


def entry_by_key(connection: Connection, key: str) -> PostedEntry | None:
    """The entry written under this idempotency key."""
    return next(iter(entries_where(connection, entries.c.idempotency_key == key)), None)


def entry_by_id(connection: Connection, entry_id: str) -> PostedEntry | None:
    """The entry with this id."""
    return next(iter(entries_where(connection, entries.c.id == entry_id)), None)


def _inserting(table: Table) -> Callable[[str, int], Insert]:
    def make(_dialect: str, count: int) -> Insert:
        return insert(table).values([places(table.columns.values(), number) for number in range(count)])

    return make


_INSERT_ENTRY = Prepared(_inserting(entries))
_INSERT_POSTINGS = Prepared(_inserting(postings))
_LINES = (
    select(postings.c.entry_id, postings.c.side, postings.c.amount_minor, accounts)
    .join(accounts, accounts.c.id == postings.c.account_id)
    .order_by(postings.c.entry_id, postings.c.line)
)


def _lines(connection: Connection, entry_ids: Sequence[str]) -> dict[str, tuple[Posting, ...]]:
    lines: defaultdict[str, list[Posting]] = defaultdict(list)
    for row in connection.execute(_LINES.where(postings.c.entry_id.in_(entry_ids))):
        lines[row.entry_id].append(posting_of(row))
    return {entry_id: tuple(found) for entry_id, found in lines.items()}


def posting_of(row: Row[Any]) -> Posting:
    """The line in a row of a posting joined with its account."""
    account = account_of(row)
    return Posting(account, Side(row.side), Money(row.amount_minor, account.currency))


def account_of(row: Row[Any]) -> Account:
    """The account in a row of accounts."""
    return Account(row.code, row.currency, Side(row.normal), floor=row.floor, shared=row.shared)


def _entry(row: Row[Any], lines: tuple[Posting, ...]) -> PostedEntry:
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
    )
