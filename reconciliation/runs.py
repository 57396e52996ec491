"""One run of a gateway: which steps it has, in which order, and that there is one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways.lines import LineKind
from kernel.refusals import Invalid, NotFound
from persistence import clock, due, outbox
from persistence.locks import locked
from persistence.unit_of_work import Retry
from reconciliation import comparing, reading, sides
from reconciliation.items import ALLOWED
from reconciliation.tables import Line, Run

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from sqlalchemy.orm import Session

# The lines are read, put among the sides, the entries beside them, the sides compared, and all of it reported.
STATES = ("reading", "spreading", "collecting", "comparing", "reporting", "done")
_LIVE = "run"
# Who begins the run of every day.
DAILY = "system"
When = Literal["before", "after"]


class RunNotFound(NotFound):
    """There is no such run."""

    code = "run_not_found"


class DayNotReached(Invalid):
    """The day is still to come."""

    code = "day_not_reached"


@dataclass(frozen=True, slots=True)
class RunView:
    """A run: how far it is, and what it is about."""

    id: str
    gateway: str
    day: date
    state: str
    began_at: datetime
    listed_until: datetime
    known_at: datetime | None
    finished_at: datetime | None
    started_by: str
    lines: int
    balances_before: dict[str, Any] | None
    balances_after: dict[str, Any] | None


def start(session: Session, *, run_id: str, gateway: str, day: date | None, at: datetime, by: str) -> RunView:
    """Begin to reconcile a gateway, for the day of `at` or an earlier one; where a run is under way, it is that one."""
    if day is not None and day > at.date():
        raise DayNotReached(f"{day} is still to come.", field="day")
    under_way = session.scalars(select(Run).where(Run.gateway == gateway, Run.live_for == _LIVE)).first()
    if under_way is not None:
        return _view(under_way)
    row = Run(
        id=run_id,
        gateway=gateway,
        live_for=_LIVE,
        day=day or at.date(),
        state="reading",
        began_at=at,
        listed_until=at,
        started_by=by,
        lines=0,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        # Somebody began at the same moment; the next try finds that one.
        raise Retry from error
    return _view(row)


def order(session: Session, *, run_id: str, gateway: str, day: date | None, at: datetime, by: str) -> RunView:
    """Begin a run, and have it carried on in the background."""
    run = start(session, run_id=run_id, gateway=gateway, day=day, at=at, by=by)
    due.schedule(
        session,
        kind="reconcile_run",
        subject=run.id,
        due_at=clock.now(session),
        key=f"reconcile_run:{run.id}",
    )
    return run


def run_of(session: Session, *, run_id: str) -> RunView:
    """The run with this id."""
    row = session.get(Run, run_id)
    if row is None:
        raise RunNotFound("There is no run with this id.")
    return _view(row)


def runs(session: Session, *, after: str | None, limit: int, gateway: str | None = None) -> list[RunView]:
    """Runs, newest first."""
    query = select(Run).order_by(Run.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Run.id < after)
    if gateway is not None:
        query = query.where(Run.gateway == gateway)
    return [_view(row) for row in session.scalars(query)]


def daily(session: Session, *, gateway: str, day: date) -> RunView | None:
    """The run of that day that began by itself."""
    query = select(Run).where(Run.gateway == gateway, Run.day == day, Run.started_by == DAILY)
    row = session.scalars(query.order_by(Run.id.desc()).limit(1)).first()
    return _view(row) if row is not None else None


def currencies(session: Session, *, gateway: str) -> list[str]:
    """The currencies in which anything ever moved at the gateway."""
    return sorted(session.scalars(select(Line.currency).where(Line.gateway == gateway).distinct()))


def note_balances(session: Session, *, run_id: str, when: When, balances: dict[str, Any]) -> None:
    """Keep what the gateway says lies on our balance: once before its lines are read, and once after."""
    row = _held(session, run_id)
    if row.state != "reading":
        return
    if when == "before" and row.balances_before is None:
        row.balances_before = balances
    elif when == "after" and row.balances_after is None:
        row.balances_after = balances


def all_read(session: Session, *, run_id: str) -> None:
    """Every account has been read to its end."""
    row = _held(session, run_id)
    if row.state == "reading":
        row.state = "spreading"
        reading.relate(session, gateway=row.gateway)


def spread(session: Session, *, run_id: str) -> bool:
    """Put some of the new lines among the sides; false when there are no more."""
    row = _held(session, run_id)
    if row.state != "spreading":
        return False
    return sides.spread_lines(session, gateway=row.gateway)


def both_known_until(session: Session, *, run_id: str, at: datetime) -> None:
    """All lines stand among the sides; the entries beside them are those recorded until `at`."""
    row = _held(session, run_id)
    if row.state == "spreading":
        row.state, row.known_at = "collecting", at


def collect(session: Session, *, run_id: str) -> bool:
    """Put some of the new entries beside the lines; false when there are no more."""
    row = _held(session, run_id)
    if row.state != "collecting":
        return False
    assert row.known_at is not None
    if sides.collect_entries(session, gateway=row.gateway, until=row.known_at):
        return True
    row.state = "comparing"
    return False


def compare(session: Session, *, run_id: str, payouts_last: timedelta | None = None) -> bool:
    """Compare some of the items that are open; false when there are no more.

    `payouts_last` is for how long the gateway may have sent what has not arrived, where that is known of it.
    """
    row = _held(session, run_id)
    if row.state != "comparing":
        return False
    assert row.known_at is not None
    allowed = ALLOWED if payouts_last is None else ALLOWED | {LineKind.PAYOUT: payouts_last}
    last = comparing.compare(
        session, gateway=row.gateway, after=row.compared_to, at=row.known_at, allowed=allowed
    )
    if last is not None:
        row.compared_to = last
        return True
    row.state = "reporting"
    return False


def finish(session: Session, *, run_id: str) -> None:
    """Everything is reported."""
    row = _held(session, run_id)
    if row.state == "reporting":
        row.state, row.live_for, row.finished_at = "done", None, clock.now(session)
        outbox.publish(session, name="reconciliation.done", subject=row.id, payload={"gateway": row.gateway})


def _held(session: Session, run_id: str) -> Run:
    row = locked(session, Run, run_id)
    if row is None:
        raise RunNotFound("There is no run with this id.")
    return row


def _view(row: Run) -> RunView:
    return RunView(
        id=row.id,
        gateway=row.gateway,
        day=row.day,
        state=row.state,
        began_at=row.began_at,
        listed_until=row.listed_until,
        known_at=row.known_at,
        finished_at=row.finished_at,
        started_by=row.started_by,
        lines=row.lines,
        balances_before=row.balances_before,
        balances_after=row.balances_after,
    )
