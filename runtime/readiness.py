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

from runtime.wiring import wired

if TYPE_CHECKING:
    from persistence.engine import Database

_MIGRATIONS = Path(__file__).parent.parent / "migrations"
_REDIS_SECONDS = 1


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
    return [
        Check("database", required=True, problem=_database(wiring.database)),
        # Work waits in the database until Redis is back, and requests are counted in memory.
        Check(
            "redis",
            required=False,
            problem=_redis(redis_url.get_secret_value()) if redis_url else "not configured",
        ),
    ]


def _database(database: Database) -> str | None:
    try:
        with database.engine.connect() as connection:
            present = MigrationContext.configure(connection).get_current_heads()
    except SQLAlchemyError:
        return "unreachable"
    return None if set(present) == set(_heads()) else "migrations are missing"


def _redis(url: str) -> str | None:
    try:
        with Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        ) as redis:
            redis.ping()
    except (RedisError, OSError):
        return "unreachable"
    return None


@cache
def _heads() -> tuple[str, ...]:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return tuple(ScriptDirectory.from_config(config).get_heads())
