"""The document of the interface: made of the routes themselves, with everything each may be answered with."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import flask_smorest  # type: ignore[import-untyped]
from apispec.ext.marshmallow import MarshmallowPlugin

from api import errors
from api.auth import NotPermitted
from api.body import MalformedJson, UnsupportedMediaType
from api.etags import IfMatchRequired
from api.idempotency import IdempotencyKeyMalformed, IdempotencyKeyMissing
from api.pan_guard import CardNumberRefused
from api.preview import PARAMETER, PreviewMalformed, preview_of
from api.rate_limits import RateLimited
from api.schemas import Problem
from identity.accounts import EditedMeanwhile
from identity.sessions import NotSignedIn
from persistence.idempotency import IdempotencyKeyReused, RequestInProgress
from persistence.unit_of_work import DatabaseBusy, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from apispec import APISpec
    from flask import Flask
    from marshmallow import Schema

    from kernel.refusals import Refusal

TITLE, VERSION = "Holdfast", "1"
_ABOUT = """The service behind a gig marketplace: milestones are funded, held, released and paid out.

Every answer that is not a success is a problem document (RFC 9457) with a stable `code`; each code has a page at
`/problems/<code>`. Money is `{"amount": "12.50", "currency": "USD"}`. Requests that move money need an
`Idempotency-Key`. Lists come in pages with a cursor. Card numbers are refused wherever they stand."""

_ALWAYS = (
    CardNumberRefused,
    errors.ValidationFailed,
    errors.MalformedRequest,
    errors.BodyTooLarge,
    RateLimited,
)
_ALWAYS_LATE = (errors.InternalError, DatabaseBusy)
_SIGNED_IN = (NotSignedIn, NotPermitted)
_BODY = (MalformedJson, UnsupportedMediaType)
_KEYED = (
    IdempotencyKeyMissing,
    IdempotencyKeyMalformed,
    IdempotencyKeyReused,
    RequestInProgress,
    OutcomeUnknown,
)
_EDITS = (IfMatchRequired, EditedMeanwhile)


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The routes with their document; errors are `api.errors`' alone."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask) -> None:
        options = {
            "title": TITLE,
            "version": VERSION,
            "openapi_version": "3.1.0",
            "marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=_name),
            "info": {"description": _ABOUT},
            "servers": [{"url": "/"}],
        }
        super().__init__(app, spec_kwargs=options)
        self.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
        self.spec.components.schema("Problem", schema=Problem)

    def _register_error_handlers(self) -> None:
        """Nothing: its documents are not problem documents, and lose the Allow header."""

    def _register_responses(self) -> None:
        """Nothing: every route says itself what it may be answered with."""

    def _register_pagination_header(self) -> None:
        """Nothing: pages are envelopes here."""


def document(app: Flask) -> dict[str, Any]:
    """The whole document."""
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    found: dict[str, Any] = json.loads(json.dumps(api.spec.to_dict()))
    return found


def written(app: Flask) -> str:
    """The document as it is committed."""
    return json.dumps(document(app), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def describe(
    doc: dict[str, Any], doc_info: dict[str, Any], *, spec: APISpec, method: str, **_: object
) -> dict[str, Any]:
    """Add to an operation what its marks say: its name, who may, its headers, and every refusal by status."""
    view = doc_info["view"]
    doc["operationId"] = operation_id(view)
    doc["security"] = [] if hasattr(view, "public_because") else [{"bearer": []}]
    if hasattr(view, "required_permission"):
        doc["x-permission"] = view.required_permission.value
    _add_parameters(doc, view)
    doc["responses"] = _successes(doc, view, spec) | _refusals(_possible(view, method))
    return doc


def operation_id(view: Callable[..., Any]) -> str:
    """The name generated clients give the operation: `release_milestone` is `releaseMilestone`."""
    first, *rest = view.__name__.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _possible(view: Any, method: str) -> list[type[Refusal]]:  # noqa: ANN401 - a view with our marks
    found: list[type[Refusal]] = [*_ALWAYS]
    found += [] if hasattr(view, "public_because") else _SIGNED_IN
    found += _BODY if hasattr(view, "takes_body") and method != "get" else ()
    found += _KEYED if getattr(view, "idempotency", None) == "required" else ()
    found += _EDITS if hasattr(view, "needs_if_match") else ()
    found += (PreviewMalformed,) if hasattr(view, "previewable") else ()
    return [*found, *getattr(view, "refusals", ()), *_ALWAYS_LATE]


def _refusals(possible: list[type[Refusal]]) -> dict[str, Any]:
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in dict.fromkeys(possible):
        by_status.setdefault(errors.status_of(refusal), []).append(refusal)
    return {
        str(status): _refusal_response(status, refusals) for status, refusals in sorted(by_status.items())
    }


def _refusal_response(status: int, refusals: list[type[Refusal]]) -> dict[str, Any]:
    lines = [f"- `{refusal.code}`: {_first_sentence(refusal)}" for refusal in refusals]
    response: dict[str, Any] = {
        "description": "\n".join(lines),
        "content": {errors.CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "x-codes": [refusal.code for refusal in refusals],
    }
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        response["headers"] = {
            "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        }
    return response


def _successes(doc: dict[str, Any], view: Any, spec: APISpec) -> dict[str, Any]:  # noqa: ANN401
    responses = {
        str(status): body
        for status, body in doc.get("responses", {}).items()
        if int(status) < HTTPStatus.MULTIPLE_CHOICES
    }
    for body in responses.values():
        links = getattr(view, "links", {})
        if links:
            body["links"] = {
                name: {"operationId": name, "parameters": values} for name, values in links.items()
            }
    if hasattr(view, "previewable"):
        _add_preview(responses, view, spec)
    return responses


def _add_preview(responses: dict[str, Any], view: Any, spec: APISpec) -> None:  # noqa: ANN401
    plugin = next(plugin for plugin in spec.plugins if isinstance(plugin, MarshmallowPlugin))
    assert plugin.converter is not None, "the plugin was given its document when the application was made"
    schema: type[Schema] = type(view.answer_schema)
    preview = plugin.converter.resolve_nested_schema(preview_of(schema))  # type: ignore[no-untyped-call]
    ok = responses.setdefault("200", {"description": "With `preview=true`: what would happen."})
    media = ok.setdefault("content", {}).setdefault("application/json", {})
    media["schema"] = {"anyOf": [media["schema"], preview]} if "schema" in media else preview


def _add_parameters(doc: dict[str, Any], view: Any) -> None:  # noqa: ANN401
    parameters = doc.setdefault("parameters", [])
    if getattr(view, "idempotency", None) == "required":
        # A preview needs none, which the document cannot say of one header.
        about = "A fresh UUID; send the same one when you try again."
        parameters.append(_header("Idempotency-Key", about, 255, required=not hasattr(view, "previewable")))
    if hasattr(view, "needs_if_match"):
        parameters.append(_header("If-Match", "The ETag of what you read.", 64, required=True))
    if hasattr(view, "previewable"):
        about = "Only show what would happen: the answer and the entries, with nothing changed."
        parameters.append(
            {"in": "query", "name": PARAMETER, "schema": {"type": "boolean"}, "description": about}
        )
    if not parameters:
        del doc["parameters"]


def _header(name: str, about: str, longest: int, *, required: bool) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": longest}
    return {"in": "header", "name": name, "required": required, "schema": schema, "description": about}


def _first_sentence(refusal: type[Refusal]) -> str:
    return re.split(r"(?<=[.])\s", (refusal.__doc__ or "").strip(), maxsplit=1)[0]


def _name(schema: Any) -> str:  # noqa: ANN401 - a class, an instance or a name
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")
