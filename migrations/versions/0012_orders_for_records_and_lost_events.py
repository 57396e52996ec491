"""Orders for records know whether they may be out, and lost events are looked for."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = ("payment_customers", "payout_accounts")
# What is still open is listed for staff.
_INDEXES = (
    ("payments", ("state", "id")),
    ("refunds", ("state", "id")),
    ("due_work", ("subject", "state")),
)


def upgrade() -> None:
    for name in _TABLES:
        op.add_column(name, sa.Column("attempt", sa.SmallInteger(), nullable=False, server_default="1"))
        op.add_column(name, sa.Column("calls", sa.Integer(), nullable=False, server_default="0"))
        op.add_column(name, sa.Column("out_since", columns.UtcDateTime(), nullable=True))
        op.add_column(name, sa.Column("called_at", columns.UtcDateTime(), nullable=True))
        _may_be_out(name)
    op.add_column(
        "webhook_events", sa.Column("swept", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("refunds", sa.Column("late", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "event_sweeps",
        sa.Column("id", columns.Id("es"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("account", columns.ascii_text(64), nullable=False),
        sa.Column("swept_until", columns.UtcDateTime(), nullable=True),
        sa.Column("since", columns.UtcDateTime(), nullable=True),
        sa.Column("until", columns.UtcDateTime(), nullable=True),
        sa.Column("after", columns.ascii_text(128), nullable=True),
        sa.Column("blind_since", columns.UtcDateTime(), nullable=True),
        sa.Column("blind_until", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_sweeps")),
        sa.UniqueConstraint("account", "gateway", name=op.f("uq_event_sweeps_account_gateway")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_event_sweeps_gateway_swept_until"), "event_sweeps", ["gateway", "swept_until"])
    for name, fields in _INDEXES:
        op.create_index(op.f(f"ix_{name}_{'_'.join(fields)}"), name, list(fields))


def _may_be_out(name: str) -> None:
    # Nobody wrote down when these went out: the gateway is asked for each before another one goes, from when its id
    # was made on.
    orders = sa.table(
        name,
        sa.column("id", sa.LargeBinary()),
        sa.column("gateway_id"),
        sa.column("out_since", columns.UtcDateTime()),
        sa.column("called_at", columns.UtcDateTime()),
    )
    connection = op.get_bind()
    for (made,) in connection.execute(sa.select(orders.c.id).where(orders.c.gateway_id.is_(None))).all():
        instant = datetime.fromtimestamp(int.from_bytes(made[:6], "big") / 1000, UTC)
        connection.execute(
            orders.update().where(orders.c.id == made).values(out_since=instant, called_at=instant)
        )


def downgrade() -> None:
    for name, fields in reversed(_INDEXES):
        op.drop_index(op.f(f"ix_{name}_{'_'.join(fields)}"), table_name=name)
    op.drop_table("event_sweeps")
    op.drop_column("refunds", "late")
    op.drop_column("webhook_events", "swept")
    for name in _TABLES:
        with op.batch_alter_table(name) as table:
            for column in ("called_at", "out_since", "calls", "attempt"):
                table.drop_column(column)
