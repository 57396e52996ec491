"""What became of a call: the answer, or the outcome that a refusal of PayPal's or the road's stands for."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, TypeVar

import requests

from gateways.contract import AnswerNotUnderstood, Busy, Rejected, Unknown
from gateways.paypal import words
from gateways.paypal.transport import Answer, TokenRefusedError
from gateways.reaching import without_answer
from kernel.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]
Found = TypeVar("Found")

_log = logging.getLogger(__name__)

_SUCCESS = range(200, 300)
_CALLER_ERRORS = range(400, 500)
_UNAUTHORIZED = 401
_FORBIDDEN = 403
_CONFLICT = 409
_SLOW_DOWN = 429
_RETRY_AFTER_SECONDS = 5
_LONGEST_RETRY_AFTER_SECONDS = 300
_NAMES = ("id", "dispute_id", "payout_item_id", "transaction_id")
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")

# The same key with other words: a first order, whose answer was lost, may well stand.
_ANOTHER_ORDER = "DUPLICATE_REQUEST_ID"
# Refusals of what our account may do at all; they stop all work.
_ABOUT_US = {"AUTHORIZATION_ERROR", "NOT_AUTHORIZED", "PERMISSION_DENIED"}
# Refusals of our account in itself: the order is good, and waits until PayPal lets us have money again.
_OUR_ACCOUNT = {
    "INVALID_ACCOUNT_STATUS",
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYEE_ACCOUNT_RESTRICTED",
}
# Refusals that end by themselves: money that is on its way, a payer who has yet to agree.
_TEMPORARY = {
    "INSUFFICIENT_FUNDS",
    "ORDER_NOT_APPROVED",
    "PENDING_CAPTURE",
    "REFUND_FAILED_INSUFFICIENT_FUNDS",
}


def answered(call: Callable[[], Answer], read: Callable[[Json], Found]) -> Found | Rejected | Busy | Unknown:
    """What `read` makes of the answer, or what PayPal or the network said instead of one."""
    answer = asked(call)
    return told(answer, read) if isinstance(answer, Answer) else answer


def looked_up(call: Callable[[], Answer], read: Callable[[Json], Found]) -> Found | Busy | Unknown:
    """The same for what is asked to find out about an order: what is refused is the question, not the order."""
    return unless_refused(answered(call, read))


def unless_refused(outcome: Found | Rejected | Busy | Unknown) -> Found | Busy | Unknown:
    """A refused question says nothing of the order it was about, which must not go out again as new."""
    if isinstance(outcome, Rejected):
        return Unknown(f"could not be looked up: {outcome.code}")
    return outcome


def after_the_order(outcome: Found | Rejected | Busy | Unknown) -> Found | Unknown:
    """What was seen of an order that PayPal has taken; it is out even where it could not be looked at."""
    seen = unless_refused(outcome)
    return Unknown("taken on, and not to be looked at now") if isinstance(seen, Busy) else seen


def asked(call: Callable[[], Answer]) -> Answer | Rejected | Busy | Unknown:
    """What PayPal answered, be it a refusal; or why it could not be asked."""
    try:
        return call()
    except TokenRefusedError as refused:
        return _without_token(refused.answer)
    except requests.RequestException as error:
        return without_answer(error)


def told(answer: Answer, read: Callable[[Json], Found]) -> Found | Rejected | Busy | Unknown:
    """What an answer says."""
    if answer.status not in _SUCCESS:
        return outcome_of(answer)
    values = document_of(answer)
    if values is None:
        return Unknown(f"no usable answer: status {answer.status}, not a document")
    return understood(values, read)


def understood(values: Json, read: Callable[[Json], Found]) -> Found:
    """What `read` makes of an object of PayPal's; refuses to guess at a word it does not know."""
    try:
        return read(values)
    except (AttributeError, LookupError, TypeError, ValueError, Refusal) as error:
        named = next((values[name] for name in _NAMES if values.get(name)), None)
        message = f"PayPal's answer about {named} is not as we know it: {type(error).__name__} {error}"
        raise AnswerNotUnderstood(message) from error


def document_of(answer: Answer) -> Json | None:
    """The document in an answer, if there is one."""
    try:
        values = json.loads(answer.text)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def ours(prefix: str, named: str | None) -> str | None:
    """The name something bears, if it is one of ours: what people make at PayPal by hand they name as they please."""
    return named if named is not None and named.startswith(prefix) else None


def outcome_of(answer: Answer) -> Rejected | Busy | Unknown:
    """The outcome a refusal stands for; only one that PayPal itself explains says that nothing was done."""
    if answer.status == _SLOW_DOWN:
        return Busy(_retry_after_seconds(answer))
    document = document_of(answer) or {}
    debug_id = document.get("debug_id") or answer.headers.get("Paypal-Debug-Id")
    if answer.status == _UNAUTHORIZED:
        return _credentials_refused(str(document.get("error") or document.get("name")), debug_id)
    name = document.get("name")
    if answer.status not in _CALLER_ERRORS or answer.status == _CONFLICT or not isinstance(name, str):
        return Unknown(f"no usable answer: status {answer.status}, request {debug_id}")
    code = _code_of(document, name)
    if answer.status == _FORBIDDEN and {name, code} & _ABOUT_US:
        return _credentials_refused(code, debug_id)
    if code == _ANOTHER_ORDER:
        # Who took this for a refusal would free what has been paid for.
        _log.critical("PayPal holds another order under this key: request %s", debug_id)
        return Unknown(f"another order stands under this key: request {debug_id}")
    # Its sentences may repeat what was sent, addresses and all; the codes are enough.
    level = logging.CRITICAL if code in _OUR_ACCOUNT else logging.INFO
    _log.log(level, "PayPal refused: %s, %s, request %s", name, code, debug_id)
    temporary = bool({code, name} & (_TEMPORARY | _OUR_ACCOUNT))
    return Rejected(code, words.refusal(code, name), temporary=temporary)


def _without_token(answer: Answer) -> Rejected | Busy | Unknown:
    if answer.status == _SLOW_DOWN:
        return Busy(_retry_after_seconds(answer))
    document = document_of(answer) or {}
    if answer.status in {_UNAUTHORIZED, _FORBIDDEN} and document:
        return _credentials_refused(
            str(document.get("error") or document.get("name")), answer.headers.get("Paypal-Debug-Id")
        )
    return Unknown(f"no access token: status {answer.status}")


def _credentials_refused(code: str, debug_id: str | None) -> Rejected:
    # Nothing was done and the order is good, so it waits for the credentials to be mended instead of failing.
    _log.critical("PayPal refuses our credentials: %s, request %s", code[:64], debug_id)
    return Rejected(
        "credentials_refused", "The payment provider is not available.", temporary=True, at_the_door=True
    )


def _code_of(document: Json, name: str) -> str:
    details = document.get("details")
    detail = details[0] if isinstance(details, list) and details else {}
    issue = detail.get("issue") if isinstance(detail, dict) else None
    # Older calls write a sentence there.
    said = [each for each in (issue, name) if isinstance(each, str) and _CODE.fullmatch(each)]
    return said[0] if said else "refused"


def _retry_after_seconds(answer: Answer) -> int:
    text = answer.headers.get("Retry-After", "")
    seconds = int(text) if text.isascii() and text.isdigit() else _RETRY_AFTER_SECONDS
    return max(1, min(seconds, _LONGEST_RETRY_AFTER_SECONDS))
