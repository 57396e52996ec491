"""What the database itself refuses: to change or delete anything in an append-only table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import DDL, UniqueConstraint, event, false, text, update
from sqlalchemy.exc import DBAPIError

from persistence.columns import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

_DIALECTS = ("mysql", "mariadb", "sqlite")


def refuse_changes(table: Table) -> None:
    """Give an append-only table its triggers wherever it is made without the migrations."""
    for dialect in _DIALECTS:
        for statement in _statements(table, dialect):
            trigger = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", trigger.execute_if(dialect=dialect))


def triggers(dialect: str, *names: str) -> list[str]:
    """The statements that create the triggers of these tables, for a migration; `dialect` is SQLAlchemy's name."""
    tables = [Base.metadata.tables[name] for name in names]
    return [statement for table in tables for statement in _statements(table, dialect)]


def dropped_triggers(dialect: str, *names: str) -> list[str]:
    """The statements that take them away, for a migration that goes back."""
    return [f"DROP TRIGGER {_name(statement)}" for statement in triggers(dialect, *names)]


def unguarded(connection: Connection) -> list[str]:
    """The append-only tables that the database would let this user change, as after a restore without triggers."""
    tables = [table for table in Base.metadata.sorted_tables if table.info.get("append_only")]
    there = {name.lower() for name in connection.scalars(text(_THERE[connection.dialect.name]))}
    without = [table for table in tables if not {_name(each) for each in _of(connection, table)} <= there]
    return [table.name for table in without if _may_change(connection, table)]


def _of(connection: Connection, table: Table) -> Iterator[str]:
    return _statements(table, connection.dialect.name)


def _name(statement: str) -> str:
    return statement.split()[2].lower()


def _may_change(connection: Connection, table: Table) -> bool:
    if connection.dialect.name == "sqlite":
        return True
    # The service's own user sees no triggers; it lacks the privilege, and is told so before any row is looked at.
    (column, *_) = table.primary_key
    try:
        connection.execute(update(table).values({column: column}).where(false()))
    except DBAPIError as refused:
        return not _is_denied(refused)
    return True


def _is_denied(refused: DBAPIError) -> bool:
    return bool(refused.orig is not None and refused.orig.args and refused.orig.args[0] == _COMMAND_DENIED)


_COMMAND_DENIED = 1142
_THERE = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "mysql": "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
}
_THERE["mariadb"] = _THERE["mysql"]


def _statements(table: Table, dialect: str) -> Iterator[str]:
    return _sqlite(table) if dialect == "sqlite" else _mariadb(table)


def _mariadb(table: Table) -> Iterator[str]:
    for act in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER {table.name}_no_{act.lower()} BEFORE {act} ON {table.name} FOR EACH ROW "
            f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{table.name} is append-only'"
        )


def _sqlite(table: Table) -> Iterator[str]:
    refusal = f"BEGIN SELECT RAISE(ABORT, '{table.name} is append-only'); END"
    for act in ("UPDATE", "DELETE"):
        yield f"CREATE TRIGGER {table.name}_no_{act.lower()} BEFORE {act} ON {table.name} {refusal}"
    # REPLACE removes the old row without a DELETE trigger.
    taken = f"EXISTS (SELECT 1 FROM {table.name} WHERE {_same_key(table)})"  # noqa: S608 - our own names
    yield f"CREATE TRIGGER {table.name}_no_replace BEFORE INSERT ON {table.name} WHEN {taken} {refusal}"


def _same_key(table: Table) -> str:
    keys = [table.primary_key, *sorted(_unique(table), key=lambda key: list(key.columns.keys()))]
    return " OR ".join(
        "(" + " AND ".join(f"{column.name} = NEW.{column.name}" for column in key.columns) + ")"
        for key in keys
    )


def _unique(table: Table) -> list[UniqueConstraint]:
    return [constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint)]
