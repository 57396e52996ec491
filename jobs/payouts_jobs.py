"""Work on money going out: moving what was released, sending withdrawals, asking how accounts and payouts are."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from gateways.contract import Rejected
from jobs.queues import DEFAULT
from jobs.work import NotYet, handler
from kernel.ids import new_id
from kernel.money import Money
from payments.answers import found
from payouts import (
    account_news,
    accounts,
    connected,
    leaving,
    progress,
    schedules,
    transfers,
    unclaimed,
    withdrawals,
)
from payouts.progress import AtGateway
from persistence import clock, due
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import paying_out, wired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from gateways.contract import AccountFound, BalanceFound, Busy, Unknown
    from payouts.account_news import Watched
    from payouts.connected import Place
    from payouts.schedules import Run
    from payouts.transfers import TransferToSend
    from payouts.withdrawals import PayoutToSend
    from persistence.due import Work

_BATCH = 500


@handler("order_transfer")
def order_transfer(work: Work) -> None:
    """Have the worker's share of a release moved to their account."""
    released = work.payload
    amount = Money(released["amount_minor"], released["currency"])
    if not amount:
        # Our fee took all of it.
        return
    gateway = rail_of(released)
    atomically(
        transfers.order,
        transfer_id=new_id("tr"),
        release_id=released["release_id"],
        milestone_id=released["milestone_id"],
        worker_id=released["worker_id"],
        payment_id=released["payment_id"],
        gateway=gateway,
        # Of a charge at another gateway nothing is known there: that money comes out of what is available to us.
        source_charge=released["source_charge"] if gateway == released["gateway"] else None,
        amount=amount,
    )


def rail_of(told: dict[str, Any]) -> str:
    """Through which gateway the worker is paid what was paid in through the `gateway` told of."""
    return reading(
        accounts.rail,
        worker_id=told["worker_id"],
        paid_through=told["gateway"],
        rails=tuple(wired().pays_out),
    )


@handler("send_transfer")
def send_transfer(work: Work) -> None:
    """Have the gateway move the money; the same transfer moves once however often this runs."""
    _again_at(
        staged(
            begin=transfers.to_send,
            call=_send_transfer,
            record=transfers.record,
            transfer_id=work.subject,
        )
    )


@handler("send_payout")
def send_payout(work: Work) -> None:
    """Have the gateway send the money to the worker's bank; the same payout is sent once however often this runs."""
    _again_at(
        staged(
            begin=withdrawals.to_send,
            call=_send_payout,
            record=withdrawals.record,
            payout_id=work.subject,
        )
    )


@handler("refresh_payout")
def refresh_payout(work: Work) -> None:
    """Ask the gateway how a payout is, and write it down. The subject is our id, or the gateway's from an event."""
    of = _told_of(work) or reading(progress.payout_to_ask_for, payout_id=work.subject)
    if of is None:
        return
    answer = paying_out(of.gateway).payout(of.account, of.gateway_id)
    if isinstance(answer, Rejected) and not answer.temporary:
        _again_at(atomically(progress.told_nothing, of=of))
        return
    again_at = atomically(progress.record_news, of=of, found=found(answer))
    # After an event the next one tells; what fell due by itself has to be looked after.
    if not work.payload:
        _again_at(again_at)


@handler("refresh_account")
def refresh_account(work: Work) -> None:
    """Ask the gateway how a worker's account is, and write it down. The subject is our id, or the gateway's."""
    written = False
    while not written:
        asked = staged(
            begin=account_news.account_to_ask_for,
            call=_ask_for_account,
            record=_record_account,
            subject=work.subject,
            gateway=work.payload.get("gateway"),
        )
        written = asked is None or asked


@handler("bring_back")
def bring_back(work: Work) -> None:
    """Bring back what has come to an account since it left us."""
    atomically(leaving.bring_back, account_id=work.subject)


@handler("order_transfer_anew")
def order_transfer_anew(work: Work) -> None:
    """Have what was brought back from an account that left moved to another one of its worker's."""
    told = work.payload
    if told.get("left_account_id") is not None:
        atomically(
            transfers.order_anew,
            transfer_id=new_id("tr"),
            reversal_id=work.subject,
            worker_id=told["worker_id"],
            gateway=rail_of(told),
        )


