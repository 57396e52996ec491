"""The worker's wallet: what can be withdrawn and how, what waits and why, what is on its way to the bank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kernel.money import Money
from kernel.refusals import NotFound
from ledger import chart
from ledger.balances import balance
from ledger.statements import accounts_named
from payouts import connected, instant, words
from payouts.accounts import account_to_show
from payouts.funds import funds
from payouts.minimums import smallest_payout
from payouts.schedules import schedule_of
from payouts.states import LEFT
from payouts.tables import Payout, PayoutAccount
from payouts.views import account_view

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import BalanceFound
    from identity.actors import Actor
    from payouts.connected import BelowZero, Place
    from payouts.funds import Funds, Waiting
    from payouts.instant import InstantFee, InstantOffer
    from payouts.schedules import ScheduleView
    from payouts.views import AccountView
    from payouts.words import Notice

# Only the code is looked for; any currency gives the same.
_ANY = "USD"


class WalletNotFound(NotFound):
    """There is no such wallet, or it is somebody else's."""

    code = "wallet_not_found"


@dataclass(frozen=True, slots=True)
class WalletBalance:
    """A wallet in one currency: `balance` = available + pending + reserved, as the ledger has it.

    What is `in_transit` has left the wallet and not yet reached the bank. `waiting` explains all that is pending,
    `notices` whatever stands in the way of a withdrawal. Less than `minimum` is paid to no bank.
    """

    currency: str
    balance: Money
    available: Money
    pending: Money
    reserved: Money
    in_transit: Money
    next_available_at: datetime | None
    waiting: tuple[Waiting, ...]
    minimum: Money
    instant: InstantOffer | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class Wallet:
    """A worker's wallet in every currency that was ever in it, and when it is paid out by itself."""

    user_id: str
    balances: tuple[WalletBalance, ...]
    schedule: ScheduleView


@dataclass(frozen=True, slots=True)
class InstantTerms:
    """Today's fee, and what the gateway said just now lies at the worker's account, by currency."""

    fee: InstantFee
    seen: Mapping[str, BalanceFound]


def wallet(
    session: Session, *, user_id: str, gateway: str, by: Actor, terms: InstantTerms | None = None
) -> Wallet:
    """What the worker has with us; everybody asks for themselves, staff for anybody.

    Without `terms` nothing is said of instant withdrawals.
    """
    check_may_see(user_id, by)
    accounts = accounts_named(session, chart.wallet(user_id, _ANY).code)
    row = account_to_show(session, user_id=user_id, gateway=gateway)
    payee = _Payee(
        account_view(row, user_id=user_id, gateway=gateway),
        takes_instant=row is not None and row.takes_instant,
        below_zero=connected.below_zero(session, user_id=user_id, gateway=gateway),
    )
    return Wallet(
        user_id,
        tuple(_balance(session, payee, account.currency, terms) for account in accounts),
        schedule_of(session, user_id=user_id, gateway=gateway),
    )


def place_at_gateway(session: Session, *, user_id: str, gateway: str, by: Actor) -> Place | None:
    """Where to ask what can be paid out instantly; None where nothing can be paid out at all."""
    check_may_see(user_id, by)
    place = connected.place_of(session, user_id=user_id, gateway=gateway)
    if place is None or not session.get_one(PayoutAccount, place.account_id).can_be_paid_out:
        return None
    return place


def check_may_see(user_id: str, by: Actor) -> None:
    """Refuse who asks for somebody else's wallet as if there were none."""
    if user_id != by.id and not by.is_staff:
        raise WalletNotFound("There is no wallet of this person among yours.")


@dataclass(frozen=True, slots=True)
class _Payee:
    account: AccountView
    takes_instant: bool
    below_zero: dict[str, BelowZero]


def _balance(session: Session, payee: _Payee, currency: str, terms: InstantTerms | None) -> WalletBalance:
    user_id, gateway = payee.account.user_id, payee.account.gateway
    there = funds(session, user_id=user_id, gateway=gateway, currency=currency)
    stayed = balance(session, chart.left_with(user_id, currency)).posted
    return WalletBalance(
        currency=currency,
        balance=there.balance,
        available=there.available,
        pending=there.pending,
        reserved=there.reserved,
        in_transit=_in_transit(session, user_id, currency),
        next_available_at=there.next_available_at,
        waiting=there.waiting,
        minimum=smallest_payout(currency),
        instant=_offer(payee, there, terms) if terms is not None else None,
        notices=_notices(payee, there, stayed, terms),
    )


def _offer(payee: _Payee, there: Funds, terms: InstantTerms) -> InstantOffer:
    currency = there.available.currency
    if not payee.account.can_be_paid_out:
        return instant.not_ready(currency, terms.fee, payee.account.next_step.text)
    return instant.offer(
        takes_instant=payee.takes_instant,
        available=there.available,
        seen=terms.seen.get(currency),
        fee=terms.fee,
    )


def _notices(payee: _Payee, there: Funds, stayed: Money, terms: InstantTerms | None) -> tuple[Notice, ...]:
    notices = []
    currency = there.available.currency
    step = payee.account.next_step
    if there.balance and not payee.account.can_be_paid_out:
        closed = payee.account.state == LEFT
        notices.append(words.left(step, there.balance) if closed else words.cannot_be_paid(step))
    if stayed:
        notices.append(words.stayed_there(stayed))
    missing = _missing(payee, currency, terms)
    if missing:
        notices.append(words.below_zero(missing))
    if there.available and there.available < smallest_payout(currency):
        notices.append(words.below_minimum(there.available, smallest_payout(currency)))
    return tuple(notices)


def _missing(payee: _Payee, currency: str, terms: InstantTerms | None) -> Money | None:
    seen = terms.seen.get(currency) if terms is not None else None
    if seen is not None:
        return -seen.available if seen.is_negative else None
    before = payee.below_zero.get(currency)
    return before.missing if before is not None else None


def _in_transit(session: Session, user_id: str, currency: str) -> Money:
    sent = select(func.sum(Payout.amount_minor)).where(
        Payout.worker_id == user_id, Payout.currency == currency, Payout.state == "sent"
    )
    return Money(int(session.scalar(sent) or 0), currency)
