"""Withdrawals that a worker has made by themselves: daily or on a day of the week, at one hour, all that is available.

What is done in a period is written down once for each currency, with its reason where nothing was; that row is what
keeps a period from being paid twice, however often the work runs or dies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from kernel.ids import new_id
from kernel.money import Money, movable
from kernel.refusals import Invalid
from ledger import chart
from ledger.statements import accounts_named
from payouts import connected, words
from payouts.accounts import held_account
from payouts.funds import funds
from payouts.minimums import smallest_payout
from payouts.tables import PayoutSchedule, PayoutScheduleChange, PayoutScheduleRun
from payouts.withdrawals import order_all
from persistence import clock, outbox
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from gateways.contract import BalanceFound
    from identity.actors import Actor
    from payouts.connected import Place
    from payouts.funds import Funds
    from payouts.tables import PayoutAccount

ON_DEMAND, DAILY, WEEKLY = "on_demand", "daily", "weekly"
INTERVALS = (ON_DEMAND, DAILY, WEEKLY)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
REQUESTED = "requested"
WHY_NOTHING = (
    "nothing_available",
    "account_not_ready",
    "negative_balance",
    "below_minimum",
    "below_own_minimum",
)

# UTC. Before banks open in Europe and after the day has ended in America.
_HOUR = 6


class PayoutScheduleMalformed(Invalid):
    """A weekly schedule needs its weekday, and no other has one; only what is paid by itself has a minimum."""

    code = "payout_schedule_malformed"


@dataclass(frozen=True, slots=True)
class RunView:
    """What became of the last period in one currency: what was asked for, or in plain words why nothing was."""

    period: str
    currency: str
    outcome: str
    amount: Money
    reason: str
    payout_id: str | None
    ran_at: datetime


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """When the worker is paid by itself; `next_at` is missing where that is only when they ask."""

    id: str | None
    interval: str
    weekday: str | None
    minimum: Money | None
    next_at: datetime | None
    last: tuple[RunView, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A schedule whose time has come, and where the worker's money lies, if any ever came there."""

    schedule_id: str
    due_at: datetime
    place: Place | None


def change_schedule(
    session: Session,
    *,
    gateway: str,
    interval: str,
    weekday: str | None,
    minimum: Money | None,
    by: Actor,
) -> ScheduleView:
    """Have the worker paid so from now on; what it was before, and who changed it, stays written down."""
    _check(interval, weekday, minimum)
    row = _held(session, by.id, gateway)
    before = (row.interval, row.weekday, row.minimum_minor, row.minimum_currency)
    row.interval = interval
    row.weekday = WEEKDAYS.index(weekday) if weekday is not None else None
    row.minimum_minor = minimum.amount_minor if minimum is not None else None
    row.minimum_currency = minimum.currency if minimum is not None else None
    if before != (row.interval, row.weekday, row.minimum_minor, row.minimum_currency):
        row.next_at = _next(row, clock.now(session))
        _note(session, row, by)
    session.flush()
    return _view(session, row)


def schedule_of(session: Session, *, user_id: str, gateway: str) -> ScheduleView:
    """When the worker is paid, and what became of it the last time."""
    row = session.scalar(_of(user_id, gateway))
    return _view(session, row) if row is not None else ScheduleView(None, ON_DEMAND, None, None, None, ())


