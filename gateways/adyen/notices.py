"""Adyen's notifications: what is kept of them, and how those that were kept are read again."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from gateways.adyen.lists import instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateways.adyen.client import Json

# Kept of an item; the rest may say whose card it was and where they live.
_KEPT = (
    "amount",
    "eventCode",
    "eventDate",
    "merchantAccountCode",
    "merchantReference",
    "originalReference",
    "pspReference",
    "success",
)
_KEPT_OF_MORE = ("autoDefended", "chargebackReasonCode", "defendable", "defensePeriodEndsAt", "disputeStatus")
_KEPT_OF_TRANSFER = (
    "amount",
    "category",
    "createdAt",
    "creationDate",
    "direction",
    "id",
    "reason",
    "reference",
    "sequenceNumber",
    "status",
    "type",
    "updatedAt",
)
_KEPT_OF_HOLDER = ("id", "primaryBalanceAccount", "reference", "status")
_LONGEST = 200
_LONGEST_NAME = 128


def fit_to_keep(notification: Json, item: Json) -> bytes:
    """One item as a notification of its own, without what nobody here needs."""
    kept = {name: item[name] for name in _KEPT if name in item}
    if item.get("eventCode") != "AUTHORISATION":
        # With an authorisation it has the digits of the card.
        kept["reason"] = str(item.get("reason") or "")[:_LONGEST]
    more = item.get("additionalData")
    if isinstance(more, dict):
        kept["additionalData"] = {name: more[name] for name in _KEPT_OF_MORE if name in more}
    whole = {
        "live": notification.get("live"),
        "notificationItems": [{"NotificationRequestItem": kept}],
    }
    return json.dumps(whole).encode()


def items_of(kept: Iterable[bytes]) -> list[Json]:
    """The items that were kept, in the order in which it happened; what is no item is left out."""
    return sorted(items_as_kept(kept), key=lambda item: (instant(item["eventDate"]), item["eventCode"]))


def items_as_kept(kept: Iterable[bytes]) -> list[Json]:
    """The same, in the order in which they were kept."""
    return [
        wrapped["NotificationRequestItem"]
        for payload in kept
        for wrapped in json.loads(payload).get("notificationItems", ())
    ]


def platform_fit_to_keep(values: Json) -> bytes:
    """News of the platform without names, addresses and bank accounts."""
    data, name = values["data"], values["type"]
    kept: Json
    if name.startswith("balancePlatform.transfer."):
        kept = {each: data[each] for each in _KEPT_OF_TRANSFER if each in data}
        kept |= {"balanceAccount": {"id": data["balanceAccount"]["id"]}}
        kept |= {"categoryData": data.get("categoryData") or {}}
    elif name.startswith("balancePlatform.accountHolder."):
        holder = data["accountHolder"]
        kept = {"accountHolder": {each: holder[each] for each in _KEPT_OF_HOLDER if each in holder}}
    else:
        kept = {}
    whole = {each: values[each] for each in ("type", "environment", "timestamp") if each in values}
    return json.dumps(whole | {"data": kept}).encode()


def not_understood(payload: bytes, values: object) -> bytes:
    """What is kept of news that are not as we know them: enough to find them at Adyen, and nobody's name."""
    known: Json = values if isinstance(values, dict) else {}
    data = known.get("data")
    named = {"type": known.get("type"), "timestamp": known.get("timestamp")}
    named |= {"id": data.get("id")} if isinstance(data, dict) else {}
    kept = {name: value for name, value in named.items() if _is_a_name(value)}
    return json.dumps({"not_understood": kept | {"sha256": sha256(payload).hexdigest()}}).encode()


def _is_a_name(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and " " not in value and len(value) <= _LONGEST_NAME
