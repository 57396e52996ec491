"""What became of a call: the answer, or the outcome that an error of the SDK or of the network stands for."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import requests
from Adyen.exceptions import AdyenAPIResponseError

from gateways.adyen import words
from gateways.contract import AnswerNotUnderstood, Busy, Rejected, Unknown
from gateways.reaching import without_answer
from kernel.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.adyen.client import Json

Found = TypeVar("Found")

_log = logging.getLogger(__name__)

_CALLER_ERRORS = range(400, 500)
# The request came to no end there: it timed out, collided, or was too early.
_TELLS_NOTHING = (408, 409, 425)
_NOT_OURS = (401, 403)
_SLOW_DOWN = 429
_RETRY_AFTER_SECONDS = 2
_LONGEST_RETRY_AFTER_SECONDS = 300

# "Request already processed or in progress": another call with this key may have had its effect.
_KEY_IN_USE = "704"
# "Too many requests", under a status of its own or not.
_TOO_MANY = "705"

MISSING = Rejected("resource_missing", "The payment provider knows nothing of this.")

# Refusals of a transfer that end by themselves: money on its way, a limit, a worker who completes the account.
_TEMPORARY = {
    "accountHierarchyNotActive",
    "amountLimitExceeded",
    "balanceAccountTemporarilyBlockedByTransactionRule",
    "counterpartyBankTimedOut",
    "counterpartyBankUnavailable",
    "declinedByTransactionRule",
    "internalTimeout",
    "notEnoughBalance",
}


def answered(call: Callable[[], Found]) -> Found | Rejected | Busy | Unknown:
    """What `call` finds, or what Adyen or the network said instead; it refuses to guess at words it does not know."""
    try:
        return understood(call)
    except requests.RequestException as error:
        return Unknown(f"no answer: {type(error).__name__}")
    except AdyenAPIResponseError as error:
        return outcome_of(error)


def ordered(call: Callable[[], Found]) -> Found | Rejected | Busy | Unknown:
    """The same for what carries an order out in one request.

    Where no connection was made nothing was sent, which is to say that nothing was done.
    """
    try:
        return understood(call)
    except requests.RequestException as error:
        outcome = without_answer(error)
        # Named as it is everywhere here: by what the library calls it.
        return outcome if isinstance(outcome, Rejected) else Unknown(f"no answer: {type(error).__name__}")
    except AdyenAPIResponseError as error:
        return outcome_of(error)


def prepared(call: Callable[[], Found]) -> Found | Rejected | Busy | Unknown:
    """The same for what comes before an order: a no to that is none to the order, which may have gone out before."""
    outcome = ordered(call)
    return replace(outcome, at_the_door=True) if isinstance(outcome, Rejected) else outcome


def carried_out(call: Callable[[], Found]) -> Found | Unknown:
    """The same for what is asked about an order that Adyen has taken: whatever it says now, the order may stand."""
    outcome = answered(call)
    if isinstance(outcome, Rejected | Busy):
        return Unknown("the order was taken, and could not be looked at again")
    return outcome


def understood(call: Callable[[], Found]) -> Found:
    """What `call` makes of an answer; a person has to look at one that is not as we know it."""
    try:
        return call()
    except requests.RequestException:
        # Some of them are errors of values as well.
        raise
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, Refusal) as error:
        raise AnswerNotUnderstood(f"Adyen's answer is not as we know it: {error!r}") from error


def searched(call: Callable[[], Found]) -> Found | Busy | Unknown:
    """The same for an order that is looked for: what is refused is the question, and the order may stand."""
    outcome = answered(call)
    if isinstance(outcome, Rejected):
        return Unknown(f"could not be looked up: {outcome.code}")
    return outcome


def refused(reason: object) -> Rejected:
    """A transfer that Adyen refused: nothing moved."""
    code = reason if isinstance(reason, str) else "refused"
    return Rejected(code, words.refusal(code), temporary=code in _TEMPORARY)


def outcome_of(error: AdyenAPIResponseError) -> Rejected | Busy | Unknown:
    """The outcome an error stands for; only one that Adyen itself explains says that nothing was done.

    Where its header says that the error passes, the same order is to be sent again under the same key.
    """
    status, explained = error.status_code, _explanation(error)
    if status == _SLOW_DOWN or (explained is not None and explained["errorCode"] == _TOO_MANY):
        return Busy(_retry_after_seconds(error))
    reference = None if explained is None else explained.get("pspReference") or explained.get("requestId")
    passes = _header(error, "transient-error") == "true"
    if status not in _CALLER_ERRORS or status in _TELLS_NOTHING or explained is None or passes:
        return Unknown(f"no usable answer: status {status}, request {reference}")
    code = str(explained["errorCode"])
    if code == _KEY_IN_USE:
        # The same order on its way twice, or with other words: a first one, whose answer was lost, may well stand.
        _log.warning("Adyen holds another order under this key: request %s", reference)
        return Unknown(f"another order stands under this key: request {reference}")
    if status in _NOT_OURS:
        # Nothing was done and the order is good, so it waits for the key to be mended instead of failing.
        _log.critical("Adyen refuses our key: %s, request %s", code, reference)
        return Rejected(
            "credentials_refused", "The payment provider is not available.", temporary=True, at_the_door=True
        )
    # Its sentence may name fields and what was in them; whoever needs it finds it there by the reference.
    _log.info("Adyen refused: %s, request %s", code, reference)
    return Rejected(code, words.refusal(code))


def _explanation(error: AdyenAPIResponseError) -> Json | None:
    try:
        body = json.loads(error.raw_response)
    except (TypeError, ValueError):
        return None
    explained = isinstance(body, dict) and isinstance(body.get("errorCode"), str) and body["errorCode"]
    return body if explained else None


def _retry_after_seconds(error: AdyenAPIResponseError) -> int:
    asked = _header(error, "retry-after")
    seconds = int(asked) if asked.isascii() and asked.isdigit() else _RETRY_AFTER_SECONDS
    return max(1, min(seconds, _LONGEST_RETRY_AFTER_SECONDS))


def _header(error: AdyenAPIResponseError, name: str) -> str:
    headers = {str(each).lower(): str(value) for each, value in (error.headers or {}).items()}
    return headers.get(name, "")
