"""Whether a process can do its work: what it needs, and what it can do without for a while."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from redis import Redis, RedisError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateways import sweeps
from persistence import unit_of_work
from runtime.wiring import wired

if TYPE_CHECKING:
    from sqlalchemy import URL

    from persistence.engine import Database

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_REDIS_SECONDS = 1

_UNREACHABLE = "unreachable"
_MISSING = "missing"
_NOT_MIGRATED = "migrations are missing"
_NOT_SWEPT = "not looked for"

_SENTENCES = {
    _MISSING: "There is no database at {url}. DATABASE_URL names it, and `alembic upgrade head` makes it.",
    _UNREACHABLE: "The database at {url} does not answer. DATABASE_URL names it.",
    _NOT_MIGRATED: "The database at {url} is not up to date. Run `alembic upgrade head`.",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; without a `required` one no work can be done."""

    name: str
    required: bool
    problem: str | None

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return self.problem is None


def checks() -> list[Check]:
    """How everything is that this process leans on."""
    wiring = wired()
    redis_url = wiring.settings.REDIS_URL
    problem = _database(wiring.database)
    return [
        Check("database", required=True, problem=problem),
        # Work waits in the database until Redis is back, and requests are counted in memory.
        Check(
            "redis",
            required=False,
            problem=_redis(redis_url.get_secret_value()) if redis_url else "not configured",
        ),
        # Money is late while nobody looks for what the gateways could not deliver, and none is lost.
        Check("webhooks", required=False, problem=problem or _news(wiring.database)),
    ]


def absence(error: Exception) -> str | None:
    """What is not there, for whoever has to bring it back, when that is why `error` was raised."""
    if isinstance(error, RedisError):
        return "Redis does not answer. REDIS_URL names it."
    # A transaction that gave up does not say what kept it from the database.
    asked = unit_of_work.database()
    problem = _database(asked)
    return None if problem is None else _sentence(problem, asked.engine.url)


def missing(url: URL) -> str | None:
    """What to say when this is a SQLite file that is not there."""
    return _sentence(_MISSING, url) if _is_missing(url) else None


def _sentence(problem: str, url: URL) -> str:
    return _SENTENCES[problem].format(url=url.render_as_string())


def _database(database: Database) -> str | None:
    if _is_missing(database.engine.url):
        return _MISSING
    try:
        with database.impatient.connect() as connection:
            present = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return _UNREACHABLE
    return None if set(present) == set(_heads()) else _NOT_MIGRATED


def _is_missing(url: URL) -> bool:
    # To open a file of SQLite's that is not there would be to make it.
    embedded = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return embedded and not Path(str(url.database)).exists()


def _news(database: Database) -> str | None:
    try:
        with Session(database.impatient, info={"offset": database.offset}) as session:
            return _NOT_SWEPT if sweeps.is_late(session) else None
    except SQLAlchemyError:
        return _UNREACHABLE


def _redis(url: str) -> str | None:
    try:
        with Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        ) as redis:
            redis.ping()
    except (RedisError, OSError):
        return _UNREACHABLE
    return None


@cache
def _heads() -> tuple[str, ...]:
    config = Config()
    # A percent sign stands for something in Alembic's settings; in the name of a folder it stands for itself.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return tuple(ScriptDirectory.from_config(config).get_heads())
