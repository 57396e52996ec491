"""For how long clients' money may be held, and what happens before and when that is over.

Stripe's limits for balances with manual payouts, by country (docs.stripe.com/connect/manual-payouts). Whether they bind
our own balance as they bind workers' is not said there; it is taken that they do.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from escrow import states
from escrow.acts import hold_milestone, move, tell
from escrow.refunds import answer_open_request, pay_client
from escrow.tables import Milestone
from identity.actors import SYSTEM
from persistence import clock, due

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from escrow.tables import Contract

_DAYS = {"US": 730, "TH": 10}
_ELSEWHERE = 90

# After so much of the time, in percent, both sides are told; then it is over.
WARNINGS = (60, 80)
OVER = 100

_ANOTHER_DAY = timedelta(days=1)
_A_WHILE = timedelta(minutes=5)
_REASON = "It was held for as long as it may be."


def days(*countries: str) -> int:
    """For how many days money may be held between people and a platform in these countries: the shortest counts."""
    return min(_DAYS.get(country, _ELSEWHERE) for country in countries)


def start_the_clock(session: Session, contract: Contract, milestone: Milestone) -> None:
    """Set the limit of what is held from now on, and plan what happens at each part of it."""
    limit = timedelta(days=contract.holding_days or _ELSEWHERE)
    assert milestone.funded_at is not None, "it begins with the money"
    milestone.hold_until = milestone.funded_at + limit
    for percent in (*WARNINGS, OVER):
        due.schedule(
            session,
            kind="watch_holding_limit",
            subject=milestone.id,
            due_at=milestone.funded_at + limit * percent // OVER,
            key=f"watch_holding_limit:{milestone.id}:{percent}",
            payload={"percent": percent},
        )


def watch(session: Session, *, milestone_id: str, percent: int, refund_id: str) -> datetime | None:
    """Tell both sides that the limit is near or, when it is there, give the client back what is held.

    Returns when to look again: when the 72 hours of what was handed in are over, or in a day where people or a bank
    dispute it, because then somebody has to decide and is told so (`milestone.holding_limit_reached`).
    """
    on = hold_milestone(session, milestone_id, by=SYSTEM)
    if on.milestone.state not in states.HOLDING:
        return None
    told: dict[str, Any] = {"percent": percent, "hold_until": _written(on.milestone.hold_until)}
    if percent < OVER:
        tell(session, on, "milestone.holding_limit_near", **told)
        return None
    if on.milestone.state == "submitted":
        return max(on.milestone.deadline_at or clock.now(session), clock.now(session) + _A_WHILE)
    if on.milestone.state != "funded":
        tell(session, on, "milestone.holding_limit_reached", state=on.milestone.state, **told)
        return clock.now(session) + _ANOTHER_DAY
    held = on.held
    back = pay_client(session, on, refund_id=refund_id, held=held, by=SYSTEM.id, reason=_REASON)
    answer_open_request(session, on, given=held)
    move(
        session,
        on,
        "refund_by_limit",
        refund_id=back.id,
        amount_minor=held.amount_minor,
        currency=held.currency,
    )
    return None


def needs_somebody(session: Session, *, milestone_id: str) -> bool:
    """Whether what is held for the milestone moves only when people or a bank decide."""
    return session.get_one(Milestone, milestone_id).state in {"disputed", "frozen"}


def _written(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
