"""The blueprint of every resource: strict arguments in, views by schema out, all that may go wrong documented."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import flask_smorest  # type: ignore[import-untyped]
from flask import Response, current_app, g, request
from webargs.flaskparser import FlaskParser
from werkzeug.datastructures import MultiDict

from api.body import json_body, pointer
from api.errors import ValidationFailed
from api.openapi import describe
from api.preview import PARAMETER
from api.schemas import Edit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from flask import Request
    from flask.typing import ResponseReturnValue
    from marshmallow import Schema, ValidationError

    from kernel.refusals import Refusal

View = TypeVar("View", bound="Callable[..., Any]")


class _Parser(FlaskParser):
    # An unknown query parameter is refused like an unknown field.
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": None, "query": None}  # noqa: RUF012 - webargs' own

    def _raw_load_json(self, req: Request) -> Any:  # noqa: ANN401, ARG002 - webargs' signature
        return json_body()

    def load_querystring(self, req: Request, schema: Schema) -> Any:  # noqa: ANN401 - webargs' signature
        # `preview` belongs to the route and not to its query.
        known = MultiDict((name, value) for name, value in req.args.items(multi=True) if name != PARAMETER)
        return self._makeproxy(known, schema)

    def handle_error(self, error: ValidationError, *_: object, **__: object) -> NoReturn:
        messages = error.normalized_messages()  # type: ignore[no-untyped-call]
        raise ValidationFailed(list(_errors(messages))) from None


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """The routes of one resource; `api.resources` lists them all."""

    ARGUMENTS_PARSER = _Parser()

    def __init__(self, name: str, import_name: str, *, description: str) -> None:
        super().__init__(name, import_name, url_prefix="/v1", description=description)
        self._prepare_doc_cbks.append(describe)

    def get(self, rule: str) -> Callable[[View], View]:
        """A route that answers; asking twice is asking once."""
        return self._verb(rule, "GET")

    def post(self, rule: str) -> Callable[[View], View]:
        """A route that does something."""
        return self._verb(rule, "POST")

    def put(self, rule: str) -> Callable[[View], View]:
        """A route that sets something as a whole."""
        return self._verb(rule, "PUT")

    def patch(self, rule: str) -> Callable[[View], View]:
        """A route that edits something."""
        return self._verb(rule, "PATCH")

    def delete(self, rule: str) -> Callable[[View], View]:
        """A route that ends something."""
        return self._verb(rule, "DELETE")

    def arguments(
        self, schema: type[Schema] | Schema, *, location: Literal["json", "query"] = "json"
    ) -> Callable[[View], View]:
        """Read the body (or the query) by `schema` and hand it to the view first."""
        read: Callable[[View], View] = super().arguments(schema, location=location)
        instance = schema() if isinstance(schema, type) else schema

        def mark(view: View) -> View:
            if location == "query":
                names = frozenset(field.data_key or name for name, field in instance.fields.items())
                view.query_names = names  # type: ignore[attr-defined]
            else:
                view.takes_body = True  # type: ignore[attr-defined]
                needed = any(field.required for field in instance.fields.values())
                view.needs_body = needed or isinstance(instance, Edit)  # type: ignore[attr-defined]
            return read(view)

        return mark

    def response(
        self, status_code: int, schema: type[Schema] | Schema | None = None
    ) -> Callable[[View], View]:
        """Write what the view returns by `schema`; a view with a `version` goes out with its ETag."""
        instance = schema() if isinstance(schema, type) else schema
        write: Callable[[Any], View] = super().response(status_code, instance)

        def mark(view: View) -> View:
            @wraps(view)
            def answered(*arguments: Any, **named: Any) -> ResponseReturnValue:  # noqa: ANN401 - the view's own
                g.answer_status, g.answer_schema = status_code, instance
                result = view(*arguments, **named)
                if instance is None:
                    return Response(status=status_code)
                version = getattr(result, "version", None)
                return result if version is None else (result, {"ETag": f'"{version}"'})

            answered.answer_schema = instance  # type: ignore[attr-defined]
            return write(answered)

        return mark

    def download(self, *media: str) -> Callable[[View], View]:
        """Answer with a file of one of these kinds."""
        write: Callable[[Any], View] = super().response(200)

        def mark(view: View) -> View:
            view.answer_schema = None  # type: ignore[attr-defined]
            view.media = media  # type: ignore[attr-defined]
            return write(view)

        return mark

    def _verb(self, rule: str, method: str) -> Callable[[View], View]:
        def add(view: View) -> View:
            if method == "GET":
                view.idempotency = "safe"  # type: ignore[attr-defined]
            view.rule = rule  # type: ignore[attr-defined]
            # The document is written from the marks, when the application is made.
            view._apidoc = {**getattr(view, "_apidoc", {}), "view": view}  # type: ignore[attr-defined]  # noqa: SLF001
            self.add_url_rule(rule, None, view, methods=[method])
            return view

        return add


def check_parameters() -> None:
    """Refuse a parameter that the route does not know (a misspelt `preview` must not carry the act out), or twice."""
    view = current_app.view_functions.get(request.endpoint or "")
    if not hasattr(view, "_apidoc"):
        return
    known = getattr(view, "query_names", frozenset()) | (
        {PARAMETER} if hasattr(view, "previewable") else set()
    )
    wrong = [(name, "Unknown parameter.") for name in sorted(set(request.args) - known)]
    # Of `limit=1&limit=2` two readers take different ones. `preview` has a refusal of its own.
    wrong += [
        (name, "Say it once.") for name, said in request.args.lists() if len(said) > 1 and name != PARAMETER
    ]
    if wrong:
        raise ValidationFailed([{"field": name, "detail": sentence} for name, sentence in wrong])


def refuses(*refusals: type[Refusal]) -> Callable[[View], View]:
    """Which refusals of the business this route may answer with, for the document."""

    def mark(view: View) -> View:
        view.refusals = (*getattr(view, "refusals", ()), *refusals)  # type: ignore[attr-defined]
        return view

    return mark


def also_as(media_type: str) -> Callable[[View], View]:
    """What the route can be answered with besides JSON, for the document."""

    def mark(view: View) -> View:
        view.also_as = media_type  # type: ignore[attr-defined]
        return view

    return mark


def leads_to(*operation_ids: str, **parameters: str) -> Callable[[View], View]:
    """What can be asked next with this answer: `leads_to("getContract", contract_id="$response.body#/id")`."""

    def mark(view: View) -> View:
        links = {**getattr(view, "links", {}), **dict.fromkeys(operation_ids, parameters)}
        view.links = links  # type: ignore[attr-defined]
        return view

    return mark


def _errors(messages: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for location, found in messages.items():
        for path, sentence in _leaves(found):
            field = "/".join(path) if location != "json" else pointer(path)
            yield {"field": field, "detail": sentence}


def _leaves(found: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:  # noqa: ANN401 - marshmallow's own
    if isinstance(found, dict):
        for name, below in found.items():
            # `_schema` is marshmallow's name for the object as a whole.
            yield from _leaves(below, path if name == "_schema" else (*path, str(name)))
    else:
        for sentence in found if isinstance(found, list) else [found]:
            yield path, str(sentence)
