"""Instant payouts with a fee, what lies at workers' accounts, and payouts that are made by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "payout_accounts", sa.Column("takes_instant", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column(
        "payouts", sa.Column("method", columns.ascii_text(8), nullable=False, server_default="standard")
    )
    op.add_column("payouts", sa.Column("fee_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(
        "payouts", sa.Column("by_schedule", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("payout_parts", sa.Column("fee_minor", sa.BigInteger(), nullable=False, server_default="0"))
    with op.batch_alter_table("transfer_reversals") as table:
        table.alter_column("chargeback_id", existing_type=columns.Id("cb"), nullable=True)
        table.add_column(sa.Column("payout_id", columns.Id("po"), nullable=True))
        table.create_foreign_key(op.f("fk_transfer_reversals_payout_id"), "payouts", ["payout_id"], ["id"])
        table.create_unique_constraint(
            op.f("uq_transfer_reversals_payout_id_transfer_id"), ["payout_id", "transfer_id"]
        )
    op.create_table(
        "connected_balances",
        sa.Column("account_id", columns.Id("ac"), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("available_minor", sa.BigInteger(), nullable=False),
        sa.Column("pending_minor", sa.BigInteger(), nullable=False),
        sa.Column("instant_minor", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", columns.UtcDateTime(), nullable=False),
        sa.Column("negative_since", columns.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["payout_accounts.id"], name=op.f("fk_connected_balances_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "currency", name=op.f("pk_connected_balances")),
        **columns.TABLE_OPTIONS,
    )

    _schedules()


def _schedules() -> None:
    op.create_table(
        "payout_schedules",
        sa.Column("id", columns.Id("ps"), nullable=False),
        sa.Column("worker_id", columns.Id("us"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("interval", columns.ascii_text(12), nullable=False),
        *_chosen(),
        sa.Column("next_at", columns.UtcDateTime(), nullable=True),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_schedules")),
        sa.UniqueConstraint("worker_id", "gateway", name=op.f("uq_payout_schedules_worker_id_gateway")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_payout_schedules_next_at_id"), "payout_schedules", ["next_at", "id"])
    op.create_table(
        "payout_schedule_changes",
        sa.Column("schedule_id", columns.Id("ps"), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("interval", columns.ascii_text(12), nullable=False),
        *_chosen(),
        sa.Column("actor", columns.ascii_text(40), nullable=False),
        sa.Column("changed_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["payout_schedules.id"], name=op.f("fk_payout_schedule_changes_schedule_id")
        ),
        sa.PrimaryKeyConstraint("schedule_id", "number", name=op.f("pk_payout_schedule_changes")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "payout_schedule_runs",
        sa.Column("schedule_id", columns.Id("ps"), nullable=False),
        sa.Column("period", columns.ascii_text(10), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("outcome", columns.ascii_text(24), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("payout_id", columns.Id("po"), nullable=True),
        sa.Column("ran_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["payout_schedules.id"], name=op.f("fk_payout_schedule_runs_schedule_id")
        ),
        sa.ForeignKeyConstraint(
            ["payout_id"], ["payouts.id"], name=op.f("fk_payout_schedule_runs_payout_id")
        ),
        sa.PrimaryKeyConstraint("schedule_id", "period", "currency", name=op.f("pk_payout_schedule_runs")),
        **columns.TABLE_OPTIONS,
    )


def _chosen() -> tuple[sa.Column[int], sa.Column[int], sa.Column[str]]:
    return (
        sa.Column("weekday", sa.SmallInteger(), nullable=True),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=True),
        sa.Column("minimum_currency", columns.ascii_text(3), nullable=True),
    )


def downgrade() -> None:
    op.drop_table("payout_schedule_runs")
    op.drop_table("payout_schedule_changes")
    op.drop_table("payout_schedules")
    op.drop_table("connected_balances")
    with op.batch_alter_table("transfer_reversals") as table:
        table.drop_constraint(op.f("fk_transfer_reversals_payout_id"), type_="foreignkey")
        table.drop_constraint(op.f("uq_transfer_reversals_payout_id_transfer_id"), type_="unique")
        table.drop_column("payout_id")
        table.alter_column("chargeback_id", existing_type=columns.Id("cb"), nullable=False)
    with op.batch_alter_table("payout_parts") as table:
        table.drop_column("fee_minor")
    with op.batch_alter_table("payouts") as table:
        for column in ("by_schedule", "fee_minor", "method"):
            table.drop_column(column)
    with op.batch_alter_table("payout_accounts") as table:
        table.drop_column("takes_instant")
