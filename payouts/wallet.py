"""The worker's wallet: what can be withdrawn, what waits and why, what is on its way to the bank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kernel.money import Money
from kernel.refusals import NotFound
from ledger import chart
from ledger.statements import accounts_named
from payouts.funds import funds
from payouts.tables import Payout

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from identity.actors import Actor
    from payouts.funds import Waiting

# Only the code is looked for; any currency gives the same.
_ANY = "USD"


class WalletNotFound(NotFound):
    """There is no such wallet, or it is somebody else's."""

    code = "wallet_not_found"


@dataclass(frozen=True, slots=True)
class WalletBalance:
    """A wallet in one currency: `balance` = available + pending + reserved, as the ledger has it.

    What is `in_transit` has left the wallet and not yet reached the bank. `waiting` explains all that is pending.
    """

    currency: str
    balance: Money
    available: Money
    pending: Money
    reserved: Money
    in_transit: Money
    next_available_at: datetime | None
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Wallet:
    """A worker's wallet in every currency that was ever in it."""

    user_id: str
    balances: tuple[WalletBalance, ...]


def wallet(session: Session, *, user_id: str, gateway: str, by: Actor) -> Wallet:
    """What the worker has with us; everybody asks for themselves, staff for anybody."""
    check_may_see(user_id, by)
    accounts = accounts_named(session, chart.wallet(user_id, _ANY).code)
    return Wallet(
        user_id, tuple(_balance(session, user_id, gateway, account.currency) for account in accounts)
    )


def check_may_see(user_id: str, by: Actor) -> None:
    """Refuse who asks for somebody else's wallet as if there were none."""
    if user_id != by.id and not by.is_staff:
        raise WalletNotFound("There is no wallet of this person among yours.")


def _balance(session: Session, user_id: str, gateway: str, currency: str) -> WalletBalance:
    there = funds(session, user_id=user_id, gateway=gateway, currency=currency)
    return WalletBalance(
        currency=currency,
        balance=there.balance,
        available=there.available,
        pending=there.pending,
        reserved=there.reserved,
        in_transit=_in_transit(session, user_id, currency),
        next_available_at=there.next_available_at,
        waiting=there.waiting,
    )


def _in_transit(session: Session, user_id: str, currency: str) -> Money:
    sent = select(func.sum(Payout.amount_minor)).where(
        Payout.worker_id == user_id, Payout.currency == currency, Payout.state == "sent"
    )
    return Money(int(session.scalar(sent) or 0), currency)
