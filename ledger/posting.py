"""The only writer of the books: entries go in here, whole, once, and never below an account's floor."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn, NotRequired, TypedDict, Unpack

from sqlalchemy.exc import IntegrityError

from kernel.ids import new_id
from kernel.refusals import Conflict, Forbidden, Invalid, NotFound
from ledger import counters, journal, movements
from ledger.entries import Entry, Phase
from ledger.journal import Draft, PostedEntry
from ledger.tables import entries
from ledger.transaction import memory
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from ledger.chart import Account
    from ledger.counters import Counters

__all__ = ["PostedEntry", "hold", "post", "post_hold", "posted_in", "reverse", "void_hold"]

_LONGEST_KEY = 160
_MICROSECOND = timedelta(microseconds=1)


class EntryKeyReused(Conflict):
    """The idempotency key stands for another entry already."""

    code = "entry_key_reused"


class InsufficientBalance(Conflict):
    """The movement would take more out of an account than is there and not held back."""

    code = "insufficient_balance"


class EntryNotFound(NotFound):
    """There is no such entry."""

    code = "entry_not_found"


class HoldResolved(Conflict):
    """The hold was posted or voided before."""

    code = "hold_resolved"


class EntryReversed(Conflict):
    """The entry was reversed before."""

    code = "entry_reversed"


class EntryNotReversible(Conflict):
    """Only what moved money, and is not a reversal itself, can be reversed."""

    code = "entry_not_reversible"


class ReasonMissing(Invalid):
    """Whoever changes the books by hand says why."""

    code = "reason_missing"


class SecondPersonMissing(Forbidden):
    """Nobody approves an adjustment of their own."""

    code = "second_person_missing"


class Told(TypedDict):
    """What is said about every entry; `value_date` is the day it counts for, the present one unless it is given."""

    key: str
    actor: str
    reason: NotRequired[str | None]
    value_date: NotRequired[date | None]


def post(
    session: Session,
    entry: Entry,
    *,
    reference: str,
    reverses: str | None = None,
    **told: Unpack[Told],
) -> PostedEntry:
    """Write the entry down; told again under the same key, it is the same entry and nothing is written."""
    assert entry.movement not in movements.HOLDS, f"{entry.movement} only holds money back"
    assert entry.movement not in movements.HOLDS.values(), f"{entry.movement} resolves a hold"
    if reverses is not None:
        _check_mirrored(session, entry, reverses)
    return _write(session, Draft(new_id("en"), entry, Phase.POSTED, reference, reverses=reverses, **told))


def hold(
    session: Session,
    entry: Entry,
    *,
    reference: str,
    **told: Unpack[Told],
) -> PostedEntry:
    """Hold the money of the entry back where it is, until the hold is posted or voided."""
    assert entry.movement in movements.HOLDS, f"{entry.movement} is not a hold"
    return _write(session, Draft(new_id("en"), entry, Phase.PENDING, reference, **told))


def post_hold(
    session: Session,
    hold_id: str,
    movement: str,
    *,
    reference: str | None = None,
    **told: Unpack[Told],
) -> PostedEntry:
    """Carry out what was held back: the whole of it moves, under the name `movement`."""
    held = _hold(session, hold_id)
    assert movements.HOLDS[held.movement] == movement, f"{movement} does not carry out {held.movement}"
    return _write(
        session,
        Draft(
            new_id("en"),
            Entry(movement, held.postings),
            Phase.POST_PENDING,
            reference or held.reference,
            resolves=hold_id,
            **told,
        ),
    )


def void_hold(
    session: Session,
    hold_id: str,
    *,
    reference: str | None = None,
    **told: Unpack[Told],
) -> PostedEntry:
    """Give up what was held back: the money is free again where it is."""
    held = _hold(session, hold_id)
    return _write(
        session,
        Draft(
            new_id("en"),
            held.entry,
            Phase.VOID_PENDING,
            reference or held.reference,
            resolves=hold_id,
            **told,
        ),
    )


def reverse(
    session: Session,
    entry_id: str,
    *,
    reference: str | None = None,
    **told: Unpack[Told],
) -> PostedEntry:
    """Take a wrong entry back by its mirror image, which names it; both stay in the books."""
    wrong = _entry(session, entry_id)
    if wrong.phase.posted == 0 or wrong.reverses is not None:
        raise EntryNotReversible("Only an entry that moved money can be reversed, and a reversal cannot.")
    return _write(
        session,
        Draft(
            new_id("en"),
            movements.reversal(wrong.postings),
            Phase.POSTED,
            reference or wrong.reference,
            reverses=entry_id,
            **told,
        ),
    )


def posted_in(session: Session) -> tuple[PostedEntry, ...]:
    """What this transaction has posted so far, in order: in a preview, what would be posted."""
    return tuple(memory(session).posted)


def _write(session: Session, draft: Draft) -> PostedEntry:
    _check_draft(draft)
    connection, posted = session.connection(), memory(session).posted
    touched, recorded_at = counters.locked(
        session, connection, (line.account for line in draft.entry.postings)
    )
    if posted:
        # One after the other, however coarse the clock is: they are told in the order in which they were posted.
        recorded_at = max(recorded_at, posted[-1].recorded_at + _MICROSECOND)
    rows = _move(touched, draft, recorded_at)
    if any(account.floor and after.is_below_floor(account.normal) for account, after in touched.items()):
        return _written_before(session, draft) or _refuse(draft)
    try:
        stored = journal.insert_entry(connection, draft, recorded_at)
    except IntegrityError as taken:
        return _written_before(session, draft) or _lose(session, draft, taken)
    journal.insert_postings(connection, rows)
    counters.keep(connection, touched.values())
    posted.append(stored)
    return stored


def _move(
    touched: Mapping[Account, Counters], draft: Draft, recorded_at: datetime
) -> list[dict[str, object]]:
    rows = []
    for line, posting in enumerate(draft.entry.postings):
        after = touched[posting.account]
        after.move(draft.phase, posting.side, posting.amount.amount_minor, recorded_at)
        rows.append(journal.posting_row(draft.id, line, posting, after))
    return rows


def _written_before(session: Session, draft: Draft) -> PostedEntry | None:
    # Asked only when the entry cannot be written, so that the usual case pays nothing for it.
    stored = journal.entry_by_key(session.connection(), draft.key)
    if stored is not None and not draft.is_told_again(stored):
        raise EntryKeyReused("This movement of money was recorded before, with other contents.")
    return stored


def _refuse(draft: Draft) -> NoReturn:
    # Whose balance, and how much is in it, is not everybody's business.
    raise InsufficientBalance(
        "There is not enough money for this, so nothing was moved.",
        field="amount",
        movement=draft.entry.movement,
    )


def _lose(session: Session, draft: Draft, taken: IntegrityError) -> NoReturn:
    connection = session.connection()
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


def _hold(session: Session, hold_id: str) -> PostedEntry:
    held = _entry(session, hold_id)
    assert held.phase is Phase.PENDING, f"{hold_id} holds nothing back"
    return held


def _entry(session: Session, entry_id: str) -> PostedEntry:
    found = journal.entry_by_id(session.connection(), entry_id)
    if found is None:
        raise EntryNotFound("There is no such entry in the books.")
    return found


def _check_draft(draft: Draft) -> None:
    entry = draft.entry
    assert entry.movement in movements.CATALOGUE, f"{entry.movement} is not in the catalogue"
    assert draft.key.isascii(), "an idempotency key is ASCII"
    assert 0 < len(draft.key) <= _LONGEST_KEY, "an idempotency key has 1 to 160 letters"
    if entry.movement in movements.BY_HAND and not (draft.reason or "").strip():
        raise ReasonMissing("Say why the books have to be changed by hand.", field="reason")
    if entry.approved_by == draft.actor:
        raise SecondPersonMissing("Somebody else has to approve this adjustment.", field="approved_by")


def _check_mirrored(session: Session, entry: Entry, reversed_id: str) -> None:
    wrong = _entry(session, reversed_id).entry
    assert movements.mirrors(entry, wrong), f"{entry.movement} is not {reversed_id} taken back"
