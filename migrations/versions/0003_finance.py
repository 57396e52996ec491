"""Entries by instant, days of their own, closed months and proposed adjustments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.immutability import triggers
from persistence import columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_dated_entries",
        sa.Column("entry_id", columns.Id("en"), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("recorded_at", columns.UtcDateTime(), nullable=False),
        sa.Column("belongs_to", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_ledger_dated_entries")),
        sqlite_with_rowid=False,
        **columns.TABLE_OPTIONS,
    )
    for column in ("value_date", "recorded_at"):
        name = op.f(f"ix_ledger_dated_entries_{column}_entry_id")
        op.create_index(name, "ledger_dated_entries", [column, "entry_id"])
    op.execute(_THOSE_THERE_ARE)
    op.create_table(
        "ledger_period_acts",
        sa.Column("period", columns.ascii_text(7), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("act", columns.ascii_text(16), nullable=False),
        sa.Column("state", columns.ascii_text(12), nullable=False),
        sa.Column("actor", columns.ascii_text(40), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("acted_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("period", "number", name=op.f("pk_ledger_period_acts")),
        sqlite_with_rowid=False,
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "ledger_adjustments",
        sa.Column("id", columns.Id("aj"), nullable=False),
        sa.Column("state", columns.ascii_text(12), nullable=False),
        sa.Column("lines", columns.Json(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("carry_over", sa.Boolean(), nullable=False),
        sa.Column("proposed_by", columns.ascii_text(40), nullable=False),
        sa.Column("proposed_at", columns.UtcDateTime(), nullable=False),
        sa.Column("decided_by", columns.ascii_text(40), nullable=True),
        sa.Column("decided_at", columns.UtcDateTime(), nullable=True),
        sa.Column("decision", sa.String(length=500), nullable=True),
        sa.Column("entry_id", columns.Id("en"), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_adjustments")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_ledger_adjustments_state_id"), "ledger_adjustments", ["state", "id"])
    for statement in triggers(op.get_bind().dialect.name, "ledger_dated_entries", "ledger_period_acts"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("ledger_adjustments")
    op.drop_table("ledger_period_acts")
    op.drop_table("ledger_dated_entries")


_THOSE_THERE_ARE = (
    "INSERT INTO ledger_dated_entries (entry_id, value_date, recorded_at)"
    " SELECT id, value_date, recorded_at FROM ledger_entries WHERE value_date <> DATE(recorded_at)"
)
