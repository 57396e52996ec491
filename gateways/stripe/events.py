"""What Stripe tells us by webhook: whether it is Stripe that speaks, and what the news is about.

Both shapes are read: snapshots, whose copy of the object is not looked at beyond its id, and thin events.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import stripe

from gateways.contract import (
    AnswerNotUnderstood,
    Event,
    EventsFound,
    Listed,
    ObjectKind,
    SignatureRefused,
)
from gateways.events import NOT_AS_WE_KNOW_IT
from gateways.stripe.client import on
from gateways.stripe.outcomes import answered
from kernel.time import from_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stripe.params import EventListParams

    from gateways.contract import Busy, Rejected, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json

_TOLERANCE = timedelta(minutes=5)


# An id becomes part of an address at Stripe.
_ID = re.compile(r"[\w.-]+", re.ASCII)
_NAME = re.compile(r"[!-~]+")
_FIRST_YEAR = 1970
_LONGEST_ACCOUNT = 64
_LONGEST = 128

_SECRET = re.compile(rb'("(?:client_)?secret"\s*:\s*)"[^"]*"')

_KINDS = {
    "payment_intent": ObjectKind.PAYMENT,
    "refund": ObjectKind.REFUND,
    "dispute": ObjectKind.CHARGEBACK,
    "radar.early_fraud_warning": ObjectKind.FRAUD_WARNING,
    "transfer": ObjectKind.TRANSFER,
    "payout": ObjectKind.PAYOUT,
    "account": ObjectKind.ACCOUNT,
    "v2.core.account": ObjectKind.ACCOUNT,
    "payment_method": ObjectKind.CARD,
}

# Objects that are part of another: the news is about that one, which they name in this field.
_PARTS = {
    "charge": (ObjectKind.PAYMENT, "payment_intent"),
    "capability": (ObjectKind.ACCOUNT, "account"),
    "bank_account": (ObjectKind.ACCOUNT, "account"),
    "card": (ObjectKind.ACCOUNT, "account"),
    "person": (ObjectKind.ACCOUNT, "account"),
    "setup_intent": (ObjectKind.CARD, "payment_method"),
}


class Events:
    """Webhooks, and the list of all that was ever sent by one."""

    connection: Connection
    events_last = timedelta(days=30)

    def verify_events(
        self, payload: bytes, headers: Mapping[str, str], *, now: Callable[[], datetime]
    ) -> tuple[Listed]:
        """The event in these bytes; raises `SignatureRefused` unless Stripe signed them, within 5 minutes of `now`."""
        signature = headers.get("Stripe-Signature", "")
        if not any(_is_signed(payload, signature, secret) for secret in self.connection.webhook_secrets):
            raise SignatureRefused("The signature is not Stripe's.")
        # The SDK refuses only what is too old, and by the wall clock: a signature of tomorrow would pass.
        if abs(now() - _signed_at(signature)) > _TOLERANCE:
            raise SignatureRefused("The signature is not of these minutes.")
        told = self._told(payload)
        if told.event is not None and told.event.livemode != self.connection.livemode:
            raise SignatureRefused("The event is of the other mode: test in live, or live in test.")
        return (told,)

    def events(
        self, *, since: datetime, until: datetime, account: str | None = None, after: str | None = None
    ) -> EventsFound | Rejected | Busy | Unknown:
        """What happened in that time on our own account or on a worker's, newest first, whether or not it arrived."""
        params: EventListParams = {
            "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
            "limit": 100,
        }
        if after is not None:
            params["starting_after"] = after
        listing = self.connection.client.v1.events
        return answered(lambda: listing.list(params, on(account)), lambda values: self._page(values, account))

    def _page(self, values: Json, account: str | None) -> EventsFound:
        found = tuple(self._listed(each, account) for each in values["data"])
        return EventsFound(found, values["data"][-1]["id"] if values["has_more"] else None)

    def _listed(self, values: Json, account: str | None) -> Listed:
        # What is asked of an account need not name it, as what is sent to us does.
        named = {"account": account} | values if account else values
        return self._told(json.dumps(named).encode())

    def _told(self, payload: bytes) -> Listed:
        # Objects bring along what their payer's or account holder's device does things with; that is not kept.
        fit = _SECRET.sub(rb'\1"hidden"', payload)
        try:
            return Listed(self.read_event(fit), fit)
        except AnswerNotUnderstood:
            return Listed(None, fit)

    def read_event(self, payload: bytes) -> Event:
        """The event in bytes that were verified when they came in."""
        try:
            values = json.loads(payload)
            return _thin_event(values) if values["object"] == "v2.core.event" else _snapshot_event(values)
        except NOT_AS_WE_KNOW_IT as error:
            raise AnswerNotUnderstood(
                f"The bytes are not an event of Stripe's: {type(error).__name__}"
            ) from error


