"""Doing one piece of due work: a handler for its kind, and what becomes of the work afterwards.

Handlers live in modules named `<package>_jobs`. They run at least once: the process may die after a handler and before
the work is marked as done, so every handler bears being run again.
"""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import structlog
from rq.timeouts import JobTimeoutException

import jobs
from gateways.contract import AnswerNotUnderstood
from jobs.queues import MONEY
from kernel.refusals import Refusal
from payments.answers import GatewayUnavailable
from persistence import due
from persistence.unit_of_work import DatabaseBusy, OutcomeUnknown, atomically, reached

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from persistence.due import Work

_log = structlog.get_logger("holdfast.jobs")

# Not the work's own failures: others are away or slow, and all their work with them.
_OUTAGES = (GatewayUnavailable, DatabaseBusy, OutcomeUnknown, JobTimeoutException)


class NotYet(Exception):  # noqa: N818 - an answer, not an error
    """Raised by a handler whose work cannot be done before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class HandlerMissing(Exception):  # noqa: N818 - it says what is the case
    """Nobody here knows this kind of work; a newer version of Holdfast may."""


@dataclass(frozen=True)
class Handler:
    """How one kind of work is done, and the queue it waits in."""

    run: Callable[[Work], object]
    queue: str
    together: Callable[[Sequence[Work]], Collection[str]] | None


_handlers: dict[str, Handler] = {}


def handler(
    kind: str,
    *,
    queue: str = MONEY,
    together: Callable[[Sequence[Work]], Collection[str]] | None = None,
) -> Callable[[Callable[[Work], object]], Callable[[Work], object]]:
    """Do work of `kind` with the function below.

    Where much of it may be due at once, `together` does many pieces, marks what it did as done in the same transaction,
    and returns the ids of those; what it leaves is done one by one.
    """

    def register(run: Callable[[Work], object]) -> Callable[[Work], object]:
        assert kind not in _handlers, f"{kind} has a handler already"
        _handlers[kind] = Handler(run, queue, together)
        return run

    return register


@cache
def handlers() -> dict[str, Handler]:
    """All kinds of work that can be done here, with every module of jobs loaded."""
    for module in pkgutil.iter_modules(jobs.__path__):
        if module.name.endswith("_jobs"):
            importlib.import_module(f"jobs.{module.name}")
    return _handlers


def perform(work_id: str, attempt: int | None = None) -> None:
    """Do the work with this id if it is still to be done; what fails is tried again later, ever more slowly.

    Whoever comes with an `attempt` that has been handed out anew meanwhile does nothing.
    """
    work = atomically(due.take_up, work_id, attempt=attempt)
    if work is not None:
        _do(work)


def perform_together(attempts: Mapping[str, int]) -> None:
    """Do these works of one kind, each with the attempt that was handed out, as `perform` would, and faster."""
    works = atomically(due.take_up_all, attempts)
    done = _done_together(works)
    for work in works:
        if work.id not in done:
            _do(work)


def _done_together(works: Sequence[Work]) -> Collection[str]:
    # What was begun before and never heard of may take others down with it; it is done alone.
    fresh = [work for work in works if work.begun == 1]
    if len(fresh) < 2:  # noqa: PLR2004 - one is not together
        return ()
    kind = fresh[0].kind
    together = handlers()[kind].together
    assert together is not None, f"{kind} is done one by one"
    try:
        done = together(fresh)
    except Exception as error:  # noqa: BLE001 - one of them failed, and one by one tells which
        _log.warning("not_done_together", kind=kind, works=len(fresh), reason=reason_of(error))
        return ()
    _log.info("done_together", kind=kind, works=len(done))
    return done


def _do(work: Work) -> None:
    log = _log.bind(work_id=work.id, kind=work.kind, subject=work.subject, attempt=work.attempts)
    try:
        _run(work)
    except NotYet as later:
        atomically(due.defer, work.id, until=later.until)
        log.info("work_deferred", until=later.until.isoformat())
    except Exception as error:  # noqa: BLE001 - whatever it was, the work is kept and the next piece goes on
        reason = reason_of(error)
        parked = atomically(
            due.postpone,
            work.id,
            reason=reason,
            outage=isinstance(error, _OUTAGES),
            at_least=_asked_to_wait(error),
        )
        log.warning("work_parked" if parked else "work_postponed", reason=reason)
    else:
        reached("before_done", work.kind)
        atomically(due.complete, work.id)
        log.info("work_done")


def _asked_to_wait(error: Exception) -> timedelta:
    # A gateway that is asked again before the time it named only asks for more.
    seconds = error.details.get("retry_after_seconds") if isinstance(error, GatewayUnavailable) else None
    return timedelta(seconds=seconds) if isinstance(seconds, int) else timedelta()


def _run(work: Work) -> None:
    known = handlers().get(work.kind)
    if known is None:
        raise HandlerMissing(work.kind)
    known.run(work)


def reason_of(error: Exception) -> str:
    """What went wrong, for staff and logs: the sentence where it is one of ours, else only what broke and where.

    Messages of libraries may quote the row, the request or the secret they choked on.
    """
    if isinstance(error, Refusal):
        return f"{error.code}: {error.detail}"
    if isinstance(error, AnswerNotUnderstood | HandlerMissing):
        return f"{type(error).__name__}: {error}"
    return f"{type(error).__name__} at {_where(error)}"


def _where(error: Exception) -> str:
    frames = [
        f"{frame.f_globals.get('__name__')}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if "site-packages" not in frame.f_code.co_filename
    ]
    return frames[-1] if frames else "unknown"
