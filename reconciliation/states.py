"""The states of a payout of what is ours to our own bank."""

from __future__ import annotations

from kernel.states import Process, Transition

FINANCE = "finance"
SECOND = "another in finance"
GATEWAY = "gateway"
SYSTEM = "system"

_SENT = Transition("sent", "own_payout.sent", (GATEWAY,))
_FAILED = Transition("failed", "own_payout.failed", (GATEWAY,))
_PUT_OFF = Transition("ordered", "own_payout.put_off", (GATEWAY,))

OWN_PAYOUT = Process(
    "own_payout",
    "proposed",
    frozenset({"rejected", "withdrawn", "paid", "failed", "returned"}),
    {
        ("proposed", "approve"): Transition("ordered", "own_payout.ordered", (SECOND,)),
        ("proposed", "reject"): Transition("rejected", "own_payout.rejected", (SECOND,)),
        ("proposed", "withdraw"): Transition("withdrawn", "own_payout.withdrawn", (FINANCE,)),
        ("ordered", "put_off"): _PUT_OFF,
        ("ordered", "send"): _SENT,
        ("ordered", "refuse"): _FAILED,
        ("ordered", "lose_answer"): Transition("unknown", "own_payout.unknown", (SYSTEM,)),
        ("unknown", "put_off"): _PUT_OFF,
        ("unknown", "send"): _SENT,
        ("unknown", "refuse"): _FAILED,
        ("sent", "pay"): Transition("paid", "own_payout.paid", (GATEWAY,)),
        ("sent", "fail"): _FAILED,
        ("paid", "return"): Transition("returned", "own_payout.returned", (GATEWAY,)),
    },
)

# The gateway has not answered the order yet, or not for good.
UNSENT = frozenset({"ordered", "unknown"})
# It lies at the gateway again.
UNDONE = frozenset({"failed", "returned"})
