"""What a gateway tells of a worker's account, and what follows: money that waited for it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways import orders
from gateways.contract import AccountFound, Busy, Rejected, Unknown
from kernel.refusals import Unavailable
from payouts.accounts import held_with_others, live_account
from payouts.destinations import order_waiting
from payouts.leaving import come_back, enter, leave
from payouts.looks import look_at_account
from payouts.tables import PayoutAccount
from persistence import clock, due

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from gateways.orders import Verdict
    from payouts.accounts import AccountToOpen

Answer = AccountFound | Rejected | Busy | Unknown

# By then a worker who was sent to the gateway's page has filled it in; should its event be lost, this look finds out.
_LOOK_AFTER = timedelta(hours=1)
_LONGEST_BANK = 120
_LONGEST_REASON = 64


class PayoutAccountUnmatched(Unavailable):
    """The gateway speaks of an account that carries an id of ours which cannot be found (yet)."""

    code = "payout_account_unmatched"


@dataclass(frozen=True, slots=True)
class Watched:
    """An account that is about to be asked for, and how often it had been written down before."""

    gateway: str
    gateway_id: str
    account_id: str | None
    version: int | None


def record_account(
    session: Session, *, intent: AccountToOpen, outcome: Answer | None
) -> Answer | Verdict | None:
    """Keep the account the gateway made; what the worker is told, or `NEVER_ARRIVED` when the order may go at once."""
    row = held_with_others(session, intent.order.account_id)
    if row.gateway_id is not None:
        # News of it, or another call, came before this answer.
        return outcome if isinstance(outcome, AccountFound) else None
    if isinstance(outcome, AccountFound):
        _apply(session, row, outcome)
        return outcome
    return orders.told(row, call=intent.call, outcome=outcome)


def expect_news(session: Session, *, user_id: str, gateway: str) -> None:
    """The worker goes to the gateway's page: look at the account later, whether or not an event comes."""
    row = session.scalars(live_account(user_id, gateway)).one()
    due.schedule(
        session,
        kind="refresh_account",
        subject=row.id,
        due_at=clock.now(session) + _LOOK_AFTER,
        # One look for all the links that are given out while nothing is heard.
        key=f"refresh_account:{row.id}:{row.version}",
    )


def look_now(session: Session, *, user_id: str, gateway: str) -> None:
    """The gateway would not do what was asked for the worker's account: have it looked at without delay."""
    row = session.scalars(live_account(user_id, gateway)).one()
    look_at_account(session, account_id=row.id, because_of=f"{row.id}:{row.version}:refused")


def account_to_ask_for(session: Session, *, subject: str, gateway: str | None) -> Watched | None:
    """The account by our id, or by the gateway's from an event; None when no gateway has made it."""
    if gateway is not None:
        row = session.scalar(_known_as(gateway, subject))
        return Watched(gateway, subject, row.id if row else None, row.version if row else None)
    row = session.get_one(PayoutAccount, subject)
    if row.gateway_id is None:
        return None
    return Watched(row.gateway, row.gateway_id, row.id, row.version)


def record_news(session: Session, *, intent: Watched, outcome: AccountFound | Rejected) -> bool:
    """Write down how the account is; false when something newer may have been written meanwhile: ask again.

    What the gateway will not speak of any longer has left us: nothing goes there, or out of it. Another may take its
    place, and then it stays out of use even if the gateway speaks of it again.
    """
    row = _named(session, intent, outcome)
    if row is None:
        # Made by hand at the gateway, or a second one whose answer was lost for longer than its key lasted; no money
        # of ours goes to either.
        return True
    if intent.version not in (None, row.version):
        return False
    if isinstance(outcome, Rejected):
        leave(session, row, code=outcome.code)
    elif row.left_at is None or come_back(session, row):
        _apply(session, row, outcome)
    return True


def _named(session: Session, intent: Watched, outcome: AccountFound | Rejected) -> PayoutAccount | None:
    if intent.account_id is not None:
        return held_with_others(session, intent.account_id)
    ours = outcome.account_id if isinstance(outcome, AccountFound) else None
    if ours is None:
        return None
    if session.get(PayoutAccount, ours) is None:
        raise PayoutAccountUnmatched(
            f"The gateway's account {intent.gateway_id} names {ours}, which is not here."
        )
    row = held_with_others(session, ours)
    return row if row.gateway_id in (None, intent.gateway_id) else None


def _apply(session: Session, row: PayoutAccount, found: AccountFound) -> None:
    row.gateway_id = found.gateway_id
    row.can_receive_transfers, row.can_be_paid_out = found.can_receive_transfers, found.can_be_paid_out
    row.missing = list(found.missing)
    row.disabled_reason = (found.disabled_reason or "")[:_LONGEST_REASON] or None
    row.bank_name = (found.bank_name or "")[:_LONGEST_BANK] or None
    row.bank_last4, row.takes_instant = found.bank_last4, found.takes_instant
    enter(session, row, found.state)
    if row.can_receive_transfers:
        order_waiting(session, account=row)


def _known_as(gateway: str, gateway_id: str) -> Select[PayoutAccount]:
    return select(PayoutAccount).where(
        PayoutAccount.gateway == gateway, PayoutAccount.gateway_id == gateway_id
    )
