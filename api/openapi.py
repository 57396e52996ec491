"""The document of the interface: made of the routes themselves, with everything each may be answered with."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from threading import Lock
from typing import TYPE_CHECKING, Any

import flask_smorest  # type: ignore[import-untyped]
from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter

from api import errors, glossary
from api.auth import NotPermitted
from api.body import MalformedJson, UnsupportedMediaType
from api.etags import IfMatchRequired
from api.idempotency import IdempotencyKeyMalformed, IdempotencyKeyMissing
from api.pan_guard import CardNumberRefused
from api.preview import PARAMETER, PreviewMalformed, preview_of
from api.rate_limits import RateLimited
from api.schemas import Edit, IdField, Problem, id_pattern
from identity.accounts import EditedMeanwhile
from identity.sessions import NotSignedIn
from persistence.idempotency import IdempotencyKeyReused, RequestInProgress
from persistence.unit_of_work import DatabaseBusy, OutcomeUnknown

if TYPE_CHECKING:
    from collections.abc import Callable

    from apispec import APISpec
    from flask import Flask
    from marshmallow import Schema
    from marshmallow.fields import Field

    from kernel.refusals import Refusal

TITLE, VERSION = "Holdfast", "1"
_ABOUT = """The service behind a gig marketplace: milestones are funded, held, released and paid out.

Sign in with `POST /v1/sessions` and send its `access_token` as `Authorization: Bearer …`. At `access_expires_at` it is
worth nothing; `POST /v1/sessions/refresh` takes the `refresh_token` and gives a new one of each.

Every answer that is not a success is a problem document (RFC 9457) with a stable `code`; each code has a page at
`/problems/<code>`. Where waiting helps (`request_in_progress`, 429, 503) `Retry-After` says how many seconds.

Requests that move money need an `Idempotency-Key`. Without an answer, send the same request with the same key: what was
carried out is answered again, with `Idempotency-Replayed: true`, and not done twice. A new request takes a new key.

Money is `{"amount": "12.50", "currency": "USD"}`, instants are RFC 3339 in UTC. Lists come in pages: send `next_cursor`
back as `cursor` until it is null. What has an `ETag` is edited with it in `If-Match`. Card numbers are refused wherever
they stand."""

_ALWAYS = (
    CardNumberRefused,
    errors.ValidationFailed,
    errors.MalformedRequest,
    errors.BodyTooLarge,
    MalformedJson,
    UnsupportedMediaType,
    RateLimited,
)
_ALWAYS_LATE = (errors.InternalError, DatabaseBusy)
_SIGNED_IN = (NotSignedIn, NotPermitted)
_KEYED = (
    IdempotencyKeyMissing,
    IdempotencyKeyMalformed,
    IdempotencyKeyReused,
    RequestInProgress,
    OutcomeUnknown,
)
_EDITS = (IfMatchRequired, EditedMeanwhile)

# A key that is sent bare, which is how most send it.
_KEY = {"pattern": "^[!#-~][!-~]*$", "minLength": 1, "maxLength": 255}
_VERSION = {"pattern": '^(\\*|(W/)?"[0-9]{1,9}")$'}

_FILE = {"type": "string", "format": "binary"}

# What they say, their type, and whether they are always there.
_HEADERS = {
    "ETag": ("The version; send it back in If-Match to edit it.", "string", False),
    "Idempotency-Replayed": ("`true` when this was carried out by an earlier request.", "string", False),
    "Request-Id": ("What support asks for.", "string", True),
    "Retry-After": ("Seconds to wait.", "integer", True),
    "WWW-Authenticate": ("How to sign in.", "string", True),
}


class _Converter(OpenAPIConverter):
    """Adds to every schema what it is, and to every field what it means."""

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        found: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        about = " ".join((type(schema).__doc__ or "").split())
        for name, field in schema.fields.items():
            written = field.data_key or name
            described = found["properties"][written]
            described.setdefault("description", _meaning(type(schema), written, field))
        if isinstance(schema, Edit):
            found["minProperties"] = 1
        return {"description": about, **found} if about else found


class _Plugin(MarshmallowPlugin):
    Converter = _Converter


class Api(flask_smorest.Api):  # type: ignore[misc]
    """The routes with their document, which is written when it is first asked for; errors are `api.errors`' alone."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask) -> None:
        options = {
            "title": TITLE,
            "version": VERSION,
            "openapi_version": "3.1.0",
            "marshmallow_plugin": _Plugin(schema_name_resolver=_name),
            "info": {"description": _ABOUT},
            "servers": [{"url": "/"}],
        }
        super().__init__(app, spec_kwargs=options)
        self._undescribed: list[flask_smorest.Blueprint] = []
        self._document: dict[str, Any] | None = None
        self._describing = Lock()
        self.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
        self.spec.components.schema("Problem", schema=Problem)
        for name, (about, kind, always) in _HEADERS.items():
            self.spec.components.header(
                name, {"description": about, "schema": {"type": kind}, "required": always}
            )

    def register_blueprint(self, resource: flask_smorest.Blueprint) -> None:
        """Serve the routes of a resource.

        They are described later: that takes a quarter of a second, and most processes are never asked.
        """
        self._app.register_blueprint(resource)
        self._undescribed.append(resource)

    def document(self) -> dict[str, Any]:
        """The document with every route in it, made once."""
        with self._describing:
            if self._document is None:
                self._document = self._described()
            return self._document

    def _described(self) -> dict[str, Any]:
        for resource in self._undescribed:
            resource.register_views_in_doc(self, self._app, self.spec, name=resource.name, parameters=None)
            self.spec.tag({"name": resource.name, "description": resource.description})
        found: dict[str, Any] = json.loads(json.dumps(self.spec.to_dict()))
        for methods in found["paths"].values():
            for each in (methods, *methods.values()):
                for parameter in each.get("parameters", []) if isinstance(each, dict) else []:
                    _describe_parameter(parameter)
        return found

    def _register_error_handlers(self) -> None:
        """Nothing: its documents are not problem documents, and lose the Allow header."""

    def _register_responses(self) -> None:
        """Nothing: every route says itself what it may be answered with."""

    def _register_pagination_header(self) -> None:
        """Nothing: pages are envelopes here."""


