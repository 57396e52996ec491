"""Which gateways do not answer: noted by whoever asks them, seen by everybody who is about to choose one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways.tables import Outage
from persistence import clock
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

# So often in a row is no accident, and after so long somebody tries again.
_FAILURES = 3
_LASTS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class OutageView:
    """A gateway that did not answer lately: since when, how often in a row, and whether others are asked before it."""

    gateway: str
    since: datetime
    last_at: datetime
    failures: int
    away: bool


def note(session: Session, *, gateway: str, answered: bool) -> None:
    """Remember whether a gateway answered; one answer ends its outage."""
    row = locked(session, Outage, gateway) if session.get(Outage, gateway) is not None else None
    if answered:
        if row is not None:
            session.delete(row)
        return
    instant = clock.now(session)
    if row is not None:
        row.failures += 1
        row.last_at = instant
        return
    session.add(Outage(gateway=gateway, since=instant, last_at=instant, failures=1))
    try:
        session.flush()
    except IntegrityError as error:
        # Two saw it at the same moment.
        raise Retry from error


def outages(session: Session) -> tuple[OutageView, ...]:
    """The gateways that did not answer when they were last asked."""
    instant = clock.now(session)
    return tuple(
        OutageView(row.gateway, row.since, row.last_at, row.failures, _is_away(row, instant))
        for row in session.scalars(select(Outage).order_by(Outage.gateway))
    )


def away(session: Session) -> frozenset[str]:
    """The gateways that others are asked before, because they have not answered lately."""
    return frozenset(view.gateway for view in outages(session) if view.away)


def _is_away(row: Outage, instant: datetime) -> bool:
    return row.failures >= _FAILURES and instant < row.last_at + _LASTS
