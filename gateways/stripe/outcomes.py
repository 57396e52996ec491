"""What became of a call: the answer, or the outcome that an error of the SDK stands for."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import stripe

from gateways.contract import AnswerNotUnderstood, Busy, Rejected, Unknown
from gateways.reaching import without_answer
from gateways.stripe import words
from kernel.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Json = dict[str, Any]
Found = TypeVar("Found")

_log = logging.getLogger(__name__)

_IN_FLIGHT = 409
_CALLER_ERRORS = range(400, 500)
_SLOW_DOWN = 429
_RETRY_AFTER_SECONDS = 2
_LONGEST_RETRY_AFTER_SECONDS = 300

# Refusals that end by themselves: money that is on its way, a limit that is lifted, a worker who completes the account.
_TEMPORARY = {
    "balance_insufficient",
    "insufficient_capabilities_for_transfer",
    "instant_payouts_limit_exceeded",
    "payouts_limit_exceeded",
    "processing_error",
}


def answered(
    call: Callable[[], stripe.StripeObject], read: Callable[[Json], Found]
) -> Found | Rejected | Busy | Unknown:
    """What `read` makes of the answer, or what Stripe or the network said instead of one."""
    try:
        thing = call()
    except stripe.StripeError as error:
        return outcome_of(error)
    return understood(thing.to_dict(), read)


def searched(
    call: Callable[[], Iterable[stripe.StripeObject]], read: Callable[[Json], Found], *, our_id: str
) -> Found | Rejected | Busy | Unknown | None:
    """The one thing among those listed that carries our id; None when Stripe has none, unknown when it will not say."""
    try:
        for thing in call():
            values = thing.to_dict()
            if our_id_of(values) == our_id:
                return understood(values, read)
    except stripe.StripeError as error:
        outcome = outcome_of(error)
        if isinstance(outcome, Rejected):
            # What was refused is the question: the order it was about may stand, and must not go out again as new.
            return Unknown(f"could not be looked up: {outcome.code}")
        return outcome
    return None


def understood(values: Json, read: Callable[[Json], Found]) -> Found:
    """What `read` makes of an object of Stripe's; refuses to guess at a word it does not know."""
    try:
        return read(values)
    except (KeyError, TypeError, ValueError, Refusal) as error:
        message = f"Stripe's {values.get('object')} {values.get('id')} is not as we know it: {error!r}"
        raise AnswerNotUnderstood(message) from error


def our_id_of(values: Json) -> str | None:
    """The id that we gave an object when we ordered it."""
    our_id: str | None = (values.get("metadata") or {}).get("holdfast_id")
    return our_id


def outcome_of(error: stripe.StripeError) -> Rejected | Busy | Unknown:
    """The outcome an error stands for; only an error that Stripe itself explains says that nothing was done."""
    status, explained = error.http_status, _explanation(error)
    if status == _SLOW_DOWN or isinstance(error, stripe.RateLimitError):
        return Busy(_retry_after_seconds(error))
    if isinstance(error, stripe.APIConnectionError):
        return without_answer(error)
    if status not in _CALLER_ERRORS or status == _IN_FLIGHT or explained is None:
        return Unknown(f"no usable answer: status {status}, request {error.request_id}")
    if isinstance(error, stripe.IdempotencyError):
        # The same key with other words: a first order, whose answer was lost, may well stand. Who took this for a
        # refusal would free what has been paid for.
        _log.critical("Stripe holds another order under this key: request %s", error.request_id)
        return Unknown(f"another order stands under this key: request {error.request_id}")
    if _is_about_our_key(error, explained):
        # Nothing was done and the order is good, so it waits for the key to be mended instead of failing.
        _log.critical("Stripe refuses our key: %s, request %s", explained.get("code"), error.request_id)
        return Rejected(
            "credentials_refused", "The payment provider is not available.", temporary=True, at_the_door=True
        )
    code, declined = explained.get("code"), explained.get("decline_code")
    # For us alone: it may name parameters, accounts and ids that are nobody else's business.
    _log.info(
        "Stripe refused: %s, %s, request %s: %s", code, declined, error.request_id, explained.get("message")
    )
    return Rejected(
        code=str(declined or code or explained.get("type") or "refused"),
        message=words.refusal(declined, code),
        temporary=code in _TEMPORARY,
        # Who may ask is settled before the key is looked at.
        at_the_door=isinstance(error, stripe.AuthenticationError | stripe.PermissionError),
    )


def _explanation(error: stripe.StripeError) -> Json | None:
    body = error.json_body
    explained = body.get("error") if isinstance(body, dict) else None
    return explained if isinstance(explained, dict) else None


def _is_about_our_key(error: stripe.StripeError, explained: Json) -> bool:
    # `account_invalid` is about one worker's account, which has left us; everything else stops all work.
    if isinstance(error, stripe.PermissionError):
        return explained.get("code") != "account_invalid"
    return isinstance(error, stripe.AuthenticationError)


def _retry_after_seconds(error: stripe.StripeError) -> int:
    asked = (error.headers or {}).get("Retry-After", "")
    seconds = int(asked) if asked.isascii() and asked.isdigit() else _RETRY_AFTER_SECONDS
    return max(1, min(seconds, _LONGEST_RETRY_AFTER_SECONDS))
