"""What clients' banks take back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0010"
down_revision = "0006"
branch_labels = None
depends_on = None

_SHARES = ("held", "owed", "worker", "client_fee", "worker_fee", "lost")


def upgrade() -> None:
    with op.batch_alter_table("milestones") as table:
        table.add_column(sa.Column("charged_back_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "chargebacks",
        sa.Column("id", columns.Id("cb"), nullable=False),
        sa.Column("payment_id", columns.Id("py"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("worker_id", columns.Id("us"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("kind", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=False),
        sa.Column("state", columns.ascii_text(24), nullable=False),
        sa.Column("word", columns.ascii_text(64), nullable=False),
        sa.Column("reason", columns.ascii_text(64), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("recovered_minor", sa.BigInteger(), nullable=False),
        sa.Column("forgiven_minor", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", columns.UtcDateTime(), nullable=False),
        sa.Column("respond_by", columns.UtcDateTime(), nullable=True),
        sa.Column("decided_by", columns.Id("us"), nullable=True),
        sa.Column("decision", sa.String(500), nullable=True),
        sa.Column("closed_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chargebacks")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_chargebacks_gateway_gateway_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_chargebacks_milestone_id"), "chargebacks", ["milestone_id"])
    op.create_index(op.f("ix_chargebacks_worker_id"), "chargebacks", ["worker_id"])
    op.create_index(op.f("ix_chargebacks_state_respond_by"), "chargebacks", ["state", "respond_by"])
    op.create_table(
        "chargeback_lines",
        sa.Column("id", columns.Id("cl"), nullable=False),
        sa.Column("chargeback_id", columns.Id("cb"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("line_id", columns.ascii_text(64), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        *(sa.Column(f"{share}_minor", sa.BigInteger(), nullable=False) for share in _SHARES),
        sa.Column("entry_id", columns.Id("en"), nullable=False),
        sa.Column("booked_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chargeback_lines")),
        sa.UniqueConstraint("gateway", "line_id", name=op.f("uq_chargeback_lines_gateway_line_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_chargeback_lines_chargeback_id"), "chargeback_lines", ["chargeback_id"])
    op.create_index(op.f("ix_chargeback_lines_milestone_id"), "chargeback_lines", ["milestone_id"])
    op.create_table(
        "chargeback_evidence",
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("out_since", columns.UtcDateTime(), nullable=True),
        sa.Column("called_at", columns.UtcDateTime(), nullable=True),
        sa.Column("id", columns.Id("ce"), nullable=False),
        sa.Column("chargeback_id", columns.Id("cb"), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("fields", columns.Json(), nullable=False),
        sa.Column("drafted_by", columns.Id("us"), nullable=False),
        sa.Column("drafted_at", columns.UtcDateTime(), nullable=False),
        sa.Column("submitted_by", columns.Id("us"), nullable=True),
        sa.Column("submitted_at", columns.UtcDateTime(), nullable=True),
        sa.Column("failure_code", columns.ascii_text(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chargeback_evidence")),
        sa.UniqueConstraint("chargeback_id", name=op.f("uq_chargeback_evidence_chargeback_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "transfer_reversals",
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("out_since", columns.UtcDateTime(), nullable=True),
        sa.Column("called_at", columns.UtcDateTime(), nullable=True),
        sa.Column("id", columns.Id("rv"), nullable=False),
        sa.Column("transfer_id", columns.Id("tr"), nullable=False),
        sa.Column("chargeback_id", columns.Id("cb"), nullable=False),
        sa.Column("worker_id", columns.Id("us"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("failure_code", columns.ascii_text(64), nullable=True),
        sa.Column("ordered_at", columns.UtcDateTime(), nullable=False),
        sa.Column("finished_at", columns.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["transfers.id"], name=op.f("fk_transfer_reversals_transfer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_reversals")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_transfer_reversals_gateway_gateway_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_transfer_reversals_transfer_id"), "transfer_reversals", ["transfer_id"])
    op.create_index(op.f("ix_transfer_reversals_state_id"), "transfer_reversals", ["state", "id"])
    with op.batch_alter_table("transfers") as table:
        table.alter_column("release_id", existing_type=columns.Id("rl"), nullable=True)
        table.alter_column("source_charge", existing_type=columns.ascii_text(64), nullable=True)
        table.add_column(sa.Column("repays", columns.Id("cl"), nullable=True))
        table.create_unique_constraint(op.f("uq_transfers_repays"), ["repays"])


def downgrade() -> None:
    with op.batch_alter_table("transfers") as table:
        table.drop_constraint(op.f("uq_transfers_repays"), type_="unique")
        table.drop_column("repays")
        table.alter_column("source_charge", existing_type=columns.ascii_text(64), nullable=False)
        table.alter_column("release_id", existing_type=columns.Id("rl"), nullable=False)
    op.drop_table("transfer_reversals")
    op.drop_table("chargeback_evidence")
    op.drop_table("chargeback_lines")
    op.drop_table("chargebacks")
    with op.batch_alter_table("milestones") as table:
        table.drop_column("charged_back_minor")
