"""One page of a list that is too long to be given at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from kernel.refusals import Invalid

Item_co = TypeVar("Item_co", covariant=True)


class CursorMalformed(Invalid):
    """The cursor is not one that an earlier page gave out."""

    code = "cursor_malformed"


@dataclass(frozen=True, slots=True)
class Page(Generic[Item_co]):
    """Some items, and where the next page begins; `next_after` is None on the last page."""

    items: tuple[Item_co, ...]
    next_after: str | None
