"""Events that never arrived: the gateways' lists are looked through, ours every hour and each worker's daily."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from gateways import sweeps
from gateways.contract import ObjectKind
from jobs.queues import DEFAULT
from jobs.subscriptions import ON_GATEWAY_OBJECT
from jobs.sweeping import ASK_FOR_EVERYTHING, sweep
from jobs.work import NotYet, handler
from payments.queries import at_gateway as paid_at
from payouts.queries import accounts_to_sweep
from payouts.queries import at_gateway as paid_out_at
from persistence import clock, due
from persistence.unit_of_work import atomically, reading
from runtime.wiring import gateway, wired

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.orm import Session

    from gateways.contract import Gateway
    from persistence.due import Work

SWEEP_WORKERS = "sweep_events_of_worker"

# Each is over in a second, and the work is stopped within the minute; what is left goes on at once.
_MOST_PAGES = 30
_BATCH = 500
# A refund may come back after five weeks, and a payment be paid a week after it was ordered.
_STILL_MOVING = timedelta(days=60)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

Question = tuple[ObjectKind, str, str | None]
Thing = TypeVar("Thing")


@handler("sweep_events", queue=DEFAULT)
def sweep_events(_work: Work) -> None:
    """Take in what never arrived of the news of our own accounts, and have the workers' looked through."""
    for name, at in wired().gateways.items():
        _as_far_as_it_goes(at, sweeps.OUR_OWN)
        accounts = reading(accounts_to_sweep, gateway=name)
        for batch in _batches(accounts):
            atomically(_schedule_workers, gateway_name=name, accounts=batch)


@handler(SWEEP_WORKERS, queue=DEFAULT)
def sweep_events_of_worker(work: Work) -> None:
    """Take in what never arrived of the news of one worker's account."""
    _as_far_as_it_goes(gateway(work.payload["gateway"]), work.subject)


@handler(ASK_FOR_EVERYTHING, queue=DEFAULT)
def ask_for_everything(work: Work) -> None:
    """Ask for each thing of which news may have been lost for good, as if an event had told of it."""
    since = datetime.fromisoformat(work.payload["since"]) - _STILL_MOVING
    asked: list[Question] = [
        *reading(paid_at, gateway=work.subject, since=since),
        *reading(paid_out_at, gateway=work.subject, since=since),
    ]
    for batch in _batches(asked):
        atomically(_ask, work=work, questions=batch)


def _as_far_as_it_goes(at: Gateway, account: str) -> None:
    pages = list(islice(sweep(at, account), _MOST_PAGES))
    if pages and not pages[-1].done:
        raise NotYet(reading(clock.now))


def _schedule_workers(session: Session, *, gateway_name: str, accounts: Sequence[str]) -> None:
    instant = clock.now(session)
    period = (instant - _BEGINNING) // sweeps.EVERY_OF_WORKERS
    for account in accounts:
        due.schedule(
            session,
            kind=SWEEP_WORKERS,
            subject=account,
            due_at=instant,
            key=f"{SWEEP_WORKERS}:{account}:{period}",
            payload={"gateway": gateway_name},
        )


def _ask(session: Session, *, work: Work, questions: Sequence[Question]) -> None:
    instant = clock.now(session)
    for kind, gateway_id, account in questions:
        due.schedule(
            session,
            kind=ON_GATEWAY_OBJECT[kind],
            subject=gateway_id,
            due_at=instant,
            key=f"{ON_GATEWAY_OBJECT[kind]}:{work.id}:{gateway_id}",
            payload={"gateway": work.subject, "account": account},
        )


def _batches(things: Sequence[Thing]) -> Iterator[Sequence[Thing]]:
    return (things[first : first + _BATCH] for first in range(0, len(things), _BATCH))
