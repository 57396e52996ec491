"""What gateways list, both sides of every item, breaks, runs, reports and statements about solvency."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from ledger.immutability import triggers
from persistence import columns

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reconciliation_break_acts",
        sa.Column("break_id", columns.Id("bk"), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("act", columns.ascii_text(16), nullable=False),
        sa.Column("actor", columns.ascii_text(40), nullable=False),
        sa.Column("owner", columns.ascii_text(40), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("entry_id", columns.Id("en"), nullable=True),
        sa.Column("acted_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("break_id", "number", name=op.f("pk_reconciliation_break_acts")),
        sqlite_with_rowid=False,
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "reconciliation_breaks",
        sa.Column("id", columns.Id("bk"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("live_for", columns.ascii_text(132), nullable=True),
        sa.Column("item", columns.ascii_text(128), nullable=False),
        sa.Column("worker", columns.ascii_text(40), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("kind", columns.ascii_text(16), nullable=False),
        sa.Column("line_kind", columns.ascii_text(16), nullable=True),
        sa.Column("gateway_minor", sa.BigInteger(), nullable=False),
        sa.Column("books_minor", sa.BigInteger(), nullable=False),
        sa.Column("since", columns.UtcDateTime(), nullable=False),
        sa.Column("allowed_until", columns.UtcDateTime(), nullable=False),
        sa.Column("state", columns.ascii_text(12), nullable=False),
        sa.Column("owner", columns.ascii_text(40), nullable=True),
        sa.Column("opened_at", columns.UtcDateTime(), nullable=False),
        sa.Column("closed_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_breaks")),
        sa.UniqueConstraint("gateway", "live_for", name=op.f("uq_reconciliation_breaks_gateway_live_for")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(
        op.f("ix_reconciliation_breaks_gateway_item"), "reconciliation_breaks", ["gateway", "item"]
    )
    op.create_index(op.f("ix_reconciliation_breaks_state_id"), "reconciliation_breaks", ["state", "id"])

    op.create_table(
        "reconciliation_lines",
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("account", columns.ascii_text(64), nullable=False),
        sa.Column("line_id", columns.ascii_text(64), nullable=False),
        sa.Column("worker", columns.ascii_text(40), nullable=False),
        sa.Column("kind", columns.ascii_text(16), nullable=False),
        sa.Column("type", columns.ascii_text(64), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("available_on", columns.UtcDateTime(), nullable=False),
        sa.Column("source", columns.ascii_text(128), nullable=True),
        sa.Column("our_id", columns.ascii_text(64), nullable=True),
        sa.Column("transfer", columns.ascii_text(128), nullable=True),
        sa.Column("about", columns.ascii_text(80), nullable=False),
        sa.Column("seen_at", columns.UtcDateTime(), nullable=False),
        sa.Column("spread", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "account", "line_id", name=op.f("pk_reconciliation_lines")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(
        op.f("ix_reconciliation_lines_gateway_currency_created_at"),
        "reconciliation_lines",
        ["gateway", "currency", "created_at"],
    )
    op.create_index(
        op.f("ix_reconciliation_lines_gateway_source"), "reconciliation_lines", ["gateway", "source"]
    )
    op.create_index(
        op.f("ix_reconciliation_lines_gateway_spread_account_line_id"),
        "reconciliation_lines",
        ["gateway", "spread", "account", "line_id"],
    )

    op.create_table(
        "reconciliation_parts",
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("item", columns.ascii_text(128), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("side", columns.ascii_text(8), nullable=False),
        sa.Column("ref", columns.ascii_text(80), nullable=False),
        sa.Column("worker", columns.ascii_text(40), nullable=False),
        sa.Column("kind", columns.ascii_text(40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", columns.UtcDateTime(), nullable=False),
        sa.Column("seen_at", columns.UtcDateTime(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint(
            "gateway", "item", "currency", "side", "ref", name=op.f("pk_reconciliation_parts")
        ),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(
        op.f("ix_reconciliation_parts_gateway_open_item_currency"),
        "reconciliation_parts",
        ["gateway", "open", "item", "currency"],
    )

    op.create_table(
        "reconciliation_reads",
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("source", columns.ascii_text(64), nullable=False),
        sa.Column("worker", columns.ascii_text(40), nullable=False),
        sa.Column("read_to", columns.UtcDateTime(), nullable=True),
        sa.Column("since", columns.UtcDateTime(), nullable=True),
        sa.Column("after", columns.ascii_text(128), nullable=True),
        sa.Column("newest", columns.UtcDateTime(), nullable=True),
        sa.Column("run_id", columns.Id("rn"), nullable=True),
        sa.PrimaryKeyConstraint("gateway", "source", name=op.f("pk_reconciliation_reads")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "reconciliation_reports",
        sa.Column("run_id", columns.Id("rn"), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("known_at", columns.UtcDateTime(), nullable=False),
        sa.Column("said", columns.Json(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "currency", name=op.f("pk_reconciliation_reports")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "reconciliation_runs",
        sa.Column("id", columns.Id("rn"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("live_for", columns.ascii_text(8), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("state", columns.ascii_text(12), nullable=False),
        sa.Column("began_at", columns.UtcDateTime(), nullable=False),
        sa.Column("known_at", columns.UtcDateTime(), nullable=True),
        sa.Column("finished_at", columns.UtcDateTime(), nullable=True),
        sa.Column("started_by", columns.ascii_text(40), nullable=False),
        sa.Column("balances_before", columns.Json(), nullable=True),
        sa.Column("balances_after", columns.Json(), nullable=True),
        sa.Column("compared_to", columns.ascii_text(132), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_runs")),
        sa.UniqueConstraint("gateway", "live_for", name=op.f("uq_reconciliation_runs_gateway_live_for")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_reconciliation_runs_gateway_id"), "reconciliation_runs", ["gateway", "id"])

    op.create_table(
        "reconciliation_statements",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", columns.Id("rn"), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("state", columns.ascii_text(8), nullable=False),
        sa.Column("stated", columns.Json(), nullable=False),
        sa.Column("key_id", columns.ascii_text(16), nullable=False),
        sa.Column(
            "hash",
            sa.LargeBinary(length=32)
            .with_variant(sa.BINARY(length=32), "mariadb")
            .with_variant(sa.BINARY(length=32), "mysql"),
            nullable=False,
        ),
        sa.Column(
            "signature",
            sa.LargeBinary(length=64)
            .with_variant(sa.BINARY(length=64), "mariadb")
            .with_variant(sa.BINARY(length=64), "mysql"),
            nullable=False,
        ),
        sa.Column("made_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_reconciliation_statements")),
        sa.UniqueConstraint("run_id", "currency", name=op.f("uq_reconciliation_statements_run_id_currency")),
        sqlite_with_rowid=False,
        **columns.TABLE_OPTIONS,
    )
    for statement in triggers(
        op.get_bind().dialect.name, "reconciliation_break_acts", "reconciliation_statements"
    ):
        op.execute(statement)


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)


_TABLES = (
    "reconciliation_reads",
    "reconciliation_lines",
    "reconciliation_parts",
    "reconciliation_breaks",
    "reconciliation_break_acts",
    "reconciliation_runs",
    "reconciliation_reports",
    "reconciliation_statements",
)
