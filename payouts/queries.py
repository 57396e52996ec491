"""Reading transfers and payouts; each worker sees their own, staff sees all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from gateways.contract import ObjectKind
from gateways.sweeps import EVERY_OF_WORKERS
from gateways.tables import EventSweep
from payouts.booking import PayoutNotFound, view
from payouts.tables import Payout, PayoutAccount, PayoutPart, Reversal, Transfer
from payouts.views import payout_part_view, transfer_view
from persistence import clock

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from identity.actors import Actor
    from payouts.views import PayoutPartView, PayoutView, TransferView


def payout(session: Session, *, payout_id: str, by: Actor) -> PayoutView:
    """The payout as it stands."""
    row = session.get(Payout, payout_id)
    if row is None or not (by.is_staff or row.worker_id == by.id):
        raise PayoutNotFound("There is no payout with this id among yours.")
    return view(session, row)


def payouts(
    session: Session,
    *,
    after: str | None,
    limit: int,
    by: Actor,
    worker_id: str | None = None,
    state: str | None = None,
) -> list[PayoutView]:
    """The person's payouts (staff: anybody's), newest first, from the one behind `after` on."""
    query = select(Payout).order_by(Payout.id.desc()).limit(limit)
    if not by.is_staff:
        query = query.where(Payout.worker_id == by.id)
    if worker_id is not None:
        query = query.where(Payout.worker_id == worker_id)
    if state is not None:
        query = query.where(Payout.state == state)
    if after is not None:
        query = query.where(Payout.id < after)
    return [view(session, row) for row in session.scalars(query)]


def transfers(
    session: Session, *, after: str | None, limit: int, worker_id: str | None = None, state: str | None = None
) -> list[TransferView]:
    """Transfers for staff, newest first, from the one behind `after` on."""
    query = select(Transfer).order_by(Transfer.id.desc()).limit(limit)
    if worker_id is not None:
        query = query.where(Transfer.worker_id == worker_id)
    if state is not None:
        query = query.where(Transfer.state == state)
    if after is not None:
        query = query.where(Transfer.id < after)
    instant = clock.now(session)
    return [transfer_view(row, now=instant) for row in session.scalars(query)]


def transfers_of(session: Session, milestone_id: str) -> tuple[TransferView, ...]:
    """What was moved, or is to be moved, of the milestone's money to the worker's account, first to last."""
    rows = session.scalars(
        select(Transfer).where(Transfer.milestone_id == milestone_id).order_by(Transfer.id)
    )
    instant = clock.now(session)
    return tuple(transfer_view(row, now=instant) for row in rows)


def payouts_of(session: Session, milestone_id: str) -> tuple[PayoutPartView, ...]:
    """The parts of payouts that are made of the milestone's money, first to last."""
    rows = session.execute(
        select(Payout, PayoutPart)
        .join(PayoutPart, PayoutPart.payout_id == Payout.id)
        .join(Transfer, Transfer.id == PayoutPart.transfer_id)
        .where(Transfer.milestone_id == milestone_id)
        .order_by(Payout.id, PayoutPart.transfer_id)
    )
    return tuple(payout_part_view(row, part) for row, part in rows)


def accounts_to_sweep(session: Session, *, gateway: str) -> list[str]:
    """What the gateway calls those workers' accounts whose news have not been looked through for a day."""
    before = clock.now(session) - EVERY_OF_WORKERS
    swept = (EventSweep.gateway == PayoutAccount.gateway) & (EventSweep.account == PayoutAccount.gateway_id)
    accounts = session.scalars(
        select(PayoutAccount.gateway_id)
        .outerjoin(EventSweep, swept)
        .where(
            PayoutAccount.gateway == gateway,
            or_(EventSweep.swept_until.is_(None), EventSweep.swept_until <= before),
        )
        .order_by(PayoutAccount.id)
    )
    return [account for account in accounts if account is not None]


def accounts_at(session: Session, *, gateway: str) -> list[str]:
    """What the gateway calls the accounts of all workers."""
    accounts = session.scalars(
        select(PayoutAccount.gateway_id).where(PayoutAccount.gateway == gateway).order_by(PayoutAccount.id)
    )
    return [account for account in accounts if account is not None]


def moved_between(session: Session, *, gateway: str, account: str) -> list[str]:
    """What was moved to a worker's account and back; all of it, and the account, by what the gateway calls it."""
    sent = (
        select(Transfer.gateway_id, Transfer.id)
        .join(PayoutAccount, PayoutAccount.id == Transfer.account_id)
        .where(
            PayoutAccount.gateway == gateway, PayoutAccount.gateway_id == account, Transfer.state == "sent"
        )
    )
    of_these = sent.subquery()
    back = (
        select(Reversal.gateway_id)
        .join(of_these, of_these.c.id == Reversal.transfer_id)
        .where(Reversal.state == "reversed")
    )
    named = [*session.scalars(sent), *session.scalars(back)]
    return [gateway_id for gateway_id in named if gateway_id is not None]


def at_gateway(
    session: Session, *, gateway: str, since: datetime
) -> list[tuple[ObjectKind, str, str | None]]:
    """Every account that the gateway has, and every payout asked for since then, by what it calls them."""
    payouts = session.execute(
        select(Payout.gateway_id, PayoutAccount.gateway_id)
        .join(PayoutAccount, PayoutAccount.id == Payout.account_id)
        .where(Payout.gateway == gateway, Payout.requested_at >= since)
        .order_by(Payout.id)
    ).all()
    return [
        *((ObjectKind.ACCOUNT, account, account) for account in accounts_at(session, gateway=gateway)),
        *((ObjectKind.PAYOUT, payout, account) for payout, account in payouts if payout is not None),
    ]
