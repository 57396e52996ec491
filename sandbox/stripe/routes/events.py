"""The event log."""

from sandbox.stripe.errors import Json
from sandbox.stripe.listing import fits, page_of
from sandbox.stripe.router import Call, route
from sandbox.stripe.settings import DAY

_KEPT_SECONDS = 30 * DAY


@route("GET", "/v1/events")
def listed(call: Call) -> Json:
    """What happened in the last thirty days, newest first."""
    wanted = set(call.parameters.get("types", [])) | set(_one(call.parameters.get("type")))
    delivered = call.parameters.get("delivery_success")
    created = call.parameters.get("created")
    oldest = call.world.now() - _KEPT_SECONDS
    things = [
        event
        for event in call.world.shelf(call.account, "event")
        if event["created"] >= oldest
        and (not wanted or any(_names(name, event["type"]) for name in wanted))
        and (delivered is None or delivered == (event["pending_webhooks"] == 0))
        and _within(event["created"], created)
    ]
    return page_of(call, things, url="/v1/events")


@route("GET", "/v1/events/{id}")
def retrieve(call: Call) -> Json:
    """One event."""
    return call.named("event", "id")


def _one(name: str | None) -> list[str]:
    return [] if name is None else [name]


def _names(name: str, event_type: str) -> bool:
    # `payout.*` stands for all that can happen to a payout.
    return event_type == name or (name.endswith(".*") and event_type.startswith(name[:-1]))


def _within(created: int, wanted: object) -> bool:
    return wanted is None or fits(created, wanted)
