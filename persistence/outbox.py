"""Facts that were committed with their cause and are told afterwards, each at least once, to whoever subscribed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from kernel.ids import new_id
from persistence import clock, due
from persistence.tables import OutboxEvent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session


def publish(
    session: Session,
    *,
    name: str,
    subject: str,
    payload: dict[str, Any] | None = None,
    occurred_at: datetime | None = None,
) -> str:
    """Put the fact `name` about `subject` beside its cause, and return its id; a rolled-back cause tells nobody.

    It occurs now; many facts of one act name their instant, so that the clock is read once.
    """
    event = OutboxEvent(
        id=new_id("ev"),
        name=name,
        subject=subject,
        payload=payload or {},
        occurred_at=occurred_at or clock.now(session),
        told_at=None,
    )
    session.add(event)
    return event.id


def fan_out(session: Session, subscribers: Mapping[str, Sequence[str]], *, limit: int = 100) -> int:
    """Turn untold events into due work, one row for each kind of work subscribed; returns how many events were told."""
    events = session.scalars(
        select(OutboxEvent)
        .where(OutboxEvent.told_at.is_(None))
        .order_by(OutboxEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for event in events:
        for kind in subscribers.get(event.name, ()):
            due.schedule(
                session,
                kind=kind,
                subject=event.subject,
                due_at=event.occurred_at,
                key=f"{kind}:{event.id}",
                payload={**event.payload, "event": event.name},
            )
        event.told_at = clock.now(session)
    return len(events)


def forget_told(session: Session, *, before: datetime, limit: int) -> int:
    """Drop up to `limit` events that were told before then; returns how many."""
    old = select(OutboxEvent.id).where(OutboxEvent.told_at < before)
    ids = session.scalars(old.order_by(OutboxEvent.told_at, OutboxEvent.id).limit(limit)).all()
    session.execute(delete(OutboxEvent).where(OutboxEvent.id.in_(ids)))
    return len(ids)