@handler("look_at_balances", queue=DEFAULT)
def look_at_balances(work: Work) -> None:
    """Have what lies at every worker's account looked at, one by one."""
    for name in wired().pays_out:
        after: str | None = None
        while some := reading(connected.accounts_with_money, gateway=name, after=after, limit=_BATCH):
            atomically(_schedule_looks, period=work.id, accounts=some)
            after = some[-1]


@handler("look_at_balance", queue=DEFAULT)
def look_at_balance(work: Work) -> None:
    """Ask what lies at one worker's account, and write it down."""
    staged(
        begin=connected.place_to_look_at,
        call=_balances_at,
        record=connected.record,
        account_id=work.subject,
    )


@handler("remind_of_unclaimed", queue=DEFAULT)
def remind_of_unclaimed(work: Work) -> None:
    """Have everybody looked after whose account has left us, one by one."""
    after: str | None = None
    while some := reading(unclaimed.workers_who_lost_one, after=after, limit=_BATCH):
        atomically(_schedule_reminders, period=work.id, workers=some)
        after = some[-1]


@handler("remind_of_money", queue=DEFAULT)
def remind_of_money(work: Work) -> None:
    """Send a worker's money where it can go, or tell them that it waits."""
    atomically(unclaimed.remind, worker_id=work.subject)


@handler("start_scheduled_payouts")
def start_scheduled_payouts(_work: Work) -> None:
    """Have everybody paid whose schedule says so by now, one by one."""
    after: str | None = None
    while come := reading(schedules.due_schedules, after=after, limit=_BATCH):
        atomically(_schedule_runs, come=come)
        after = come[-1][0]


@handler("pay_by_schedule")
def pay_by_schedule(work: Work) -> None:
    """Pay one worker what is available, as their schedule says; once for its time however often this runs."""
    staged(
        begin=schedules.run_to_make,
        call=_balances_of_run,
        record=schedules.make_run,
        schedule_id=work.subject,
        due_at=datetime.fromisoformat(work.payload["due_at"]),
    )


def _schedule_runs(session: Session, *, come: Sequence[tuple[str, datetime]]) -> None:
    instant = clock.now(session)
    for schedule_id, due_at in come:
        due.schedule(
            session,
            kind="pay_by_schedule",
            subject=schedule_id,
            due_at=instant,
            key=f"pay_by_schedule:{schedule_id}:{due_at.isoformat()}",
            payload={"due_at": due_at.isoformat()},
        )


def _balances_of_run(run: Run) -> dict[str, BalanceFound]:
    return _balances_at(run.place) if run.place is not None else {}


def _schedule_looks(session: Session, *, period: str, accounts: Sequence[str]) -> None:
    instant = clock.now(session)
    for account_id in accounts:
        due.schedule(
            session,
            kind="look_at_balance",
            subject=account_id,
            due_at=instant,
            key=f"look_at_balance:{account_id}:{period}",
        )


def _schedule_reminders(session: Session, *, period: str, workers: Sequence[str]) -> None:
    instant = clock.now(session)
    for worker_id in workers:
        due.schedule(
            session,
            kind="remind_of_money",
            subject=worker_id,
            due_at=instant,
            key=f"remind_of_money:{worker_id}:{period}",
        )


def _balances_at(place: Place) -> dict[str, BalanceFound]:
    at = paying_out(place.gateway)
    return {currency: found(at.balance(currency, account=place.gateway_id)) for currency in place.currencies}


def _told_of(work: Work) -> AtGateway | None:
    if work.payload.get("account") is None:
        return None
    return AtGateway(work.payload["gateway"], work.payload["account"], work.subject)


def _send_transfer(intent: TransferToSend) -> transfers.Answer | None:
    return transfers.send(intent, through=paying_out(intent.gateway))


def _send_payout(intent: PayoutToSend) -> withdrawals.Answer | None:
    return withdrawals.send(intent, through=paying_out(intent.gateway))


def _ask_for_account(intent: Watched) -> AccountFound | Rejected | Busy | Unknown:
    return paying_out(intent.gateway).account(intent.gateway_id)


def _record_account(
    session: Session, *, intent: Watched, outcome: AccountFound | Rejected | Busy | Unknown
) -> bool:
    if isinstance(outcome, Rejected) and not outcome.temporary:
        return account_news.record_news(session, intent=intent, outcome=outcome)
    return account_news.record_news(session, intent=intent, outcome=found(outcome))


def _again_at(instant: datetime | None) -> None:
    if instant is not None:
        raise NotYet(instant)