def due_schedules(session: Session, *, after: str | None, limit: int) -> list[tuple[str, datetime]]:
    """Schedules whose time has come, and which time that is, from the one behind `after` on."""
    query = (
        select(PayoutSchedule.id, PayoutSchedule.next_at)
        .where(PayoutSchedule.next_at <= clock.now(session))
        .order_by(PayoutSchedule.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(PayoutSchedule.id > after)
    return [(schedule_id, at) for schedule_id, at in session.execute(query) if at is not None]


def run_to_make(session: Session, *, schedule_id: str, due_at: datetime) -> Run | None:
    """What is to be done for the time that has come; None when it has been done, or the worker wants it otherwise."""
    row = session.get_one(PayoutSchedule, schedule_id)
    if row.next_at != due_at or due_at > clock.now(session):
        return None
    place = connected.place_of(session, user_id=row.worker_id, gateway=row.gateway)
    return Run(schedule_id, due_at, place)


def make_run(session: Session, *, intent: Run, outcome: Mapping[str, BalanceFound]) -> ScheduleView | None:
    """Order all that is available in each currency, or write down why not, and set the next time."""
    known = session.get_one(PayoutSchedule, intent.schedule_id)
    # The account first, as everywhere: whoever withdraws meanwhile waits, or has been before.
    account = held_account(session, user_id=known.worker_id, gateway=known.gateway)
    row = locked(session, PayoutSchedule, intent.schedule_id)
    assert row is not None, "a schedule is never deleted"
    if row.next_at != intent.due_at:
        return None
    for wallet in accounts_named(session, chart.wallet(row.worker_id, _ANY).code):
        there = funds(session, user_id=row.worker_id, gateway=row.gateway, currency=wallet.currency)
        period = intent.due_at.date().isoformat()
        _run(session, row, account, there, period=period, seen=outcome.get(wallet.currency))
    row.next_at = _next(row, clock.now(session))
    session.flush()
    return _view(session, row)


# Only the code is looked for; any currency gives the same.
_ANY = "USD"


def _run(
    session: Session,
    row: PayoutSchedule,
    account: PayoutAccount,
    there: Funds,
    *,
    period: str,
    seen: BalanceFound | None,
) -> None:
    currency = there.available.currency
    if session.get(PayoutScheduleRun, (row.id, period, currency)) is not None:
        # Done, by whatever way it is come to again.
        return
    amount = Money(there.available.amount_minor // there.available.step * there.available.step, currency)
    outcome = _why_not(row, account, amount, seen) or REQUESTED
    payout_id = None
    if outcome == REQUESTED:
        payout_id = new_id("po")
        order_all(session, account, there, payout_id=payout_id, amount=amount)
    session.add(
        PayoutScheduleRun(
            schedule_id=row.id,
            period=period,
            currency=currency,
            outcome=outcome,
            amount_minor=amount.amount_minor,
            payout_id=payout_id,
            ran_at=clock.now(session),
        )
    )


def _why_not(
    row: PayoutSchedule, account: PayoutAccount, amount: Money, seen: BalanceFound | None
) -> str | None:
    if not amount:
        return "nothing_available"
    if account.gateway_id is None or not account.can_be_paid_out:
        return "account_not_ready"
    if seen is not None and seen.is_negative:
        return "negative_balance"
    if amount < smallest_payout(amount.currency):
        return "below_minimum"
    own = _minimum(row)
    if own is not None and own.currency == amount.currency and amount < own:
        return "below_own_minimum"
    return None


def _check(interval: str, weekday: str | None, minimum: Money | None) -> None:
    if interval == WEEKLY and weekday is None:
        raise PayoutScheduleMalformed("Say on which day of the week you want to be paid.", field="weekday")
    if interval != WEEKLY and weekday is not None:
        raise PayoutScheduleMalformed("Only a weekly schedule has a day of the week.", field="weekday")
    if minimum is None:
        return
    if interval == ON_DEMAND:
        raise PayoutScheduleMalformed("What you withdraw yourself has no minimum of yours.", field="minimum")
    movable(minimum, field="minimum")


def _next(row: PayoutSchedule, now: datetime) -> datetime | None:
    if row.interval == ON_DEMAND:
        return None
    at = now.replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    while at <= now or row.weekday not in (None, at.weekday()):
        at += timedelta(days=1)
    return at


def _of(user_id: str, gateway: str) -> Select[PayoutSchedule]:
    return select(PayoutSchedule).where(
        PayoutSchedule.worker_id == user_id, PayoutSchedule.gateway == gateway
    )


def _held(session: Session, user_id: str, gateway: str) -> PayoutSchedule:
    known = session.scalar(_of(user_id, gateway))
    if known is not None:
        row = locked(session, PayoutSchedule, known.id)
        assert row is not None, "a schedule is never deleted"
        return row
    row = PayoutSchedule(id=new_id("ps"), worker_id=user_id, gateway=gateway, interval=ON_DEMAND, changes=0)
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        # Chosen twice at the same moment.
        raise Retry from error
    return row


def _note(session: Session, row: PayoutSchedule, by: Actor) -> None:
    row.changes += 1
    session.add(
        PayoutScheduleChange(
            schedule_id=row.id,
            number=row.changes,
            interval=row.interval,
            weekday=row.weekday,
            minimum_minor=row.minimum_minor,
            minimum_currency=row.minimum_currency,
            actor=by.id,
            changed_at=clock.now(session),
        )
    )
    outbox.publish(
        session,
        name="payout_schedule.changed",
        subject=row.id,
        payload={"worker_id": row.worker_id, "interval": row.interval},
    )


def _minimum(row: PayoutSchedule) -> Money | None:
    if row.minimum_minor is None or row.minimum_currency is None:
        return None
    return Money(row.minimum_minor, row.minimum_currency)


def _view(session: Session, row: PayoutSchedule) -> ScheduleView:
    return ScheduleView(
        id=row.id,
        interval=row.interval,
        weekday=WEEKDAYS[row.weekday] if row.weekday is not None else None,
        minimum=_minimum(row),
        next_at=row.next_at,
        last=tuple(_run_view(run, row) for run in _last(session, row)),
    )


def _last(session: Session, row: PayoutSchedule) -> Sequence[PayoutScheduleRun]:
    newest = select(func.max(PayoutScheduleRun.period)).where(PayoutScheduleRun.schedule_id == row.id)
    return session.scalars(
        select(PayoutScheduleRun)
        .where(
            PayoutScheduleRun.schedule_id == row.id,
            PayoutScheduleRun.period == newest.scalar_subquery(),
        )
        .order_by(PayoutScheduleRun.currency)
    ).all()


def _run_view(run: PayoutScheduleRun, row: PayoutSchedule) -> RunView:
    amount = Money(run.amount_minor, run.currency)
    own = _minimum(row)
    return RunView(
        period=run.period,
        currency=run.currency,
        outcome=run.outcome,
        amount=amount,
        reason=words.scheduled(run.outcome, amount, least=smallest_payout(run.currency), own=own),
        payout_id=run.payout_id,
        ran_at=run.ran_at,
    )
