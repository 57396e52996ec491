"""Notifications: all events of the last thirty days, sent again when asked, and the certificates that sign them."""

from datetime import datetime

from sandbox.deliveries import redeliver
from sandbox.paypal.errors import not_found
from sandbox.paypal.router import Answer, Call, route
from sandbox.paypal.settings import DAY

_KEPT_SECONDS = 30 * DAY


@route("GET", "/v1/notifications/webhooks-events")
def list_events(call: Call) -> Answer:
    """The events of a stretch, newest first; there are links to the pages beside this one."""
    world, query = call.world, call.query
    begins = _moment(query.get("start_time"), world.now() - _KEPT_SECONDS)
    ends = _moment(query.get("end_time"), world.now())
    found = [
        event["body"]
        for event in (world.data["objects"][each] for each in reversed(world.data["events"]))
        if begins <= event["at"] <= ends
        and event["at"] >= world.now() - _KEPT_SECONDS
        and query.get("event_type") in {None, event["type"]}
    ]
    size = int(query.get("page_size", 10))
    return 200, {"events": found[:size], "count": len(found[:size]), "links": []}


@route("GET", "/v1/notifications/webhooks-events/{event_id}")
def get_event(call: Call) -> Answer:
    """One event."""
    body: Answer = (200, call.world.get("event", call.parts["event_id"])["body"])
    return body


@route("POST", "/v1/notifications/webhooks-events/{event_id}/resend")
def resend(call: Call) -> Answer:
    """Send an event once more."""
    event = call.world.get("event", call.parts["event_id"])
    redeliver(call.world, event)
    return 202, event["body"]


@route("GET", "/v1/notifications/webhooks/{webhook_id}/event-types")
def subscribed(call: Call) -> Answer:
    """What the webhook is sent."""
    if call.parts["webhook_id"] != call.world.settings.webhook_id:
        raise not_found(call.parts["webhook_id"])
    return 200, {"event_types": [{"name": "*", "description": "ALL", "status": "ENABLED"}]}


def _moment(text: str | None, default: float) -> float:
    return default if text is None else datetime.fromisoformat(text).timestamp()
