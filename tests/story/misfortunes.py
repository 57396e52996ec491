"""What befalls calls to the gateways and news from them, in half of all lives for each, and how often it did."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

    from tests.story.house import House

GATEWAYS = ("stripe", "adyen", "paypal")
_CALLS: tuple[dict[str, Any], ...] = (
    {"kind": "cut_before_effect", "probability": 0.12},
    {"kind": "cut_after_effect", "probability": 0.12},
    {"kind": "status", "status": 429, "probability": 0.03},
    {"kind": "status", "status": 503, "probability": 0.03},
    # It says that it broke, and did what it was asked all the same.
    {"kind": "status", "status": 500, "effect": True, "probability": 0.03},
)
# At Stripe it is the payer's own app that confirms.
_PATHS = {"stripe": "/v1/(?!.*confirm).*"}
_ROADS: tuple[dict[str, float], ...] = (
    {},
    {"duplicate": 1.0},
    {"drop": 1.0},
    {"drop": 0.3, "duplicate": 0.3, "reorder": 0.3, "delay": 0.3},
)
# Adyen lists no events. What moves money is found all the same; this it says once, until somebody has heard it.
_SAID_ONLY = "REFUND|REQUEST_FOR_.*|DISPUTE_DEFENSE_.*|ISSUER_RESPONSE_.*|PREARBITRATION_LOST"


def peers(house: House) -> dict[str, Any]:
    """The gateways by name."""
    return {"stripe": house.peer, "adyen": house.peer.adyen, "paypal": house.peer.paypal}


def begin(house: House, dice: random.Random) -> None:
    """By the dice, a gateway is not well, and the roads from it are bad."""
    for name, peer in peers(house).items():
        if dice.random() < 0.5:
            for call in _CALLS:
                peer.fault(**call, path=_PATHS.get(name, ".*"), count=None, seed=dice.randrange(99))
            peer.webhooks(seed=dice.randrange(99), **dice.choice(_ROADS))


def end(house: House) -> Counter[str]:
    """All is well from now on, and what was said once is said again; returns how often what had befallen which."""
    struck: Counter[str] = Counter()
    for name, peer in peers(house).items():
        for fault in peer.faults():
            status = f" {fault['status']}" if fault["kind"] == "status" else ""
            struck[f"{name}: {fault['kind']}{status}"] += fault["struck"]
        for fate, count in _fates(peer.deliveries()).items():
            struck[f"{name}: news {fate}"] += count
        peer.clear_faults()
        peer.end_webhook_troubles()
    house.peer.adyen.redeliver(types=_SAID_ONLY)
    return +struck


def _fates(deliveries: list[Any]) -> Counter[str]:
    times = Counter(each["event"] for each in deliveries)
    fates = Counter({"doubled": sum(count > 1 for count in times.values())})
    fates["lost"] = sum(each["status"] == "dropped" for each in deliveries)
    arrived = [each["attempts"][0]["at"] for each in deliveries if each["attempts"]]
    # Overtaken by one that was sent after it.
    fates["late"] = sum(at > min(arrived[place:]) for place, at in enumerate(arrived))
    return fates
