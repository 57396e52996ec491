"""How far a payout has come at the gateway: asked anew on every event and, should none come, when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways.contract import PayoutState
from kernel.money import Money
from kernel.refusals import Unavailable
from payments.collecting import GatewayDisagrees
from payouts import booking, words
from payouts.looks import look_at_account
from payouts.states import UNDONE
from payouts.tables import Payout, PayoutAccount
from persistence import clock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import PayoutFound

_ASK_AGAIN = timedelta(hours=6)
_LONGEST_CODE = 64
_LONGEST_TRACE = 64

_UNDONE = {PayoutState.FAILED, PayoutState.CANCELED}


class PayoutUnmatched(Unavailable):
    """The gateway tells of a payout that is not (yet) one of ours."""

    code = "payout_unmatched"


@dataclass(frozen=True, slots=True)
class AtGateway:
    """A payout as the gateway knows it."""

    gateway: str
    account: str
    gateway_id: str


def payout_to_ask_for(session: Session, *, payout_id: str) -> AtGateway | None:
    """Where to ask for our payout; None when the gateway has none, or it is back in the wallet."""
    row = session.get(Payout, payout_id)
    if row is None or row.gateway_id is None or row.state in UNDONE:
        return None
    account = session.get_one(PayoutAccount, row.account_id)
    assert account.gateway_id is not None, "money is withdrawn from an account the gateway has made"
    return AtGateway(row.gateway, account.gateway_id, row.gateway_id)


def told_nothing(session: Session, *, of: AtGateway) -> datetime | None:
    """The gateway does not speak of the payout: its account may have left us. Returns when to ask again, if so.

    Of an account that has left nobody can say whether its payout arrived. It stays sent, and is asked for again when
    the account is back.
    """
    account = session.scalar(
        select(PayoutAccount).where(
            PayoutAccount.gateway == of.gateway, PayoutAccount.gateway_id == of.account
        )
    )
    if account is None or account.left_at is not None:
        return None
    instant = clock.now(session)
    look_at_account(session, account_id=account.id, because_of=f"{of.gateway_id}:{instant.isoformat()}")
    return instant + _ASK_AGAIN


def record_news(session: Session, *, of: AtGateway, found: PayoutFound) -> datetime | None:
    """Bring our payout to where the gateway says it is; returns when to ask again, if it has not arrived.

    News may overtake the answer to our own order: then the payout is found by the id of ours that it carries.
    """
    row = booking.held_payout(session, _ours(session, of, found))
    account = session.get_one(PayoutAccount, row.account_id)
    if account.gateway_id != of.account or row.gateway != of.gateway:
        raise GatewayDisagrees(
            f"The gateway's payout {found.gateway_id} names {row.id}, but is on another account."
        )
    bring_to(session, row, found)
    return clock.now(session) + _ASK_AGAIN if row.state == "sent" else None


def bring_to(session: Session, row: Payout, found: PayoutFound) -> None:
    """Take the steps that lead to where the gateway says the payout is, each booked once whatever was told before."""
    _check(row, found)
    row.gateway_id = found.gateway_id
    row.arrives_on = found.arrives_on
    row.trace_id = (found.trace_id or "")[:_LONGEST_TRACE] or row.trace_id
    # Whatever it is now, the gateway had it before.
    booking.step(session, row, "send")
    if found.state is PayoutState.PAID:
        booking.step(session, row, "pay")
    elif found.state in _UNDONE:
        row.failure_code = (found.failure_code or "canceled")[:_LONGEST_CODE]
        row.reason = words.payout_failed(found.failure_code)
        _ = booking.step(session, row, "fail") or booking.step(session, row, "return")


def _check(row: Payout, found: PayoutFound) -> None:
    amount = Money(row.amount_minor, row.currency)
    if found.amount != amount:
        raise GatewayDisagrees(
            f"The gateway's payout {found.gateway_id} is over {found.amount}, not {amount}."
        )
    if row.gateway_id is None and row.state in UNDONE:
        raise GatewayDisagrees(f"The gateway has {row.id} as {found.gateway_id}, which it had refused.")
    if row.gateway_id not in (None, found.gateway_id):
        raise GatewayDisagrees(f"The gateway has {row.id} twice: {row.gateway_id} and {found.gateway_id}.")


def _ours(session: Session, of: AtGateway, found: PayoutFound) -> str:
    known: str | None = session.scalar(
        select(Payout.id).where(Payout.gateway == of.gateway, Payout.gateway_id == of.gateway_id)
    )
    if known is None and found.payout_id is not None and session.get(Payout, found.payout_id) is not None:
        known = found.payout_id
    if known is None:
        raise PayoutUnmatched(f"There is no payout here for the gateway's {of.gateway_id}.")
    return known
