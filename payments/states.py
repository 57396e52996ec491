"""The states of a payment and of a refund."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kernel.states import Process, Transition

if TYPE_CHECKING:
    from collections.abc import Mapping

_GATEWAY = ("gateway",)
_US = ("system",)


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


PAYMENT = Process("payment", "ordered", frozenset({"succeeded", "canceled", "given_back"}), _payment())
REFUND = Process("refund", "ordered", frozenset({"succeeded", "repeated"}), _refund())

# Payments whose money came.
PAID = frozenset({"succeeded", "given_back"})
# Refunds whose money has left the hold and has neither arrived nor come back.
UNCONFIRMED = frozenset({"ordered", "unknown", "pending"})
# Refunds that gave nothing back.
CAME_BACK = frozenset({"failed", "repeated"})