def _is_signed(payload: bytes, signature: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(payload, signature, secret, tolerance=None))
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
        # The SDK stumbles over bytes that are no text and over signatures that are not ASCII.
        return False


def _signed_at(signature: str) -> datetime:
    # The first `t`, as the SDK takes it, so that what is dated is what was signed.
    seconds = next(item.split("=", 2)[1] for item in signature.split(",") if item.split("=", 2)[0] == "t")
    try:
        return from_epoch(int(seconds))
    except (OverflowError, ValueError, OSError) as error:
        raise SignatureRefused("The signature has no date.") from error


def _snapshot_event(values: Json) -> Event:
    account = values.get("account")
    return _event(values, *_subject(values["type"], values["data"]["object"], account), account)


def _event(values: Json, kind: ObjectKind | None, object_id: Any, account: Any) -> Event:  # noqa: ANN401 - as it came
    created, livemode = values["created"], values["livemode"]
    created_at = from_epoch(created) if isinstance(created, int) else datetime.fromisoformat(created)
    if created_at.tzinfo is None or created_at.year < _FIRST_YEAR or not isinstance(livemode, bool):
        raise ValueError("of no instant that a database takes, or of neither mode")
    return Event(
        id=_text(values["id"], _ID),
        type=_text(values["type"], _NAME),
        kind=kind,
        object_id=_object_id(kind, object_id),
        account=None if account is None else _text(account, _ID, longest=_LONGEST_ACCOUNT),
        created_at=created_at,
        livemode=livemode,
    )


def _object_id(kind: ObjectKind | None, object_id: Any) -> str | None:  # noqa: ANN401 - as it came
    try:
        return None if object_id is None else _text(object_id, _ID)
    except (TypeError, ValueError):
        # Some objects have ids of people's own making; nothing depends on those.
        if kind is None:
            return None
        raise


def _subject(event_type: str, thing: Json, account: str | None) -> tuple[ObjectKind | None, str | None]:
    if event_type == "account.application.deauthorized":
        # The object is our application; the news is about the account that has left it.
        return ObjectKind.ACCOUNT, account
    name = thing["object"]
    if name == "payment_method" and thing.get("type") != "card":
        return None, thing.get("id")
    if name in _PARTS:
        kind, field = _PARTS[name]
        whole = _id_of(thing.get(field)) or (account if kind is ObjectKind.ACCOUNT else None)
        # A card of a client's, or a charge without a PaymentIntent, is part of nothing we keep.
        return (kind, whole) if whole is not None else (None, thing.get("id"))
    return _KINDS.get(name), thing.get("id")


def _thin_event(values: Json) -> Event:
    related = values.get("related_object") or {}
    # A thin event names no whole for a part; the whole's own thin event brings the same news.
    kind = _KINDS.get(related.get("type", ""))
    return _event(values, kind, related.get("id"), _account_in(values.get("context")))


def _account_in(context: str | None) -> str | None:
    # "acct_1" or "org_1/acct_1": the innermost is whose object it is.
    innermost = (context or "").rsplit("/", 1)[-1]
    return innermost if innermost.startswith("acct_") else None


def _id_of(value: Any) -> str | None:  # noqa: ANN401 - an id, an expanded object or nothing
    object_id: str | None = value["id"] if isinstance(value, dict) else value
    return object_id


def _text(value: object, form: re.Pattern[str], *, longest: int = _LONGEST) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    if len(value) > longest or form.fullmatch(value) is None:
        raise ValueError("too long, or of other characters")
    return value
