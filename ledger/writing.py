"""The one place where entries become rows: all of them or, where the caller says so, all that can be.

Whether one is written or a thousand, the statements are the same and their number does not grow: the balances locked,
the entries, their lines, the balances put back. Every entry is judged by what the ones before it have left.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn, TypeVar

from sqlalchemy.exc import IntegrityError

from kernel.refusals import Conflict, Forbidden, Invalid, Refusal
from ledger import counters, journal, movements, periods
from ledger.tables import entries
from ledger.transaction import memory
from persistence.ahead import sent_ahead
from persistence.unit_of_work import Retry, begun_again

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from ledger.chart import Account
    from ledger.counters import Counters
    from ledger.journal import Draft, PostedEntry
    from ledger.rows import Row
    from persistence.ahead import Ahead

LONGEST_KEY = 160
_MICROSECOND = timedelta(microseconds=1)
# So many rows are worth a statement of their own, if the next can be composed meanwhile.
_PART = 250

Item = TypeVar("Item")


class EntryKeyReused(Conflict):
    """The idempotency key stands for another entry already."""

    code = "entry_key_reused"


class InsufficientBalance(Conflict):
    """The movement would take more out of an account than is there and not held back."""

    code = "insufficient_balance"


class HoldResolved(Conflict):
    """The hold was posted or voided before."""

    code = "hold_resolved"


class EntryReversed(Conflict):
    """The entry was reversed before."""

    code = "entry_reversed"


class ReasonMissing(Invalid):
    """Whoever changes the books by hand says why."""

    code = "reason_missing"


class SecondPersonMissing(Forbidden):
    """Nobody approves an adjustment of their own."""

    code = "second_person_missing"


def write(session: Session, draft: Draft) -> PostedEntry:
    """Write one entry, or find it where it was written before; raises what refuses it."""
    refusal = _refused(draft)
    if refusal is not None:
        raise refusal
    connection = session.connection()
    writing = _Writing(session, connection, [draft])
    admitted = writing.admitted(draft)
    added = admitted if isinstance(admitted, Refusal) else writing.add(admitted)
    # Whether it was written before is asked only when it cannot be, so that the usual case pays nothing for it.
    if isinstance(added, Refusal):
        return _written_before(connection, draft) or _raise(added)
    try:
        writing.send_heads(connection)
    except IntegrityError as taken:
        return _written_before(connection, draft) or _lose(connection, draft, taken)
    # The lines come last, because whoever opens an account at the same moment is noticed at its balance.
    writing.keep()
    writing.send_lines(connection)
    return added


def write_all(
    session: Session, drafts: Sequence[Draft], *, leave_out_refused: bool
) -> list[PostedEntry | Refusal]:
    """Write these in their order; the answer to each is its entry or, where it may be left out, what refuses it."""
    assert not any(draft.resolves or draft.reverses for draft in drafts), "these are written one by one"
    connection = session.connection()
    # What was written before is looked for once something points to it: a key that is taken, or a refusal.
    looked_back = begun_again(session)
    known = journal.entries_by_key(connection, (draft.key for draft in drafts)) if looked_back else {}
    writing = _Writing(session, connection, drafts)
    asked = [(draft, _refused(draft), writing.admitted(draft)) for draft in drafts]
    answers: list[PostedEntry | Refusal] = []
    try:
        with sent_ahead(connection) if len(drafts) > _PART else nullcontext(connection) as way:
            for part in _parts(asked):
                for draft, refusal, admitted in part:
                    answer = refusal or _answer(writing, known, draft, admitted)
                    if isinstance(answer, Refusal):
                        _stop(
                            answer,
                            draft,
                            final=looked_back or refusal is not None,
                            leave_out=leave_out_refused,
                        )
                    answers.append(answer)
                writing.send(way)
        writing.keep()
    except IntegrityError as taken:
        raise Retry from taken
    return answers


def _answer(
    writing: _Writing, known: dict[str, PostedEntry], draft: Draft, admitted: Draft | Refusal
) -> PostedEntry | Refusal:
    stored = known.get(draft.key)
    if stored is not None:
        return stored if draft.is_told_again(stored) else _reused()
    answer = admitted if isinstance(admitted, Refusal) else writing.add(admitted)
    if not isinstance(answer, Refusal):
        known[draft.key] = answer
    return answer


def _stop(refusal: Refusal, draft: Draft, *, final: bool, leave_out: bool) -> None:
    if not final:
        # It may have been written before: the transaction is begun again, and looks back.
        raise Retry
    refusal.details["key"] = draft.key
    if not leave_out:
        raise refusal


class _Writing:
    """The accounts that some drafts touch, locked, and the entries that are going to be written."""

    def __init__(self, session: Session, connection: Connection, drafts: Sequence[Draft]) -> None:
        self._connection, self._posted = connection, memory(session).posted
        self._counters, self._at = counters.locked(
            session, connection, (line.account for draft in drafts for line in draft.entry.postings)
        )
        if self._posted:
            # One after the other, however coarse the clock is: they are told in the order in which they were posted.
            self._at = max(self._at, self._posted[-1].recorded_at + _MICROSECOND)
        self._entries: list[PostedEntry] = []
        self._rows: list[Row] = []
        self._written: list[PostedEntry] = []

    def admitted(self, draft: Draft) -> Draft | Refusal:
        """The draft as the closed months let it in, or what refuses it."""
        try:
            return periods.admitted(self._connection, draft, self._at.date())
        except periods.PeriodClosed as closed:
            return closed

    def add(self, draft: Draft) -> PostedEntry | Refusal:
        """The entry, about to be written, or what refuses it."""
        if self._breaks_a_floor(draft):
            return _short(draft)
        stored = draft.stored(self._at)
        self._rows += _moved(self._counters, stored)
        self._entries.append(stored)
        self._at += _MICROSECOND
        return stored

    def send_heads(self, way: Connection | Ahead) -> None:
        """Write the heads of what was added, where the database refuses what was written by somebody else."""
        if self._entries:
            journal.insert_entries(way, self._entries)
        self._written += self._entries
        self._entries = []

    def send_lines(self, way: Connection | Ahead) -> None:
        """Write the lines of what was added."""
        if self._rows:
            journal.insert_postings(way, self._rows)
        self._rows = []

    def send(self, way: Connection | Ahead) -> None:
        """Write what was added since this was called last."""
        self.send_heads(way)
        self.send_lines(way)

    def keep(self) -> None:
        """Write the balances, when all has been added."""
        changed = {line.account for stored in self._written for line in stored.postings}
        if changed:
            counters.keep(self._connection, {account: self._counters[account] for account in changed})
        self._posted += self._written

    def _breaks_a_floor(self, draft: Draft) -> bool:
        taken: dict[Account, int] = {}
        phase = draft.phase
        for line in draft.entry.postings:
            account = line.account
            if account.floor:
                incoming = line.side is account.normal
                times = -phase.posted if incoming else phase.posted + phase.pending
                taken[account] = taken.get(account, 0) + times * line.amount.amount_minor
        # What only adds to an account cannot break its floor.
        return any(
            amount > 0 and self._counters[account].available_minor(account.normal) < amount
            for account, amount in taken.items()
        )


def _parts(rows: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(rows), _PART):
        yield rows[start : start + _PART]


def _moved(touched: Mapping[Account, Counters], stored: PostedEntry) -> Iterator[Row]:
    entry_id = journal.entry_bytes(stored.id)
    for line, posting in enumerate(stored.postings):
        after = touched[posting.account]
        after.move(stored.phase, posting.side, posting.amount.amount_minor, stored.recorded_at)
        yield journal.posting_row(entry_id, line, posting, after)


def _written_before(connection: Connection, draft: Draft) -> PostedEntry | None:
    stored = journal.entry_by_key(connection, draft.key)
    if stored is not None and not draft.is_told_again(stored):
        raise _reused()
    return stored


def _lose(connection: Connection, draft: Draft, taken: IntegrityError) -> NoReturn:
    if draft.resolves is not None and journal.entries_where(
        connection, entries.c.resolves_id == draft.resolves
    ):
        raise HoldResolved("What was held back has been paid out or given up already.") from taken
    if draft.reverses is not None and journal.entries_where(
        connection, entries.c.reverses_id == draft.reverses
    ):
        raise EntryReversed("This entry was reversed already.") from taken
    # Another transaction wrote the same key and cannot be seen from here yet.
    raise Retry from taken


def _reused() -> EntryKeyReused:
    return EntryKeyReused("This movement of money was recorded before, with other contents.")


def _short(draft: Draft) -> InsufficientBalance:
    # Whose balance, and how much is in it, is not everybody's business.
    return InsufficientBalance(
        "There is not enough money for this, so nothing was moved.",
        field="amount",
        movement=draft.entry.movement,
    )


def _raise(refusal: Refusal) -> NoReturn:
    raise refusal


def _refused(draft: Draft) -> Refusal | None:
    entry = draft.entry
    assert entry.movement in movements.CATALOGUE, f"{entry.movement} is not in the catalogue"
    assert draft.key.isascii(), "an idempotency key is ASCII"
    assert 0 < len(draft.key) <= LONGEST_KEY, "an idempotency key has 1 to 160 letters"
    if entry.movement in movements.BY_HAND and not (draft.reason or "").strip():
        return ReasonMissing("Say why the books have to be changed by hand.", field="reason")
    if entry.movement == "adjustment" and entry.approved_by in {None, "", draft.actor}:
        return SecondPersonMissing("Somebody else has to approve this adjustment.", field="approved_by")
    return None
