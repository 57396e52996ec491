"""What is done again and again, whether anything happened or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateways import sweeps
from ledger import sealing
from persistence import clock, due

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

RECURRING = {
    "forget_expired_keys": timedelta(hours=1),
    "forget_old_sessions": timedelta(hours=24),
    "seal_entries": sealing.EVERY,
    "seal_late_entries": timedelta(hours=24),
    "forget_what_is_over": timedelta(hours=1),
    # Of the day before; a period begins at midnight, UTC.
    "reconcile": timedelta(hours=24),
    "sweep_events": sweeps.EVERY,
    "look_at_balances": timedelta(hours=24),
    "start_scheduled_payouts": timedelta(hours=1),
    "remind_of_unclaimed": timedelta(hours=24),
}

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def plan(session: Session, recurring: Mapping[str, timedelta]) -> None:
    """See to it that each of these is scheduled for the present period; many relays schedule it once."""
    instant = clock.now(session)
    for kind, every in recurring.items():
        period = (instant - _BEGINNING) // every
        due.schedule(session, kind=kind, subject=kind, due_at=instant, key=f"{kind}:{period}")
