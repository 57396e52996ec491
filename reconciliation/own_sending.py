"""Having a gateway pay out what is ours, once; how far that is; and what a gateway has begun by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways import orders
from gateways.contract import Busy, OwnPayoutOrder, PayoutFound, PayoutState, Rejected
from gateways.orders import Verdict
from kernel.ids import new_id
from kernel.money import Money
from ledger import movements
from payments.collecting import GatewayDisagrees
from persistence import clock, outbox
from persistence.unit_of_work import Retry
from reconciliation.own_payouts import ASK_AGAIN, amount_of, book, held, step, view, watch
from reconciliation.solvency import PlatformPayoutBlocked, refuse_unless_ours
from reconciliation.states import UNDONE, UNSENT
from reconciliation.tables import OwnPayout

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import PaysUs, Unknown
    from gateways.orders import Call
    from reconciliation.own_payouts import OwnPayoutView

_LONGEST_CODE = 64
_BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class OwnPayoutToSend:
    """A payout of ours for the gateway, and the call that is to be made about it."""

    gateway: str
    order: OwnPayoutOrder
    call: Call


def to_send(session: Session, *, own_payout_id: str) -> OwnPayoutToSend | None:
    """The order, noted as out from now on; None when it was answered, or when too little would stay by now."""
    row = held(session, own_payout_id)
    if row.state not in UNSENT:
        return None
    if row.out_since is None and _is_blocked(session, row):
        row.failure_code = _BLOCKED
        step(session, row, "refuse")
        return None
    call = orders.next_call(row, now=clock.now(session))
    order = OwnPayoutOrder(row.id, amount_of(row), attempt=call.attempt)
    return OwnPayoutToSend(row.gateway, order, call)


def send(through: PaysUs, intent: OwnPayoutToSend) -> PayoutFound | Rejected | Busy | Unknown | None:
    """What the gateway says to the order; None when it was only asked, and has no such payout."""
    return orders.carry_out(
        intent.call,
        find=lambda: through.find_own_payout(intent.order),
        create=lambda: through.create_own_payout(intent.order),
    )


def record(
    session: Session, *, intent: OwnPayoutToSend, outcome: PayoutFound | Rejected | Busy | Unknown | None
) -> datetime | None:
    """Write the answer down; returns when to try again."""
    row = held(session, intent.order.payout_id)
    if isinstance(outcome, PayoutFound):
        _bring_to(session, row, outcome)
    if row.state not in UNSENT or isinstance(outcome, PayoutFound):
        return None
    verdict, instant = orders.judge(row, call=intent.call, outcome=outcome), clock.now(session)
    if verdict is Verdict.REFUSED:
        assert isinstance(outcome, Rejected), "only a refusal is for good"
        row.failure_code = outcome.code[:_LONGEST_CODE]
        step(session, row, "refuse")
        return None
    if verdict is Verdict.UNANSWERED:
        step(session, row, "lose_answer")
    elif row.out_since is None:
        step(session, row, "put_off")
    if isinstance(outcome, Busy):
        return instant + timedelta(seconds=outcome.retry_after_seconds)
    return orders.next_try(now=instant, since=row.decided_at or row.proposed_at)


def record_news(session: Session, *, gateway: str, found: PayoutFound) -> OwnPayoutView:
    """Bring a payout of ours to where the gateway says it is; of one that nobody here has ordered, finance is told."""
    row = _known(session, gateway, found)
    if row is None:
        row = _unordered(session, gateway, found)
    _bring_to(session, row, found)
    return view(row)


def record_carried(session: Session, *, own_payout_id: str, carried: Money) -> OwnPayoutView:
    """Keep what the lines add up to that an automatic payout carries; it is told when that is not what was paid out."""
    row = held(session, own_payout_id)
    if row.carried_minor is None:
        row.carried_minor = carried.amount_minor
        if carried != amount_of(row):
            payload = {"carried_minor": carried.amount_minor, "amount_minor": row.amount_minor}
            outbox.publish(session, name="own_payout.does_not_add_up", subject=row.id, payload=payload)
    return view(row)


def to_ask_for(session: Session, *, own_payout_id: str) -> tuple[str, str] | None:
    """At which gateway to ask for our payout, and under which name; None when there is nothing to ask for."""
    row = session.get(OwnPayout, own_payout_id)
    return None if row is None or row.gateway_id is None else (row.gateway, row.gateway_id)


def look_again_at(session: Session, *, payout: OwnPayoutView) -> datetime | None:
    """When to ask again for a payout that is on its way, or of which the gateway has yet to tell what it carries."""
    open_ = payout.state == "sent" or (payout.automatic and payout.carried is None)
    return clock.now(session) + ASK_AGAIN if open_ else None


def _is_blocked(session: Session, row: OwnPayout) -> bool:
    try:
        # It is booked already, so what is asked is whether enough is left without it.
        refuse_unless_ours(session, gateway=row.gateway, amount=Money.zero(row.currency))
    except PlatformPayoutBlocked:
        return True
    return False


def _bring_to(session: Session, row: OwnPayout, found: PayoutFound) -> None:
    if found.amount != amount_of(row) or row.gateway_id not in (None, found.gateway_id):
        raise GatewayDisagrees(
            f"The gateway's payout {found.gateway_id} over {found.amount} is not {row.id} over {amount_of(row)}."
        )
    if row.gateway_id is None and row.state in UNDONE:
        raise GatewayDisagrees(f"The gateway has {row.id} as {found.gateway_id}, which it had refused.")
    row.gateway_id, row.arrives_on = found.gateway_id, found.arrives_on
    step(session, row, "send")
    if found.state is PayoutState.PAID:
        step(session, row, "pay")
    elif found.state in {PayoutState.FAILED, PayoutState.CANCELED}:
        row.failure_code = (found.failure_code or "canceled")[:_LONGEST_CODE]
        _ = step(session, row, "fail") or step(session, row, "return")


def _known(session: Session, gateway: str, found: PayoutFound) -> OwnPayout | None:
    known = session.scalar(
        select(OwnPayout.id).where(OwnPayout.gateway == gateway, OwnPayout.gateway_id == found.gateway_id)
    )
    if known is None and found.payout_id is not None and session.get(OwnPayout, found.payout_id) is not None:
        # News may overtake the answer to our own order.
        known = found.payout_id
    return None if known is None else held(session, known)


def _unordered(session: Session, gateway: str, found: PayoutFound) -> OwnPayout:
    row = OwnPayout(
        id=new_id("op"),
        gateway=gateway,
        gateway_id=found.gateway_id,
        state="sent",
        automatic=found.automatic,
        currency=found.amount.currency,
        amount_minor=found.amount.amount_minor,
        proposed_at=clock.now(session),
        attempt=1,
        calls=0,
        calls_over=0,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    book(session, row, movements.own_payout_ordered(gateway, amount=found.amount), "ordered", actor=gateway)
    watch(session, row)
    # Our accounts at gateways are set not to do this: what is held for others may have gone with it.
    amount = {"currency": row.currency, "amount_minor": row.amount_minor}
    outbox.publish(session, name="own_payout.unordered", subject=row.id, payload=amount)
    return row
