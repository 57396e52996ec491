"""The ledger's tables without foreign keys, and its accounts as unchangeable as its entries."""

from __future__ import annotations

from alembic import op

from ledger.immutability import dropped_triggers, triggers

revision = "0004"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEYS = {
    # The lines first: while they name entries, SQLite lets nobody make the entries anew.
    "ledger_postings": (("account_id", "ledger_accounts"), ("entry_id", "ledger_entries")),
    "ledger_balances": (("account_id", "ledger_accounts"),),
    "ledger_entries": (("resolves_id", "ledger_entries"), ("reverses_id", "ledger_entries")),
}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect != "sqlite":
        for table, keys in _KEYS.items():
            for column, _ in keys:
                op.drop_constraint(f"fk_{table}_{column}", table, type_="foreignkey")
    else:
        for table, keys in _KEYS.items():
            # Made anew and without a hidden row number; the triggers go with the old table.
            with op.batch_alter_table(
                table, recreate="always", table_kwargs={"sqlite_with_rowid": False}
            ) as batch:
                for column, _ in keys:
                    batch.drop_constraint(f"fk_{table}_{column}", type_="foreignkey")
        for statement in triggers(dialect, "ledger_entries", "ledger_postings"):
            op.execute(statement)
    for statement in triggers(dialect, "ledger_accounts"):
        op.execute(statement)


def downgrade() -> None:
    dialect = op.get_bind().dialect.name
    for statement in dropped_triggers(dialect, "ledger_accounts"):
        op.execute(statement)
    for table, keys in reversed(_KEYS.items()):
        if dialect != "sqlite":
            for column, other in keys:
                op.create_foreign_key(f"fk_{table}_{column}", table, other, [column], ["id"])
        else:
            with op.batch_alter_table(
                table, recreate="always", table_kwargs={"sqlite_with_rowid": table != "ledger_entries"}
            ) as batch:
                for column, other in keys:
                    batch.create_foreign_key(f"fk_{table}_{column}", other, [column], ["id"])
    if dialect == "sqlite":
        for statement in triggers(dialect, "ledger_entries", "ledger_postings"):
            op.execute(statement)