def document(app: Flask) -> dict[str, Any]:
    """The whole document; nobody changes it."""
    found: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].document()
    return found


def written(app: Flask) -> str:
    """The document as it is committed."""
    return json.dumps(document(app), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def describe(doc: dict[str, Any], doc_info: dict[str, Any], *, spec: APISpec, **_: object) -> dict[str, Any]:
    """Add to an operation what its marks say: its name, who may, its headers, and every refusal by status."""
    view = doc_info["view"]
    doc["operationId"] = operation_id(view)
    doc["security"] = [] if hasattr(view, "public_because") else [{"bearer": []}]
    if hasattr(view, "required_permission"):
        doc["x-permission"] = view.required_permission.value
    _add_parameters(doc, view)
    if "requestBody" in doc:
        doc["requestBody"]["required"] = view.needs_body
    doc["responses"] = _successes(doc, view, spec) | _refusals(_possible(view))
    return doc


def operation_id(view: Callable[..., Any]) -> str:
    """The name generated clients give the operation: `release_milestone` is `releaseMilestone`."""
    first, *rest = view.__name__.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _possible(view: Any) -> list[type[Refusal]]:  # noqa: ANN401 - a view with our marks
    found: list[type[Refusal]] = [*_ALWAYS]
    found += [] if hasattr(view, "public_because") else _SIGNED_IN
    found += _KEYED if getattr(view, "idempotency", None) == "required" else ()
    found += _EDITS if hasattr(view, "needs_if_match") else ()
    found += (PreviewMalformed,) if hasattr(view, "previewable") else ()
    found += (errors.RouteNotFound,) if "<" in view.rule else ()
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
    headers = ["Request-Id"]
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        headers.append("Retry-After")
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append("WWW-Authenticate")
    return response | _headers(headers)


def _successes(doc: dict[str, Any], view: Any, spec: APISpec) -> dict[str, Any]:  # noqa: ANN401
    responses = {
        str(status): body
        for status, body in doc.get("responses", {}).items()
        if int(status) < HTTPStatus.MULTIPLE_CHOICES
    }
    headers = ["Request-Id"]
    if "version" in getattr(view.answer_schema, "fields", ()):
        headers.append("ETag")
    if getattr(view, "idempotency", None) == "required":
        headers.append("Idempotency-Replayed")
    for body in responses.values():
        body.update(_headers(headers))
        if hasattr(view, "also_as"):
            body["content"][view.also_as] = {"schema": {"type": "string", "format": "binary"}}
        if hasattr(view, "media"):
            body["content"] = {kind: {"schema": _FILE} for kind in view.media}
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
        previewable = hasattr(view, "previewable")
        about += " Needed unless `preview=true`." if previewable else ""
        parameters.append(_header("Idempotency-Key", about, _KEY, required=not previewable))
    if hasattr(view, "needs_if_match"):
        about = "The ETag of what you read; `*` for whatever it is by now."
        parameters.append(_header("If-Match", about, _VERSION, required=True))
    if hasattr(view, "previewable"):
        about = "Only show what would happen: the answer and the entries, with nothing changed."
        parameters.append(
            {"in": "query", "name": PARAMETER, "schema": {"type": "boolean"}, "description": about}
        )
    if not parameters:
        del doc["parameters"]


def _header(name: str, about: str, shape: dict[str, Any], *, required: bool) -> dict[str, Any]:
    schema = {"type": "string", **shape}
    return {"in": "header", "name": name, "required": required, "schema": schema, "description": about}


def _headers(names: list[str]) -> dict[str, Any]:
    return {"headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}


def _describe_parameter(parameter: dict[str, Any]) -> None:
    """Say what a parameter of an address is, and how it is written."""
    name = parameter["name"]
    if parameter["in"] == "query":
        parameter.setdefault("description", glossary.meaning(name, within=["query"]))
    if parameter["in"] == "path":
        parameter["description"], prefix = glossary.PLACES[name]
        if prefix is not None:
            parameter["schema"] = {"type": "string", "pattern": id_pattern(prefix)}


def _meaning(schema: type[Schema], word: str, field: Field[Any]) -> str:
    found = glossary.meaning(word, within=[_name(kind) for kind in schema.__mro__])
    return found or (f"Id of the {glossary.THINGS[field.prefix]}." if isinstance(field, IdField) else "")


def _first_sentence(refusal: type[Refusal]) -> str:
    return re.split(r"(?<=[.])\s", (refusal.__doc__ or "").strip(), maxsplit=1)[0]


def _name(schema: Any) -> str:  # noqa: ANN401 - a class, an instance or a name
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")
