"""Idempotency keys: how an order is told from every other one, and for how long."""

from __future__ import annotations

from datetime import timedelta

# Gateways forget idempotency keys after a day: from here on one asks what became of an order before sending it again.
# One that remembers for longer, as PayPal does a payout's name for thirty days, would do nothing twice even then.
KEYS_LAST = timedelta(hours=23)


def attempt_key(our_id: str, attempt: int) -> str:
    """The idempotency key of an order: our id, and from the second attempt on its number.

    Gateways repeat to a key what they first said to it, a refusal as well, even when the reason for it is gone.
    """
    return our_id if attempt == 1 else f"{our_id}.{attempt}"
