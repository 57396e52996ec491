"""What is ours is paid out by two people's decision, and what a gateway pays out by itself is taken note of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "own_payouts",
        sa.Column("id", columns.Id("op"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("live_for", columns.ascii_text(3), nullable=True),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=True),
        sa.Column("proposed_by", columns.Id("us"), nullable=True),
        sa.Column("proposed_at", columns.UtcDateTime(), nullable=False),
        sa.Column("decided_by", columns.Id("us"), nullable=True),
        sa.Column("decided_at", columns.UtcDateTime(), nullable=True),
        sa.Column("decision", sa.String(500), nullable=True),
        sa.Column("arrives_on", columns.UtcDateTime(), nullable=True),
        sa.Column("failure_code", columns.ascii_text(64), nullable=True),
        sa.Column("finished_at", columns.UtcDateTime(), nullable=True),
        sa.Column("carried_minor", sa.BigInteger(), nullable=True),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("calls_over", sa.Integer(), nullable=False),
        sa.Column("out_since", columns.UtcDateTime(), nullable=True),
        sa.Column("called_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_payouts")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_own_payouts_gateway_gateway_id")),
        sa.UniqueConstraint("live_for", name=op.f("uq_own_payouts_live_for")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_own_payouts_state_id"), "own_payouts", ["state", "id"])


def downgrade() -> None:
    op.drop_table("own_payouts")
