"""How often work was begun, how often others failed it, and subjects as long as a gateway's ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("due_work") as table:
        table.add_column(sa.Column("begun", sa.SmallInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("outages", sa.SmallInteger(), nullable=False, server_default="0"))
        table.alter_column(
            "subject",
            existing_type=columns.ascii_text(40),
            type_=columns.ascii_text(128),
            existing_nullable=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("due_work") as table:
        table.alter_column(
            "subject",
            existing_type=columns.ascii_text(128),
            type_=columns.ascii_text(40),
            existing_nullable=False,
        )
        table.drop_column("outages")
        table.drop_column("begun")
