"""What a second request with the same Idempotency-Key does: the same as the first, which is nothing more.

A route that moves money is marked `idempotent` and runs its operation with `once` (one transaction holds the key, the
effect and the stored answer) or, when a gateway is called after the first transaction, begins with `begun_once`.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar

import structlog
from flask import Response, current_app, g, request
from sqlalchemy.exc import DBAPIError

from api import errors
from api.auth import actor
from api.body import json_body
from api.preview import foreseen, is_preview
from kernel.refusals import Invalid, Refusal, Unavailable
from persistence import idempotency
from persistence.idempotency import Answer, Request, answered_once
from persistence.unit_of_work import atomically

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from persistence.idempotency import Claim

View = TypeVar("View", bound="Callable[..., Any]")
P = ParamSpec("P")

_log = structlog.get_logger("holdfast.api")

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"

# Visible ASCII, bare as most send it, or quoted as the standard's draft has it.
_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x7e][\x21-\x7e]{0,254})')


class IdempotencyKeyMissing(Invalid):
    """Every request that can move money needs an Idempotency-Key, so that sending it twice moves the money once."""

    code = "idempotency_key_missing"


class IdempotencyKeyMalformed(Invalid):
    """An Idempotency-Key is 1 to 255 visible ASCII characters, such as a UUID."""

    code = "idempotency_key_malformed"


class Identified(Protocol):
    """A view of something with an id of its own."""

    @property
    def id(self) -> str:
        """The id."""
        ...


def idempotent(view: View) -> View:
    """This route moves money and needs an Idempotency-Key; it runs its operation with `once` or `begun_once`."""
    view.idempotency = "required"  # type: ignore[attr-defined]
    return view


def naturally_idempotent(reason: str) -> Callable[[View], View]:
    """Sending this twice is harmless without a key, for this reason."""

    def mark(view: View) -> View:
        view.idempotency = f"natural: {reason}"  # type: ignore[attr-defined]
        return view

    return mark


def safe(view: View) -> View:
    """This route changes nothing."""
    view.idempotency = "safe"  # type: ignore[attr-defined]
    return view


def once(
    operation: Callable[Concatenate[Session, P], Any], *arguments: P.args, **named: P.kwargs
) -> Response:
    """Run `operation` once for this key and answer with its view, or repeat the first answer; a preview is rolled back.

    A refusal that the same request would meet again is an answer too, and is kept; one that time may cure is not.
    """
    if is_preview():
        return foreseen(operation, *arguments, **named)
    status, schema = g.answer_status, g.answer_schema

    def act(session: Session) -> Answer:
        view = operation(session, *arguments, **named)
        version = getattr(view, "version", None)
        headers = {} if version is None else {"ETag": f'"{version}"'}
        return Answer(status, json.dumps(schema.dump(view)), headers, getattr(view, "id", None))

    return _response(answered_once(_request(), act, _kept_refusal))


def begun_once(
    operation: Callable[Concatenate[Session, P], Identified], *arguments: P.args, **named: P.kwargs
) -> str:
    """Run the first transaction of something that goes on with a gateway, once for this key; returns its id.

    Nothing but that id is kept, so that the answer, which may hold secrets, is built anew each time; what follows must
    bear being run again.
    """

    def begin(session: Session) -> str:
        return operation(session, *arguments, **named).id

    held = idempotency.begun_once(_request(), begin, _kept_refusal)
    if held.resource_id is None:
        assert held.answer is not None, "what began nothing was refused"
        raise KeptRefusal(held.answer)
    if held.answer is None:
        g.begun = held
    else:
        g.replayed = True
    return held.resource_id


class KeptRefusal(Exception):  # noqa: N818 - it is an answer
    """The refusal that an earlier request with this key met, to be answered again."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.response = _response(answer)


def check_key() -> None:
    """Refuse a request that needs a key and has none, before anything is read or locked."""
    view = current_app.view_functions.get(request.endpoint or "")
    if getattr(view, "idempotency", None) == "required" and request.method != "OPTIONS" and not is_preview():
        _key()


def settle_begun(response: Response) -> Response:
    """Close what `begun_once` opened: done for good, or open to the next try at once."""
    held = g.pop("begun", None)
    if held is not None:
        try:
            _settle(held, response.status_code)
        except (Unavailable, DBAPIError) as error:
            # What was asked for stands; the claim ends by itself, and whoever comes then goes on from the same id.
            _log.warning("key_left_open", key_id=held.key_id, reason=type(error).__name__)
    return response


def _settle(held: Claim, status: int) -> None:
    if status < HTTPStatus.BAD_REQUEST:
        atomically(idempotency.finish, held, Answer(status, None, {}, held.resource_id))
    else:
        atomically(idempotency.give_back, held)


def mark_replayed(response: Response) -> Response:
    """Say so when the answer is to a request that was carried out before."""
    if g.get("replayed"):
        response.headers[REPLAYED] = "true"
    return response


def _key() -> str:
    header = request.headers.get(HEADER, "").strip()
    if not header:
        raise IdempotencyKeyMissing(
            "Send an Idempotency-Key, such as a fresh UUID, with this request.", field=HEADER
        )
    match = _KEY.fullmatch(header)
    if match is None:
        raise IdempotencyKeyMalformed("Use 1 to 255 visible ASCII characters, such as a UUID.", field=HEADER)
    return match[1] or match[2]


def _request() -> Request:
    body = json.dumps(json_body(), sort_keys=True, separators=(",", ":"))
    fingerprint = sha256(f"{request.method} {request.path}\n{body}".encode()).digest()
    return Request(owner=actor().id, client_key=_key(), fingerprint=fingerprint)


def _kept_refusal(refusal: Refusal) -> Answer | None:
    # A conflict, a missing thing or a missing permission may be cured before the request comes again.
    if not isinstance(refusal, Invalid):
        return None
    document = errors.problem(refusal)
    return Answer(document["status"], json.dumps(document), {"Content-Type": errors.CONTENT_TYPE})


def _response(answer: Answer) -> Response:
    response = Response(answer.body, answer.status, mimetype="application/json")
    response.headers.update(answer.headers)
    g.replayed = answer.replayed
    return response
