"""What is kept about people, their sessions and the attempts to get at them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from persistence.columns import TABLE_OPTIONS, Base, Id, UtcDateTime, ascii_text

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine


def _digest() -> TypeEngine[bytes]:
    # A blob cannot be a key on MariaDB.
    return LargeBinary(32).with_variant(mysql.BINARY(32), "mysql", "mariadb")


class User(Base):
    """A person. `email` is as they wrote it and what they are written to; `email_key` is how they are found."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("email_key"), TABLE_OPTIONS)

    id: Mapped[str] = mapped_column(Id("us"), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    password_hash: Mapped[str] = mapped_column(ascii_text(255))
    name: Mapped[str] = mapped_column(String(120))
    country: Mapped[str] = mapped_column(ascii_text(2))
    locale: Mapped[str] = mapped_column(ascii_text(35))
    time_zone: Mapped[str] = mapped_column(ascii_text(64))
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    # Their rows stay, because the books name them; they come in no more.
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class UserRole(Base):
    """One role of one person."""

    __tablename__ = "user_roles"

    user_id: Mapped[str] = mapped_column(Id("us"), ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(ascii_text(16), primary_key=True)


class UserSession(Base):
    """One device signed in. Of its tokens only digests are kept, so that who reads this table can use none.

    `family` is the half of the refresh token that stays the same, so that an old one is recognised whenever it returns.
    `previous_hash` is of the one before, and `successor_key` is what the present tokens were made of it with.
    """

    __tablename__ = "user_sessions"
    __table_args__ = (
        UniqueConstraint("family"),
        UniqueConstraint("access_hash"),
        Index(None, "user_id", "id"),
        Index(None, "expires_at"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("se"), primary_key=True)
    user_id: Mapped[str] = mapped_column(Id("us"), ForeignKey("users.id"))
    family: Mapped[bytes] = mapped_column(_digest())
    access_hash: Mapped[bytes] = mapped_column(_digest())
    access_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refresh_hash: Mapped[bytes] = mapped_column(_digest())
    previous_hash: Mapped[bytes | None] = mapped_column(_digest())
    successor_key: Mapped[bytes | None] = mapped_column(_digest())
    user_agent: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_because: Mapped[str | None] = mapped_column(ascii_text(16))


class SignInAttempts(Base):
    """Failures to sign in as one e-mail, from one address, or as the one from the other; all only as digests.

    How many they are is how far `forgotten_at` lies ahead: each puts it off by the time in which one is forgotten.
    """

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index(None, "forgotten_at"), TABLE_OPTIONS)

    digest: Mapped[str] = mapped_column(ascii_text(64), primary_key=True)
    forgotten_at: Mapped[datetime] = mapped_column(UtcDateTime)
    blocked_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    signed_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
