"""Which event still has to reach the service, and when."""

from sandbox.world import Json, World

_ACCEPTED = range(200, 300)
# Gateways try for three days, ever more slowly.
_RETRY_AFTER_SECONDS = (5, 60, 300, 1_800, 7_200, 18_000, 36_000, 43_200, 43_200, 43_200)
_GIVE_UP_AFTER_SECONDS = 3 * 86_400
# A reordered event lets the next one pass; if none comes, it goes out after this long.
_PATIENCE_SECONDS = 1.0


def enqueue(world: World, event: Json) -> None:
    """Queue an event for the endpoint, with whatever the policy does to it."""
    if world.webhook_url is None:
        return
    policy = world.policy
    event["pending_webhooks"] = 1
    if policy.strikes(policy.drop, event):
        _queue(world, event, status="dropped")
        return
    late = policy.delay_seconds if policy.strikes(policy.delay, event) else 0.0
    behind = policy.strikes(policy.reorder, event)
    _queue(world, event, late=late, behind=behind)
    if policy.strikes(policy.duplicate, event):
        _queue(world, event, late=late)


def redeliver(world: World, event: Json) -> Json:
    """Queue the event once more, whatever became of it before."""
    return _queue(world, event)


def _queue(
    world: World, event: Json, *, status: str = "waiting", late: float = 0.0, behind: bool = False
) -> Json:
    now = world.clock.now()
    delivery: Json = {
        "id": f"whd_{world.serial()}",
        "event": event["id"],
        "type": event["type"],
        "status": status,
        "due": now + late + (_PATIENCE_SECONDS if behind else 0.0),
        "behind": behind,
        "first": now,
        "attempts": [],
    }
    world.data["deliveries"][delivery["id"]] = delivery
    if status == "waiting":
        world.data["waiting"].append(delivery["id"])
    world.touch()
    return delivery


def next_delivery(world: World) -> Json | None:
    """The delivery that should be attempted first."""
    deliveries = world.data["deliveries"]
    waiting = [deliveries[delivery_id] for delivery_id in world.data["waiting"]]
    return min(waiting, key=lambda delivery: delivery["due"], default=None)


def attempted(world: World, delivery: Json, *, status: int | None, error: str | None) -> None:
    """Record the endpoint's answer: done, or another try later."""
    now = world.clock.now()
    delivery["attempts"].append({"at": now, "status": status, "error": error})
    if status in _ACCEPTED:
        _finish(world, delivery, "delivered")
    elif now - delivery["first"] > _GIVE_UP_AFTER_SECONDS:
        _finish(world, delivery, "given_up")
    else:
        tries = min(len(delivery["attempts"]), len(_RETRY_AFTER_SECONDS))
        delivery["due"] = now + _RETRY_AFTER_SECONDS[tries - 1]
    _release_those_behind(world, now)
    world.touch()


def _finish(world: World, delivery: Json, status: str) -> None:
    delivery["status"] = status
    world.data["waiting"].remove(delivery["id"])
    event = world.find(delivery["event"])
    if event is not None and status == "delivered":
        event["pending_webhooks"] = 0


def _release_those_behind(world: World, now: float) -> None:
    for delivery_id in world.data["waiting"]:
        delivery = world.data["deliveries"][delivery_id]
        if delivery["behind"] and not delivery["attempts"]:
            delivery |= {"behind": False, "due": now}
