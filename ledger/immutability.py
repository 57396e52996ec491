"""What the database itself refuses: to change or delete anything in an append-only table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import DDL, UniqueConstraint, event

from persistence.columns import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Table

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
    return [f"DROP TRIGGER {statement.split()[2]}" for statement in triggers(dialect, *names)]


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
