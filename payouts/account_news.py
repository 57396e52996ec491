"""What a gateway tells of a worker's account, and what follows: money that waited for it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateways import orders
from gateways.contract import AccountFound, AccountState, Busy, Rejected, Unknown
from kernel.refusals import Unavailable
from payouts.tables import PayoutAccount
from payouts.transfers import order_waiting
from persistence import clock, due, outbox
from persistence.locks import locked

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
    row = _locked(session, intent.order.account_id)
    if row.gateway_id is not None:
        # News of it, or another call, came before this answer.
        return outcome if isinstance(outcome, AccountFound) else None
    if isinstance(outcome, AccountFound):
        _apply(session, row, outcome)
        return outcome
    return orders.told(row, call=intent.call, outcome=outcome)


def expect_news(session: Session, *, user_id: str, gateway: str) -> None:
    """The worker goes to the gateway's page: look at the account later, whether or not an event comes."""
    row = session.scalars(
        select(PayoutAccount).where(PayoutAccount.user_id == user_id, PayoutAccount.gateway == gateway)
    ).one()
    due.schedule(
        session,
        kind="refresh_account",
        subject=row.id,
        due_at=clock.now(session) + _LOOK_AFTER,
        # One look for all the links that are given out while nothing is heard.
        key=f"refresh_account:{row.id}:{row.version}",
    )


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

    What the gateway will not speak of any longer has left us: nothing goes there, or out of it.
    """
    row = _named(session, intent, outcome)
    if row is None:
        # Made by hand at the gateway, or a second one whose answer was lost for longer than its key lasted; no money
        # of ours goes to either.
        return True
    if intent.version not in (None, row.version):
        return False
    if isinstance(outcome, AccountFound):
        _apply(session, row, outcome)
    else:
        _close(session, row, outcome.code)
    return True


def _named(session: Session, intent: Watched, outcome: AccountFound | Rejected) -> PayoutAccount | None:
    if intent.account_id is not None:
        return _locked(session, intent.account_id)
    ours = outcome.account_id if isinstance(outcome, AccountFound) else None
    if ours is None:
        return None
    row = locked(session, PayoutAccount, ours)
    if row is None:
        raise PayoutAccountUnmatched(
            f"The gateway's account {intent.gateway_id} names {ours}, which is not here."
        )
    return row if row.gateway_id in (None, intent.gateway_id) else None


def _apply(session: Session, row: PayoutAccount, found: AccountFound) -> None:
    row.gateway_id = found.gateway_id
    row.can_receive_transfers, row.can_be_paid_out = found.can_receive_transfers, found.can_be_paid_out
    row.missing = list(found.missing)
    row.disabled_reason = (found.disabled_reason or "")[:_LONGEST_REASON] or None
    row.bank_name = (found.bank_name or "")[:_LONGEST_BANK] or None
    row.bank_last4, row.takes_instant = found.bank_last4, found.takes_instant
    _enter(session, row, found.state)
    if row.can_receive_transfers:
        order_waiting(session, account=row)


def _close(session: Session, row: PayoutAccount, code: str) -> None:
    row.can_receive_transfers = row.can_be_paid_out = row.takes_instant = False
    row.missing, row.disabled_reason = [], code[:_LONGEST_REASON]
    _enter(session, row, AccountState.RESTRICTED)


def _enter(session: Session, row: PayoutAccount, state: AccountState) -> None:
    changed, row.state = row.state != state.value, state.value
    row.version += 1
    if changed:
        outbox.publish(
            session,
            name=f"payout_account.{state.value}",
            subject=row.id,
            payload={"account_id": row.id, "user_id": row.user_id},
        )
    session.flush()


def _locked(session: Session, account_id: str) -> PayoutAccount:
    row = locked(session, PayoutAccount, account_id)
    assert row is not None, "a payout account is never deleted"
    return row


def _known_as(gateway: str, gateway_id: str) -> Select[PayoutAccount]:
    return select(PayoutAccount).where(
        PayoutAccount.gateway == gateway, PayoutAccount.gateway_id == gateway_id
    )
