"""What a report looks like before it is written in one of the forms: columns and rows, with amounts as amounts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from kernel.time import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from kernel.money import Money

    Cell = str | int | Money | date | datetime | None


class Style(Enum):
    """What a row is: a line, the head of a section, a sum of what is above it, or the sum of all."""

    LINE = "line"
    HEADING = "heading"
    SUBTOTAL = "subtotal"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its head, how much of the width of a page it takes, and whether it stands to the right."""

    head: str
    share: int
    right: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    cells: tuple[Cell, ...]
    style: Style = Style.LINE


@dataclass(frozen=True, slots=True)
class Table:
    """A report: its title, what it is about (`about`), and rows that may be read only once, as they are written."""

    title: str
    about: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Iterable[Row] = field(repr=False)


def said(instant: datetime) -> str:
    """An instant as it stands in the head of a report: to the microsecond, because that is what was asked about."""
    return f"As of {rfc3339(instant)}"
