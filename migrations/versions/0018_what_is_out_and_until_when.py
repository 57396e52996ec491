"""How many calls of an order are over, until when a payment can be paid, and until when a run has seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ORDERS = (
    "payment_customers",
    "payments",
    "refunds",
    "chargeback_evidence",
    "payout_accounts",
    "transfers",
    "payouts",
    "transfer_reversals",
)


def upgrade() -> None:
    for table in _ORDERS:
        op.add_column(table, sa.Column("calls_over", sa.Integer(), nullable=False, server_default="0"))
        # Of what may be out nobody knows which calls were turned away: none is over.
        op.execute(f"UPDATE {table} SET calls_over = calls WHERE out_since IS NULL")  # noqa: S608 - a name of ours
    op.add_column("payments", sa.Column("means_until", columns.UtcDateTime(), nullable=True))
    op.add_column("payments", sa.Column("capture_asked_at", columns.UtcDateTime(), nullable=True))
    # Nothing was ever sent for a client of whom the gateway has no record.
    op.execute(
        "UPDATE payments SET out_since = NULL, called_at = NULL WHERE gateway_id IS NULL AND NOT EXISTS ("
        "SELECT 1 FROM payment_customers AS known WHERE known.user_id = payments.client_id"
        " AND known.gateway = payments.gateway AND known.gateway_id IS NOT NULL)"
    )
    op.add_column("reconciliation_runs", sa.Column("listed_until", columns.UtcDateTime(), nullable=True))
    op.execute("UPDATE reconciliation_runs SET listed_until = began_at")
    with op.batch_alter_table("reconciliation_runs") as table:
        table.alter_column("listed_until", existing_type=columns.UtcDateTime(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("reconciliation_runs") as table:
        table.drop_column("listed_until")
    with op.batch_alter_table("payments") as table:
        for name in ("capture_asked_at", "means_until"):
            table.drop_column(name)
    for name in reversed(_ORDERS):
        with op.batch_alter_table(name) as table:
            table.drop_column("calls_over")
