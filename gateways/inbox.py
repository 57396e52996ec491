"""Webhooks land here first: verified bytes are kept, and the work they ask for is due, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from gateways.events import ObjectKind
from gateways.tables import WebhookEvent
from kernel.ids import new_id
from persistence import clock, due
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import Listed

HANDLE = "handle_webhook"
_UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook as it came in."""

    id: str
    gateway: str
    payload: bytes


def receive(
    session: Session, *, gateway: str, told: Sequence[Listed], webhook_ids: Sequence[str], swept: bool = False
) -> list[bool]:
    """Keep verified events and have them handled; each is false that came before, which changes nothing.

    What nobody here understands is kept for a newer version of us. `swept` is what was not sent to us but found.
    """
    return [
        _kept(session, webhook_id, _row(session, gateway, each, swept=swept))
        for webhook_id, each in zip(webhook_ids, told, strict=True)
    ]


def _row(session: Session, gateway: str, told: Listed, *, swept: bool) -> WebhookEvent:
    if told.event is None:
        return WebhookEvent(
            gateway=gateway,
            account="",
            # The same bytes are the same event.
            event_id=f"sha256:{sha256(told.payload).hexdigest()}",
            type=_UNREAD,
            payload=told.payload,
            created_at=clock.now(session),
            swept=swept,
        )
    return WebhookEvent(
        gateway=gateway,
        account=told.event.account or "",
        event_id=told.event.id,
        type=told.event.type,
        object_kind=told.event.kind,
        object_id=told.event.object_id,
        payload=told.payload,
        created_at=told.event.created_at,
        swept=swept,
    )


def _kept(session: Session, webhook_id: str, row: WebhookEvent) -> bool:
    same = (
        WebhookEvent.gateway == row.gateway,
        WebhookEvent.account == row.account,
        WebhookEvent.event_id == row.event_id,
    )
    if session.scalar(select(WebhookEvent.id).where(*same)) is not None:
        return False
    row.id, row.received_at, row.state = webhook_id, clock.now(session), "received"
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        # The same event arrived at the same moment and was first.
        raise Retry from error
    key = f"{HANDLE}:{webhook_id}"
    due.schedule(session, kind=HANDLE, subject=webhook_id, due_at=row.received_at, key=key)
    return True


def received(session: Session, webhook_id: str) -> Received:
    """The bytes of a webhook that came in."""
    row = session.get_one(WebhookEvent, webhook_id)
    return Received(row.id, row.gateway, row.payload)


def told_of(session: Session, *, gateway: str, object_id: str) -> list[bytes]:
    """All that a gateway has told of one thing, as it was kept, first received first."""
    of = (WebhookEvent.gateway == gateway) & (WebhookEvent.object_id == object_id)
    return list(session.scalars(select(WebhookEvent.payload).where(of).order_by(WebhookEvent.received_at)))


def settle(session: Session, webhook_id: str, *, state: Literal["handled", "ignored", "parked"]) -> None:
    """Remember what became of a webhook."""
    row = locked(session, WebhookEvent, webhook_id)
    assert row is not None, "webhooks are never deleted while they are handled"
    row.state = state


def replay(session: Session, webhook_id: str) -> None:
    """Have a webhook handled once more, as if it came now."""
    session.get_one(WebhookEvent, webhook_id).state = "received"
    key = f"{HANDLE}:{webhook_id}:{new_id('du')}"
    due.schedule(session, kind=HANDLE, subject=webhook_id, due_at=clock.now(session), key=key)


def known_as(session: Session, event_id: str) -> list[str]:
    """The webhooks with this id, be it ours (`wh_…`) or the gateway's."""
    column = WebhookEvent.id if event_id.startswith("wh_") else WebhookEvent.event_id
    return list(session.scalars(select(WebhookEvent.id).where(column == event_id).order_by(WebhookEvent.id)))


def received_since(session: Session, since: datetime) -> list[str]:
    """The webhooks that came in at or after an instant, oldest first."""
    statement = select(WebhookEvent.id).where(WebhookEvent.received_at >= since)
    return list(session.scalars(statement.order_by(WebhookEvent.received_at, WebhookEvent.id)))


def forget_handled(session: Session, *, before: datetime, limit: int) -> int:
    """Drop up to `limit` webhooks that came before then and that nobody has to look at; returns how many.

    What was told of a chargeback stays: not every gateway can be asked for it again, and it goes on for months.
    """
    old = WebhookEvent.state.in_(("handled", "ignored")) & (WebhookEvent.received_at < before)
    old &= WebhookEvent.object_kind.is_distinct_from(ObjectKind.CHARGEBACK.value)
    ids = session.scalars(
        select(WebhookEvent.id).where(old).order_by(WebhookEvent.received_at).limit(limit)
    ).all()
    session.execute(delete(WebhookEvent).where(WebhookEvent.id.in_(ids)))
    return len(ids)
