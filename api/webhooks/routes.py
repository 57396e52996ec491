"""Webhooks: verified over the bytes as they were sent, kept, answered; what they mean is worked out afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from flask import request

from api.auth import public
from api.blueprints import Blueprint, refuses
from api.body import bytes_within, takes_raw_bytes
from api.idempotency import naturally_idempotent
from api.rate_limits import unlimited
from api.webhooks.schemas import ReceivedSchema
from gateways import inbox
from gateways.contract import AnswerNotUnderstood, SignatureRefused
from kernel.ids import new_id
from kernel.refusals import Invalid
from persistence import clock
from persistence.unit_of_work import atomically, reading
from runtime import wiring

if TYPE_CHECKING:
    from gateways.contract import Gateway

_LARGEST_BYTES = 512 * 1024

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
        event = sender.verify_event(payload, dict(request.headers), now=lambda: reading(clock.now))
    except SignatureRefused as refusal:
        _log.warning("webhook_refused", gateway=gateway, reason=str(refusal))
        raise WebhookRefused(str(refusal)) from None
    except AnswerNotUnderstood as error:
        # Refused, it would be sent for three days and then be lost; kept, it waits for whoever understands it.
        is_new = atomically(inbox.receive_unread, **_kept(sender, payload))
        _log.error("webhook_not_understood", gateway=gateway, reason=str(error), duplicate=not is_new)
    else:
        is_new = atomically(inbox.receive, event=event, **_kept(sender, payload))
        _log.info(
            "webhook_received", gateway=gateway, event_id=event.id, type=event.type, duplicate=not is_new
        )
    return {"received": True}


def _kept(sender: Gateway, payload: bytes) -> dict[str, Any]:
    return {"webhook_id": new_id("wh"), "gateway": sender.name, "payload": sender.without_secrets(payload)}
