"""A worker's account may leave us, and another takes its place."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_INSTANTS = ("left_at", "returned_at", "reminded_at")


def upgrade() -> None:
    with op.batch_alter_table("payout_accounts") as table:
        table.add_column(sa.Column("live_for", columns.Id("us"), nullable=True))
        for name in _INSTANTS:
            table.add_column(sa.Column(name, columns.UtcDateTime(), nullable=True))
        table.create_index(op.f("ix_payout_accounts_user_id_gateway"), ["user_id", "gateway"])
        table.create_index(op.f("ix_payout_accounts_left_at_id"), ["left_at", "id"])
        table.drop_constraint(op.f("uq_payout_accounts_user_id_gateway"), type_="unique")
        table.create_unique_constraint(op.f("uq_payout_accounts_live_for_gateway"), ["live_for", "gateway"])
    # Those that have left by now are found out by the daily look through their events, which asks for each of them.
    op.execute("UPDATE payout_accounts SET live_for = user_id")
    with op.batch_alter_table("transfers") as table:
        table.add_column(sa.Column("replaces", columns.Id("rv"), nullable=True))
        table.create_unique_constraint(op.f("uq_transfers_replaces"), ["replaces"])
    with op.batch_alter_table("transfer_reversals") as table:
        table.add_column(sa.Column("left_account_id", columns.Id("ac"), nullable=True))
        table.create_foreign_key(
            op.f("fk_transfer_reversals_left_account_id"), "payout_accounts", ["left_account_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("transfer_reversals") as table:
        table.drop_constraint(op.f("fk_transfer_reversals_left_account_id"), type_="foreignkey")
        table.drop_column("left_account_id")
    with op.batch_alter_table("transfers") as table:
        table.drop_constraint(op.f("uq_transfers_replaces"), type_="unique")
        table.drop_column("replaces")
    with op.batch_alter_table("payout_accounts") as table:
        table.drop_constraint(op.f("uq_payout_accounts_live_for_gateway"), type_="unique")
        table.create_unique_constraint(op.f("uq_payout_accounts_user_id_gateway"), ["user_id", "gateway"])
        table.drop_index(op.f("ix_payout_accounts_left_at_id"))
        table.drop_index(op.f("ix_payout_accounts_user_id_gateway"))
        for name in (*_INSTANTS, "live_for"):
            table.drop_column(name)
