"""The money path."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from ledger.immutability import triggers
from ledger.tables import seed_lanes
from persistence import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contracts",
        sa.Column("id", columns.Id("ct"), nullable=False),
        sa.Column("client_id", columns.Id("us"), nullable=False),
        sa.Column("worker_id", columns.Id("us"), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("client_basis_points", sa.Integer(), nullable=True),
        sa.Column("worker_basis_points", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("offered_at", columns.UtcDateTime(), nullable=False),
        sa.Column("accepted_at", columns.UtcDateTime(), nullable=True),
        sa.Column("ended_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracts")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_contracts_client_id_id"), "contracts", ["client_id", "id"])
    op.create_index(op.f("ix_contracts_worker_id_id"), "contracts", ["worker_id", "id"])

    op.create_table(
        "disputes",
        sa.Column("id", columns.Id("dp"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("open_for", columns.Id("ms"), nullable=True),
        sa.Column("opened_by", columns.Id("us"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("opened_at", columns.UtcDateTime(), nullable=False),
        sa.Column("settled_by", columns.Id("us"), nullable=True),
        sa.Column("settled_at", columns.UtcDateTime(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("to_worker_minor", sa.BigInteger(), nullable=True),
        sa.Column("to_client_minor", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("open_for", name=op.f("uq_disputes_open_for")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_disputes_milestone_id_id"), "disputes", ["milestone_id", "id"])

    op.create_table(
        "due_work",
        sa.Column("id", columns.Id("du"), nullable=False),
        sa.Column("kind", columns.ascii_text(64), nullable=False),
        sa.Column("subject", columns.ascii_text(40), nullable=False),
        sa.Column("payload", columns.Json(), nullable=False),
        sa.Column("dedup_key", columns.ascii_text(160), nullable=False),
        sa.Column("due_at", columns.UtcDateTime(), nullable=False),
        sa.Column("state", columns.ascii_text(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due_work")),
        sa.UniqueConstraint("dedup_key", name=op.f("uq_due_work_dedup_key")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_due_work_state_due_at_id"), "due_work", ["state", "due_at", "id"])

    op.create_table(
        "idempotency_keys",
        sa.Column("id", columns.Id("ik"), nullable=False),
        sa.Column("owner", columns.ascii_text(40), nullable=False),
        sa.Column("client_key", sa.String(length=255), nullable=False),
        sa.Column(
            "fingerprint",
            sa.LargeBinary(length=32)
            .with_variant(sa.BINARY(length=32), "mariadb")
            .with_variant(sa.BINARY(length=32), "mysql"),
            nullable=False,
        ),
        sa.Column("recovery_point", columns.ascii_text(32), nullable=False),
        sa.Column("resource_id", columns.ascii_text(40), nullable=True),
        sa.Column("response_status", sa.SmallInteger(), nullable=True),
        sa.Column("response_headers", columns.Json(), nullable=True),
        sa.Column(
            "response_body",
            sa.Text().with_variant(mysql.MEDIUMTEXT(), "mariadb").with_variant(mysql.MEDIUMTEXT(), "mysql"),
            nullable=True,
        ),
        sa.Column("locked_until", columns.UtcDateTime(), nullable=True),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("expires_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_keys")),
        sa.UniqueConstraint("owner", "client_key", name=op.f("uq_idempotency_keys_owner_client_key")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_idempotency_keys_expires_at"), "idempotency_keys", ["expires_at"])

    op.create_table(
        "ledger_accounts",
        sa.Column(
            "id",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("code", columns.ascii_text(96), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("normal", columns.ascii_text(6), nullable=False),
        sa.Column("floor", sa.Boolean(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_accounts")),
        sa.UniqueConstraint("code", "currency", name=op.f("uq_ledger_accounts_code_currency")),
        comment="One row for every account that was ever touched",
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "ledger_entries",
        sa.Column("id", columns.Id("en"), nullable=False),
        sa.Column("movement", columns.ascii_text(40), nullable=False),
        sa.Column("phase", columns.ascii_text(12), nullable=False),
        sa.Column("reference", columns.ascii_text(80), nullable=False),
        sa.Column("actor", columns.ascii_text(40), nullable=False),
        sa.Column("approved_by", columns.ascii_text(40), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=True),
        sa.Column("idempotency_key", columns.ascii_text(160), nullable=False),
        sa.Column(
            "fingerprint",
            sa.LargeBinary(length=32)
            .with_variant(sa.BINARY(length=32), "mariadb")
            .with_variant(sa.BINARY(length=32), "mysql"),
            nullable=False,
        ),
        sa.Column("value_date", sa.Date(), nullable=False),
        sa.Column("recorded_at", columns.UtcDateTime(), nullable=False),
        sa.Column("resolves_id", columns.Id("en"), nullable=True),
        sa.Column("reverses_id", columns.Id("en"), nullable=True),
        sa.ForeignKeyConstraint(
            ["resolves_id"], ["ledger_entries.id"], name=op.f("fk_ledger_entries_resolves_id")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["ledger_entries.id"], name=op.f("fk_ledger_entries_reverses_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_ledger_entries_idempotency_key")),
        sa.UniqueConstraint("resolves_id", name=op.f("uq_ledger_entries_resolves_id")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_entries_reverses_id")),
        info={"append_only": True},
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_ledger_entries_reference_id"), "ledger_entries", ["reference", "id"])

    op.create_table(
        "ledger_lanes",
        sa.Column("lane", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_ledger_lanes")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "milestones",
        sa.Column("id", columns.Id("ms"), nullable=False),
        sa.Column("contract_id", columns.Id("ct"), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("client_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("released_minor", sa.BigInteger(), nullable=False),
        sa.Column("worker_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("client_fee_returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("submission_id", columns.Id("sb"), nullable=True),
        sa.Column("deadline_at", columns.UtcDateTime(), nullable=True),
        sa.Column("funded_at", columns.UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_milestones")),
        sa.UniqueConstraint("contract_id", "position", name=op.f("uq_milestones_contract_id_position")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_milestones_state_id"), "milestones", ["state", "id"])

    op.create_table(
        "outbox_events",
        sa.Column("id", columns.Id("ev"), nullable=False),
        sa.Column("name", columns.ascii_text(64), nullable=False),
        sa.Column("subject", columns.ascii_text(40), nullable=False),
        sa.Column("payload", columns.Json(), nullable=False),
        sa.Column("occurred_at", columns.UtcDateTime(), nullable=False),
        sa.Column("told_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_events")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_outbox_events_told_at_id"), "outbox_events", ["told_at", "id"])

    op.create_table(
        "payment_customers",
        sa.Column("id", columns.Id("cu"), nullable=False),
        sa.Column("user_id", columns.Id("us"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("default_card", columns.ascii_text(64), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_customers")),
        sa.UniqueConstraint("user_id", "gateway", name=op.f("uq_payment_customers_user_id_gateway")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "payments",
        sa.Column("id", columns.Id("py"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("live_for", columns.Id("ms"), nullable=True),
        sa.Column("client_id", columns.Id("us"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_state", columns.ascii_text(16), nullable=True),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("client_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("save_card", sa.Boolean(), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("ordered_at", columns.UtcDateTime(), nullable=False),
        sa.Column("decline_code", columns.ascii_text(64), nullable=True),
        sa.Column("charge_id", columns.ascii_text(64), nullable=True),
        sa.Column("balance_transaction", columns.ascii_text(64), nullable=True),
        sa.Column("card_brand", columns.ascii_text(32), nullable=True),
        sa.Column("card_last4", columns.ascii_text(4), nullable=True),
        sa.Column("gateway_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("succeeded_at", columns.UtcDateTime(), nullable=True),
        sa.Column("available_on", columns.UtcDateTime(), nullable=True),
        sa.Column("settled_at", columns.UtcDateTime(), nullable=True),
        sa.Column("drawn_pending_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payments")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_payments_gateway_gateway_id")),
        sa.UniqueConstraint("live_for", name=op.f("uq_payments_live_for")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_payments_milestone_id"), "payments", ["milestone_id"])

    op.create_table(
        "payout_accounts",
        sa.Column("id", columns.Id("ac"), nullable=False),
        sa.Column("user_id", columns.Id("us"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("can_receive_transfers", sa.Boolean(), nullable=False),
        sa.Column("can_be_paid_out", sa.Boolean(), nullable=False),
        sa.Column("missing", columns.Json(), nullable=False),
        sa.Column("disabled_reason", columns.ascii_text(64), nullable=True),
        sa.Column("bank_name", sa.String(length=120), nullable=True),
        sa.Column("bank_last4", columns.ascii_text(4), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_accounts")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_payout_accounts_gateway_gateway_id")),
        sa.UniqueConstraint("user_id", "gateway", name=op.f("uq_payout_accounts_user_id_gateway")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "refund_requests",
        sa.Column("id", columns.Id("rr"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("open_for", columns.Id("ms"), nullable=True),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("requested_at", columns.UtcDateTime(), nullable=False),
        sa.Column("answered_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund_requests")),
        sa.UniqueConstraint("open_for", name=op.f("uq_refund_requests_open_for")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_refund_requests_milestone_id_id"), "refund_requests", ["milestone_id", "id"])

    op.create_table(
        "refunds",
        sa.Column("id", columns.Id("rf"), nullable=False),
        sa.Column("payment_id", columns.Id("py"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("client_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("waits_for", columns.ascii_text(64), nullable=True),
        sa.Column("failure_reason", columns.ascii_text(64), nullable=True),
        sa.Column("bank_reference", columns.ascii_text(64), nullable=True),
        sa.Column("ordered_at", columns.UtcDateTime(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("sent_at", columns.UtcDateTime(), nullable=True),
        sa.Column("finished_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refunds")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_refunds_gateway_gateway_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_refunds_payment_id"), "refunds", ["payment_id"])

    op.create_table(
        "releases",
        sa.Column("id", columns.Id("rl"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("worker_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("cause", columns.ascii_text(16), nullable=False),
        sa.Column("released_by", columns.ascii_text(40), nullable=False),
        sa.Column("released_at", columns.UtcDateTime(), nullable=False),
        sa.Column("entry_id", columns.Id("en"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_releases_milestone_id_id"), "releases", ["milestone_id", "id"])

    op.create_table(
        "sign_in_attempts",
        sa.Column("digest", columns.ascii_text(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", columns.UtcDateTime(), nullable=False),
        sa.Column("blocked_until", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_attempts")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_sign_in_attempts_last_at"), "sign_in_attempts", ["last_at"])

    op.create_table(
        "submissions",
        sa.Column("id", columns.Id("sb"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("submitted_at", columns.UtcDateTime(), nullable=False),
        sa.Column("deadline_at", columns.UtcDateTime(), nullable=False),
        sa.Column("changes_requested_at", columns.UtcDateTime(), nullable=True),
        sa.Column("changes_requested", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submissions")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_submissions_milestone_id_id"), "submissions", ["milestone_id", "id"])

    op.create_table(
        "users",
        sa.Column("id", columns.Id("us"), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("password_hash", columns.ascii_text(255), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("country", columns.ascii_text(2), nullable=False),
        sa.Column("locale", columns.ascii_text(35), nullable=False),
        sa.Column("time_zone", columns.ascii_text(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email_key", name=op.f("uq_users_email_key")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "webhook_events",
        sa.Column("id", columns.Id("wh"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("account", columns.ascii_text(64), nullable=False),
        sa.Column("event_id", columns.ascii_text(128), nullable=False),
        sa.Column("type", columns.ascii_text(128), nullable=False),
        sa.Column("object_kind", columns.ascii_text(16), nullable=True),
        sa.Column("object_id", columns.ascii_text(128), nullable=True),
        sa.Column(
            "payload",
            sa.LargeBinary()
            .with_variant(mysql.MEDIUMBLOB(), "mariadb")
            .with_variant(mysql.MEDIUMBLOB(), "mysql"),
            nullable=False,
        ),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("received_at", columns.UtcDateTime(), nullable=False),
        sa.Column("state", columns.ascii_text(8), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
        sa.UniqueConstraint(
            "gateway", "account", "event_id", name=op.f("uq_webhook_events_gateway_account_event_id")
        ),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_webhook_events_received_at"), "webhook_events", ["received_at"])
    op.create_index(op.f("ix_webhook_events_state_received_at"), "webhook_events", ["state", "received_at"])

    op.create_table(
        "ledger_balances",
        sa.Column(
            "account_id",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("lane", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("debits_posted", sa.BigInteger(), nullable=False),
        sa.Column("credits_posted", sa.BigInteger(), nullable=False),
        sa.Column("debits_pending", sa.BigInteger(), nullable=False),
        sa.Column("credits_pending", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", columns.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_accounts.id"], name=op.f("fk_ledger_balances_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "lane", name=op.f("pk_ledger_balances")),
        **columns.TABLE_OPTIONS,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_postings",
        sa.Column(
            "account_id",
            sa.LargeBinary(length=16)
            .with_variant(sa.BINARY(length=16), "mariadb")
            .with_variant(sa.BINARY(length=16), "mysql"),
            nullable=False,
        ),
        sa.Column("lane", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", columns.Id("en"), nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("side", columns.ascii_text(6), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", columns.UtcDateTime(), nullable=False),
        sa.CheckConstraint("side IN ('debit', 'credit')", name=op.f("ck_ledger_postings_side_is_known")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_postings_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_accounts.id"], name=op.f("fk_ledger_postings_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entries.id"], name=op.f("fk_ledger_postings_entry_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "lane", "sequence", name=op.f("pk_ledger_postings")),
        sa.UniqueConstraint("entry_id", "line", name=op.f("uq_ledger_postings_entry_id_line")),
        info={"append_only": True},
        **columns.TABLE_OPTIONS,
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_ledger_postings_account_id_lane_recorded_at_sequence"),
        "ledger_postings",
        ["account_id", "lane", "recorded_at", "sequence"],
    )

    op.create_table(
        "payouts",
        sa.Column("id", columns.Id("po"), nullable=False),
        sa.Column("worker_id", columns.Id("us"), nullable=False),
        sa.Column("account_id", columns.Id("ac"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("failure_code", columns.ascii_text(64), nullable=True),
        sa.Column("bank_name", sa.String(length=120), nullable=True),
        sa.Column("bank_last4", columns.ascii_text(4), nullable=True),
        sa.Column("requested_at", columns.UtcDateTime(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("ordered_at", columns.UtcDateTime(), nullable=False),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("sent_at", columns.UtcDateTime(), nullable=True),
        sa.Column("arrives_on", columns.UtcDateTime(), nullable=True),
        sa.Column("trace_id", columns.ascii_text(64), nullable=True),
        sa.Column("paid_at", columns.UtcDateTime(), nullable=True),
        sa.Column("undone_at", columns.UtcDateTime(), nullable=True),
        sa.Column("hold_entry_id", columns.Id("en"), nullable=False),
        sa.Column("resolved_entry_id", columns.Id("en"), nullable=True),
        sa.Column("paid_entry_id", columns.Id("en"), nullable=True),
        sa.Column("undone_entry_id", columns.Id("en"), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["payout_accounts.id"], name=op.f("fk_payouts_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_payouts_gateway_gateway_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_payouts_state_id"), "payouts", ["state", "id"])
    op.create_index(op.f("ix_payouts_worker_id_id"), "payouts", ["worker_id", "id"])

    op.create_table(
        "transfers",
        sa.Column("id", columns.Id("tr"), nullable=False),
        sa.Column("release_id", columns.Id("rl"), nullable=False),
        sa.Column("milestone_id", columns.Id("ms"), nullable=False),
        sa.Column("worker_id", columns.Id("us"), nullable=False),
        sa.Column("payment_id", columns.Id("py"), nullable=False),
        sa.Column("account_id", columns.Id("ac"), nullable=False),
        sa.Column("gateway", columns.ascii_text(16), nullable=False),
        sa.Column("source_charge", columns.ascii_text(64), nullable=False),
        sa.Column("currency", columns.ascii_text(3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", columns.ascii_text(16), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=True),
        sa.Column("failure_code", columns.ascii_text(64), nullable=True),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("ordered_at", columns.UtcDateTime(), nullable=True),
        sa.Column("gateway_id", columns.ascii_text(64), nullable=True),
        sa.Column("sent_at", columns.UtcDateTime(), nullable=True),
        sa.Column("available_at", columns.UtcDateTime(), nullable=True),
        sa.Column("entry_id", columns.Id("en"), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["payout_accounts.id"], name=op.f("fk_transfers_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfers")),
        sa.UniqueConstraint("gateway", "gateway_id", name=op.f("uq_transfers_gateway_gateway_id")),
        sa.UniqueConstraint("release_id", name=op.f("uq_transfers_release_id")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_transfers_milestone_id"), "transfers", ["milestone_id"])
    op.create_index(op.f("ix_transfers_state_id"), "transfers", ["state", "id"])
    op.create_index(op.f("ix_transfers_worker_id_state"), "transfers", ["worker_id", "state"])

    op.create_table(
        "user_roles",
        sa.Column("user_id", columns.Id("us"), nullable=False),
        sa.Column("role", columns.ascii_text(16), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_roles_user_id")),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_user_roles")),
        **columns.TABLE_OPTIONS,
    )
    op.create_table(
        "user_sessions",
        sa.Column("id", columns.Id("se"), nullable=False),
        sa.Column("user_id", columns.Id("us"), nullable=False),
        sa.Column(
            "family",
            sa.LargeBinary(length=32)
            .with_variant(sa.BINARY(length=32), "mariadb")
            .with_variant(sa.BINARY(length=32), "mysql"),
            nullable=False,
        ),
        sa.Column(
            "access_hash",
            sa.LargeBinary(length=32)
            .with_variant(sa.BINARY(length=32), "mariadb")
            .with_variant(sa.BINARY(length=32), "mysql"),
            nullable=False,
        ),
        sa.Column("access_expires_at", columns.UtcDateTime(), nullable=False),
        sa.Column(
            "refresh_hash",
            sa.LargeBinary(length=32)
            .with_variant(sa.BINARY(length=32), "mariadb")
            .with_variant(sa.BINARY(length=32), "mysql"),
            nullable=False,
        ),
        sa.Column("user_agent", sa.String(length=200), nullable=False),
        sa.Column("created_at", columns.UtcDateTime(), nullable=False),
        sa.Column("last_used_at", columns.UtcDateTime(), nullable=False),
        sa.Column("expires_at", columns.UtcDateTime(), nullable=False),
        sa.Column("revoked_at", columns.UtcDateTime(), nullable=True),
        sa.Column("revoked_because", columns.ascii_text(16), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
        sa.UniqueConstraint("access_hash", name=op.f("uq_user_sessions_access_hash")),
        sa.UniqueConstraint("family", name=op.f("uq_user_sessions_family")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_user_sessions_expires_at"), "user_sessions", ["expires_at"])
    op.create_index(op.f("ix_user_sessions_user_id_id"), "user_sessions", ["user_id", "id"])

    op.create_table(
        "payout_parts",
        sa.Column("payout_id", columns.Id("po"), nullable=False),
        sa.Column("transfer_id", columns.Id("tr"), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_parts_payout_id")),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"], name=op.f("fk_payout_parts_transfer_id")),
        sa.PrimaryKeyConstraint("payout_id", "transfer_id", name=op.f("pk_payout_parts")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_payout_parts_transfer_id"), "payout_parts", ["transfer_id"])
    connection = op.get_bind()
    for statement in triggers(connection.dialect.name, "ledger_entries", "ledger_postings"):
        op.execute(statement)
    seed_lanes(connection)


def downgrade() -> None:
    op.drop_table("payout_parts")
    op.drop_table("user_sessions")
    op.drop_table("user_roles")
    op.drop_table("transfers")
    op.drop_table("payouts")
    op.drop_table("ledger_postings")
    op.drop_table("ledger_balances")
    op.drop_table("webhook_events")
    op.drop_table("users")
    op.drop_table("submissions")
    op.drop_table("sign_in_attempts")
    op.drop_table("releases")
    op.drop_table("refunds")
    op.drop_table("refund_requests")
    op.drop_table("payout_accounts")
    op.drop_table("payments")
    op.drop_table("payment_customers")
    op.drop_table("outbox_events")
    op.drop_table("milestones")
    op.drop_table("ledger_lanes")
    op.drop_table("ledger_entries")
    op.drop_table("ledger_accounts")
    op.drop_table("idempotency_keys")
    op.drop_table("due_work")
    op.drop_table("disputes")
    op.drop_table("contracts")
