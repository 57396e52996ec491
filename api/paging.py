"""Lists come in pages; where the next one begins is a signed cursor that means nothing to anybody else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer
from marshmallow import Schema, ValidationError, fields, post_load, validate

from api.auth import asking
from api.schemas import Strict
from persistence.unit_of_work import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from kernel import pages

Item = TypeVar("Item")

LARGEST_PAGE = 100
_USUAL_PAGE = 20
_LONGEST_CURSOR = 512


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page is asked for."""

    after: Any
    limit: int


@dataclass(frozen=True, slots=True)
class ListAsked:
    """A page, and of what."""

    page: PageAsked
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    data: Sequence[Any]
    next_cursor: str | None


class CursorField(fields.String):
    """Where a page begins, as an earlier page of the same list said."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return _signer().loads(text) if len(text) <= _LONGEST_CURSOR else _unreadable()
        except BadSignature:
            return _unreadable()


class PageQuery(Strict):
    """The query of every list."""

    limit = fields.Integer(load_default=_USUAL_PAGE, validate=validate.Range(1, LARGEST_PAGE))
    cursor = CursorField(
        metadata={"description": "`next_cursor` of the page before.", "pattern": "^[A-Za-z0-9_.-]{1,512}$"}
    )

    @post_load
    def _asked(self, data: Mapping[str, Any], **_: object) -> Any:  # noqa: ANN401 - those below say more
        return PageAsked(data.get("cursor"), data["limit"])


class AboutQuery(PageQuery):
    """A page of a list that can be narrowed down; what else is asked is what it is about."""

    @post_load
    def _asked(self, data: Mapping[str, Any], **_: object) -> ListAsked:
        about = {name: value for name, value in data.items() if name not in {"limit", "cursor"}}
        return ListAsked(PageAsked(data.get("cursor"), data["limit"]), about)


@cache
def page_of(schema: type[Schema]) -> type[Schema]:
    """The envelope of a page of these."""
    name = f"{schema.__name__.removesuffix('Schema')}Page"
    made = Strict.from_dict(
        {
            "data": fields.List(fields.Nested(schema), required=True),
            "next_cursor": fields.String(
                required=True,
                allow_none=True,
            ),
        },
        name=name,
    )
    made.__doc__ = "One page of a list, and where the next one begins."
    return made


def paged(
    listing: Callable[..., Sequence[Item]],
    page: PageAsked,
    *,
    key: Callable[[Item], Any],
    **about: Any,  # noqa: ANN401
) -> Page:
    """The page that is asked for of `listing(session, after=, limit=, **about)`.

    `key` is what the listing takes as `after` to go on behind an item.
    """
    # One more than asked for tells whether there is a next page.
    found = reading(listing, after=page.after, limit=page.limit + 1, **about)
    more = len(found) > page.limit
    shown = found[: page.limit]
    return Page(shown, str(_signer().dumps(key(shown[-1]))) if more else None)


def onward(found: pages.Page[Any]) -> Page:
    """The page of a query that says itself where the next one begins."""
    return Page(found.items, str(_signer().dumps(found.next_after)) if found.next_after is not None else None)


def _signer() -> URLSafeSerializer:
    # Bound to the list and the person, so that a cursor of one list does not open another.
    person = asking()
    scope = f"{request.endpoint}:{request.view_args}:{person.id if person else ''}"
    return URLSafeSerializer(current_app.secret_key or "", salt=scope)


def _unreadable() -> NoReturn:
    raise ValidationError("Not a cursor of this list. Start again without one.")
