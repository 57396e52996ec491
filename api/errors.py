"""The only place that knows statuses: every refusal, and every accident, becomes a problem document (RFC 9457)."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from flask import Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from kernel.money import Money
from kernel.refusals import Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable

if TYPE_CHECKING:
    from flask import Flask

CONTENT_TYPE = "application/problem+json"
DEFAULT_RETRY_SECONDS = 5

_BY_KIND: dict[type[Refusal], int] = {
    NotFound: 404,
    Forbidden: 403,
    Conflict: 409,
    Invalid: 422,
    Unavailable: 503,
}

_BODY_FIELD = re.compile(r"[a-z0-9_.]+")

# Where the protocol has a status of its own for what went wrong.
_BY_CODE = {
    "body_too_large": 413,
    "contract_changed": 412,
    "etag_mismatch": 412,
    "idempotency_key_malformed": 400,
    "idempotency_key_missing": 400,
    "if_match_required": 428,
    "internal_error": 500,
    "malformed_json": 400,
    "malformed_request": 400,
    "method_not_allowed": 405,
    "not_signed_in": 401,
    "rate_limited": 429,
    "refresh_refused": 401,
    "sign_in_refused": 401,
    "too_many_attempts": 429,
    "unsupported_media_type": 415,
    "webhook_refused": 400,
}


class RouteNotFound(NotFound):
    """There is nothing at this address."""

    code = "not_found"


class NotAllowedHere(Invalid):
    """The address exists, but not for this method; the Allow header names those it takes."""

    code = "method_not_allowed"


class BodyTooLarge(Invalid):
    """The body of the request is larger than any that is needed here."""

    code = "body_too_large"


class MalformedRequest(Invalid):
    """The request could not be read as HTTP intends it."""

    code = "malformed_request"


class ValidationFailed(Invalid):
    """Fields are missing, unknown or of the wrong kind; `errors` lists every one of them."""

    code = "validation_failed"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("The request has mistakes; `errors` names each field.", field=errors[0]["field"])
        self.errors = errors


class InternalError(Refusal):
    """Something broke on our side. It is logged under the request id, and what was begun was taken back."""

    code = "internal_error"


def status_of(refusal: type[Refusal]) -> int:
    """The status that a kind of refusal is answered with."""
    if refusal.code in _BY_CODE:
        return _BY_CODE[refusal.code]
    return next(status for kind, status in _BY_KIND.items() if issubclass(refusal, kind))


def title_of(code: str) -> str:
    """The short name of a problem for people: "Milestone not releasable"."""
    return code.replace("_", " ").capitalize()


def problem(refusal: Refusal) -> dict[str, Any]:
    """The problem document of a refusal."""
    document: dict[str, Any] = {
        "type": f"/problems/{refusal.code}",
        "title": title_of(refusal.code),
        "status": status_of(type(refusal)),
        "detail": refusal.detail,
        "code": refusal.code,
        "request_id": g.get("request_id"),
    }
    if refusal.field is not None:
        document["field"] = _pointer(refusal.field)
    if isinstance(refusal, ValidationFailed):
        document["errors"] = refusal.errors
    if refusal.details:
        document["details"] = {name: _shown(value) for name, value in refusal.details.items()}
    return document


def answer(refusal: Refusal) -> Response:
    """The response to a refusal."""
    document = problem(refusal)
    response = Response(json.dumps(document), document["status"], content_type=CONTENT_TYPE)
    if document["status"] == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    if "retry_after_seconds" in refusal.details:
        response.headers["Retry-After"] = str(refusal.details["retry_after_seconds"])
    elif isinstance(refusal, Unavailable):
        response.headers["Retry-After"] = str(DEFAULT_RETRY_SECONDS)
    return response


def register(app: Flask) -> None:
    """Answer every refusal and every accident of `app` with a problem document."""
    app.register_error_handler(Refusal, answer)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_accident)


def _from_http(error: HTTPException) -> Response:
    response = answer(_refusal_of(error))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    return response


def _refusal_of(error: HTTPException) -> Refusal:
    if isinstance(error, RequestEntityTooLarge):
        return BodyTooLarge("The body is too large.")
    if isinstance(error, MethodNotAllowed):
        return NotAllowedHere(f"{request.method} is not possible here.")
    if error.code == HTTPStatus.NOT_FOUND:
        return RouteNotFound("There is nothing at this address.")
    if error.code is not None and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return MalformedRequest("The request could not be read.")
    return InternalError("Something went wrong on our side.")


def _from_accident(error: Exception) -> Response:
    structlog.get_logger("holdfast.api").error("request_failed", exc_info=error)
    return answer(InternalError("Something went wrong on our side. Tell support the request id if it stays."))


def _pointer(field: str) -> str:
    # What the business names is a field of the body, unless the address has a parameter of that name.
    of_address = field in request.args or field in (request.view_args or {})
    return field if of_address or not _BODY_FIELD.fullmatch(field) else "/" + field.replace(".", "/")


def _shown(value: object) -> object:
    if isinstance(value, Money):
        return {"amount": value.decimal, "currency": value.currency}
    return value if isinstance(value, str | int | bool | list | dict | None) else str(value)
