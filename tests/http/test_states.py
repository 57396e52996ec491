"""Every act in every state in which it is not possible, and every amount that is not there: refused, nothing moves."""

from __future__ import annotations

import pytest

from api.openapi import document
from escrow.states import CONTRACT, MILESTONE, REFUND_REQUEST
from tests.books import nothing_moves
from tests.http.answers import KEYS, refused
from tests.http.mistakes import resolved
from tests.http.orders import ORDERS, operations
from tests.http.town import usd

_PROCESSES = {"milestone_id": MILESTONE, "contract_id": CONTRACT, "request_id": REFUND_REQUEST}
# Each operation that acts on something: the acts of the process it may take, and where else it is possible.
_ACTS = {
    "editOffer": ([], {"offered"}),
    "acceptContract": (["accept"], set()),
    "declineContract": (["decline"], set()),
    "cancelContract": (["cancel"], set()),
    # Whoever was interrupted while paying goes on.
    "beginCheckout": (["begin_funding"], {"funding"}),
    "giveUpFunding": (["give_up_funding"], set()),
    "submitWork": (["submit"], set()),
    "requestChanges": (["request_changes"], set()),
    "releaseMilestone": (["release", "release_part"], set()),
    "refundMilestone": (["refund", "refund_part"], set()),
    "requestRefund": ([], {"funded"}),
    "openDispute": (["dispute"], set()),
    "settleDispute": (["settle_for_worker", "settle_for_client", "settle_by_split"], set()),
    "agreeToRefund": (["agree"], set()),
    "declineRefund": (["decline"], set()),
    "withdrawRefundRequest": (["withdraw"], set()),
}
_TOO_LATE = [
    (name, place, process.name, state)
    for name, (acts, also) in _ACTS.items()
    for place, process in _PROCESSES.items()
    if place in ORDERS[name].__kwdefaults__
    for state in process.states
]
