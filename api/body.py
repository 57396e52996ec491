"""Reading the body of a request once, before anything else looks at it: how large, how deep, which kind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from flask import current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from api.errors import BodyTooLarge, ValidationFailed
from kernel.refusals import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

View = TypeVar("View", bound="Callable[..., Any]")

LARGEST_BYTES = 256 * 1024
# Where nothing of a body is read, none needs to be large.
LARGEST_UNREAD_BYTES = 4 * 1024
DEEPEST = 16
# The largest offer has some hundreds of values, and the longest name of a field some twenty letters.
MOST_VALUES = 10_000
LONGEST_NAME = 256

# Half a surrogate pair cannot be stored, and a NUL ends strings in places nobody thinks of.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class MalformedJson(Invalid):
    """The body is not JSON as RFC 8259 has it, says one name twice, is nested too deeply or of too many parts."""

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
    view = current_app.view_functions.get(request.endpoint or "")
    if hasattr(view, "raw_bytes_because"):
        return
    raw = bytes_within(LARGEST_BYTES if hasattr(view, "takes_body") else LARGEST_UNREAD_BYTES)
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


# Not frozen: there are thousands, and that takes three times as long to make.
@dataclass(slots=True)
class Part:
    """One value of a body: the name (or place) it has in what it is part of, `within`; the whole has neither."""

    value: Any
    name: str | int | None = None
    within: Part | None = None
    depth: int = 0

    @property
    def path(self) -> list[str]:
        """The names that lead here. Only who refuses asks: a path for every value would be work without a bound."""
        return [] if self.within is None else [*self.within.path, str(self.name)]


def pointer(path: Iterable[str]) -> str:
    """Where in the body, as a JSON pointer (RFC 6901)."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)


def parts(value: Any) -> Iterator[Part]:  # noqa: ANN401 - any JSON
    """Everything in a structure, each part before what it is made of; refuses one too deep or of too many parts."""
    waiting = [Part(value)]
    passed = 0
    while waiting:
        here = waiting.pop()
        yield here
        passed += 1
        if isinstance(here.value, dict | list):
            if here.depth >= DEEPEST:
                raise _too_deep()
            if passed + len(waiting) + len(here.value) > MOST_VALUES:
                raise MalformedJson(f"The body has more than {MOST_VALUES} values.")
            below = here.value.items() if isinstance(here.value, dict) else enumerate(here.value)
            waiting.extend(Part(each, name, here, here.depth + 1) for name, each in below)


def bytes_within(limit: int) -> bytes:
    """The bytes of the body; refuses more than `limit` of them, announced or not."""
    # One more than the limit is let in: of a body that comes in chunks, the rest would be cut off without a word.
    request.max_content_length = limit + 1
    try:
        raw = request.get_data(cache=True)
    except RequestEntityTooLarge:
        raise _too_large(limit) from None
    if len(raw) > limit:
        raise _too_large(limit)
    return raw


def _parsed(raw: bytes) -> Parsed:
    try:
        value = json.loads(raw.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise MalformedJson("The body is not valid JSON.") from None
    for part in parts(value):
        _check_name(part)
        _check_text(part.value, part)
    return Parsed(value)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body may have at most {limit // 1024} KiB.")


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


def _check_name(part: Part) -> None:
    if isinstance(part.name, str) and part.within is not None:
        # A name that is broken itself must not come back either.
        _check_text(part.name, part.within)
        if len(part.name) > LONGEST_NAME:
            raise MalformedJson(
                f"A name in the body has more than {LONGEST_NAME} characters.",
                field=pointer(part.within.path),
            )


def _check_text(value: object, where: Part) -> None:
    if isinstance(value, str) and _NO_TEXT.search(value):
        raise MalformedJson("The body holds text that is not valid Unicode.", field=pointer(where.path))
