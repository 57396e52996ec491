"""Statements of the hot path: made from the tables once, and plain text for the driver ever after.

Composing a statement, finding it in a cache and wrapping its result cost more than the driver does; one posting has
six of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import BindParameter, ColumnElement, Connection, CursorResult, Dialect, Executable
    from sqlalchemy.types import TypeEngine

    # Makes the statement for a database, by the name of its dialect, and a number of rows.
    Make = Callable[[str, int], Executable]
    Row = Mapping[str, Any]


class Prepared:
    """One statement, in as many shapes as there are databases and numbers of rows; its values are bound to `places`."""

    def __init__(self, make: Make, results: Sequence[ColumnElement[Any]] = ()) -> None:
        self._make = make
        self._results = results
        self._made: dict[tuple[str, int], _Text] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Carry it out with these rows in one round trip."""
        self._text(connection.dialect, len(rows)).execute(connection, rows)

    def fetch(self, connection: Connection, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """What it answers, in Python's types."""
        text = self._text(connection.dialect, len(rows))
        return text.converted(text.execute(connection, rows).all())

    def _text(self, dialect: Dialect, count: int) -> _Text:
        made = self._made.get((dialect.name, count))
        if made is None:
            made = _Text(self._make(dialect.name, count), dialect, self._results)
            self._made[dialect.name, count] = made
        return made


def places(columns: Sequence[ColumnElement[Any]], number: int) -> dict[str, BindParameter[Any]]:
    """The places for the values of one row."""
    return {
        column.key: bindparam(f"{column.key}_{number}", type_=column.type) for column in columns if column.key
    }


class _Text:
    def __init__(
        self, statement: Executable, dialect: Dialect, results: Sequence[ColumnElement[Any]]
    ) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self._sql: str = compiled.string
        # One driver takes its values by position, the other by name.
        self._by_position = bool(compiled.positional)
        names = compiled.positiontup if self._by_position else list(compiled.params)
        self._places = [(name, _place(compiled, name, dialect)) for name in names]
        reading = [_reading(column.type, dialect) for column in results]
        self._read = [(number, read) for number, read in enumerate(reading) if read is not None]

    def execute(self, connection: Connection, rows: Sequence[Row]) -> CursorResult[Any]:
        if self._by_position:
            return connection.exec_driver_sql(self._sql, tuple([place(rows) for _, place in self._places]))
        return connection.exec_driver_sql(self._sql, {name: place(rows) for name, place in self._places})

    def converted(self, found: Sequence[Any]) -> list[tuple[Any, ...]]:
        converted = []
        for one in found:
            values = list(one)
            for number, read in self._read:
                values[number] = read(values[number])
            converted.append(tuple(values))
        return converted


def _place(compiled: Any, name: str, dialect: Dialect) -> Callable[[Sequence[Row]], Any]:  # noqa: ANN401 - SQLAlchemy's own
    fixed = compiled.params[name]
    if fixed is not None:
        return lambda _rows: fixed
    key, _, row = name.rpartition("_")
    number, kind = int(row), compiled.binds[name].type
    bind = kind.dialect_impl(dialect).bind_processor(dialect)
    if bind is None:
        return lambda rows: rows[number][key]
    return lambda rows: bind(rows[number][key])


def _reading(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
