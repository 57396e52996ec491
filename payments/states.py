"""The states of a payment, of a refund and of a chargeback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.states import Process, Transition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_GATEWAY = ("gateway",)
_US = ("system",)
ASK_AGAIN = "ask_again"


def _payment() -> Mapping[tuple[str, str], Transition]:
    opened = Transition("open", "payment.opened", _GATEWAY)
    succeeded = Transition("succeeded", "payment.succeeded", _GATEWAY)
    canceled = Transition("canceled", "payment.canceled", _GATEWAY)
    return {
        ("ordered", "open"): opened,
        ("ordered", "succeed"): succeeded,
        ("ordered", "cancel"): canceled,
        ("ordered", "lose_answer"): Transition("unknown", "payment.unknown", _US),
        ("unknown", "open"): opened,
        ("unknown", "succeed"): succeeded,
        ("unknown", "cancel"): canceled,
        ("open", "succeed"): succeeded,
        ("open", "cancel"): canceled,
        # Nobody wanted it any more, and whoever still had its secret paid it: all of it goes back.
        ("canceled", "succeed"): Transition("given_back", "payment.given_back", _GATEWAY),
    }


def _refund() -> Mapping[tuple[str, str], Transition]:
    wait = Transition("pending", "refund.pending", _GATEWAY)
    succeed = Transition("succeeded", "refund.succeeded", _GATEWAY)
    fail = Transition("failed", "refund.failed", _GATEWAY)
    return {
        ("ordered", "wait"): wait,
        ("ordered", "succeed"): succeed,
        ("ordered", "fail"): fail,
        ("ordered", "lose_answer"): Transition("unknown", "refund.unknown", _US),
        ("unknown", "wait"): wait,
        ("unknown", "succeed"): succeed,
        ("unknown", "fail"): fail,
        ("pending", "succeed"): succeed,
        ("pending", "fail"): fail,
        # A bank may send a refund back weeks after the gateway called it done.
        ("succeeded", "fail"): fail,
        # What came back is owed to the client; it goes again as a refund of its own, this one is over.
        ("failed", "order_again"): Transition("repeated", "refund.ordered_again", ("client", "staff")),
    }


def _chargeback() -> Mapping[tuple[str, str], Transition]:
    # Two who ask at once may write in the wrong order, so nothing goes back to where it was before. What was decided
    # may be appealed, and of the decision and its appeal we may hear at once.
    decided = ("won", "lost", "prevented")
    appealed = ("appeal_needs_response", "appeal_under_review")
    ways = {
        "opened": (
            "warned",
            "dismissed",
            "inquiry",
            "inquiry_closed",
            "needs_response",
            "under_review",
            *decided,
            *appealed,
        ),
        "warned": ("dismissed",),
        "inquiry": ("inquiry_closed", "needs_response", "under_review", *decided, *appealed),
        "inquiry_closed": ("needs_response", "under_review", *decided, *appealed),
        "needs_response": ("under_review", *decided, *appealed),
        "under_review": (*decided, *appealed),
        "won": (*appealed, "lost"),
        "lost": (*appealed, "won"),
        "appeal_needs_response": ("appeal_under_review", "won", "lost"),
        "appeal_under_review": ("won", "lost"),
    }
    # Whatever it is that the gateway says: the money stays where it is until somebody understands it.
    ways = {state: (*to, "not_understood") for state, to in ways.items()}
    ways["not_understood"] = tuple(
        dict.fromkeys(to for way in ways.values() for to in way if to != "not_understood")
    )
    table = {
        (state, to): Transition(to, f"chargeback.{to}", _GATEWAY) for state, way in ways.items() for to in way
    }
    # What is known to be newer may ask for more than was answered.
    for asks in ("needs_response", "appeal_needs_response"):
        answered = asks.replace("needs_response", "under_review")
        table[answered, ASK_AGAIN] = Transition(asks, "chargeback.asked_again", _GATEWAY)
    # Whether anything is to be done about a warning is for people to say.
    return table | {("warned", "dismiss"): Transition("dismissed", "chargeback.dismissed", ("staff",))}


PAYMENT = Process("payment", "ordered", frozenset({"succeeded", "canceled", "given_back"}), _payment())
REFUND = Process("refund", "ordered", frozenset({"succeeded", "repeated"}), _refund())

CHARGEBACK = Process(
    "chargeback",
    "opened",
    frozenset({"dismissed", "inquiry_closed", "won", "lost", "prevented"}),
    _chargeback(),
)


def chargeback_step(
    state: str, to: str, *, heard: datetime | None, as_of: datetime | None
) -> Transition | None:
    """How a chargeback comes to be `to` by what is so `as_of` an instant, when what was `heard` last is of another one.

    Older news leads nowhere, and only what is known to be newer asks again.
    """
    if heard is not None and as_of is not None and as_of < heard:
        return None
    newer = heard is not None and as_of is not None and as_of > heard
    again = CHARGEBACK.step(state, ASK_AGAIN) if newer else None
    return CHARGEBACK.step(state, to) or (again if again is not None and again.to == to else None)


EVIDENCE_PROCESS = Process(
    "evidence",
    "drafted",
    frozenset({"submitted"}),
    {
        ("drafted", "hand_in"): Transition("ordered", "evidence.handed_in", ("staff",)),
        ("ordered", "arrive"): Transition("submitted", "evidence.submitted", _GATEWAY),
        ("ordered", "refuse"): Transition("drafted", "evidence.refused", _GATEWAY),
        ("ordered", "lose_answer"): Transition("unknown", "evidence.unknown", _US),
        ("unknown", "arrive"): Transition("submitted", "evidence.submitted", _GATEWAY),
        ("unknown", "refuse"): Transition("drafted", "evidence.refused", _GATEWAY),
    },
)

# Chargebacks that may still take money or give it back: until they end, nothing else moves on the same milestone.
UNDECIDED = frozenset(CHARGEBACK.states) - CHARGEBACK.terminal

# Payments whose money came.
PAID = frozenset({"succeeded", "given_back"})

# Refunds whose money has left the hold and has neither arrived nor come back.
UNCONFIRMED = frozenset({"ordered", "unknown", "pending"})
# Refunds that gave nothing back.
CAME_BACK = frozenset({"failed", "repeated"})
