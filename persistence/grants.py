"""What the service's own database user may do: read and write, but never change what is append-only."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table


def grant_statements(metadata: MetaData, user: str, database: str) -> list[str]:
    """What `user` (such as `'holdfast'@'%'`) needs, one GRANT for each table, and nothing beyond."""
    # Whether the schema is up to date is looked at by whoever asks for readiness, and changed by migrations alone.
    version = f"GRANT SELECT ON `{database}`.`alembic_version` TO {user}"
    tables = (
        f"GRANT {_privileges(table)} ON `{database}`.`{table.name}` TO {user}"
        for table in metadata.sorted_tables
    )
    return [version, *tables]


def _privileges(table: Table) -> str:
    return "SELECT, INSERT" if table.info.get("append_only") else "SELECT, INSERT, UPDATE, DELETE"
