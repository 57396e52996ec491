"""What Adyen tells us by webhook, and the list of transfers as the list of what it should have told.

Two kinds come in. Standard notifications are about payments and disputes, several in one POST, each signed by itself,
in eight of its fields. Those of the balance platform are about transfers and account holders, signed as bytes.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from Adyen.util import is_valid_hmac_notification, is_valid_hmac_payload

from gateways.adyen import ids
from gateways.adyen.chargebacks import WORDS
from gateways.adyen.lists import instant, made_at, newest_first, platform_type
from gateways.adyen.notices import fit_to_keep, not_understood, platform_fit_to_keep
from gateways.adyen.outcomes import answered
from gateways.contract import AnswerNotUnderstood, Event, EventsFound, Listed, ObjectKind, SignatureRefused
from gateways.events import NOT_AS_WE_KNOW_IT
from kernel.money import EXPONENTS, Money

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateways.adyen.client import Connection, Json
    from gateways.contract import Busy, Rejected, Unknown

# Adyen tries for days and leaves the date as it was, and what it tries again may lie with it for longer. A date is no
# more than a guard: in a standard notification it is not signed, and a replay is known by its id, which is, or, of a
# dispute, by what was told before it.
_OLDEST = timedelta(days=30)
_AHEAD = timedelta(hours=1)

# Banks send a payout back within five working days; what changes a transfer later than this has one of its own.
_STILL_CHANGES = timedelta(days=10)

_LONGEST = 128
_REFUND_WORDS = ("REFUND", "REFUND_FAILED", "REFUNDED_REVERSED")
_PAYMENT_WORDS = ("AUTHORISATION", "CANCELLATION", "CAPTURE", "CAPTURE_FAILED", "EXPIRE", "TECHNICAL_CANCEL")
_OF_PAYMENT = {
    "capture": ObjectKind.PAYMENT,
    "captureReversal": ObjectKind.PAYMENT,
    "payment": ObjectKind.PAYMENT,
    "refund": ObjectKind.REFUND,
    "refundReversal": ObjectKind.REFUND,
}


class Events:
    """Webhooks, and what can be found of those that never came."""

    connection: Connection
    # How far back transfers are looked through for changes; the list itself goes back for years.
    events_last = timedelta(days=30)

    def verify_events(
        self, payload: bytes, headers: Mapping[str, str], *, now: Callable[[], datetime]
    ) -> Sequence[Listed]:
        """The events in these bytes; raises `SignatureRefused` unless Adyen signed every one of them.

        One forged item refuses all of them. `now` is asked only about what is signed.
        """
        # Whoever hands them on may have written them in another case.
        signature = {name.lower(): value for name, value in headers.items()}.get("hmacsignature", "")
        if self._is_signed(payload, signature):
            return (self._told_of_platform(payload, now),)
        try:
            notification = json.loads(payload)
            items = [each["NotificationRequestItem"] for each in notification["notificationItems"]]
        except NOT_AS_WE_KNOW_IT as error:
            raise SignatureRefused("The signature is not Adyen's.") from error
        if not items or not all(self._is_item_signed(item) for item in items):
            raise SignatureRefused("Not every item is signed by Adyen.")
        if notification.get("live") != ("true" if self.connection.livemode else "false"):
            raise SignatureRefused("The notification is of the other mode: test in live, or live in test.")
        instants = [_dated(item.get("eventDate")) for item in items]
        _refuse_other_times([at for at in instants if at], now)
        return tuple(self._listed(fit_to_keep(notification, item)) for item in items)

    def events(
        self, *, since: datetime, until: datetime, account: str | None = None, after: str | None = None
    ) -> EventsFound | Rejected | Busy | Unknown:
        """What changed in that time on our account or a worker's, newest transfer first, whether or not it was told.

        Adyen keeps no list of what it told; what it told of is in the transfers, each as it is now. What moved nothing
        (a refused card, a bank's question, an account holder's problems) is in no list.
        """
        listing = self.connection.transfers.transfers_api.get_all_transfers
        asked = account or self.connection.balance_account

        def look() -> EventsFound:
            found, place = newest_first(
                listing,
                since=since - _STILL_CHANGES,
                until=until,
                after=after,
                balanceAccountId=asked,
            )
            listed = (self._found(each, since, until, asked) for each in found)
            return EventsFound(tuple(each for each in listed if each is not None), place)

        return answered(look)

    def read_event(self, payload: bytes) -> Event:
        """The event in bytes that were kept when they came in."""
        try:
            values = json.loads(payload)
            if "notificationItems" in values:
                (wrapped,) = values["notificationItems"]
                return self._of_item(values, wrapped["NotificationRequestItem"])
            return self._of_platform(values, payload)
        except NOT_AS_WE_KNOW_IT as error:
            name = type(error).__name__
            raise AnswerNotUnderstood(f"The bytes are not a notification of Adyen's: {name}") from error

    def _is_signed(self, payload: bytes, signature: str) -> bool:
        if not signature or not signature.isascii():
            return False
        return any(
            is_valid_hmac_payload(signature, key, payload) for key in self.connection.platform_hmac_keys
        )

    def _is_item_signed(self, item: Any) -> bool:  # noqa: ANN401 - as it came
        # The SDK looks into an item for items, and would find one inside that it did sign.
        if not isinstance(item, dict) or "notificationItems" in item:
            return False
        return any(_is_signed_with(item, key) for key in self.connection.hmac_keys)

    def _told_of_platform(self, payload: bytes, now: Callable[[], datetime]) -> Listed:
        try:
            values = json.loads(payload)
        except NOT_AS_WE_KNOW_IT:
            return Listed(None, not_understood(payload, None))
        if isinstance(values, dict):
            ours = "live" if self.connection.livemode else "test"
            if values.get("environment", ours) != ours:
                raise SignatureRefused(
                    "The notification is of the other mode: test in live, or live in test."
                )
            at = _dated(values.get("timestamp"))
            _refuse_other_times([at] if at else [], now)
        return self._listed_of_platform(values, payload)

    def _listed_of_platform(self, values: Json, payload: bytes) -> Listed:
        try:
            return self._listed(platform_fit_to_keep(values))
        except NOT_AS_WE_KNOW_IT:
            return Listed(None, not_understood(payload, values))

    def _listed(self, kept: bytes) -> Listed:
        try:
            return Listed(self.read_event(kept), kept)
        except AnswerNotUnderstood:
            return Listed(None, kept)

    def _found(self, transfer: Json, since: datetime, until: datetime, account: str) -> Listed | None:
        """A transfer as it would have been told of, if it changed in that time; always, if it is not as we know it."""
        whole = {
            "type": "balancePlatform.transfer.updated",
            "environment": "live" if self.connection.livemode else "test",
            "data": transfer,
        }
        try:
            changed = _last_change(transfer)
            # Adyen promises neither of the two.
            known = {"balanceAccount": {"id": account}} | transfer | {"updatedAt": changed.isoformat()}
            if not since <= changed <= until:
                return None
            return self._listed(platform_fit_to_keep(whole | {"data": known}))
        except NOT_AS_WE_KNOW_IT:
            return Listed(None, not_understood(json.dumps(transfer, sort_keys=True).encode(), whole))

    def _of_item(self, notification: Json, item: Json) -> Event:
        code, success = _text(item["eventCode"]), item["success"]
        if success not in {"true", "false"}:
            raise ValueError("neither true nor false")
        kind, object_id = self._subject(item)
        return Event(
            id=_text(_item_id(item, code, success)),
            type=code,
            kind=kind,
            object_id=object_id,
            account=None,
            created_at=instant(item["eventDate"]),
            livemode=_either(notification["live"], "true", "false"),
            ours=ids.ours(item["merchantReference"], "py") if kind is ObjectKind.PAYMENT else None,
        )

    def _subject(self, item: Json) -> tuple[ObjectKind | None, str | None]:
        reference, psp, code = item["merchantReference"], item["pspReference"], item["eventCode"]
        if item["merchantAccountCode"] != self.connection.merchant_account or not ids.is_psp(psp):
            return None, None
        if code in _PAYMENT_WORDS and ids.ours(reference, "py"):
            # Another amount than the payment's comes with some modifications of it.
            return ObjectKind.PAYMENT, ids.called(
                reference, _amount(item) if code == "AUTHORISATION" else None
            )
        if code in _REFUND_WORDS and ids.ours(reference, "rf"):
            return ObjectKind.REFUND, ids.called(reference, _amount(item))
        if code in WORDS and ids.ours(reference, "py"):
            return ObjectKind.CHARGEBACK, ids.dispute_called(reference, psp)
        # Made by hand, or of no interest; what a word means that came later is for a newer version to say.
        return None, None

    def _of_platform(self, values: Json, payload: bytes) -> Event:
        name = _text(values["type"])
        live, data = _either(values["environment"], "live", "test"), values["data"]
        if name.startswith("balancePlatform.transfer."):
            return self._of_transfer(name, data, live=live)
        kind, object_id, account = None, None, None
        if name.startswith("balancePlatform.accountHolder."):
            holder = data["accountHolder"]
            object_id = account = _plain(holder.get("primaryBalanceAccount") or holder["id"])
            kind = ObjectKind.ACCOUNT
        digest = sha256(payload).hexdigest()[:32]
        return Event(
            id=digest,
            type=name,
            kind=kind,
            object_id=object_id,
            account=account,
            created_at=instant(values["timestamp"]),
            livemode=live,
        )

    def _of_transfer(self, name: str, transfer: Json, *, live: bool) -> Event:
        account = _plain(transfer["balanceAccount"]["id"])
        ours = account == self.connection.balance_account
        kind, object_id = _moved(transfer, ours=ours)
        return Event(
            id=_text(_transfer_id(transfer)),
            type=_text(f"{name}:{transfer['type']}:{transfer['status']}"),
            kind=kind,
            object_id=object_id,
            account=None if ours else account,
            created_at=_changed(transfer),
            livemode=live,
            ours=_payment(transfer) if kind is ObjectKind.PAYMENT else None,
        )


def _item_id(item: Json, code: str, success: str) -> str:
    # Signed, all of it: a replay under another date is the same event.
    signed = f"{item['pspReference']}.{code}.{success}"
    if code not in WORDS:
        return signed
    # A word may come again in a later stage of a dispute, and its date alone tells the two apart. By the hour: no stage
    # is over sooner, and whoever writes other dates on an old one is not listened to without end.
    return f"{signed}.{instant(item['eventDate']).astimezone(UTC):%Y%m%d%H}"


def _transfer_id(transfer: Json) -> str:
    number = int(transfer.get("sequenceNumber") or 0)
    # Adyen need not count its news of a transfer; then what it has become, and when, tells them apart.
    step = number or f"{transfer['status']}.{_changed(transfer).astimezone(UTC):%Y%m%d%H%M%S}"
    return f"{_plain(transfer['id'])}.{step}"


def _moved(transfer: Json, *, ours: bool) -> tuple[ObjectKind | None, str | None]:
    category, what = transfer["category"], transfer["type"]
    if category == "platformPayment" and ours:
        return _of_a_payment(transfer)
    if category == "bank" and not ours:
        return ObjectKind.PAYOUT, _plain(transfer["id"])
    if what == "internalTransfer" and ours:
        return ObjectKind.TRANSFER, _plain(transfer["id"])
    return None, None


def _of_a_payment(transfer: Json) -> tuple[ObjectKind | None, str | None]:
    what, data = transfer["type"], transfer["categoryData"]
    kind, paid = _OF_PAYMENT.get(what), _payment(transfer)
    if kind is ObjectKind.PAYMENT and paid:
        return kind, ids.called(paid)
    refund = ids.ours(transfer.get("reference"), "rf")
    if kind is ObjectKind.REFUND and refund:
        # Of the main part it is the amount of the refund.
        return kind, ids.called(
            refund, _amount(transfer) if platform_type(transfer) == "BalanceAccount" else None
        )
    psp = data.get("modificationPspReference")
    if "hargeback" in what and paid and ids.is_psp(psp):
        return ObjectKind.CHARGEBACK, ids.dispute_called(paid, psp)
    return None, None


def _payment(transfer: Json) -> str | None:
    return ids.ours(transfer["categoryData"].get("paymentMerchantReference"), "py")


def _is_signed_with(item: Json, key: str) -> bool:
    try:
        # It answers with None where there is nothing to compare.
        return is_valid_hmac_notification(item, key) is True
    except NOT_AS_WE_KNOW_IT:
        return False


def _refuse_other_times(instants: Sequence[datetime], now: Callable[[], datetime]) -> None:
    if not instants:
        return
    at = now()
    if any(each < at - _OLDEST or each > at + _AHEAD for each in instants):
        raise SignatureRefused("The notification is not of these weeks.")


def _dated(text: object) -> datetime | None:
    try:
        return instant(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _last_change(transfer: Json) -> datetime:
    # Adyen need not say when a transfer changed, but each of its steps is dated.
    steps = (
        each.get(name) for each in transfer.get("events") or () for name in ("bookingDate", "updateDate")
    )
    return max([_changed(transfer), *(instant(each) for each in steps if each)])


def _changed(transfer: Json) -> datetime:
    return instant(transfer["updatedAt"]) if transfer.get("updatedAt") else made_at(transfer)


def _amount(thing: Json) -> Money | None:
    value, currency = thing["amount"]["value"], thing["amount"]["currency"]
    return Money(value, currency) if type(value) is int and value >= 0 and currency in EXPONENTS else None


def _either(word: object, yes: str, no: str) -> bool:
    if word not in {yes, no}:
        raise ValueError("neither of two words")
    return word == yes


def _plain(name: object) -> str:
    if not isinstance(name, str) or not ids.is_plain(name):
        raise ValueError("not an id")
    return name


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or len(value) > _LONGEST:
        raise ValueError("too long, or of other characters")
    return value
