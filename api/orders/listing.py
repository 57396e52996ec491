"""All open orders of every kind as one list, each with what is done about it next and when."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from gateways.open_orders import Asked
from payments import open_orders as paying
from payouts import open_orders as paying_out
from persistence import clock, due
from reconciliation import open_orders as paying_us

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.open_orders import OpenOrder
    from persistence.due import Planned

KINDS: dict[str, tuple[Callable[[Session, Asked], list[OpenOrder]], tuple[str, ...]]] = {
    "payment": (paying.payments, paying.PAYMENT_STATES),
    "refund": (paying.refunds, paying.REFUND_STATES),
    "customer": (paying.customers, paying.CUSTOMER_STATES),
    "evidence": (paying.evidence, paying.EVIDENCE_STATES),
    "transfer": (paying_out.transfers, paying_out.TRANSFER_STATES),
    "reversal": (paying_out.reversals, paying_out.REVERSAL_STATES),
    "payout": (paying_out.payouts, paying_out.PAYOUT_STATES),
    "account": (paying_out.accounts, paying_out.ACCOUNT_STATES),
    "own_payout": (paying_us.own_payouts, paying_us.OWN_PAYOUT_STATES),
}
STATES = sorted({state for _, states in KINDS.values() for state in states})

_STEPS = {
    "send_refund": "It is sent, or asked for where it may have been sent before.",
    "send_transfer": "It is sent, or asked for where it may have been sent before.",
    "send_reversal": "It is sent, or asked for where it may have been sent before.",
    "send_evidence": "It is sent, or asked for where it may have been sent before.",
    "send_payout": "It is sent, or asked for where it may have been sent before.",
    "send_own_payout": "It is sent, or asked for where it may have been sent before.",
    "refresh_own_payout": "The payment provider is asked how it is.",
    "refresh_payment": "The payment provider is asked how it is.",
    "refresh_refund": "The payment provider is asked how it is.",
    "refresh_payout": "The payment provider is asked how it is.",
    "refresh_account": "The payment provider is asked how it is.",
    "stop_payment": "It is stopped at the payment provider.",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """An open order as staff sees it."""

    order: OpenOrder
    overdue: bool
    next_step: str
    next_at: datetime | None
    what_to_do: str


def open_orders(
    session: Session,
    *,
    after: str | None,
    limit: int,
    kind: str | None = None,
    state: str | None = None,
    older_than_hours: int | None = None,
) -> list[Shown]:
    """Orders without an outcome, and those that somebody has to see to, first ordered first."""
    instant = clock.now(session)
    before = None if older_than_hours is None else instant - timedelta(hours=older_than_hours)
    listings = [
        listing(
            session, Asked(frozenset(each for each in states if state in (None, each)), before, after, limit)
        )
        for name, (listing, states) in KINDS.items()
        if kind in (None, name)
    ]
    found = list(islice(heapq.merge(*listings, key=place), limit))
    # Events speak of an order under the gateway's name for it.
    names = {name for order in found for name in (order.id, order.gateway_id) if name is not None}
    plans = due.planned(session, subjects=names)
    return [_shown(order, _plan(order, plans), instant) for order in found]


def place(order: OpenOrder) -> str:
    """Where an order stands in the list: ids rise with time, whatever they are of."""
    return order.id.rpartition("_")[2]


def _plan(order: OpenOrder, plans: Mapping[str, Planned]) -> Planned | None:
    found = [plans[name] for name in (order.id, order.gateway_id or "") if name in plans]
    return next((plan for plan in found if plan.parked), found[0] if found else None)


def _shown(order: OpenOrder, plan: Planned | None, instant: datetime) -> Shown:
    overdue = order.due_by < instant
    if plan is not None and plan.parked:
        to_do = f"Mend the reason, then `flask --app wsgi jobs retry {plan.id}`."
        return Shown(order, overdue, f"Given up after many tries: {plan.reason}", None, to_do)
    if order.waits_for is not None:
        return Shown(order, overdue, order.waits_for, None, order.what_to_do)
    if plan is None:
        return Shown(
            order, overdue, "Nothing is planned.", None, "Tell an engineer: nothing is planned for it."
        )
    return Shown(order, overdue, _STEPS.get(plan.kind, plan.kind), plan.due_at, order.what_to_do)
