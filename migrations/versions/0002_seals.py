"""Seals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.immutability import triggers
from persistence import columns

revision = "0002"
down_revision = "0009"
branch_labels = None
depends_on = None


def _bytes(length: int) -> sa.types.TypeEngine[bytes]:
    fixed = sa.BINARY(length=length)
    return sa.LargeBinary(length=length).with_variant(fixed, "mariadb").with_variant(fixed, "mysql")


def upgrade() -> None:
    op.create_index(op.f("ix_ledger_entries_recorded_at_id"), "ledger_entries", ["recorded_at", "id"])
    op.create_table(
        "ledger_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("previous", _bytes(32), nullable=False),
        sa.Column("root", _bytes(32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("first_recorded_at", columns.UtcDateTime(), nullable=False),
        sa.Column("last_recorded_at", columns.UtcDateTime(), nullable=False),
        sa.Column("sealed_at", columns.UtcDateTime(), nullable=False),
        sa.Column("key_id", columns.ascii_text(16), nullable=False),
        sa.Column("seed", _bytes(32), nullable=False),
        sa.Column("signature", _bytes(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ledger_seals")),
        info={"append_only": True},
        sqlite_with_rowid=False,
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "ledger_seal_leaves",
        sa.Column("entry_id", columns.Id("en"), nullable=False),
        sa.Column("seal", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("leaf", _bytes(32), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_ledger_seal_leaves")),
        sa.UniqueConstraint("seal", "position", name=op.f("uq_ledger_seal_leaves_seal_position")),
        info={"append_only": True},
        sqlite_with_rowid=False,
        **columns.TABLE_OPTIONS,
    )
    for statement in triggers(op.get_bind().dialect.name, "ledger_seals", "ledger_seal_leaves"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("ledger_seal_leaves")
    op.drop_table("ledger_seals")
    op.drop_index(op.f("ix_ledger_entries_recorded_at_id"), table_name="ledger_entries")
