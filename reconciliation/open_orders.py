"""Payouts of ours that have no outcome yet, for staff."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways.open_orders import BY_ITSELF, NO_ANSWER, NOT_HEARD_YET, OpenOrder, last_tried, listed
from reconciliation.own_payouts import amount_of
from reconciliation.tables import OwnPayout

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.open_orders import Asked

OWN_PAYOUT_STATES = ("ordered", "unknown", "sent")

_HEARD_WITHIN = timedelta(hours=1)
_ARRIVED_WITHIN = timedelta(days=3)


def own_payouts(session: Session, asked: Asked) -> list[OpenOrder]:
    """Payouts of ours that the gateway has not answered for good, or that our bank does not have yet."""
    query = select(OwnPayout).where(OwnPayout.state.in_(asked.states))
    query = listed(query, asked, id_=OwnPayout.id, prefix="op", at=OwnPayout.proposed_at)
    return [_own_payout(row) for row in session.scalars(query)]


def _own_payout(row: OwnPayout) -> OpenOrder:
    sent, ordered_at = row.state == "sent", row.decided_at or row.proposed_at
    waits = NO_ANSWER if row.state == "unknown" else NOT_HEARD_YET
    return OpenOrder(
        kind="own_payout",
        id=row.id,
        state=row.state,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=amount_of(row),
        about=row.gateway,
        ordered_at=ordered_at,
        due_by=(row.arrives_on or ordered_at) + (_ARRIVED_WITHIN if sent else _HEARD_WITHIN),
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer="The payment provider has sent it; our bank has not got it yet." if sent else waits,
        what_to_do=BY_ITSELF,
    )
