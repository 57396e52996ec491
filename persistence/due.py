"""Everything timed: work waits in a table, by the database clock, until somebody has done it.

A worker takes work by pushing its instant into the future; when the worker dies, that instant comes and another takes
it. So work is done at least once, and the handlers see to it that twice is like once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from kernel.ids import new_id
from persistence import clock
from persistence.locks import locked, locked_rows
from persistence.tables import DueWork
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

LEASE = timedelta(seconds=60)
# Begun so often with nothing heard of it, it takes whoever does it down with it.
_DEATHS = 5
_FIRST_BACKOFF = timedelta(seconds=2)
_LONGEST_BACKOFF = timedelta(hours=1)
_FAILURES = 12
# A week, once it is tried every hour.
_FAILURES_OF_OTHERS = 180
_SLOWEST_AFTER = 11
_ERROR_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Work:
    """Work that its holder may do until the lease runs out."""

    id: str
    kind: str
    subject: str
    payload: dict[str, Any]
    attempts: int
    # How often it was begun since something was last heard of it.
    begun: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much work waits, how much was given up, and since when the oldest has been due."""

    due: int
    parked: int
    oldest_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Planned:
    """What is done next about something, or why it was given up."""

    id: str
    kind: str
    due_at: datetime
    parked: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """Work that failed too often and waits for somebody to look."""

    id: str
    kind: str
    subject: str
    due_at: datetime
    reason: str


def schedule(
    session: Session,
    *,
    kind: str,
    subject: str,
    due_at: datetime,
    key: str,
    payload: dict[str, Any] | None = None,
) -> None:
    """Have `kind` of work done for `subject` from `due_at` on; a second call with the same key changes nothing."""
    if session.scalar(select(DueWork.id).where(DueWork.dedup_key == key)) is not None:
        return
    session.add(
        DueWork(
            id=new_id("du"),
            kind=kind,
            subject=subject,
            payload=payload or {},
            dedup_key=key,
            due_at=due_at,
            state="due",
            attempts=0,
            begun=0,
            failures=0,
            outages=0,
        )
    )
    try:
        session.flush()
    except IntegrityError as error:
        # Somebody scheduled the same at the same moment; the next try finds it.
        raise Retry from error


