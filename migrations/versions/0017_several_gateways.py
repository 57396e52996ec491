"""A payment may go through one of several gateways, and keeps how it is paid and whether anything of it is out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gateway_outages",
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("since", columns.UtcDateTime(), nullable=False),
        sa.Column("last_at", columns.UtcDateTime(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", name=op.f("pk_gateway_outages")),
        **columns.TABLE_OPTIONS,
    )
    op.add_column(
        "payments", sa.Column("method", columns.ascii_text(16), nullable=False, server_default="card")
    )
    op.add_column("payments", sa.Column("calls", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("payments", sa.Column("out_since", columns.UtcDateTime(), nullable=True))
    op.add_column("payments", sa.Column("called_at", columns.UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_webhook_events_gateway_object_id"), "webhook_events", ["gateway", "object_id"])
    # Of what was ordered before, nobody knows whether it was sent: it stays where it is.
    op.execute("UPDATE payments SET out_since = ordered_at, called_at = ordered_at")


def downgrade() -> None:
    with op.batch_alter_table("payments") as table:
        for name in ("called_at", "out_since", "calls", "method"):
            table.drop_column(name)
    op.drop_index(op.f("ix_webhook_events_gateway_object_id"), "webhook_events")
    op.drop_table("gateway_outages")
