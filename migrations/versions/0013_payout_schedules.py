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


def downgrade() -> None:
    op.drop_table("connected_balances")
    with op.batch_alter_table("transfer_reversals") as table:
        table.drop_constraint(op.f("fk_transfer_reversals_payout_id"), type_="foreignkey")
        table.drop_constraint(op.f("uq_transfer_reversals_payout_id_transfer_id"), type_="unique")
        table.drop_column("payout_id")
        table.alter_column("chargeback_id", existing_type=columns.Id("cb"), nullable=False)
    with op.batch_alter_table("payout_parts") as table:
        table.drop_column("fee_minor")
    with op.batch_alter_table("payouts") as table:
        table.drop_column("fee_minor")
        table.drop_column("method")
    with op.batch_alter_table("payout_accounts") as table:
        table.drop_column("takes_instant")
