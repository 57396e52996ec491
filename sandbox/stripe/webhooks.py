"""What Stripe posts for an event, and how it is signed."""

import hashlib
import hmac
import json

from sandbox.stripe.errors import Json


def payload_of(event: Json) -> bytes:
    """The exact bytes Stripe would post for the event."""
    return json.dumps(event, indent=2).encode()


def signature(payload: bytes, *, secret: str, timestamp: int) -> str:
    """The `Stripe-Signature` header for these bytes at this instant."""
    signed = f"{timestamp}.".encode() + payload
    digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
