"""What every answer must be like, whatever was asked: as the document says, and a problem document when it is a no."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.http.orders import Operation
    from tests.http.town import Json

# A refusal for good is kept under its key, and nothing else of it.
KEYS = frozenset({"idempotency_keys"})
_ALWAYS_THERE = {"type", "title", "status", "detail", "code", "request_id"}


def refused(operation: Operation, response: TestResponse, *, about: object = None) -> Json:
    """The problem document: complete, with a code that the document announces under this status."""
    said = (operation.name, about, response.status_code, response.text[:600])
    assert 400 <= response.status_code < 500, said
    assert response.content_type == "application/problem+json", said
    document: Json = response.json
    assert document.keys() >= _ALWAYS_THERE, said
    assert document["status"] == response.status_code, said
    assert document["request_id"] == response.headers["Request-Id"], said
    assert document["type"] == f"/problems/{document['code']}", said
    assert document["code"] in operation.codes(response.status_code), said
    return document


def but_its_id(document: Json) -> dict[str, Any]:
    """The problem without what is different each time."""
    return {name: value for name, value in document.items() if name != "request_id"}
