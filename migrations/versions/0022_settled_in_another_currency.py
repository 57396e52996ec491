"""What gateways settle in another currency than the client was charged in, and what of it is not changed back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, kind in (
        ("gateway_fee_currency", columns.ascii_text(3)),
        ("received_currency", columns.ascii_text(3)),
        ("received_minor", sa.BigInteger()),
        ("exchange_rate", columns.ascii_text(32)),
        ("converted_into", columns.ascii_text(3)),
    ):
        op.add_column("payments", sa.Column(name, kind, nullable=True))
    for name in ("converted_minor", "converted_into_minor"):
        op.add_column("payments", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    for table in ("refunds", "chargeback_lines"):
        op.add_column(table, sa.Column("taken_currency", columns.ascii_text(3), nullable=True))
        op.add_column(table, sa.Column("taken_minor", sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("exchange_rate", columns.ascii_text(32), nullable=True))
    op.add_column("refunds", sa.Column("returned_minor", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("refunds") as table:
        table.drop_column("returned_minor")
    for name in ("chargeback_lines", "refunds"):
        with op.batch_alter_table(name) as table:
            for column in ("exchange_rate", "taken_minor", "taken_currency"):
                table.drop_column(column)
    with op.batch_alter_table("payments") as table:
        for column in (
            "converted_into_minor",
            "converted_minor",
            "converted_into",
            "exchange_rate",
            "received_minor",
            "received_currency",
            "gateway_fee_currency",
        ):
            table.drop_column(column)
