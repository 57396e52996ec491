"""What Adyen tells the service: standard notifications, several to a POST, and those of the balance platform."""

import copy

from sandbox.adyen.errors import Json
from sandbox.adyen.state import World, signature
from sandbox.deliveries import enqueue

_SIGNED = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "value",
    "currency",
    "eventCode",
    "success",
)


def item(
    world: World,
    code: str,
    *,
    psp: str,
    payment: Json,
    amount: Json | None = None,
    success: bool = True,
    reference: str | None = None,
    reason: str = "",
    data: Json | None = None,
    original: bool = True,
) -> Json:
    """One notification item about a payment or a modification of it, signed."""
    told: Json = {
        "additionalData": {"paymentMethodVariant": "visa", **(data or {})},
        "amount": dict(amount or payment["amount"]),
        "eventCode": code,
        "eventDate": world.instant(),
        "merchantAccountCode": world.settings.merchant_account,
        "merchantReference": reference or payment["reference"],
        "paymentMethod": "visa",
        "pspReference": psp,
        "reason": reason,
        "success": "true" if success else "false",
    }
    if original:
        told["originalReference"] = payment["id"]
    told["additionalData"]["hmacSignature"] = item_signature(told, key=world.settings.hmac_key)
    return told


def item_signature(told: Json, *, key: str) -> str:
    """Adyen's signature of one item: of eight of its fields, and of no others."""
    fields = told | {"value": told["amount"]["value"], "currency": told["amount"]["currency"]}
    return signature(":".join(str(fields.get(name, "")) for name in _SIGNED).encode(), key=key)


def standard(world: World, *items: Json) -> Json:
    """Send items in one standard notification."""
    body = {"live": "false", "notificationItems": [{"NotificationRequestItem": each} for each in items]}
    return _send(world, ",".join(each["eventCode"] for each in items), body, signed="items")


def platform(world: World, event_type: str, data: Json) -> Json:
    """Send news of the balance platform."""
    body = {
        "data": copy.deepcopy(data),
        "environment": "test",
        "timestamp": world.instant(),
        "type": event_type,
    }
    return _send(world, event_type, body, signed="header")


def _send(world: World, event_type: str, body: Json, *, signed: str) -> Json:
    event = {
        "id": f"news_{world.serial()}",
        "type": event_type,
        "signed": signed,
        "body": body,
        "created": world.now(),
    }
    world.put("news", event)
    enqueue(world, event)
    world.touch()
    return event
