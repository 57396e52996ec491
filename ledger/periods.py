"""Months that are closed: what is reported of them stays, because no entry counts for a day in them any more.

Whoever posts has a lane, and looks here only when the entry counts for a day that has passed. Whoever closes waits for
all lanes first. So an entry that was let in is there before its month is closed, and every later one finds it closed.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from kernel.refusals import Conflict, Forbidden, NotFound
from ledger.lanes import wait_for_posters
from ledger.states import ACCOUNTING_PERIOD
from ledger.tables import period_acts
from persistence import clock, outbox
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection
    from sqlalchemy.orm import Session

    from ledger.journal import Draft

_MONTH = re.compile(r"(?P<year>[1-9]\d{3})-(?P<month>0[1-9]|1[0-2])", re.ASCII)
_DAY = timedelta(days=1)


class PeriodClosed(Conflict):
    """The day that the entry counts for lies in a month that finance has closed; `period` says which."""

    code = "period_closed"


class PeriodUnknown(NotFound):
    """There is no such period; a period is a month, written like 2026-10."""

    code = "period_unknown"


class PeriodNotOver(Conflict):
    """A month can be closed when it has ended, in UTC."""

    code = "period_not_over"


class PeriodActNotPossible(Conflict):
    """The period is not in a state in which this can be done; the answer says what it is in."""

    code = "period_act_not_possible"


class SamePersonTwice(Forbidden):
    """What takes two people was asked for by this one."""

    code = "same_person_twice"


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the calendar, as periods are named: 2026-10."""

    name: str

    @classmethod
    def of(cls, day: date) -> Month:
        """The month in which a day lies."""
        return cls(day.isoformat()[:7])

    @classmethod
    def named(cls, name: str) -> Month:
        """The month of this name."""
        if not _MONTH.fullmatch(name):
            raise PeriodUnknown("There is no such period. A period is a month, written like 2026-10.")
        return cls(name)

    @property
    def first(self) -> date:
        """Its first day."""
        return date.fromisoformat(f"{self.name}-01")

    @property
    def last(self) -> date:
        """Its last day."""
        return self.first.replace(day=monthrange(self.first.year, self.first.month)[1])

    @property
    def following(self) -> Month:
        """The month after it."""
        return Month.of(self.last + _DAY)


@dataclass(frozen=True, slots=True)
class PeriodAct:
    """Something that was done to a period: which act, by whom, why and when, and the state it led to."""

    period: str
    number: int
    act: str
    state: str
    actor: str
    reason: str | None
    acted_at: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """A month of the books, with everything that was done to it."""

    period: str
    state: str
    acts: tuple[PeriodAct, ...]


def close_period(session: Session, *, period: str, by: str, reason: str | None = None) -> Period:
    """Let no entry count for a day of this month any more."""
    month = Month.named(period)
    # After this nobody records anything before the present instant, so that a month which has ended is complete.
    wait_for_posters(session)
    if month.last >= clock.now(session).date():
        raise PeriodNotOver("This month has not ended yet.", period=period)
    return _act(session, month, "close", by, reason)


def ask_to_reopen(session: Session, *, period: str, by: str, reason: str) -> Period:
    """Propose that entries may count for days of this month again; somebody else decides."""
    return _act(session, Month.named(period), "ask_to_reopen", by, reason)


def reopen(session: Session, *, period: str, by: str, reason: str | None = None) -> Period:
    """Let entries count for days of this month again, as somebody else has asked."""
    month = Month.named(period)
    acts = _acts(session, month)
    if acts and acts[-1].state == "reopening" and acts[-1].actor == by:
        raise SamePersonTwice("You asked for this. Somebody else in finance has to decide.")
    return _act(session, month, "reopen", by, reason)


def keep_closed(session: Session, *, period: str, by: str, reason: str | None = None) -> Period:
    """Decide that the month stays closed."""
    return _act(session, Month.named(period), "keep_closed", by, reason)


def period_of(session: Session, *, period: str) -> Period:
    """A month, and what was done to it; one to which nothing was done is open."""
    return _view(session, Month.named(period))


def periods(session: Session, *, after: str | None, limit: int) -> list[Period]:
    """The months that were ever closed, the newest first."""
    names = select(period_acts.c.period).distinct().order_by(period_acts.c.period.desc()).limit(limit)
    if after is not None:
        names = names.where(period_acts.c.period < after)
    return [_view(session, Month(name)) for name in session.scalars(names)]


def admitted(connection: Connection, draft: Draft, today: date) -> Draft:
    """The draft, or what it becomes where the month of its day is closed; asked once its lane is taken."""
    if draft.value_date is None or draft.value_date >= today:
        # The present month cannot be closed.
        return draft
    month = Month.of(draft.value_date)
    closed = _closed_from(connection, month)
    if month.name not in closed:
        return draft
    if not draft.carry_over:
        raise PeriodClosed(
            f"The books of {month.name} are closed. Give a later day, or let it count for the first open one.",
            field="value_date",
            period=month.name,
        )
    while month.name in closed:
        month = month.following
    return replace(draft, value_date=month.first, belongs_to=draft.value_date)


def _closed_from(connection: Connection, month: Month) -> set[str]:
    latest = (
        select(period_acts.c.period, func.max(period_acts.c.number).label("number"))
        .where(period_acts.c.period >= month.name)
        .group_by(period_acts.c.period)
        .subquery()
    )
    found = select(period_acts.c.period).join(
        latest, (latest.c.period == period_acts.c.period) & (latest.c.number == period_acts.c.number)
    )
    return set(connection.scalars(found.where(period_acts.c.state != ACCOUNTING_PERIOD.initial)))


def _act(session: Session, month: Month, act: str, by: str, reason: str | None) -> Period:
    acts = _acts(session, month)
    state = acts[-1].state if acts else ACCOUNTING_PERIOD.initial
    step = ACCOUNTING_PERIOD.step(state, act)
    if step is None:
        raise PeriodActNotPossible(f"The books of {month.name} are {state}.", period=month.name, state=state)
    row = {
        "period": month.name,
        "number": len(acts) + 1,
        "act": act,
        "state": step.to,
        "actor": by,
        "reason": reason,
        "acted_at": clock.now(session),
    }
    try:
        session.execute(insert(period_acts), row)
    except IntegrityError as taken:
        # Somebody else did something to it at the same moment.
        raise Retry from taken
    outbox.publish(session, name=step.event, subject=month.name)
    return _view(session, month)


def _view(session: Session, month: Month) -> Period:
    acts = tuple(_acts(session, month))
    return Period(month.name, acts[-1].state if acts else ACCOUNTING_PERIOD.initial, acts)


def _acts(session: Session, month: Month) -> Sequence[PeriodAct]:
    rows = session.execute(
        select(period_acts).where(period_acts.c.period == month.name).order_by(period_acts.c.number)
    )
    return [PeriodAct(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
