"""The states of what finance does to the books by hand; nothing about them is decided anywhere else."""

from __future__ import annotations

from kernel.states import Process, Transition

FINANCE = "finance"
SECOND = "another in finance"

ACCOUNTING_PERIOD = Process(
    "accounting_period",
    "open",
    frozenset({"closed"}),
    {
        ("open", "close"): Transition("closed", "period.closed", (FINANCE,)),
        # Still closed: one person asks, and another one decides.
        ("closed", "ask_to_reopen"): Transition("reopening", "period.reopening_asked", (FINANCE,)),
        ("reopening", "reopen"): Transition("open", "period.reopened", (SECOND,)),
        ("reopening", "keep_closed"): Transition("closed", "period.kept_closed", (FINANCE,)),
    },
)

ADJUSTMENT = Process(
    "adjustment",
    "proposed",
    frozenset({"posted", "rejected", "withdrawn"}),
    {
        ("proposed", "approve"): Transition("posted", "adjustment.posted", (SECOND,)),
        ("proposed", "reject"): Transition("rejected", "adjustment.rejected", (SECOND,)),
        ("proposed", "withdraw"): Transition("withdrawn", "adjustment.withdrawn", (FINANCE,)),
    },
)
