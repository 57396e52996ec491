"""What PayPal tells us by webhook: whether it is PayPal that speaks, and what the news is about."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateways.contract import (
    AnswerNotUnderstood,
    Event,
    EventsFound,
    Listed,
    ObjectKind,
    SignatureRefused,
)
from gateways.events import NOT_AS_WE_KNOW_IT
from gateways.paypal.chargebacks import order_id_of
from gateways.paypal.outcomes import answered, ours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateways.contract import Busy, Rejected, Unknown
    from gateways.paypal.client import Connection
    from gateways.paypal.outcomes import Json

_TOLERANCE = timedelta(minutes=5)
_ALGORITHM = "SHA256withRSA"
_SIGNED_WITH = ("transmission-id", "transmission-time", "transmission-sig", "cert-url", "auth-algo")
_LONGEST_HEADER = 1_000


# An id becomes part of an address at PayPal.
_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)
_NAME = re.compile(r"[!-~]{1,128}")
# A worker is known by an e-mail address or a payer id.
_ACCOUNT = re.compile(r"[\w.@+-]{1,64}", re.ASCII)
_FIRST_YEAR = 1970

_ORDER = ("CHECKOUT.ORDER.", "CHECKOUT.PAYMENT-APPROVAL.")
_REFUND = ("PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.")
# Its object is a refund that nobody ordered; what took the money is told by its dispute, and by our balance's lines.
_REVERSED = "PAYMENT.CAPTURE.REVERSED"
_CAPTURE = "PAYMENT.CAPTURE."
# Of the items of a batch that is denied nothing else is told, and this says only what the batch was called.
_BATCH_DENIED = "PAYMENT.PAYOUTSBATCH.DENIED"
_SUBJECTS = (
    (ObjectKind.REFUND, _REFUND, "id"),
    (ObjectKind.CHARGEBACK, ("CUSTOMER.DISPUTE.", "RISK.DISPUTE."), "dispute_id"),
    (ObjectKind.PAYOUT, ("PAYMENT.PAYOUTS-ITEM.",), "payout_item_id"),
)

# What is kept of an event: what it is about, when, how much, and what PayPal calls it. Who pays or is paid, what they
# write to each other and where they live is in many other places, and next year in more; so all else is hidden. The
# receiver of a payout stays: it is the account that the payout is on.
_KEPT = frozenset(
    {
        *("id", "event_version", "event_type", "resource_type", "resource_version", "resource", "links"),
        *("href", "rel", "method", "create_time", "update_time", "status", "state", "intent"),
        *("amount", "currency", "currency_code", "value", "total", "order_id"),
        *("purchase_units", "payments", "captures", "refunds", "supplementary_data", "related_ids"),
        *("capture_id", "refund_id", "final_capture", "reason_code"),
        *("seller_receivable_breakdown", "seller_payable_breakdown", "gross_amount", "net_amount"),
        *("paypal_fee", "total_refunded_amount"),
        *("dispute_id", "dispute_state", "dispute_life_cycle_stage", "dispute_channel", "dispute_amount"),
        *("dispute_outcome", "outcome_code", "amount_refunded", "reason", "seller_response_due_date"),
        *("disputed_transactions", "seller_transaction_id", "money_movements", "affected_party", "type"),
        *("initiated_time", "payout_item_id", "payout_batch_id", "payout_item", "receiver", "transaction_id"),
        *("transaction_status", "time_processed", "time_created", "time_completed", "payout_item_fee"),
        *("sender_batch_id", "sender_batch_header", "batch_header", "batch_status", "fees"),
    }
)
_HIDDEN = "hidden"

_PAGE = 100
_LARGEST_PAGE = 3_200


class Events:
    """Webhooks, and the list of all that was ever sent by one."""

    connection: Connection
    events_last = timedelta(days=30)

    def verify_events(
        self, payload: bytes, headers: Mapping[str, str], *, now: Callable[[], datetime]
    ) -> Sequence[Listed]:
        """The one event in these bytes; raises `SignatureRefused` unless PayPal signed them for our webhook, lately."""
        given = {name.lower().removeprefix("paypal-"): value for name, value in headers.items()}
        said = {name: given.get(name, "") for name in _SIGNED_WITH}
        if not all(0 < len(value) <= _LONGEST_HEADER for value in said.values()):
            raise SignatureRefused("There is no signature.")
        if said["auth-algo"] != _ALGORITHM:
            raise SignatureRefused("The signature is of a kind that PayPal does not make.")
        certificate = self.connection.certificates.at(said["cert-url"])
        if certificate is None:
            raise SignatureRefused("The certificate is not PayPal's, or cannot be had.")
        line = "|".join(
            (
                said["transmission-id"],
                said["transmission-time"],
                self.connection.webhook_id,
                str(zlib.crc32(payload)),
            )
        )
        if not certificate.signed(line.encode(), _signature(said["transmission-sig"])):
            raise SignatureRefused("The signature is not PayPal's.")
        moment = now()
        if abs(moment - _sent_at(said["transmission-time"])) > _TOLERANCE:
            raise SignatureRefused("The signature is not of these minutes.")
        if not certificate.holds(moment):
            raise SignatureRefused("The certificate does not hold.")
        return (self._listed(payload),)

    def events(
        self, *, since: datetime, until: datetime, account: str | None = None, after: str | None = None
    ) -> EventsFound | Rejected | Busy | Unknown:
        """What happened in that time, newest first, whether or not it arrived; of workers' accounts nothing is told."""
        if account is not None:
            return EventsFound((), None)
        upto, size = (until, _PAGE) if after is None else _place(after)
        query = {"start_time": _written(since), "end_time": _written(upto), "page_size": str(size)}
        return answered(
            lambda: self.connection.ask("GET", "/v1/notifications/webhooks-events", params=query),
            lambda values: self._page_of_events(values, size),
        )

    def read_event(self, payload: bytes) -> Event:
        """The event in bytes that were verified when they came in."""
        try:
            return self._event(json.loads(payload))
        except NOT_AS_WE_KNOW_IT as error:
            raise AnswerNotUnderstood(
                f"The bytes are not an event of PayPal's: {type(error).__name__}"
            ) from error

    def _listed(self, payload: bytes) -> Listed:
        kept = _fit_to_be_kept(payload)
        try:
            return Listed(self.read_event(kept), kept)
        except AnswerNotUnderstood:
            return Listed(None, kept)

    def _page_of_events(self, values: Json, size: int) -> EventsFound:
        told = values.get("events") or []
        found = tuple(self._listed(json.dumps(each).encode()) for each in told)
        if len(told) < size:
            return EventsFound(found, None)
        # A page begins at the very moment in which the one before ends; what comes twice is one event. If more than a
        # page happened at one moment, the page has to be larger.
        newest, oldest = told[0]["create_time"], told[-1]["create_time"]
        larger = min(size * 2, _LARGEST_PAGE) if newest == oldest else _PAGE
        return EventsFound(found, f"{larger} {oldest}")

    def _event(self, values: Json) -> Event:
        created_at = datetime.fromisoformat(values["create_time"])
        if created_at.tzinfo is None or created_at.year < _FIRST_YEAR:
            raise ValueError("of no instant that a database takes")
        type_, resource = _text(values["event_type"], _NAME), values["resource"]
        kind, object_id = _subject(type_, resource)
        receiver = resource["payout_item"]["receiver"] if kind is ObjectKind.PAYOUT else None
        return Event(
            id=_text(values["id"], _ID),
            type=type_,
            kind=kind,
            object_id=None if object_id is None else _text(object_id, _ID),
            account=None if receiver is None else _text(receiver, _ACCOUNT),
            created_at=created_at,
            # An event does not say; a webhook's id is of one mode only.
            livemode=self.connection.livemode,
        )


