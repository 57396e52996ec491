"""Rows on their way into the tables of the ledger: as many as there are in one statement, and nothing composed for it.

A posting is a handful of rows and a batch thousands, so what one value costs is what the ledger costs. SQLAlchemy makes
a statement anew for every number of rows, and PyMySQL, which knows no prepared statements, writes each value into the
text by a call of its own. Here it is written a column at a time, and nothing but digits is ever written: numbers,
instants, and everything else, words included, as the hexadecimal digits of its bytes. So no value can be taken for
anything else than a value.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Boolean, Date, LargeBinary, SmallInteger, String

from persistence.columns import AsciiText, Id, UtcDateTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Column, Connection, Dialect, Table

    from persistence.ahead import Ahead

    # In the order of the table's columns; ids as their bytes.
    Row = tuple[Any, ...]

    # Makes the text of a value, or what the driver binds.
    Write = Callable[[Any], Any]

# SQLite takes so many values in one statement.
_MOST_BOUND = 32_766
# As they stand, so that a percent sign in a text means itself.
VERBATIM: dict[str, Any] = {"no_parameters": True}


class Insert:
    """How rows of one table are written; with `instead`, rows with a key that is there are changed in these columns."""

    def __init__(self, table: Table, *, instead: Sequence[str] = ()) -> None:
        self._columns = list(table.columns)
        names = ", ".join(table.columns.keys())
        self._head = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608 - our own names
        self._keys = ", ".join(column.name for column in table.primary_key)
        self._instead = instead
        self._writers = [_literal(column) for column in self._columns]

    def run(self, connection: Connection | Ahead, rows: Sequence[Row]) -> None:
        """Write the rows."""
        if connection.dialect.name == "sqlite":
            self._bound(connection, rows)
        else:
            connection.exec_driver_sql(self._text(rows), execution_options=VERBATIM)

    def _text(self, rows: Sequence[Row]) -> str:
        columns = zip(self._writers, zip(*rows, strict=True), strict=True)
        written = [map(write, values) for write, values in columns]
        row = f"({', '.join(['%s'] * len(written))})"
        changed = ", ".join(f"{name} = VALUES({name})" for name in self._instead)
        tail = f" ON DUPLICATE KEY UPDATE {changed}" if changed else ""
        return f"{self._head}{', '.join(map(row.__mod__, zip(*written, strict=True)))}{tail}"

    def _bound(self, connection: Connection | Ahead, rows: Sequence[Row]) -> None:
        writers = [_binding(column, connection.dialect) for column in self._columns]
        row = f"({', '.join('?' * len(writers))})"
        changed = ", ".join(f"{name} = excluded.{name}" for name in self._instead)
        tail = f" ON CONFLICT ({self._keys}) DO UPDATE SET {changed}" if changed else ""
        for some in _parts(rows, _MOST_BOUND // len(writers)):
            values = tuple(write(value) for each in some for write, value in zip(writers, each, strict=True))
            connection.exec_driver_sql(f"{self._head}{', '.join([row] * len(some))}{tail}", values)


def instant(read: str) -> datetime:
    """The instant that a database wrote as text."""
    return datetime.fromisoformat(read).replace(tzinfo=UTC)


def _literal(column: Column[Any]) -> Write:
    write = _writer(column)
    if not column.nullable:
        return write
    return lambda value: "NULL" if value is None else write(value)


def _writer(column: Column[Any]) -> Write:
    for kinds, write in _WRITERS:
        if isinstance(column.type, kinds):
            return write
    raise AssertionError(f"{column} cannot be written")


# The entry's instant stands in its lines, too.
@lru_cache(maxsize=4_096)
def _instant(value: datetime) -> str:
    assert value.tzinfo is UTC, "an instant is kept in UTC"
    return f"'{value.replace(tzinfo=None)}'"


@lru_cache(maxsize=64)
def _day(value: object) -> str:
    return f"'{value}'"


def _hex(value: bytes) -> str:
    return f"x'{value.hex()}'"


def _ascii(value: str) -> str:
    return f"_ascii {_hex(value.encode('ascii'))}"


def _words(value: str) -> str:
    return f"_utf8mb4 {_hex(value.encode())}"


def _truth(value: bool) -> str:  # noqa: FBT001 - it is a value of a column
    return "1" if value else "0"


_WRITERS: tuple[tuple[tuple[type, ...], Write], ...] = (
    ((BigInteger, SmallInteger), str),
    ((Boolean,), _truth),
    ((UtcDateTime,), _instant),
    ((Date,), _day),
    ((Id, LargeBinary), _hex),
    ((AsciiText,), _ascii),
    ((String,), _words),
)


def _binding(column: Column[Any], dialect: Dialect) -> Write:
    if isinstance(column.type, Id):
        return _as_it_is
    return column.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is


def _as_it_is(value: object) -> object:
    return value


def _parts(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
