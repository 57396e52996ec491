"""Columns as they stand in the database, to the byte, and in a text that is the same on both databases.

The types that the rest of the ledger reads with are kind: they take `2` for true, and on SQLite any letter between a
date and its time. What proves that nothing was changed may not be.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Date, LargeBinary, SmallInteger, String, type_coerce

from kernel import ids
from persistence.columns import Id, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Column, ColumnElement

_ID_BYTES = 16
_DATE_LETTERS = len("2026-11-25")


def written(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    """The column, read without interpretation; `reader` says what was read."""
    if isinstance(column.type, Id):
        return type_coerce(column, LargeBinary())
    if isinstance(column.type, Boolean):
        return type_coerce(column, SmallInteger())
    if isinstance(column.type, UtcDateTime | Date) and dialect == "sqlite":
        return type_coerce(column, String())
    if isinstance(column.type, UtcDateTime):
        return type_coerce(column, column.type.impl_instance)
    return column


def reader(column: Column[Any]) -> Callable[[Any], str | None]:
    """What makes the canonical text of a value that was read with `written`; nothing stays None."""
    kind = column.type
    if isinstance(kind, Id):
        return partial(_id, kind.prefix)
    if isinstance(kind, UtcDateTime):
        return _instant
    return _day if isinstance(kind, Date) else _plain


def _id(prefix: str, value: object) -> str | None:
    if isinstance(value, bytes) and len(value) == _ID_BYTES:
        return ids.encode(prefix, value)
    return _plain(value)


def _instant(value: object) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds") + "Z"
    if value is None:
        return None
    stored = str(value)
    # SQLite keeps a text. Only the one way in which we write it is an instant; anything else stays what it is.
    if stored[_DATE_LETTERS : _DATE_LETTERS + 1] != " ":
        return stored
    return f"{stored[:_DATE_LETTERS]}T{stored[_DATE_LETTERS + 1 :]}Z"


def _day(value: object) -> str | None:
    return value.isoformat() if isinstance(value, date) else _plain(value)


def _plain(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return value.hex() if isinstance(value, bytes) else str(value)
