"""A bank is answered once in each stage of a chargeback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TABLE = "chargeback_evidence"


def upgrade() -> None:
    op.add_column(
        _TABLE, sa.Column("stage", columns.ascii_text(24), nullable=False, server_default="needs_response")
    )
    # What it answered that is over nobody knows any more: the chargeback itself, most of the time.
    op.execute(
        "UPDATE chargeback_evidence SET stage = (SELECT asked.state FROM chargebacks AS asked"
        " WHERE asked.id = chargeback_evidence.chargeback_id) WHERE chargeback_id IN (SELECT known.id"
        " FROM chargebacks AS known WHERE known.state IN ('inquiry', 'appeal_needs_response'))"
    )
    with op.batch_alter_table(_TABLE) as table:
        table.alter_column(
            "stage", existing_type=columns.ascii_text(24), existing_nullable=False, server_default=None
        )
        table.create_unique_constraint(
            op.f("uq_chargeback_evidence_chargeback_id_stage"), ["chargeback_id", "stage"]
        )
        table.drop_constraint(op.f("uq_chargeback_evidence_chargeback_id"), type_="unique")


def downgrade() -> None:
    with op.batch_alter_table(_TABLE) as table:
        table.create_unique_constraint(op.f("uq_chargeback_evidence_chargeback_id"), ["chargeback_id"])
        table.drop_constraint(op.f("uq_chargeback_evidence_chargeback_id_stage"), type_="unique")
    with op.batch_alter_table(_TABLE) as table:
        table.drop_column("stage")
