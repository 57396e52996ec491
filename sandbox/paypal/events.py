"""What PayPal tells the world about its objects."""

import copy
import uuid

from sandbox.deliveries import enqueue
from sandbox.paypal.state import World
from sandbox.world import Json


def emit(world: World, event_type: str, resource_type: str, resource: Json, *, summary: str = "") -> Json:
    """Record that something happened to an object and send it to the webhook endpoint."""
    event_id = f"WH-{world.new_id()}-{world.new_id()}"
    body: Json = {
        "id": event_id,
        "event_version": "1.0",
        "create_time": world.instant(),
        "resource_type": resource_type,
        "resource_version": "2.0",
        "event_type": event_type,
        "summary": summary or event_type.replace(".", " ").capitalize(),
        "resource": copy.deepcopy(resource),
        "links": [
            {
                "href": f"{world.base_url}/v1/notifications/webhooks-events/{event_id}",
                "rel": "self",
                "method": "GET",
            }
        ],
    }
    event: Json = {
        "id": event_id,
        "type": event_type,
        "body": body,
        "at": world.now(),
        # The same event has the same transmission, however often it is sent.
        "transmission_id": str(uuid.UUID(int=world.serial(), version=1)),
    }
    world.put("event", event)
    world.data["events"].append(event_id)
    enqueue(world, event)
    return event
