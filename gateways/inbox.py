"""Webhooks land here first: verified bytes are kept, and the work they ask for is due, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways.tables import WebhookEvent
from kernel.ids import new_id
from persistence import clock, due
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import Event

HANDLE = "handle_webhook"


@dataclass(frozen=True, slots=True)
class Received:
    """A webhook as it came in."""

    id: str
    gateway: str
    payload: bytes


def receive(session: Session, *, webhook_id: str, gateway: str, event: Event, payload: bytes) -> bool:
    """Keep a verified event and have it handled; false when it came before, which changes nothing."""
    account = event.account or ""
    same = (
        WebhookEvent.gateway == gateway,
        WebhookEvent.account == account,
        WebhookEvent.event_id == event.id,
    )
    if session.scalar(select(WebhookEvent.id).where(*same)) is not None:
        return False
    instant = clock.now(session)
    session.add(
        WebhookEvent(
            id=webhook_id,
            gateway=gateway,
            account=account,
            event_id=event.id,
            type=event.type,
            object_kind=event.kind,
            object_id=event.object_id,
            payload=payload,
            created_at=event.created_at,
            received_at=instant,
            state="received",
        )
    )
    try:
        session.flush()
    except IntegrityError as error:
        # The same event arrived at the same moment and was first.
        raise Retry from error
    due.schedule(session, kind=HANDLE, subject=webhook_id, due_at=instant, key=f"{HANDLE}:{webhook_id}")
    return True


def received(session: Session, webhook_id: str) -> Received:
    """The bytes of a webhook that came in."""
    row = session.get_one(WebhookEvent, webhook_id)
    return Received(row.id, row.gateway, row.payload)


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
