"""Events that never arrived: a gateway's own list of them is looked through, and what is missing is taken in.

A stretch of time is looked through page by page, and each page is kept together with how far that was; whoever dies in
between, or comes twice, goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from gateways import inbox
from gateways.tables import EventSweep, WebhookEvent
from kernel.ids import new_id
from persistence import clock
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import EventsFound

OUR_OWN = ""
EVERY = timedelta(hours=1)
# Workers' accounts are as many as there are workers, and what becomes of a payout is also looked up by time.
EVERY_OF_WORKERS = timedelta(hours=24)

# A webhook may still be on the road; one that takes longer than this has been missed.
_ON_THE_ROAD = timedelta(minutes=10)
# A list may show an event a little later than others of its time.
_OVERLAP = timedelta(hours=1)
# A stretch that begins where the list ends loses its beginning while it is looked through. Begun anew for that, it
# would never end; but after so long what the list forgets may be the place it has come to.
_STALE = timedelta(hours=24)
_LATE = 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time to be looked through, from `after` on; `late` and `blind_since` say what should not be so."""

    gateway: str
    account: str
    since: datetime
    until: datetime
    after: str | None
    late: bool
    blind_since: datetime | None

    @property
    def of_worker(self) -> str | None:
        """The worker's account at the gateway; None for our own."""
        return self.account or None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a page: the types of what had not arrived, and whether it was the last one of its stretch."""

    missed: tuple[str, ...]
    done: bool


@dataclass(frozen=True, slots=True)
class SweepView:
    """How well a gateway's news arrive."""

    gateway: str
    swept_until: datetime | None
    late: bool
    missed: int
    last_missed_at: datetime | None
    blind_since: datetime | None
    blind_until: datetime | None
    workers: int
    workers_swept_until: datetime | None


def next_stretch(session: Session, *, gateway: str, account: str, kept_for: timedelta) -> Stretch:
    """The stretch to look through now: the one under way, or all since the last one, as far as the gateway tells."""
    row = _held(session, gateway, account)
    instant = clock.now(session)
    oldest = instant - kept_for
    late = row.swept_until is not None and row.swept_until < instant - _LATE * _every(account)
    if row.until is None or (row.since is not None and row.since < oldest - _STALE):
        row.until, row.after = instant - _ON_THE_ROAD, None
        row.since = oldest if row.swept_until is None else max(row.swept_until - _OVERLAP, oldest)
    newly_blind = _lost(row, oldest)
    assert row.since is not None, "a stretch that has an end has a beginning"
    return Stretch(gateway, account, row.since, row.until, row.after, late, newly_blind)


def keep(session: Session, *, stretch: Stretch, page: EventsFound, webhook_ids: Sequence[str]) -> Kept:
    """Take in what had not arrived of a page, and note how far that is."""
    row = _held(session, stretch.gateway, stretch.account)
    # Of what nothing here depends on, the gateway may have been told to send nothing.
    told = [each for each in page.events if each.event is None or each.event.kind is not None]
    are_new = inbox.receive(
        session, gateway=stretch.gateway, told=told, webhook_ids=webhook_ids[: len(told)], swept=True
    )
    missed = [
        each.event.type
        for each, is_new in zip(told, are_new, strict=True)
        if is_new and each.event is not None
    ]
    if (row.until, row.after) == (stretch.until, stretch.after):
        _advance(row, page.after)
    return Kept(tuple(missed), page.after is None)


def give_up(session: Session, *, stretch: Stretch) -> None:
    """The gateway will not speak of this account any longer: there is nothing to be looked through."""
    row = _held(session, stretch.gateway, stretch.account)
    if row.until == stretch.until:
        _advance(row, None)


def views(session: Session, *, since: datetime) -> tuple[SweepView, ...]:
    """How well the news of every gateway arrive; `missed` are those that were found by looking since then."""
    rows = session.scalars(
        select(EventSweep).where(EventSweep.account == OUR_OWN).order_by(EventSweep.gateway)
    )
    return tuple(_view(session, row, since) for row in rows)


def is_late(session: Session) -> bool:
    """Whether a gateway's list has not been looked through for longer than it should be."""
    before = clock.now(session) - _LATE * EVERY
    # A first look that is under way has come nowhere yet; it began ten minutes after the time that it looks through.
    looked = func.coalesce(EventSweep.swept_until, EventSweep.until)
    overdue = select(EventSweep.gateway).where(EventSweep.account == OUR_OWN, looked < before)
    return session.scalar(overdue.limit(1)) is not None


def _lost(row: EventSweep, oldest: datetime) -> datetime | None:
    """Write down the time of which the list no longer tells; since when, where that was not known before."""
    if row.swept_until is None or row.swept_until >= oldest:
        return None
    known = row.blind_since == row.swept_until
    # The newest are looked at first, so what is forgotten while a stretch is under way was not looked at.
    row.blind_since, row.blind_until = row.swept_until, oldest
    return None if known else row.swept_until


def _view(session: Session, row: EventSweep, since: datetime) -> SweepView:
    found = WebhookEvent.swept & (WebhookEvent.gateway == row.gateway) & (WebhookEvent.received_at >= since)
    missed, last = session.execute(
        select(func.count(), func.max(WebhookEvent.received_at)).where(found)
    ).one()
    of_workers = (EventSweep.gateway == row.gateway) & (EventSweep.account != OUR_OWN)
    workers, oldest = session.execute(
        select(func.count(), func.min(EventSweep.swept_until)).where(of_workers)
    ).one()
    before = clock.now(session) - _LATE * EVERY
    return SweepView(
        gateway=row.gateway,
        swept_until=row.swept_until,
        late=row.swept_until is None or row.swept_until < before,
        missed=missed,
        last_missed_at=last,
        blind_since=row.blind_since,
        blind_until=row.blind_until,
        workers=workers,
        workers_swept_until=oldest,
    )


def _advance(row: EventSweep, after: str | None) -> None:
    row.after = after
    if after is None:
        row.swept_until, row.since, row.until = row.until, None, None


def _every(account: str) -> timedelta:
    return EVERY if account == OUR_OWN else EVERY_OF_WORKERS


def _held(session: Session, gateway: str, account: str) -> EventSweep:
    named = (EventSweep.gateway == gateway) & (EventSweep.account == account)
    known = session.scalar(select(EventSweep.id).where(named))
    if known is not None:
        row = locked(session, EventSweep, known)
        assert row is not None, "how far it was looked through is never forgotten"
        return row
    row = EventSweep(id=new_id("es"), gateway=gateway, account=account)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        # Two began to look for the first time at the same moment.
        raise Retry from error
    return row
