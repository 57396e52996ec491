"""What time it is: the database's clock, which every process shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from sqlalchemy import text

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlalchemy.orm import Session

# SYSDATE is read when it is evaluated; NOW would be the instant the statement began, before it waited for anything.
_MARIADB = text("SELECT SYSDATE(6)")
_SQLITE = text("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")


def now(session: Session) -> datetime:
    """The present instant in UTC; read it after the lock is taken, when a deadline hangs on it."""
    if session.get_bind().dialect.name == "sqlite":
        instant = datetime.fromisoformat(session.execute(_SQLITE).scalar_one())
    else:
        instant = cast("datetime", session.execute(_MARIADB).scalar_one())
    offset: timedelta = session.info["offset"]()
    return instant.replace(tzinfo=UTC) + offset
