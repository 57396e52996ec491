"""What was released may go back to the client, and the worker owes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None

_COUNTED = ("given_back_minor", "worker_fee_returned_minor")


def upgrade() -> None:
    with op.batch_alter_table("milestones") as table:
        for name in _COUNTED:
            table.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "clawbacks",
        sa.Column("id", columns.Id("cw"), nullable=False),
        sa.Column("refund_id", columns.Id("rf"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("worker_id", columns.Id("us"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("recovered_minor", sa.BigInteger(), nullable=False),
        sa.Column("forgiven_minor", sa.BigInteger(), nullable=False),
        sa.Column("ordered_by", columns.Id("us"), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("ordered_at", columns.UtcDateTime(), nullable=False),
        sa.Column("decided_by", columns.Id("us"), nullable=True),
        sa.Column("decision", sa.String(500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clawbacks")),
        sa.UniqueConstraint("refund_id", name=op.f("uq_clawbacks_refund_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_clawbacks_milestone_id"), "clawbacks", ["milestone_id"])
    op.create_index(op.f("ix_clawbacks_worker_id"), "clawbacks", ["worker_id"])
    with op.batch_alter_table("transfer_reversals") as table:
        table.add_column(sa.Column("clawback_id", columns.Id("cw"), nullable=True))
    # What is due is done under the name that it has now.
    op.execute("UPDATE due_work SET kind = 'recover_debt' WHERE kind = 'recover_chargeback'")


def downgrade() -> None:
    op.execute("UPDATE due_work SET kind = 'recover_chargeback' WHERE kind = 'recover_debt'")
    with op.batch_alter_table("transfer_reversals") as table:
        table.drop_column("clawback_id")
    op.drop_table("clawbacks")
    with op.batch_alter_table("milestones") as table:
        for name in _COUNTED:
            table.drop_column(name)
