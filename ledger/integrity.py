"""Whether the books are right: everything that can be derived is derived again and compared.

Run it where everything it sees is of one instant (`persistence.unit_of_work.examining`). It reads in batches, so its
memory does not grow with the books.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kernel.money import EXPONENTS, CurrencyNotSupported
from ledger import chart, journal, movements
from ledger.breaches import Breach
from ledger.coverage import coverage
from ledger.dated_integrity import dated_breaches
from ledger.entries import Phase, unbalanced
from ledger.immutability import unguarded
from ledger.journal import fingerprint
from ledger.lane_integrity import lane_breaches
from ledger.tables import accounts, balances, entries, postings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from ledger.journal import PostedEntry

    # Told how many rows were read so far, and how many there are.
    Progress = Callable[[int, int], None]

__all__ = ["Breach", "verify"]

_BATCH = 1_000

# What none of ours says: a state or a currency we do not have, an account that is two things at once.
_UNREADABLE = (ValueError, CurrencyNotSupported, AssertionError)


def verify(session: Session, progress: Progress | None = None) -> list[Breach]:
    """Everything that does not fit; an empty list means that the books are right."""
    connection = session.connection()
    seen = _Seen(connection, progress)
    return [
        *_entries(connection, seen),
        *_doubles(connection),
        *lane_breaches(connection, seen.more),
        *dated_breaches(connection),
        *_names(connection),
        *_columns(connection),
        *_uncovered(session),
        *(
            Breach("journal_is_guarded", name, "the database lets it be changed")
            for name in unguarded(connection)
        ),
    ]


class _Seen:
    """How far the reading has come."""

    def __init__(self, connection: Connection, progress: Progress | None) -> None:
        self._progress = progress
        self._done = 0
        self._total = sum(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (entries, postings)
        )

    def more(self, count: int) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(self._done, self._total)


def _entries(connection: Connection, seen: _Seen) -> Iterator[Breach]:
    for ids in journal.id_batches(connection, _BATCH):
        for entry in _readable(connection, ids):
            if isinstance(entry, Breach):
                yield entry
            else:
                yield from _entry(connection, entry)
        seen.more(len(ids))


def _readable(connection: Connection, ids: Sequence[str]) -> Iterator[PostedEntry | Breach]:
    try:
        yield from journal.entries_where(connection, entries.c.id.in_(ids))
    except _UNREADABLE:
        # One of them says what none of ours can say: find out which.
        for entry_id in ids:
            try:
                yield from journal.entries_where(connection, entries.c.id == entry_id)
            except _UNREADABLE as unreadable:
                yield Breach("entry_is_readable", entry_id, str(unreadable))


def _entry(connection: Connection, entry: PostedEntry) -> Iterator[Breach]:
    if not entry.postings:
        yield Breach("entry_has_lines", entry.id, "there are none")
    uneven = unbalanced(entry.postings)
    if uneven:
        yield Breach("entry_balances", entry.id, f"debits and credits differ in {', '.join(uneven)}")
    yield from _movement(entry)
    said = fingerprint(entry.entry, entry.phase, entry.reference, entry.resolves, entry.reverses)
    if said != entry.fingerprint:
        yield Breach("entry_is_as_written", entry.id, "its contents are not those it was written with")
    if entry.phase.resolves != (entry.resolves is not None):
        yield Breach(
            "hold_is_resolved_by_name", entry.id, f"{entry.phase.value}, but resolves {entry.resolves}"
        )
    if entry.resolves is not None and not _resolves(entry, _named(connection, entry.resolves)):
        yield Breach(
            "hold_is_resolved_in_full", entry.id, f"{entry.resolves} is not a hold of the same lines"
        )
    if entry.reverses is not None and not _reverses(entry, _named(connection, entry.reverses)):
        yield Breach(
            "reversal_mirrors", entry.id, f"{entry.reverses} does not have the same lines on the other sides"
        )


def _movement(entry: PostedEntry) -> Iterator[Breach]:
    if entry.movement not in movements.CATALOGUE:
        yield Breach("entry_is_in_the_catalogue", entry.id, f"{entry.movement} is not")
    if entry.movement in movements.BY_HAND and not (entry.reason or "").strip():
        yield Breach("what_is_done_by_hand_has_a_reason", entry.id, "there is none")
    if entry.movement == "adjustment" and entry.approved_by in {None, "", entry.actor}:
        yield Breach("adjustment_has_two_people", entry.id, f"{entry.actor} and {entry.approved_by}")
    if (entry.movement == "reversal") != (entry.reverses is not None):
        yield Breach("reversal_names_what_it_reverses", entry.id, f"{entry.movement}, {entry.reverses}")


def _named(connection: Connection, entry_id: str) -> PostedEntry | None:
    found = list(_readable(connection, [entry_id]))
    # One that cannot be read is reported where it stands.
    return next((each for each in found if not isinstance(each, Breach)), None)


def _resolves(entry: PostedEntry, held: PostedEntry | None) -> bool:
    return held is not None and held.phase is Phase.PENDING and held.postings == entry.postings


def _reverses(entry: PostedEntry, wrong: PostedEntry | None) -> bool:
    return (
        wrong is not None
        and bool(wrong.phase.posted)
        and wrong.reverses is None
        and movements.mirrors(entry.entry, wrong.entry)
    )


def _doubles(connection: Connection) -> Iterator[Breach]:
    rules = {
        "key_stands_for_one_entry": entries.c.idempotency_key,
        "hold_is_resolved_once": entries.c.resolves_id,
        "entry_is_reversed_once": entries.c.reverses_id,
    }
    for rule, column in rules.items():
        counted = (
            select(column, func.count()).where(column.is_not(None)).group_by(column).having(func.count() > 1)
        )
        for subject, count in connection.execute(counted):
            yield Breach(rule, subject, f"{count} entries do")


def _names(connection: Connection) -> Iterator[Breach]:
    for row in connection.execute(select(accounts).execution_options(yield_per=_BATCH)):
        if chart.row_id(row.code, row.currency) != row.id:
            yield Breach("account_has_its_id", f"{row.code} {row.currency}", f"kept under {row.id.hex()}")
        if row.currency not in EXPONENTS:
            yield Breach("currency_is_known", f"{row.code} {row.currency}", "we hold no such money")
        account = chart.named(row.code, row.currency)
        if account is None:
            yield Breach("account_is_in_the_chart", f"{row.code} {row.currency}", "there is no such place")
        elif (account.normal.value, account.floor, account.shared) != (row.normal, row.floor, row.shared):
            kept = f"kept with {row.normal}, floor {row.floor}, shared {row.shared}"
            yield Breach("account_is_as_in_the_chart", f"{row.code} {row.currency}", kept)


def _columns(connection: Connection) -> Iterator[Breach]:
    for kind in ("posted", "pending"):
        left, right = (func.sum(balances.c[f"{side}_{kind}"]) for side in ("debits", "credits"))
        sums = (
            select(accounts.c.currency, left, right)
            .join(balances, balances.c.account_id == accounts.c.id)
            .group_by(accounts.c.currency)
            .having(left != right)
        )
        for currency, debit, credit in connection.execute(sums):
            yield Breach(
                "columns_are_equal", f"{kind} {currency}", f"{debit} on the left, {credit} on the right"
            )


def _uncovered(session: Session) -> Iterator[Breach]:
    for line in coverage(session):
        if line.unexplained:
            yield Breach(
                "held_money_is_covered",
                line.held.currency,
                f"{line.held} held for others, {line.unexplained} of it neither there nor in our costs",
            )
