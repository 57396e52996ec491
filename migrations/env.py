"""How the tables are brought up to date: `alembic upgrade head`, on the database named by DATABASE_URL."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from alembic import context

from persistence import columns
from persistence.columns import Base
from persistence.engine import Database

ROOT = Path(__file__).parent.parent

for _tables in sorted(ROOT.glob("*/tables.py")):
    importlib.import_module(f"{_tables.parent.name}.tables")


def _url() -> str:
    named = context.config.get_main_option("sqlalchemy.url") or os.environ.get("DATABASE_URL")
    if not named:
        raise SystemExit("DATABASE_URL is missing: name the database that is to be brought up to date.")
    return named


def _written(kind: str, item: Any, context: Any) -> str | bool:
    if kind != "type" or type(item).__module__ != columns.__name__:
        return False
    context.imports.add("from persistence import columns")
    if isinstance(item, columns.Id):
        return f'columns.Id("{item.prefix}")'
    if isinstance(item, columns.AsciiText):
        return f"columns.ascii_text({item.length})"
    return f"columns.{type(item).__name__}()"


with Database.connect(_url()).engine.connect() as _connection:
    context.configure(
        connection=_connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_item=_written,
        # SQLite cannot alter a column in place.
        render_as_batch=_connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()
