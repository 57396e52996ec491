"""`/openapi.json`, `/docs` and `/problems/<code>`: pages that need no network, no script and nobody else's server."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, current_app, render_template
from markupsafe import Markup, escape

from api.auth import public
from api.errors import RouteNotFound
from api.idempotency import safe
from api.openapi import document, written
from api.reference.examples import example, kind_of, resolved
from api.reference.problems import problem_pages

if TYPE_CHECKING:
    from collections.abc import Iterator

_STYLE = Path(__file__).with_name("style.css")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_A_WHILE = "public, max-age=300"
_PLACE = re.compile(r"{\w+}")
_CODE = re.compile(r"`([^`]+)`")

blueprint = Blueprint("reference", __name__, template_folder="templates")
_everybody = public(
    reason="the interface is no secret, and whoever meets a problem must be able to read about it"
)


@blueprint.get("/openapi.json")
@_everybody
@safe
def openapi_json() -> Response:
    """The OpenAPI document."""
    return Response(written(current_app), mimetype="application/json")


@blueprint.get("/docs")
@_everybody
@safe
def reference() -> Response:
    """The document as a page."""
    described = document(current_app)
    schemas = described["components"]["schemas"]
    return _page(
        "reference.html",
        document=described,
        operations=_by_tag(described),
        schemas=schemas,
        example=partial(example, schemas=schemas),
        resolved=partial(resolved, schemas=schemas),
        kind_of=kind_of,
    )


@blueprint.get("/docs/style.css")
@_everybody
@safe
def style() -> Response:
    """How the pages look."""
    response = Response(_STYLE.read_text(encoding="utf-8"), mimetype="text/css")
    response.headers["Cache-Control"] = _A_WHILE
    return response


@blueprint.get("/problems")
@_everybody
@safe
def problems() -> Response:
    """Every code."""
    return _page("problems.html", pages=problem_pages())


@blueprint.get("/problems/<code>")
@_everybody
@safe
def problem(code: str) -> Response:
    """One code: what it means, what to do next, where it may happen."""
    page = next((page for page in problem_pages() if page.code == code), None)
    if page is None:
        raise RouteNotFound("There is no problem with this code.")
    return _page("problem.html", page=page, operations=list(_answering(document(current_app), code)))


def _page(template: str, **content: Any) -> Response:  # noqa: ANN401 - the template's own
    response = Response(
        render_template(template, prose=_prose, inline=_inline, **content), mimetype="text/html"
    )
    response.headers["Content-Security-Policy"] = _PAGE_POLICY
    response.headers["Cache-Control"] = _A_WHILE
    return response


def _by_tag(described: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for operation in _operations(described):
        found[operation["tags"][0]].append(operation)
    return {tag["name"]: found[tag["name"]] for tag in described.get("tags", [])}


def _operations(described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                shared = methods.get("parameters", [])
                parameters = [*shared, *operation.get("parameters", [])]
                short = _PLACE.sub("…", path.removeprefix("/v1"))
                about = {"method": method.upper(), "path": path, "short": short, "parameters": parameters}
                yield operation | about


def _answering(described: dict[str, Any], code: str) -> Iterator[dict[str, Any]]:
    for operation in _operations(described):
        if any(code in response.get("x-codes", ()) for response in operation["responses"].values()):
            yield operation


def _prose(text: str) -> Markup:
    """Paragraphs with `code` in them."""
    paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return Markup("").join(Markup("<p>{}</p>").format(_inline(paragraph)) for paragraph in paragraphs)


def _inline(text: str) -> Markup:
    """A sentence with `code` in it."""
    # Escaped first; only our own tags are added.
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704
