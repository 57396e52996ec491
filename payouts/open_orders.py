"""What was ordered for money out and has no outcome yet, first ordered first; for staff."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways.open_orders import BY_ITSELF, NO_ANSWER, NOT_HEARD_YET, OpenOrder, last_tried, listed
from kernel.money import Money
from payments.charges import converted
from payouts.tables import Payout, PayoutAccount, Reversal, Transfer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gateways.open_orders import Asked

# One that failed waits for staff; one that waits, for its worker.
TRANSFER_STATES = ("waiting", "ordered", "unknown", "failed")
PAYOUT_STATES = ("reserved", "unknown", "sent")
ACCOUNT_STATES = ("unknown",)
REVERSAL_STATES = ("ordered", "unknown")

_HEARD_WITHIN = timedelta(hours=1)
_SET_UP_WITHIN = timedelta(days=30)
_ARRIVED_WITHIN = timedelta(days=1)


def transfers(session: Session, asked: Asked) -> list[OpenOrder]:
    """Released money that is not on its worker's account yet."""
    query = select(Transfer).where(Transfer.state.in_(asked.states))
    query = listed(query, asked, id_=Transfer.id, prefix="tr", at=Transfer.created_at)
    rows = session.scalars(query).all()
    came_converted = converted(session, [row.payment_id for row in rows])
    return [_transfer(row, converted=row.payment_id in came_converted) for row in rows]


def payouts(session: Session, asked: Asked) -> list[OpenOrder]:
    """Withdrawals that have neither arrived at a bank nor come back."""
    query = select(Payout).where(Payout.state.in_(asked.states))
    query = listed(query, asked, id_=Payout.id, prefix="po", at=Payout.requested_at)
    return [_payout(row) for row in session.scalars(query)]


def accounts(session: Session, asked: Asked) -> list[OpenOrder]:
    """Workers' accounts that may have been made without our having heard of it."""
    query = select(PayoutAccount).where(
        PayoutAccount.gateway_id.is_(None), PayoutAccount.out_since.is_not(None)
    )
    query = listed(query, asked, id_=PayoutAccount.id, prefix="ac", at=PayoutAccount.out_since)
    rows = session.scalars(query)
    return [_account(row) for row in rows] if asked.states else []


def reversals(session: Session, asked: Asked) -> list[OpenOrder]:
    """Money that is ours again and still lies at a worker's account."""
    query = select(Reversal).where(Reversal.state.in_(asked.states))
    query = listed(query, asked, id_=Reversal.id, prefix="rv", at=Reversal.ordered_at)
    return [_reversal(row) for row in session.scalars(query)]


def _reversal(row: Reversal) -> OpenOrder:
    refused = f"The payment provider refused it ({row.failure_code})." if row.failure_code else NOT_HEARD_YET
    return OpenOrder(
        kind="reversal",
        id=row.id,
        state=row.state,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=Money(row.amount_minor, row.currency),
        about=row.transfer_id,
        ordered_at=row.ordered_at,
        due_by=row.ordered_at + _HEARD_WITHIN,
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer=NO_ANSWER if row.state == "unknown" else refused,
        what_to_do=BY_ITSELF,
    )


def _transfer(row: Transfer, *, converted: bool) -> OpenOrder:
    waits = row.state == "waiting"
    amount = Money(row.amount_minor, row.currency)
    return OpenOrder(
        kind="transfer",
        id=row.id,
        state=row.state,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=amount,
        about=row.milestone_id,
        ordered_at=row.created_at,
        due_by=row.created_at + (_SET_UP_WITHIN if waits else _HEARD_WITHIN),
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer=_transfer_answer(row),
        what_to_do=_change_back(amount) if converted and row.state == "ordered" else _transfer_act(row),
        waits_for=_TRANSFER_WAITS.get(row.state),
    )


_TRANSFER_WAITS = {
    "waiting": "It goes as soon as the worker's account can take money.",
    "failed": "Staff orders it again.",
}


def _transfer_answer(row: Transfer) -> str:
    if row.state == "waiting":
        return "The worker's payout account cannot take money yet."
    if row.state == "failed":
        return f"The payment provider refused it ({row.failure_code})."
    return NO_ANSWER if row.state == "unknown" else row.reason or NOT_HEARD_YET


def _transfer_act(row: Transfer) -> str:
    if row.state == "waiting":
        return "Ask the worker to finish the payout account."
    if row.state == "failed":
        return f"Clear up why it was refused, then POST /v1/transfers/{row.id}/order-again."
    return BY_ITSELF


def _change_back(amount: Money) -> str:
    return (
        f"See that {amount} are there: change them back at the payment provider, where the client's payment came in"
        " another currency. It then goes by itself. Resolve the two lines of it as a `conversion`."
    )


def _payout(row: Payout) -> OpenOrder:
    sent = row.state == "sent"
    return OpenOrder(
        kind="payout",
        id=row.id,
        state=row.state,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        amount=Money(row.amount_minor, row.currency),
        about=row.worker_id,
        ordered_at=row.requested_at,
        due_by=(row.arrives_on or row.requested_at) + (_ARRIVED_WITHIN if sent else _HEARD_WITHIN),
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer="The payment provider has sent it; the bank has not got it yet."
        if sent
        else _payout_answer(row),
        what_to_do=BY_ITSELF,
    )


def _payout_answer(row: Payout) -> str:
    return NO_ANSWER if row.state == "unknown" else row.reason or NOT_HEARD_YET


def _account(row: PayoutAccount) -> OpenOrder:
    assert row.out_since is not None, "only what went out is asked for"
    return OpenOrder(
        kind="account",
        id=row.id,
        state="unknown",
        gateway=row.gateway,
        gateway_id=None,
        amount=None,
        about=row.user_id,
        ordered_at=row.out_since,
        due_by=row.out_since + _HEARD_WITHIN,
        tries=row.calls,
        last_tried_at=last_tried(row),
        answer=NO_ANSWER,
        what_to_do="Nothing: no money lies there, and no second account is made.",
        waits_for="It is looked for when the worker opens the payout account again.",
    )
