"""What came back of refunds is counted apart, and a payment knows which order for it is out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("milestones", sa.Column("owed_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("payments", sa.Column("attempt", sa.SmallInteger(), nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("payments", "attempt")
    op.drop_column("milestones", "owed_minor")
