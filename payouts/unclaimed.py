"""Money of workers whose account left us and who have no other that can take it: who is owed what, and is reminded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from identity.sessions import last_used
from kernel.money import Money
from ledger import chart
from ledger.balances import balance
from ledger.statements import accounts_named
from payouts.accounts import able_account, hold_accounts
from payouts.destinations import order_waiting
from payouts.tables import PayoutAccount
from persistence import clock, outbox

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

_BATCH = 200
# Soon, while the worker may not have noticed; then as often as somebody who has moved on may be asked.
_FIRST = timedelta(days=7)
_AGAIN = timedelta(days=30)
# Only the code is looked for; any currency gives the same.
_ANY = "USD"


@dataclass(frozen=True, slots=True)
class Owed:
    """In one currency: what is in the wallet and can go nowhere, and what lies at accounts that left us."""

    in_wallet: Money
    left_there: Money

    @property
    def currency(self) -> str:
        """Which."""
        return self.in_wallet.currency

    @property
    def total(self) -> Money:
        """All that is the worker's."""
        return self.in_wallet + self.left_there


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """What a worker is owed, since when they have no account for it, and when they were last heard of and told."""

    worker_id: str
    gateway: str
    since: datetime
    last_contact_at: datetime | None
    reminded_at: datetime | None
    owed: tuple[Owed, ...]


def unclaimed(session: Session, *, after: str | None, limit: int) -> list[Unclaimed]:
    """The workers who are owed money that has nowhere to go, from the one behind `after` on."""
    found: list[Unclaimed] = []
    for worker_id in _workers(session, after):
        shown = of_worker(session, worker_id=worker_id)
        if shown is not None:
            found.append(shown)
        if len(found) == limit:
            break
    return found


def workers_who_lost_one(session: Session, *, after: str | None, limit: int) -> list[str]:
    """The workers of whom an account has ever left us, from the one behind `after` on."""
    query = (
        select(PayoutAccount.user_id)
        .where(PayoutAccount.left_at.is_not(None), PayoutAccount.gateway_id.is_not(None))
        .distinct()
        .order_by(PayoutAccount.user_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(PayoutAccount.user_id > after)
    return list(session.scalars(query))


def of_worker(session: Session, *, worker_id: str) -> Unclaimed | None:
    """What this worker is owed that has nowhere to go; None where that is nothing."""
    left = _left(session, worker_id)
    owed = _owed(session, worker_id) if left else ()
    if not owed:
        return None
    reminded = [row.reminded_at for row in left if row.reminded_at is not None]
    last = left[-1]
    assert last.left_at is not None, "it has left"
    return Unclaimed(
        worker_id=worker_id,
        gateway=last.gateway,
        since=last.left_at,
        last_contact_at=last_used(session, user_id=worker_id),
        reminded_at=max(reminded, default=None),
        owed=owed,
    )


def remind(session: Session, *, worker_id: str) -> None:
    """Send what waits to an account that can take it, should one have been overlooked; or tell its worker of it."""
    hold_accounts(session, user_id=worker_id)
    left = _left(session, worker_id)
    able = able_account(session, user_id=worker_id, gateway=left[-1].gateway) if left else None
    if able is not None:
        order_waiting(session, account=able)
    owed = of_worker(session, worker_id=worker_id)
    if owed is None or not _is_time(owed, clock.now(session)):
        return
    left[-1].reminded_at = clock.now(session)
    outbox.publish(
        session,
        name="payout_account.money_waits",
        subject=left[-1].id,
        payload={
            "user_id": worker_id,
            "since": owed.since.isoformat(),
            "owed": [
                {
                    "currency": each.currency,
                    "in_wallet_minor": each.in_wallet.amount_minor,
                    "left_there_minor": each.left_there.amount_minor,
                }
                for each in owed.owed
            ],
        },
    )
    session.flush()


def _is_time(owed: Unclaimed, now: datetime) -> bool:
    told = owed.reminded_at
    if told is None or told < owed.since:
        return owed.since + _FIRST <= now
    return told + _AGAIN <= now


def _workers(session: Session, after: str | None) -> Iterator[str]:
    while some := workers_who_lost_one(session, after=after, limit=_BATCH):
        yield from some
        after = some[-1]


def _left(session: Session, worker_id: str) -> Sequence[PayoutAccount]:
    rows = session.scalars(
        select(PayoutAccount)
        .where(
            PayoutAccount.user_id == worker_id,
            PayoutAccount.left_at.is_not(None),
            PayoutAccount.gateway_id.is_not(None),
        )
        .order_by(PayoutAccount.left_at, PayoutAccount.id)
    )
    return rows.all()


def _owed(session: Session, worker_id: str) -> tuple[Owed, ...]:
    # Who has another account has their wallet; only what stayed at the old one is still to be claimed.
    able = able_account(session, user_id=worker_id, gateway="") is not None
    found = []
    for account in accounts_named(session, chart.wallet(worker_id, _ANY).code):
        currency = account.currency
        wallet = Money.zero(currency) if able else balance(session, account).posted
        owed = Owed(wallet, balance(session, chart.left_with(worker_id, currency)).posted)
        if owed.total:
            found.append(owed)
    return tuple(sorted(found, key=lambda each: each.currency))
