"""Money is held until a day that is known from the beginning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What is held already keeps no clock: nobody was told of one when it was paid.
    with op.batch_alter_table("contracts") as table:
        table.add_column(sa.Column("holding_days", sa.SmallInteger(), nullable=True))
    with op.batch_alter_table("milestones") as table:
        table.add_column(sa.Column("hold_until", columns.UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("milestones") as table:
        table.drop_column("hold_until")
    with op.batch_alter_table("contracts") as table:
        table.drop_column("holding_days")
