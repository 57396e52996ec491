"""Work on money held: the window that closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow import release
from jobs.work import NotYet, handler
from kernel.ids import new_id
from persistence.unit_of_work import atomically

if TYPE_CHECKING:
    from persistence.due import Work


@handler("release_by_time")
def release_by_time(work: Work) -> None:
    """Release the money of a submission that nobody answered; whatever came before the deadline wins."""
    try:
        atomically(release.release_by_time, submission_id=work.subject, release_id=new_id("rl"))
    except release.NotDueYet as early:
        raise NotYet(early.due_at) from early
