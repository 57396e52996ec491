"""Webhooks: verified over the bytes as they were sent, kept, answered; what they mean is worked out afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import structlog
from flask import request

from api.auth import public, requires
from api.blueprints import Blueprint, refuses
from api.body import bytes_within, takes_raw_bytes
from api.idempotency import naturally_idempotent
from api.rate_limits import unlimited
from api.webhooks.schemas import EventSweepsSchema, ReceivedSchema
from gateways import inbox, sweeps
from gateways.contract import SignatureRefused
from identity.permissions import Permission
from kernel.ids import new_id
from kernel.refusals import Invalid
from persistence import clock
from persistence.unit_of_work import atomically, reading
from runtime import wiring

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.contract import Event
    from gateways.sweeps import SweepView

_LARGEST_BYTES = 512 * 1024
_A_DAY = timedelta(days=1)

_log = structlog.get_logger("holdfast.webhooks")

blueprint = Blueprint("webhooks", __name__, description="What payment gateways tell us.")


class WebhookRefused(Invalid):
    """The bytes were not signed by the gateway, not in these minutes, or are about the other mode (live or test)."""

    code = "webhook_refused"


@blueprint.post("/webhooks/<gateway>")
@public(reason="signed by the gateway")
@takes_raw_bytes(reason="the signature is over the bytes as they were sent")
@naturally_idempotent("an event is kept once for each gateway, account and id")
# A burst of events that met a limit would be an outage to the gateway, which then stops sending.
@unlimited
@refuses(WebhookRefused, wiring.GatewayUnknown)
@blueprint.response(200, ReceivedSchema)
def receive_webhook(gateway: str) -> dict[str, bool]:
    """Take in an event of a payment gateway."""
    sender = wiring.gateway(gateway)
    payload = bytes_within(_LARGEST_BYTES)
    try:
        told = sender.verify_events(payload, dict(request.headers), now=lambda: reading(clock.now))
    except SignatureRefused as refusal:
        _log.warning("webhook_refused", gateway=gateway, reason=str(refusal))
        raise WebhookRefused(str(refusal)) from None
    are_new = atomically(
        inbox.receive, gateway=sender.name, told=told, webhook_ids=[new_id("wh") for _ in told]
    )
    for each, is_new in zip(told, are_new, strict=True):
        _say(gateway, each.event, is_new=is_new)
    return {"received": True}


def _say(gateway: str, event: Event | None, *, is_new: bool) -> None:
    if event is None:
        # Refused, it would be sent for three days and then be lost; kept, it waits for whoever understands it.
        _log.error("webhook_not_understood", gateway=gateway, duplicate=not is_new)
        return
    _log.info("webhook_received", gateway=gateway, event_id=event.id, type=event.type, duplicate=not is_new)


@blueprint.get("/staff/webhooks")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, EventSweepsSchema)
def list_event_sweeps() -> dict[str, Any]:
    """Whether the gateways' news arrive: what never came and was found in their lists, and how far we have looked."""
    return {"items": reading(_sweeps)}


def _sweeps(session: Session) -> list[dict[str, Any]]:
    found = sweeps.views(session, since=clock.now(session) - _A_DAY)
    return [
        {
            "gateway": view.gateway,
            "swept_until": view.swept_until,
            "late": view.late,
            "missed_last_day": view.missed,
            "last_missed_at": view.last_missed_at,
            "blind_since": view.blind_since,
            "blind_until": view.blind_until,
            "worker_accounts": view.workers,
            "worker_accounts_swept_until": view.workers_swept_until,
            "text": _in_words(view),
        }
        for view in found
    ]


def _in_words(view: SweepView) -> str:
    if view.late:
        return "Nobody has looked for lost events lately: see whether a relay and a worker run."
    if view.missed:
        return "Events were sent and did not arrive; they have been taken in. Look at the endpoint and its secret."
    if view.blind_since is not None:
        return "Events of the time shown are lost. Payments, refunds, payouts and accounts were asked for instead."
    return "Everything arrives."
