"""Adyen's standard notifications, item by item: what of one is kept, and how those that were kept are read again."""

from __future__ import annotations

import json
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
_LONGEST = 200


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
