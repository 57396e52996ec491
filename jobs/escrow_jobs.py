"""Work on money held: the window that closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from escrow import holding, release
from escrow.sweep import release_many_by_time
from jobs.work import NotYet, handler
from kernel.ids import new_id
from persistence import due
from persistence.unit_of_work import atomically, reading

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy.orm import Session

    from persistence.due import Work


def sweep(works: Sequence[Work]) -> Collection[str]:
    """Release the money of all submissions that nobody answered, in one transaction; returns whose work is done."""
    releases = {work.subject: new_id("rl") for work in works}
    return atomically(_sweep, works={work.subject: work.id for work in works}, releases=releases)


def _sweep(session: Session, *, works: Mapping[str, str], releases: Mapping[str, str]) -> Collection[str]:
    swept = release_many_by_time(session, releases=releases)
    done = [works[submission_id] for submission_id in swept.settled]
    due.complete_all(session, done)
    return done


_log = structlog.get_logger("holdfast.escrow")


@handler("release_by_time", together=sweep)
def release_by_time(work: Work) -> None:
    """Release the money of a submission that nobody answered; whatever came before the deadline wins."""
    try:
        atomically(release.release_by_time, submission_id=work.subject, release_id=new_id("rl"))
    except release.NotDueYet as early:
        raise NotYet(early.due_at) from early


@handler("watch_holding_limit")
def watch_holding_limit(work: Work) -> None:
    """Tell both sides how long money has been held, and give back what has been held for as long as it may be."""
    percent = work.payload["percent"]
    again_at = atomically(holding.watch, milestone_id=work.subject, percent=percent, refund_id=new_id("rf"))
    if again_at is not None:
        # Unless what was handed in is about to be released, somebody has to decide.
        if reading(holding.needs_somebody, milestone_id=work.subject):
            _log.error("holding_limit_reached", milestone_id=work.subject)
        raise NotYet(again_at)
