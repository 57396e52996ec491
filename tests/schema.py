"""The tables of Holdfast in a test database: made once for a session, empty again for every test."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pymysql
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, insert, inspect, select, text

from persistence.columns import Base
from persistence.engine import Database
from persistence.grants import grant_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

    from tests.servers import MariaDB

ROOT = Path(__file__).parent.parent
_NAME = "holdfast_test"
_BLANK = "holdfast_blank"
# The service's own user: it may do what the service may do, and no more.
_USER = "holdfast"
# How many connections the server takes at least, and how many by itself.
_FEWEST, _MOST = 10, 151
# By socket and by TCP.
_HOSTS = ("localhost", "127.0.0.1")


class SQLiteSchema:
    """A file with all tables, copied for every test: always to the same place, for which statements are compiled."""

    def __init__(self, directory: Path) -> None:
        self._template = directory / "template.sqlite3"
        self._copy = directory / "holdfast.sqlite3"
        self._url = f"sqlite:///{self._copy}"
        migrate(f"sqlite:///{self._template}")
        # What is still in the log beside the file would be missing from its copies.
        with closing(sqlite3.connect(self._template)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def url(self) -> str:
        """The database as the migrations leave it."""
        self.empty()
        return self._url

    def blank(self, directory: Path, name: str = _BLANK) -> str:
        """A database of that name without any tables."""
        return f"sqlite:///{directory / name}.sqlite3"

    def empty(self) -> None:
        """Back to what the migrations left; nobody may be connected."""
        Database.connect(self._url).engine.dispose()
        for part in ("", "-wal", "-shm"):
            self._copy.with_name(self._copy.name + part).unlink(missing_ok=True)
        shutil.copyfile(self._template, self._copy)


class MariaDBSchema:
    """One database on the session's server, used as the restricted user of the service and emptied as root."""

    def __init__(self, server: MariaDB) -> None:
        server.execute(
            f"CREATE DATABASE {_NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            *(f"CREATE USER {_USER}@{host}" for host in _HOSTS),
        )
        self._server = server
        migrate(server.url(_NAME))
        server.execute(*_grants())
        self._owner = create_engine(
            server.url(_NAME),
            # A test that forgot to end a transaction is told so, instead of waiting for a day.
            connect_args={"init_command": "SET foreign_key_checks = 0, lock_wait_timeout = 10"},
        )
        with self._owner.connect() as connection:
            self._seeds = _rows(connection)
            self._names = [
                name for name in inspect(connection).get_table_names() if name != "alembic_version"
            ]
            self._append_only = set(connection.scalars(text(_TABLES_WITH_TRIGGERS)))

    def url(self) -> str:
        """The database as the migrations leave it, for the service's user."""
        self.empty()
        return self._server.url(_NAME, _USER)

    def blank(self, _directory: Path, name: str = _BLANK) -> str:
        """A database of that name without any tables, as the owner of it."""
        self._server.execute(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
        return self._server.url(name)

    def empty(self) -> None:
        """Back to what the migrations left."""
        with self._owner.begin() as connection:
            for name in _not_empty(connection, self._names):
                # TRUNCATE makes a new file and DELETE does not, but a trigger refuses a DELETE.
                verb = "TRUNCATE" if name in self._append_only else "DELETE FROM"
                connection.execute(text(f"{verb} {name}"))
            for table, rows in self._seeds.items():
                connection.execute(insert(table), rows)

    def cut_everybody_off(self) -> None:
        """End every connection of the service's user, as a server does that goes away."""
        with self._owner.connect() as connection:
            for each in connection.scalars(text(_CONNECTIONS)).all():
                connection.exec_driver_sql(f"KILL {each}")

    @contextmanager
    def crowded(self) -> Iterator[None]:
        """Inside, all of the server's connections are somebody else's."""
        self._owner.dispose()
        self._server.execute(f"SET GLOBAL max_connections = {_FEWEST}")
        with ExitStack() as taken:
            taken.callback(self._server.execute, f"SET GLOBAL max_connections = {_MOST}")
            with suppress(pymysql.err.OperationalError):
                while True:
                    other = pymysql.connect(unix_socket=str(self._server.socket), user=_USER)
                    taken.callback(other.close)
            yield

    @contextmanager
    def misread(self, table: str) -> Iterator[None]:
        """Inside, the server has not understood what it is to do when something is written to a table."""
        with self._owner.connect() as connection:
            datadir = connection.exec_driver_sql("SELECT @@datadir").scalar_one()
        triggers = Path(datadir) / _NAME / f"{table}.TRG"
        as_written = triggers.read_bytes()
        try:
            triggers.write_bytes(as_written.replace(b"CREATE DEFINER=", b"CREATE DEFINER= ="))
            self._server.execute(f"FLUSH TABLES {_NAME}.{table}")
            yield
        finally:
            triggers.write_bytes(as_written)
            self._server.execute(f"FLUSH TABLES {_NAME}.{table}")

    def close(self) -> None:
        """Let go of the server."""
        self._owner.dispose()


_TABLES_WITH_TRIGGERS = (
    "SELECT DISTINCT event_object_table FROM information_schema.triggers"
    " WHERE event_object_schema = DATABASE() AND event_manipulation = 'DELETE'"
)
_CONNECTIONS = f"SELECT id FROM information_schema.processlist WHERE user = '{_USER}'"  # noqa: S608 - our own name


def migrate(url: str) -> None:
    """Bring an empty database to the present schema, as a deployment does."""
    config = Config(ROOT / "alembic.ini")
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


def _grants() -> list[str]:
    users = [f"'{_USER}'@'{host}'" for host in _HOSTS]
    return [statement for user in users for statement in grant_statements(Base.metadata, user, _NAME)]


def _not_empty(connection: Connection, names: list[str]) -> list[str]:
    probes = (f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names)  # noqa: S608 - our own names
    return list(connection.scalars(text(" UNION ALL ".join(probes))))


def _rows(connection: Connection) -> dict[Table, list[dict[str, Any]]]:
    found = {
        table: connection.execute(select(table)).mappings().all() for table in Base.metadata.sorted_tables
    }
    return {table: [dict(row) for row in rows] for table, rows in found.items() if rows}