def _subject(type_: str, resource: Json) -> tuple[ObjectKind | None, object]:
    if type_.startswith(_ORDER):
        return ObjectKind.PAYMENT, resource.get("order_id") or resource["id"]
    if type_.startswith(_CAPTURE) and not type_.startswith(_REFUND) and type_ != _REVERSED:
        order = order_id_of(resource)
        # A capture of no order is of no payment of ours.
        return (None if order is None else ObjectKind.PAYMENT), order
    if type_ == _BATCH_DENIED:
        named = (resource["batch_header"].get("sender_batch_header") or {}).get("sender_batch_id")
        # From the second attempt on its number is behind our id.
        order = ours("po_", named and named.partition(".")[0])
        return (None if order is None else ObjectKind.PAYOUT_ORDER), order
    for kind, types, field in _SUBJECTS:
        if type_.startswith(types):
            return kind, resource[field]
    return None, None


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SignatureRefused("The signature is no signature.") from error


def _sent_at(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SignatureRefused("The signature has no date.") from error
    if moment.tzinfo is None:
        raise SignatureRefused("The signature has no date.")
    return moment


def _fit_to_be_kept(payload: bytes) -> bytes:
    try:
        values = json.loads(payload)
        return json.dumps(_without_people(values)).encode()
    except (RecursionError, ValueError):
        return payload


def _without_people(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_people(inner) if name in _KEPT else _HIDDEN for name, inner in value.items()}
    return [_without_people(each) for each in value] if isinstance(value, list) else value


def _place(after: str) -> tuple[datetime, int]:
    size, _, moment = after.partition(" ")
    return datetime.fromisoformat(moment), int(size)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: object, form: re.Pattern[str]) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    if form.fullmatch(value) is None:
        raise ValueError("too long, or of other characters")
    return value
