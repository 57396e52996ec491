"""The event log: what Stripe tells the world about its objects."""

import copy

from sandbox.deliveries import enqueue
from sandbox.stripe.errors import Json
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.state import World


def emit(
    world: World,
    event_type: str,
    thing: Json,
    *,
    account: str | None = None,
    previous: Json | None = None,
) -> Json:
    """Record that something happened to an object and send it to the webhook endpoint."""
    account = account or world.owner(thing["id"])
    data: Json = {"object": copy.deepcopy(thing)}
    if previous is not None:
        data["previous_attributes"] = copy.deepcopy(previous)
    event: Json = {
        "id": world.new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": world.now(),
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": dict(world.cause),
        "type": event_type,
    }
    if account != world.platform:
        event["account"] = account
    # Of an account that has left nothing more is told.
    if not world.quiet and "left" not in world.notes(account):
        world.put(account, event)
        enqueue(world, event)
        world.touch()
    return event


def update(world: World, event_type: str, thing: Json, **changes: object) -> Json:
    """Change an object and tell what it was before."""
    previous = {name: thing.get(name) for name in changes}
    thing.update(changes)
    return emit(world, event_type, thing, previous=previous)
