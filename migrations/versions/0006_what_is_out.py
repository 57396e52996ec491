"""What every order to a gateway keeps of its sending."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0006"
down_revision = "0003"
branch_labels = None
depends_on = None

# Since when an order may be out, as the rows said it until now, and those of which that is not known to be over.
_ORDERS = {
    "transfers": ("ordered_at", "('waiting', 'ordered', 'unknown')"),
    "payouts": ("ordered_at", "('reserved', 'unknown')"),
    "refunds": ("sent_at", "('ordered', 'unknown')"),
}


def upgrade() -> None:
    for table, (since, unanswered) in _ORDERS.items():
        op.add_column(table, sa.Column("calls", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(table, sa.Column("out_since", columns.UtcDateTime(), nullable=True))
        op.add_column(table, sa.Column("called_at", columns.UtcDateTime(), nullable=True))
        op.execute(
            f"UPDATE {table} SET out_since = {since}, called_at = {since} WHERE state IN {unanswered}"  # noqa: S608
        )
    # What was refused under a key gets the next one; order-again no longer counts on by itself.
    op.execute("UPDATE transfers SET attempt = attempt + 1 WHERE state = 'failed'")
    op.drop_column("transfers", "ordered_at")
    op.drop_column("payouts", "ordered_at")


def downgrade() -> None:
    op.add_column("transfers", sa.Column("ordered_at", columns.UtcDateTime(), nullable=True))
    op.add_column("payouts", sa.Column("ordered_at", columns.UtcDateTime(), nullable=True))
    op.execute("UPDATE transfers SET ordered_at = COALESCE(out_since, created_at)")
    op.execute("UPDATE payouts SET ordered_at = COALESCE(out_since, requested_at)")
    for table in _ORDERS:
        for name in ("calls", "out_since", "called_at"):
            op.drop_column(table, name)
