"""Every request has an id, the caller's or ours: in the answer, in every line of the log, in every problem."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import structlog
from flask import g, request

from kernel.ids import new_id
from runtime.card_numbers import has_card_number

if TYPE_CHECKING:
    from flask import Flask, Response

HEADER = "Request-Id"
_SANE = re.compile(r"[A-Za-z0-9_-]{8,64}")


def register(app: Flask) -> None:
    """Give every request to `app` its id, and one line in the log when it is answered."""
    app.before_request(_begin)
    app.after_request(_end)


def _begin() -> None:
    given = request.headers.get(HEADER) or request.headers.get("X-Request-Id") or ""
    g.request_id = given if _SANE.fullmatch(given) and not has_card_number(given) else new_id("rq")
    g.began = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    person = g.get("actor")
    structlog.get_logger("holdfast.api").info(
        "request",
        method=request.method,
        # The route and not the path: what people put into addresses does not belong into logs.
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        actor=person.id if person else None,
        milliseconds=round((time.monotonic() - g.began) * 1000, 1),
    )
    return response
