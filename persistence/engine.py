"""One engine for both databases, set up so that they behave alike."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import NullPool

from kernel.time import Offset, no_offset
from persistence import clock

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

# Answers of a server that can no longer take writes (no quorum, shutdown, read-only after failover). SQLAlchemy does
# not count them as disconnects, so the pool would go on handing out the dead node.
_NODE_IS_GONE = {1047, 1053, 1290, 1836, 3100}

_SQLITE_BUSY_SECONDS = 30
_ANSWER_SECONDS = 30
# Whoever only wants to know whether anybody is there has their answer when none comes.
_GLANCE_SECONDS = 2
# A sum over all of the books is one statement.
_PATIENCE_SECONDS = 3_600


@dataclass(frozen=True)
class Database:
    """An engine with its sessions and the distance of our time from its clock."""

    engine: Engine
    offset: Offset = no_offset
    sessions: sessionmaker[Session] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sessions", self._sessions(self.engine))

    @property
    def patient(self) -> sessionmaker[Session]:
        """Sessions for whoever reads everything: an answer may take an hour, and no connection is kept."""
        if self.engine.dialect.name == "sqlite":
            return self.sessions
        return self._sessions(self._unpooled(_PATIENCE_SECONDS))

    @property
    def impatient(self) -> Engine:
        """For whoever looks whether anybody is there: no answer in two seconds is one; no pooled connection is used."""
        return self.engine if self.engine.dialect.name == "sqlite" else self._unpooled(_GLANCE_SECONDS)

    def _unpooled(self, answer_seconds: int) -> Engine:
        return _mariadb(self.engine.url.render_as_string(hide_password=False), 0, answer_seconds)

    def _sessions(self, engine: Engine) -> sessionmaker[Session]:
        return sessionmaker(engine, expire_on_commit=False, info={"offset": self.offset})

    @classmethod
    def connect(cls, url: str, *, offset: Offset = no_offset, pool_size: int = 5) -> Database:
        """Open `url` (`sqlite:///file` or `mysql+pymysql://…`); nothing is sent before the first use."""
        embedded = make_url(url).get_backend_name() == "sqlite"
        return cls(_sqlite(url) if embedded else _mariadb(url, pool_size, _ANSWER_SECONDS), offset)


# One engine for an address, whoever asks: it has the pool, and it remembers the statements that it has compiled.
@cache
def _mariadb(url: str, pool_size: int, answer_seconds: int) -> Engine:
    engine = create_engine(
        url,
        # Correctness comes from keys, guarded updates and row locks; this level takes the fewest gap locks.
        isolation_level="READ COMMITTED",
        # What is bound may be a token's hash or somebody's words; a traceback shows the statement alone.
        hide_parameters=True,
        **(_pooled(pool_size) if pool_size else {"poolclass": NullPool}),
        connect_args={
            "charset": "utf8mb4",
            # On a socket of this machine nobody is in between, and preparing for TLS takes longer than all the rest.
            "ssl_disabled": "unix_socket" in make_url(url).query,
            "connect_timeout": min(5, answer_seconds),
            "read_timeout": answer_seconds,
            "write_timeout": _ANSWER_SECONDS,
            "init_command": "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,"
            "NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO', innodb_lock_wait_timeout = 10,"
            # The default of MySQL and its kin would cut what the ledger reads.
            " group_concat_max_len = 1048576",
        },
    )
    event.listen(engine, "connect", _wait_until_it_has_all)
    event.listen(engine, "handle_error", _drop_a_node_that_is_gone)
    return engine


def _pooled(pool_size: int) -> dict[str, Any]:
    return {
        "pool_size": pool_size,
        "max_overflow": 2,
        "pool_timeout": 5,
        "pool_pre_ping": True,
        "pool_recycle": 280,
    }


def _wait_until_it_has_all(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # On Galera a node that has just become the writer may still be about to apply what the last one acknowledged. Who
    # connects waits for that once; afterwards the writer has its own writes. A server without Galera is only asked.
    with closing(connection.cursor()) as cursor:
        cursor.execute("SHOW VARIABLES LIKE 'wsrep_on'")
        if (found := cursor.fetchone()) is not None and found[1] == "ON":
            cursor.execute("SET SESSION wsrep_sync_wait = 1")
            cursor.execute("SELECT 1")
            cursor.execute("SET SESSION wsrep_sync_wait = DEFAULT")
    connection.rollback()


def _drop_a_node_that_is_gone(context: ExceptionContext) -> None:
    arguments = getattr(context.original_exception, "args", ())
    if arguments and arguments[0] in _NODE_IS_GONE:
        context.is_disconnect = True


@cache
def _sqlite(url: str) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": _SQLITE_BUSY_SECONDS, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    # The driver's own BEGIN comes too late (before the first write), when a lock can no longer be waited for.
    connection.isolation_level = None
    clock.add_to_sqlite(connection)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {_SQLITE_BUSY_SECONDS}000",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A writer takes its place in the queue at once; two readers that both want to write later would fail each other.
    reads_only: Any = connection.get_execution_options().get("holdfast_reads_only", False)
    connection.exec_driver_sql("BEGIN DEFERRED" if reads_only else "BEGIN IMMEDIATE")
