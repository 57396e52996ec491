"""Columns as they stand in the database, to the byte, and in a text that is the same on both databases.

The types that the rest of the ledger reads with are kind: they take `2` for true, and on SQLite any letter between a
date and its time. What proves that nothing was changed may not be.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Date, LargeBinary, SmallInteger, String, type_coerce

from kernel import ids
from persistence.columns import Id, UtcDateTime

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement

_ID_BYTES = 16
_DATE_LETTERS = len("2026-11-25")


def written(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    """The column, read without interpretation; `text` says what was read."""
    if isinstance(column.type, Id):
        return type_coerce(column, LargeBinary())
    if isinstance(column.type, Boolean):
        return type_coerce(column, SmallInteger())
    if isinstance(column.type, UtcDateTime | Date) and dialect == "sqlite":
        return type_coerce(column, String())
    if isinstance(column.type, UtcDateTime):
        return type_coerce(column, column.type.impl_instance)
    return column


def text(column: Column[Any], value: Any) -> str | None:  # noqa: ANN401 - whatever the driver has
    """The canonical text of a value that was read with `written`; nothing is None."""
    if value is None:
        return None
    if isinstance(value, bytes):
        kind = column.type
        return (
            ids.encode(kind.prefix, value)
            if isinstance(kind, Id) and len(value) == _ID_BYTES
            else value.hex()
        )
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds") + "Z"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(column.type, UtcDateTime):
        return _instant(str(value))
    return str(value)


def _instant(stored: str) -> str:
    # SQLite keeps a text. Only the one way in which we write it is an instant; anything else stays what it is.
    if stored[_DATE_LETTERS : _DATE_LETTERS + 1] != " ":
        return stored
    return f"{stored[:_DATE_LETTERS]}T{stored[_DATE_LETTERS + 1 :]}Z"
