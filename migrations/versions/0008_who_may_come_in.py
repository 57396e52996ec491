"""Signing in: counts that decay, tokens handed out again when the answer was lost, accounts that ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from persistence import columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("ended_at", columns.UtcDateTime(), nullable=True))
    for name in ("previous_hash", "successor_key"):
        op.add_column("user_sessions", sa.Column(name, _digest(), nullable=True))
    # A count that starts anew does no harm; what it counted by would mean nothing in the new one.
    op.drop_table("sign_in_attempts")
    op.create_table(
        "sign_in_attempts",
        sa.Column("digest", columns.ascii_text(64), nullable=False),
        sa.Column("forgotten_at", columns.UtcDateTime(), nullable=False),
        sa.Column("blocked_until", columns.UtcDateTime(), nullable=True),
        sa.Column("signed_in_at", columns.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sign_in_attempts")),
        **columns.TABLE_OPTIONS,
    )
    op.create_index(op.f("ix_sign_in_attempts_forgotten_at"), "sign_in_attempts", ["forgotten_at"])


def downgrade() -> None:
    op.drop_table("sign_in_attempts")
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
    for name in ("previous_hash", "successor_key"):
        op.drop_column("user_sessions", name)
    op.drop_column("users", "ended_at")


def _digest() -> sa.types.TypeEngine[bytes]:
    return (
        sa.LargeBinary(length=32)
        .with_variant(sa.BINARY(length=32), "mariadb")
        .with_variant(sa.BINARY(length=32), "mysql")
    )
