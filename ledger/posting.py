"""The only writer of the books: entries go in here, whole, once, and never below an account's floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict, Unpack

from kernel.ids import new_id
from kernel.refusals import Conflict, NotFound
from ledger import journal, movements
from ledger.entries import Entry, Phase
from ledger.journal import Draft, PostedEntry
from ledger.transaction import memory
from ledger.writing import write, write_all

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from kernel.refusals import Refusal

__all__ = [
    "Draft",
    "PostedEntry",
    "draft",
    "hold",
    "post",
    "post_hold",
    "post_many",
    "posted_in",
    "reverse",
    "void_hold",
]


class EntryNotFound(NotFound):
    """There is no such entry."""

    code = "entry_not_found"


class EntryNotReversible(Conflict):
    """Only what moved money, and is not a reversal itself, can be reversed."""

    code = "entry_not_reversible"


class Told(TypedDict):
    """What is said about every entry; `value_date` is the day it counts for, the present one unless it is given.

    Where the period of that day is closed, the entry is refused or, with `carry_over`, counts for the first open day.
    """

    key: str
    actor: str
    reason: NotRequired[str | None]
    value_date: NotRequired[date | None]
    carry_over: NotRequired[bool]


def draft(entry: Entry, *, reference: str, **told: Unpack[Told]) -> Draft:
    """The entry with what is said about it, as `post_many` takes it; a hold where it only holds money back."""
    assert entry.movement not in movements.HOLDS.values(), f"{entry.movement} resolves a hold"
    assert entry.movement != "reversal", "an entry is reversed by name"
    phase = Phase.PENDING if entry.movement in movements.HOLDS else Phase.POSTED
    return Draft(new_id("en"), entry, phase, reference, **told)


def post(session: Session, entry: Entry, *, reference: str, **told: Unpack[Told]) -> PostedEntry:
    """Write the entry down; told again under the same key, it is the same entry and nothing is written."""
    assert entry.movement not in movements.HOLDS, f"{entry.movement} only holds money back"
    return write(session, draft(entry, reference=reference, **told))


def post_many(
    session: Session, drafts: Sequence[Draft], *, leave_out_refused: bool = False
) -> list[PostedEntry | Refusal]:
    """Write many entries in a handful of statements, each judged as if it had been posted alone, in this order.

    The answers are in the order of the drafts. The first refusal is raised, naming its entry's key, and nothing is
    written; with `leave_out_refused` it is that entry's answer, and the others stand. Some thousands at a time are
    enough: what makes a batch fast is that it is one commit, and its accounts are locked until then.
    """
    return write_all(session, drafts, leave_out_refused=leave_out_refused)


def hold(
    session: Session,
    entry: Entry,
    *,
    reference: str,
    **told: Unpack[Told],
) -> PostedEntry:
    """Hold the money of the entry back where it is, until the hold is posted or voided."""
    assert entry.movement in movements.HOLDS, f"{entry.movement} is not a hold"
    return write(session, draft(entry, reference=reference, **told))


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
    return write(
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
    return write(
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
    return write(
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


def _hold(session: Session, hold_id: str) -> PostedEntry:
    held = _entry(session, hold_id)
    assert held.phase is Phase.PENDING, f"{hold_id} holds nothing back"
    return held


def _entry(session: Session, entry_id: str) -> PostedEntry:
    found = journal.entry_by_id(session.connection(), entry_id)
    if found is None:
        raise EntryNotFound("There is no such entry in the books.")
    return found
