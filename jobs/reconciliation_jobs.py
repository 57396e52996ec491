"""Reconciling every gateway, once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.queues import DEFAULT
from jobs.reconciling import begin_daily, carry_on
from jobs.work import NotYet, handler
from payments.answers import GatewayRefused, GatewayUnavailable
from persistence import clock
from persistence.unit_of_work import reading
from reconciliation import solvency
from reconciliation.runs import DAILY
from runtime.wiring import wired

if TYPE_CHECKING:
    from datetime import date

    from kernel.refusals import Refusal
    from persistence.due import Work

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
