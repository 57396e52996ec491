"""One run of a gateway from beginning to end, a step at a time: whoever comes goes on where the last one stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

from gateways.contract import Rejected
from kernel.ids import new_id
from kernel.money import EXPONENTS
from payments.answers import found
from payouts.accounts import accounts_at
from payouts.queries import moved_between
from persistence.unit_of_work import atomically, reading, staged
from reconciliation import reports, runs, solvency
from reconciliation.reading import Source, keep_other_ends, keep_page, page_wanted, pass_over, read_by
from runtime.past import settled
from runtime.wiring import gateway as gateway_named
from runtime.wiring import wired

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, timedelta

    from sqlalchemy.orm import Session

    from gateways.contract import LinesPage
    from reconciliation.reading import PageWanted
    from reconciliation.runs import RunView

_log = structlog.get_logger("holdfast.reconciliation")


class Step(Protocol):
    """Told of every step: what is being done, and how often it was."""

    def __call__(self, state: str, done: int) -> None:
        """One more."""
        ...


def begin(gateway: str, *, by: str, day: date | None = None) -> RunView:
    """Begin a run of this gateway, or find the one that is under way."""
    gateway_named(gateway)
    return atomically(runs.start, run_id=new_id("rn"), gateway=gateway, day=day, at=settled(), by=by)


def begin_daily(gateway: str, *, day: date) -> RunView | None:
    """Begin the run of a day that is over, once; None when it has been done."""
    made = reading(runs.daily, gateway=gateway, day=day)
    if made is None:
        return begin(gateway, by=runs.DAILY, day=day)
    return made if made.state != "done" else None


def carry_on(
    run_id: str, *, most: int | None = None, told: Step | None = None, only_read: bool = False
) -> bool:
    """Go on with a run, for at most so many steps, or `only_read` what the gateway lists; true when that is done."""
    for done, state in enumerate(_steps(run_id), start=1):
        if only_read and state != "reading":
            break
        if told is not None:
            told(state, done)
        if most is not None and done >= most:
            return False
    return True


def _steps(run_id: str) -> Iterator[str]:
    run = reading(runs.run_of, run_id=run_id)
    if run.balances_before is None and run.state == "reading":
        _note_balances(run, "before")
        yield "reading"
    yield from _read(run)
    while atomically(runs.spread, run_id=run_id):
        yield "spreading"
    atomically(runs.both_known_until, run_id=run_id, at=settled())
    while atomically(runs.collect, run_id=run_id):
        yield "collecting"
    while atomically(runs.compare, run_id=run_id, payouts_last=_payouts_last(run.gateway)):
        yield "comparing"
    yield from _report(run_id)


def _payouts_last(gateway: str) -> timedelta | None:
    through = wired().pays_out.get(gateway)
    return None if through is None else through.payouts_last


def _read(run: RunView) -> Iterator[str]:
    if run.state != "reading":
        return
    # Ours first: what arrives at a worker is known by the transfer that left us.
    while _read_page(run.id, Source(run.gateway)):
        yield "reading"
    if run.balances_after is None:
        # At once: while the workers' accounts are read, more comes and goes on ours.
        _note_balances(run, "after")
    for source in reading(_workers_left, run=run):
        while _read_page(run.id, source):
            yield "reading"
    atomically(runs.all_read, run_id=run.id)


def _read_page(run_id: str, source: Source) -> bool:
    page = staged(begin=page_wanted, call=_ask, record=_keep, run_id=run_id, source=source)
    return page is not None


def _ask(intent: PageWanted) -> LinesPage | None:
    source = intent.source
    answer = gateway_named(source.gateway).balance_lines(
        since=intent.since, after=intent.after, account=source.account or None
    )
    if isinstance(answer, Rejected) and not answer.temporary and source.account:
        # A worker who has taken the account from us keeps its lines as well; everybody else's are still to be read.
        # Whose it is, and not what the gateway calls it, which may be an address for mail.
        _log.warning("account_not_readable", worker=source.worker, code=answer.code)
        return None
    return found(answer)


def _keep(session: Session, *, intent: PageWanted, outcome: LinesPage | None) -> bool:
    if outcome is None:
        keep_other_ends(session, intent=intent, moved=_moved(session, intent.source))
        pass_over(session, intent=intent)
    else:
        keep_page(session, intent=intent, outcome=outcome)
    return True


def _moved(session: Session, source: Source) -> list[str]:
    return moved_between(session, gateway=source.gateway, account=source.account)


def _workers_left(session: Session, *, run: RunView) -> list[Source]:
    # Whoever goes on with a run does not ask for each of those that have been read whether it was.
    read = read_by(session, run_id=run.id, gateway=run.gateway)
    return [
        Source(run.gateway, account, worker)
        for account, worker in accounts_at(session, gateway=run.gateway)
        if account not in read
    ]


def _note_balances(run: RunView, when: runs.When) -> None:
    listed = reading(solvency.stated_currencies, gateway=run.gateway)
    balances = {currency: _balance(run.gateway, currency) for currency in listed if currency in EXPONENTS}
    atomically(runs.note_balances, run_id=run.id, when=when, balances=balances)


def _balance(gateway: str, currency: str) -> list[int]:
    answer = found(gateway_named(gateway).balance(currency))
    return [answer.available.amount_minor, answer.pending.amount_minor]


def _report(run_id: str) -> Iterator[str]:
    run = reading(runs.run_of, run_id=run_id)
    if run.state != "reporting":
        return
    assert run.known_at is not None
    of = reading(runs.currencies, gateway=run.gateway)
    for currency in sorted({*of, *reading(solvency.stated_currencies, gateway=run.gateway)}):
        atomically(
            reports.keep,
            run_id=run_id,
            gateway=run.gateway,
            currency=currency,
            day=run.day,
            at=run.known_at,
        )
        if currency in EXPONENTS:
            _state(run, currency)
        yield "reporting"
    atomically(runs.finish, run_id=run_id)


def _state(run: RunView, currency: str) -> None:
    made = atomically(solvency.state, run=run, currency=currency, signer=wired().sealing_key)
    if made.state == "short":
        _log.critical(
            "solvency_fell_short",
            currency=currency,
            short_minor=int(made.stated["short_minor"]),
            statement=made.number,
        )
