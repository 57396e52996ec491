"""What a gateway's answer means to the person who waits for it."""

from __future__ import annotations

from typing import TypeVar

from gateways.contract import Busy, Rejected, Unknown
from kernel.refusals import Conflict, Unavailable

Found = TypeVar("Found")

_RETRY_SECONDS = 5


class GatewayRefused(Conflict):
    """The payment provider refused, and nothing was done."""

    code = "gateway_refused"


class GatewayUnavailable(Unavailable):
    """The payment provider gave no answer that can be used now; what was ordered is settled as soon as it does."""

    code = "gateway_unavailable"


def found(outcome: Found | Rejected | Busy | Unknown) -> Found:
    """The answer itself; a refusal in the person's words when there is none."""
    if isinstance(outcome, Rejected) and outcome.temporary:
        raise GatewayUnavailable(
            "The payment provider cannot do this at the moment. Nothing was done; please try again later.",
            retry_after_seconds=_RETRY_SECONDS,
        )
    if isinstance(outcome, Rejected):
        raise GatewayRefused(outcome.message, gateway_code=outcome.code)
    if isinstance(outcome, Busy):
        raise GatewayUnavailable(
            "The payment provider asks us to slow down. Nothing was done; please try again in a moment.",
            retry_after_seconds=outcome.retry_after_seconds,
        )
    if isinstance(outcome, Unknown):
        raise GatewayUnavailable(
            "The payment provider did not answer. Nothing is lost and nothing will be charged twice;"
            " please try again in a moment.",
            retry_after_seconds=_RETRY_SECONDS,
        )
    return outcome
