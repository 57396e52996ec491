"""The connection to Stripe: keys, address, time limits and the options of one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import stripe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stripe import RequestOptions

# The SDK would write an id into the home directory and report our timings; neither is anybody's business.
stripe.enable_telemetry = False

# A question with its retry and an order without one, both at their slowest, end before the work that waits for them is
# stopped.
_CONNECT_SECONDS = 4.0
_ANSWER_SECONDS = 12.0
_RETRIES = 1

# Holdfast's gateways share one length for keys, and this is the shortest of theirs.
_LONGEST_KEY = 64


@dataclass(frozen=True)
class Connection:
    """What every part of the adapter speaks through."""

    client: stripe.StripeClient
    publishable_key: str
    webhook_secrets: tuple[str, ...]
    livemode: bool


def connect(
    *,
    secret_key: str,
    publishable_key: str,
    webhook_secrets: Sequence[str],
    api_base: str | None = None,
    answer_seconds: float = _ANSWER_SECONDS,
    retries: int = _RETRIES,
) -> Connection:
    """A connection with these keys, to Stripe or to the peer at `api_base`; nothing is sent before the first call."""
    client = stripe.StripeClient(
        secret_key,
        base_addresses={"api": api_base, "connect": api_base, "files": api_base} if api_base else None,
        max_network_retries=retries,
        http_client=stripe.RequestsClient(timeout=(_CONNECT_SECONDS, answer_seconds)),
    )
    return Connection(client, publishable_key, tuple(webhook_secrets), livemode="_live_" in secret_key)


def keyed(idempotency_key: str, *, account: str | None = None) -> RequestOptions:
    """The options of an order: our id as its key, the connected account it is for, and that one call is one try.

    With a second try inside, its answer (a key refused, slow down) would hide that the first may have been carried out.
    """
    assert len(idempotency_key) <= _LONGEST_KEY, "an idempotency key has at most 64 characters"
    return {"idempotency_key": idempotency_key, "max_network_retries": 0} | on(account)


def on(account: str | None) -> RequestOptions:
    """The options of a question: the connected account it is about, or our own."""
    return {"stripe_account": account} if account else {}
