"""What gateways told us, byte for byte but for secrets, and what every order to them keeps of its sending."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Index, Integer, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column

from persistence.columns import TABLE_OPTIONS, Base, Id, UtcDateTime, ascii_text


class WebhookEvent(Base):
    """One verified webhook: `received`, then `handled`, `ignored` or, when nobody understands it, `parked`."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("gateway", "account", "event_id"),
        Index(None, "received_at"),
        Index(None, "state", "received_at"),
        Index(None, "gateway", "object_id"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("wh"), primary_key=True)
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    # Empty for our own account: a null would be different from every other null, and the key would not hold.
    account: Mapped[str] = mapped_column(ascii_text(64))
    event_id: Mapped[str] = mapped_column(ascii_text(128))
    type: Mapped[str] = mapped_column(ascii_text(128))
    object_kind: Mapped[str | None] = mapped_column(ascii_text(16))
    object_id: Mapped[str | None] = mapped_column(ascii_text(128))
    payload: Mapped[bytes] = mapped_column(LargeBinary().with_variant(mysql.MEDIUMBLOB(), "mysql", "mariadb"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(ascii_text(8))
    # Not sent to us, or not yet: found in the gateway's own list.
    swept: Mapped[bool] = mapped_column(Boolean)


class EventSweep(Base):
    """How far a gateway's list of events has been looked through, of our own account or of one worker's.

    `since`, `until` and `after` are the stretch under way and how far it is, missing while none is.
    """

    __tablename__ = "event_sweeps"
    __table_args__ = (
        UniqueConstraint("account", "gateway"),
        Index(None, "gateway", "swept_until"),
        TABLE_OPTIONS,
    )

    id: Mapped[str] = mapped_column(Id("es"), primary_key=True)
    gateway: Mapped[str] = mapped_column(ascii_text(16))
    # Empty for our own.
    account: Mapped[str] = mapped_column(ascii_text(64))
    swept_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    after: Mapped[str | None] = mapped_column(ascii_text(128))
    # A time of which the list no longer told when we came to look.
    blind_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    blind_until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Outage(Base):
    """A gateway that did not answer when it was last asked; the row goes with its next answer."""

    __tablename__ = "gateway_outages"
    __table_args__ = (TABLE_OPTIONS,)

    gateway: Mapped[str] = mapped_column(ascii_text(16), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(Integer)


class Sent:
    """What a row keeps that is an order to a gateway; `gateways.orders` alone writes it.

    `out_since` is when the first call of this attempt began that may have been carried out, `called_at` the last one;
    both are missing while nothing can be out. Of the `calls`, `calls_over` were turned away, or of an attempt before.
    """

    attempt: Mapped[int] = mapped_column(SmallInteger)
    calls: Mapped[int] = mapped_column(Integer)
    calls_over: Mapped[int] = mapped_column(Integer)
    out_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    called_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
