"""What a webhook sets in motion: the gateway is asked how the object is now, and that alone decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways import inbox
from gateways.contract import AnswerNotUnderstood, ObjectKind
from jobs.subscriptions import ON_GATEWAY_OBJECT
from jobs.work import handler
from persistence import clock, due
from persistence.unit_of_work import atomically, reading
from runtime.wiring import gateway, wired

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.contract import Event
    from gateways.inbox import Received
    from persistence.due import Work

# Whose account each object lives in: workers pay out of their own, everything else is on ours.
_ON_WORKERS_ACCOUNT = {ObjectKind.PAYOUT}
_ON_EITHER = {ObjectKind.ACCOUNT}


@handler(inbox.HANDLE)
def handle_webhook(work: Work) -> None:
    """Have the object that a webhook tells of asked for, once for every webhook and replay of it."""
    received = reading(inbox.received, work.subject)
    try:
        event = gateway(received.gateway).read_event(received.payload)
    except AnswerNotUnderstood:
        atomically(inbox.settle, received.id, state="parked")
        raise
    atomically(route, work=work, received=received, event=event)


def route(session: Session, *, work: Work, received: Received, event: Event) -> None:
    """Schedule the work that asks for the object; news that nobody here depends on is ignored."""
    kind = _asks(event, received.gateway)
    if kind is None or event.object_id is None:
        inbox.settle(session, received.id, state="ignored")
        return
    due.schedule(
        session,
        kind=kind,
        subject=event.object_id,
        due_at=clock.now(session),
        key=f"{kind}:{work.id}",
        payload={"gateway": received.gateway, "account": event.account}
        | ({"ours": event.ours} if event.ours else {}),
    )
    inbox.settle(session, received.id, state="handled")


def _asks(event: Event, gateway: str) -> str | None:
    if event.kind is ObjectKind.PAYOUT and event.account is None and gateway in wired().pays_us:
        return "refresh_own_payout"
    if event.kind is None or not _is_where_it_belongs(event):
        return None
    return ON_GATEWAY_OBJECT.get(event.kind)


def _is_where_it_belongs(event: Event) -> bool:
    return event.kind in _ON_EITHER or (event.account is not None) == (event.kind in _ON_WORKERS_ACCOUNT)
