"""Reading the body of a request once, before anything else looks at it: how large, how deep, which kind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from flask import current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from api.errors import BodyTooLarge, ValidationFailed
from kernel.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

View = TypeVar("View", bound="Callable[..., Any]")

LARGEST_BYTES = 256 * 1024
DEEPEST = 16


class MalformedJson(Invalid):
    """The body is not JSON as RFC 8259 has it, says one name twice, or is nested too deeply."""

    code = "malformed_json"


class UnsupportedMediaType(Invalid):
    """The body is of a kind that is not read here; nearly everything is application/json."""

    code = "unsupported_media_type"


def takes_raw_bytes(*, reason: str) -> Callable[[View], View]:
    """This route reads the bytes itself, for this reason; they are neither parsed nor inspected before."""

    def mark(view: View) -> View:
        view.raw_bytes_because = reason  # type: ignore[attr-defined]
        return view

    return mark


def read_body() -> None:
    """Take the body in, within its limits; what does not belong to the route's kind is refused."""
    g.body = g.body_text = None
    request.max_content_length = LARGEST_BYTES
    view = current_app.view_functions.get(request.endpoint or "")
    if hasattr(view, "raw_bytes_because"):
        return
    raw = _bytes()
    if not raw:
        return
    g.body_text = raw.decode(errors="replace")
    if request.is_json:
        g.body = _parsed(raw)


def check_body() -> None:
    """Refuse a body that the route would not look at: whoever sends an amount believes that it is obeyed."""
    view = current_app.view_functions.get(request.endpoint or "")
    if g.body_text is None or not hasattr(view, "_apidoc"):
        return
    if g.body is None:
        raise UnsupportedMediaType("Send the body as application/json.", field="Content-Type")
    if not hasattr(view, "takes_body") and g.body.value != {}:
        raise ValidationFailed(_unread(g.body.value))


def json_body() -> Any:  # noqa: ANN401 - any JSON
    """The parsed body; an empty object where there is none."""
    return {} if g.body is None else g.body.value


class Parsed:
    """A body that was JSON, be it `null`."""

    def __init__(self, value: Any) -> None:  # noqa: ANN401 - any JSON
        self.value = value


def pointer(path: Iterable[str]) -> str:
    """Where in the body, as a JSON pointer (RFC 6901)."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)


def parts(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - any JSON
    """Everything in a structure with the path that leads to it; refuses one that is nested too deeply."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while waiting:
        path, here = waiting.pop()
        yield path, here
        if isinstance(here, dict | list):
            if len(path) >= DEEPEST:
                raise _too_deep()
            below = here.items() if isinstance(here, dict) else enumerate(here)
            waiting.extend(((*path, str(name)), each) for name, each in below)


def _bytes() -> bytes:
    try:
        return request.get_data(cache=True)
    except RequestEntityTooLarge:
        raise BodyTooLarge(f"The body may have at most {LARGEST_BYTES // 1024} KiB.") from None


def _parsed(raw: bytes) -> Parsed:
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise MalformedJson("The body is not valid JSON.") from None
    for path, here in parts(value):
        # A name that is broken itself must not come back either.
        _check_text("".join(path[-1:]), path[:-1])
        _check_text(here, path)
    return Parsed(value)


def _too_deep() -> MalformedJson:
    return MalformedJson(f"The body is nested more than {DEEPEST} levels deep.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # Two readers of the same name twice take different ones, and one of them may have checked the other.
    if len(found) != len(pairs):
        raise MalformedJson("A name stands twice in the same object of the body.")
    return found


def _no_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON.")


def _unread(value: Any) -> list[dict[str, str]]:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        return [{"field": "", "detail": "Nothing is read here."}]
    return [{"field": pointer([name]), "detail": "Unknown field."} for name in value]


def _check_text(value: object, path: tuple[str, ...]) -> None:
    # Half a surrogate pair cannot be stored, and a NUL ends strings in places nobody thinks of.
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value)):
        raise MalformedJson("The body holds text that is not valid Unicode.", field=pointer(path))
