"""What time it is: the database's clock, which every process shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import literal_column, select

from persistence.columns import UtcDateTime

if TYPE_CHECKING:
    import sqlite3
    from datetime import timedelta

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

# SYSDATE is read when it is evaluated; NOW would be the instant the statement began, before it waited for anything.
_MARIADB = "SYSDATE(6)"
# SQLite's own clock knows no microseconds, and two commits of one millisecond could not be told apart.
_SQLITE = "utc_now()"


def now(session: Session) -> datetime:
    """The present instant in UTC; read it after the lock is taken, when a deadline hangs on it."""
    return turned(session, session.execute(select(column(session.get_bind().dialect.name))).scalar_one())


def column(dialect: str) -> ColumnElement[datetime]:
    """The database's clock as a column, for a statement that takes a lock and can say when it had it."""
    return literal_column(expression(dialect), UtcDateTime())


def expression(dialect: str) -> str:
    """The same for a statement that is written as text."""
    return _SQLITE if dialect == "sqlite" else _MARIADB


def add_to_sqlite(connection: sqlite3.Connection) -> None:
    """Give a connection the clock that `expression` asks."""
    connection.create_function("utc_now", 0, _utc_now)


def _utc_now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def turned(session: Session, read: datetime) -> datetime:
    """The instant of a clock that was read with `column`, with our time's distance from the database's."""
    offset: timedelta = session.info["offset"]()
    return read + offset
