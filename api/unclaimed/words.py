"""What the words of unclaimed money mean."""

from __future__ import annotations

UNCLAIMED = {
    "Owed.in_wallet": "With us, and can be sent nowhere until the worker has an account.",
    "Owed.left_there": "At accounts of the worker's that left us, and not given back by the gateway.",
    "Owed.total": "Both together.",
    "Unclaimed.gateway": "At which the last account that left was.",
    "Unclaimed.owed": "By currency.",
    "Unclaimed.since": "When the last account left.",
    "last_contact_at": "When the worker last used Holdfast, as far as that is still known.",
    "reminded_at": "When the worker was last told that money waits; null when never.",
}
