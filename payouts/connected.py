"""What lies at workers' accounts by the gateway's word, looked at daily: who is below zero there is told and seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kernel.money import EXPONENTS, Money
from payouts.accounts import live_account
from payouts.tables import ConnectedBalance, PayoutAccount, Transfer
from persistence import clock, outbox
from persistence.locks import locked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import BalanceFound


@dataclass(frozen=True, slots=True)
class Place:
    """A worker's account at the gateway, and the currencies that ever came to it."""

    account_id: str
    gateway: str
    gateway_id: str
    currencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BelowZero:
    """What a worker's account lacked when it was last looked at, and since when."""

    missing: Money
    since: datetime


def place_of(session: Session, *, user_id: str, gateway: str) -> Place | None:
    """Where the worker's money lies; None while no gateway has made them an account, or nothing ever came to it."""
    row = session.scalar(live_account(user_id, gateway))
    return _place(session, row) if row is not None else None


def place_to_look_at(session: Session, *, account_id: str) -> Place | None:
    """The same by the account; nobody looks into one that has left us."""
    row = session.get(PayoutAccount, account_id)
    return _place(session, row) if row is not None and row.left_at is None else None


def accounts_with_money(session: Session, *, gateway: str, after: str | None, limit: int) -> list[str]:
    """The accounts to which money was ever moved, from the one behind `after` on."""
    query = (
        select(Transfer.account_id)
        .where(Transfer.gateway == gateway, Transfer.state == "sent")
        .distinct()
        .order_by(Transfer.account_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Transfer.account_id > after)
    return list(session.scalars(query))


def record(session: Session, *, intent: Place, outcome: Mapping[str, BalanceFound]) -> None:
    """Write down what lies there, by currency; whoever has gone below zero since the last look is told once."""
    account = locked(session, PayoutAccount, intent.account_id)
    assert account is not None, "a payout account is never deleted"
    instant = clock.now(session)
    for currency, seen in sorted(outcome.items()):
        row = session.get(ConnectedBalance, (intent.account_id, currency))
        if row is None:
            row = ConnectedBalance(account_id=intent.account_id, currency=currency)
            session.add(row)
        row.available_minor, row.pending_minor = seen.available.amount_minor, seen.pending.amount_minor
        row.instant_minor, row.seen_at = seen.instant.amount_minor, instant
        if seen.is_negative and row.negative_since is None:
            _tell(session, account, seen)
        row.negative_since = (row.negative_since or instant) if seen.is_negative else None
    session.flush()


def below_zero(session: Session, *, user_id: str, gateway: str) -> dict[str, BelowZero]:
    """Where the worker's account was below zero when it was last looked at, by currency."""
    rows = session.scalars(
        select(ConnectedBalance)
        .join(PayoutAccount, PayoutAccount.id == ConnectedBalance.account_id)
        .where(
            PayoutAccount.live_for == user_id,
            PayoutAccount.gateway == gateway,
            ConnectedBalance.negative_since.is_not(None),
        )
    )
    return {
        row.currency: BelowZero(Money(-row.available_minor, row.currency), row.negative_since)
        for row in rows
        if row.negative_since is not None
    }


def _place(session: Session, row: PayoutAccount) -> Place | None:
    if row.gateway_id is None:
        return None
    found = session.scalars(
        select(Transfer.currency)
        .where(Transfer.account_id == row.id, Transfer.state == "sent")
        .group_by(Transfer.currency)
        .order_by(func.min(Transfer.id))
    )
    currencies = tuple(currency for currency in found if currency in EXPONENTS)
    return Place(row.id, row.gateway, row.gateway_id, currencies) if currencies else None


def _tell(session: Session, account: PayoutAccount, seen: BalanceFound) -> None:
    outbox.publish(
        session,
        name="payout_account.below_zero",
        subject=account.id,
        payload={
            "account_id": account.id,
            "user_id": account.user_id,
            "missing_minor": -seen.available.amount_minor,
            "currency": seen.available.currency,
        },
    )