def lease(session: Session, *, limit: int = 50) -> list[Work]:
    """Take up to `limit` pieces of work that are due, oldest first; nobody else gets them for the time of a lease."""
    instant = clock.now(session)
    rows = session.scalars(
        select(DueWork)
        .where(DueWork.state == "due", DueWork.due_at <= instant)
        .order_by(DueWork.due_at, DueWork.id)
        .limit(limit)
        # On SQLite the writer's lock serves; there the clause is left out.
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.attempts += 1
        row.due_at = instant + LEASE
    return [_work(row) for row in rows]


def take_up(session: Session, work_id: str, *, attempt: int | None = None) -> Work | None:
    """The work if it is still to be done, its lease beginning now; the wait in a queue has cost nothing of it.

    None also when that attempt waited so long that the work was handed out again: then it is somebody else's. Work that
    was begun again and again, and of which nothing was heard, is parked instead.
    """
    begun = take_up_all(session, {work_id: attempt})
    return begun[0] if begun else None


def take_up_all(session: Session, attempts: Mapping[str, int | None]) -> list[Work]:
    """Those of the works, by their ids, that `take_up` would have given with these attempts, one by one."""
    begun = []
    for row in locked_rows(session, DueWork, attempts):
        if row.state != "due" or attempts[row.id] not in (None, row.attempts):
            continue
        if row.begun >= _DEATHS:
            row.state = "parked"
            row.last_error = f"Nothing was heard of it after it was begun {row.begun} times."
            continue
        row.begun += 1
        begun.append(row)
    if begun:
        until = clock.now(session) + LEASE
        for row in begun:
            row.due_at = until
    return [_work(row) for row in begun]


def complete(session: Session, work_id: str) -> None:
    """The work is done; doing it again would change nothing."""
    row = locked(session, DueWork, work_id)
    if row is not None:
        row.state, row.begun, row.last_error = "done", 0, None


def complete_all(session: Session, work_ids: Iterable[str]) -> None:
    """All of these are done, in the transaction that did them."""
    ids = sorted(set(work_ids))
    session.execute(
        update(DueWork)
        .where(DueWork.id.in_(ids))
        .values(state="done", begun=0, last_error=None)
        .execution_options(synchronize_session=False)
    )


def postpone(
    session: Session, work_id: str, *, reason: str, outage: bool = False, at_least: timedelta = timedelta()
) -> bool:
    """The work failed: try again later, ever more slowly; true when it was left to staff, after twelve times.

    An `outage` of those whom the work needs is waited out for a week: when they are back, so is the work. It is not
    tried again before what they asked for, `at_least`.
    """
    row = locked(session, DueWork, work_id)
    if row is None or row.state != "due":
        return False
    row.begun, row.last_error = 0, reason[:_ERROR_LENGTH]
    # Leases that ran out are not counted: while all workers are down, nothing fails and nothing may be given up.
    if outage:
        row.outages += 1
    else:
        # Those whom it needs are back; their next outage may last as long again.
        row.failures, row.outages = row.failures + 1, 0
    if row.failures >= _FAILURES or row.outages >= _FAILURES_OF_OTHERS:
        row.state = "parked"
        return True
    backoff = _FIRST_BACKOFF * 2 ** min(row.outages or row.failures, _SLOWEST_AFTER)
    row.due_at = clock.now(session) + max(min(backoff, _LONGEST_BACKOFF), at_least)
    return False


def revive(session: Session, work_id: str) -> bool:
    """Put parked work back, due at once; false when it is not parked."""
    row = locked(session, DueWork, work_id)
    if row is None or row.state != "parked":
        return False
    row.state = "due"
    _begin_anew(row, clock.now(session))
    return True


def defer(session: Session, work_id: str, *, until: datetime) -> None:
    """The work cannot be done before `until`; that is no failure, and its failures are counted anew from there."""
    row = locked(session, DueWork, work_id)
    if row is not None and row.state == "due":
        _begin_anew(row, until)


def forget_done(session: Session, *, before: datetime, limit: int) -> int:
    """Drop up to `limit` pieces of work that were done before then, with their keys; returns how many."""
    # Done work keeps the end of its last lease as its instant.
    old = (DueWork.state == "done") & (DueWork.due_at < before)
    ids = session.scalars(select(DueWork.id).where(old).order_by(DueWork.due_at).limit(limit)).all()
    session.execute(delete(DueWork).where(DueWork.id.in_(ids)))
    return len(ids)


def parked(session: Session, *, kind: str | None = None, limit: int | None = 100) -> list[Parked]:
    """The work that was given up, of one kind or all, longest waiting first; without a `limit` all of it."""
    given_up = select(DueWork).where(DueWork.state == "parked")
    if kind is not None:
        given_up = given_up.where(DueWork.kind == kind)
    rows = session.scalars(given_up.order_by(DueWork.due_at, DueWork.id).limit(limit))
    return [Parked(row.id, row.kind, row.subject, row.due_at, row.last_error or "") for row in rows]


def planned(session: Session, *, subjects: Collection[str]) -> dict[str, Planned]:
    """What is done next about each of the subjects; work that was given up is shown before all else."""
    rows = session.scalars(
        select(DueWork)
        .where(DueWork.subject.in_(sorted(subjects)), DueWork.state.in_(("due", "parked")))
        .order_by(DueWork.due_at.desc(), DueWork.id)
    )
    plans: dict[str, Planned] = {}
    for row in rows:
        if row.subject not in plans or not plans[row.subject].parked:
            plans[row.subject] = Planned(
                row.id, row.kind, row.due_at, parked=row.state == "parked", reason=row.last_error or ""
            )
    return plans


def backlog(session: Session) -> Backlog:
    """What waits now."""
    instant = clock.now(session)
    waiting = (DueWork.state == "due") & (DueWork.due_at <= instant)
    return Backlog(
        due=session.scalar(select(func.count()).where(waiting)) or 0,
        parked=session.scalar(select(func.count()).where(DueWork.state == "parked")) or 0,
        oldest_due_at=session.scalar(select(func.min(DueWork.due_at)).where(waiting)),
    )


def _begin_anew(row: DueWork, due_at: datetime) -> None:
    # Attempts go on: they tell one lease from another.
    row.due_at, row.begun, row.failures, row.outages = due_at, 0, 0, 0


def _work(row: DueWork) -> Work:
    return Work(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        payload=row.payload,
        attempts=row.attempts,
        begun=row.begun,
    )
