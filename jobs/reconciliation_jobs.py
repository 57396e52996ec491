"""Reconciling every gateway, once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.queues import DEFAULT
from jobs.reconciling import begin_daily, carry_on
from jobs.work import NotYet, handler
from payments.answers import GatewayRefused, GatewayUnavailable, found
from persistence import clock
from persistence.unit_of_work import atomically, reading, staged
from reconciliation import own_sending, solvency
from reconciliation.runs import DAILY
from runtime.wiring import paying_us, wired

if TYPE_CHECKING:
    from datetime import date

    from gateways.contract import Busy, PayoutFound, Rejected, Unknown
    from kernel.refusals import Refusal
    from persistence.due import Work
    from reconciliation.own_sending import OwnPayoutToSend

# As many as are done within the lease of the work, be the gateway slow; it then goes on at once.
_MOST_STEPS = 10


@handler("reconcile", queue=DEFAULT)
def reconcile(_work: Work) -> None:
    """Go on with the run of yesterday for every gateway, a few steps at a time."""
    now = reading(clock.now)
    yesterday = now.date() - timedelta(days=1)
    silent: list[Refusal] = []
    done = True
    # What is held is compared with what lies at all gateways, so all of them are read before any of it is stated.
    for only_read in (True, False):
        for gateway in wired().gateways:
            try:
                done &= _went_on(gateway, yesterday, only_read=only_read)
            except (GatewayRefused, GatewayUnavailable) as refusal:
                # One that does not answer shall not keep the others from being looked at.
                silent.append(refusal)
        if not done:
            break
    if silent:
        raise silent[0]
    if not done:
        raise NotYet(now)


def _went_on(gateway: str, day: date, *, only_read: bool) -> bool:
    if not reading(solvency.stated_currencies, gateway=gateway):
        # No money has ever been there.
        return True
    run = begin_daily(gateway, day=day)
    if run is None:
        return True
    done = carry_on(run.id, most=_MOST_STEPS, only_read=only_read)
    # Another run was under way, somebody's own or that of a day before, and that of the day comes after it.
    return done and (only_read or (run.started_by, run.day) == (DAILY, day))


@handler("reconcile_run", queue=DEFAULT)
def reconcile_run(work: Work) -> None:
    """Go on with a run that somebody of staff has begun."""
    if not carry_on(work.subject, most=_MOST_STEPS):
        raise NotYet(reading(clock.now))


@handler("send_own_payout")
def send_own_payout(work: Work) -> None:
    """Have the gateway pay out what is ours; the same payout is sent once however often this runs."""
    again_at = staged(
        begin=own_sending.to_send, call=_send, record=own_sending.record, own_payout_id=work.subject
    )
    if again_at is not None:
        raise NotYet(again_at)


@handler("refresh_own_payout")
def refresh_own_payout(work: Work) -> None:
    """Ask the gateway how a payout from our own balance is. The subject is our id, or the gateway's from an event."""
    told_by = work.payload.get("gateway")
    ours = reading(own_sending.to_ask_for, own_payout_id=work.subject) if told_by is None else None
    at = ours or ((told_by, work.subject) if told_by else None)
    if at is None:
        return
    name, gateway_id = at
    there = found(paying_us(name).own_payout(gateway_id))
    now = atomically(own_sending.record_news, gateway=name, found=there)
    if there.automatic and there.complete and now.carried is None:
        carried = found(paying_us(name).carried_by(gateway_id, now.amount.currency))
        now = atomically(own_sending.record_carried, own_payout_id=now.id, carried=carried)
    again_at = reading(own_sending.look_again_at, payout=now)
    # After an event the next one tells; what fell due by itself has to be looked after.
    if ours is not None and again_at is not None:
        raise NotYet(again_at)


def _send(intent: OwnPayoutToSend) -> PayoutFound | Rejected | Busy | Unknown | None:
    return own_sending.send(paying_us(intent.gateway), intent)
