"""The states of a transfer to a worker's account and back, and of a payout to a worker's bank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.states import Process, Transition

if TYPE_CHECKING:
    from collections.abc import Mapping

WORKER = "worker"
SYSTEM = "system"
GATEWAY = "gateway"
STAFF = "staff"


def _transfer() -> Mapping[tuple[str, str], Transition]:
    sent = Transition("sent", "transfer.sent", (GATEWAY,))
    failed = Transition("failed", "transfer.failed", (GATEWAY,))
    put_off = Transition("ordered", "transfer.put_off", (GATEWAY,))
    waiting = Transition("waiting", "transfer.waiting", (SYSTEM,))
    taken_back = Transition("taken_back", "transfer.taken_back", (SYSTEM,))
    return {
        ("waiting", "order"): Transition("ordered", "transfer.ordered", (SYSTEM,)),
        # What was sent before it had to wait may turn out to have arrived.
        ("waiting", "send"): sent,
        # The account can no longer take money: the transfer goes once it can.
        ("ordered", "wait"): waiting,
        ("ordered", "put_off"): put_off,
        ("ordered", "send"): sent,
        ("ordered", "refuse"): failed,
        ("ordered", "lose_answer"): Transition("unknown", "transfer.unknown", (SYSTEM,)),
        ("unknown", "wait"): waiting,
        ("unknown", "put_off"): put_off,
        ("unknown", "send"): sent,
        ("unknown", "refuse"): failed,
        # Should a gateway ever take a refusal back: where the money is decides.
        ("failed", "send"): sent,
        ("failed", "order_again"): Transition("ordered", "transfer.ordered", (STAFF,)),
        # The account it was for has left us: it goes to the worker's next one.
        ("failed", "wait"): waiting,
        # The client's bank took all of it back before it was moved.
        ("waiting", "take_back"): taken_back,
        ("ordered", "take_back"): taken_back,
        ("failed", "take_back"): taken_back,
    }


def _payout() -> Mapping[tuple[str, str], Transition]:
    sent = Transition("sent", "payout.sent", (GATEWAY,))
    failed = Transition("failed", "payout.failed", (GATEWAY,))
    put_off = Transition("reserved", "payout.put_off", (GATEWAY,))
    return {
        ("reserved", "put_off"): put_off,
        ("reserved", "send"): sent,
        ("reserved", "refuse"): failed,
        ("reserved", "lose_answer"): Transition("unknown", "payout.unknown", (SYSTEM,)),
        ("unknown", "put_off"): put_off,
        ("unknown", "send"): sent,
        ("unknown", "refuse"): failed,
        ("sent", "pay"): Transition("paid", "payout.paid", (GATEWAY,)),
        ("sent", "fail"): failed,
        # A bank may send the money back days after the gateway called the payout paid.
        ("paid", "return"): Transition(
            "returned", "payout.returned", (GATEWAY,), "5 business days after it was paid"
        ),
    }


def _reversal() -> Mapping[tuple[str, str], Transition]:
    reversed_ = Transition("reversed", "reversal.reversed", (GATEWAY,))
    put_off = Transition("ordered", "reversal.put_off", (GATEWAY,))
    refused = Transition("refused", "reversal.refused", (GATEWAY,))
    return {
        ("ordered", "reverse"): reversed_,
        ("ordered", "lose_answer"): Transition("unknown", "reversal.unknown", (SYSTEM,)),
        # Refused, it is tried again: the account may have the money another day.
        ("ordered", "put_off"): put_off,
        ("unknown", "put_off"): put_off,
        ("unknown", "reverse"): reversed_,
        # Of an account that has left us: what lies there is the worker's to fetch.
        ("ordered", "refuse"): refused,
        ("unknown", "refuse"): refused,
        # The account is back, so it is tried again; and where the money is decides, whatever was said before.
        ("refused", "order_again"): Transition("ordered", "reversal.ordered", (GATEWAY,)),
        ("refused", "reverse"): reversed_,
    }


TRANSFER = Process("transfer", "waiting", frozenset({"sent", "taken_back"}), _transfer())
REVERSAL = Process("reversal", "ordered", frozenset({"reversed"}), _reversal())

# An account of a worker's of which the gateway speaks no longer.
LEFT = "left"

PAYOUT = Process("payout", "reserved", frozenset({"paid", "failed", "returned"}), _payout())

# The gateway has not answered the order yet, or not for good; the money is held back in the wallet.
UNSENT = frozenset({"reserved", "unknown"})
# Payouts that still want their money.
LIVE = UNSENT | {"sent"}
# Payouts whose money is the worker's to withdraw again.
UNDONE = frozenset({"failed", "returned"})
