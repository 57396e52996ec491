"""What a gateway tells us unasked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


# Whatever taking apart a document of another shape, another depth or another century may raise.
NOT_AS_WE_KNOW_IT = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


class ObjectKind(StrEnum):
    """What an event is about; the object itself is always asked for anew."""

    PAYMENT = "payment"
    REFUND = "refund"
    CHARGEBACK = "chargeback"
    FRAUD_WARNING = "fraud_warning"
    TRANSFER = "transfer"
    PAYOUT = "payout"
    # By our own id, where the gateway tells of all that was sent under it and not of whose account it goes to.
    PAYOUT_ORDER = "payout_order"
    ACCOUNT = "account"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Event:
    """A verified event: that something happened to `object_id`, never how the object is now.

    `kind` is None for objects that nothing here depends on. `account` is the connected account it came from, if any,
    and `ours` our own id of the object, where a gateway says it that cannot always be asked by its own.
    """

    id: str
    type: str
    kind: ObjectKind | None
    object_id: str | None
    account: str | None
    created_at: datetime
    livemode: bool
    ours: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """An event as a gateway sent or listed it, fit to be kept; `event` is None when nobody here understands it."""

    event: Event | None
    payload: bytes


@dataclass(frozen=True, slots=True)
class EventsFound:
    """One page of a gateway's list of events, newest first; `after` is where the next one begins, if there is one."""

    events: tuple[Listed, ...]
    after: str | None


class SignatureRefused(Exception):  # noqa: N818 - an answer to the sender
    """The bytes were not signed by the gateway, or not lately."""
