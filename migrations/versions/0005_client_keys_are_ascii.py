"""Clients' keys are ASCII, compared byte by byte, like every other key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nothing but visible ASCII was ever let in.
    with op.batch_alter_table("idempotency_keys") as table:
        table.alter_column(
            "client_key",
            existing_type=sa.String(length=255),
            type_=columns.ascii_text(255),
            existing_nullable=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("idempotency_keys") as table:
        table.alter_column(
            "client_key",
            existing_type=columns.ascii_text(255),
            type_=sa.String(length=255),
            existing_nullable=False,
        )
