"""Of a chargeback is kept when the gateway had last changed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("chargebacks", sa.Column("as_of", columns.UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("chargebacks") as table:
        table.drop_column("as_of")
