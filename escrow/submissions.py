"""The worker hands work in; the client looks at it for 72 hours at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow import states
from escrow.acts import hold_milestone, move, transition
from escrow.tables import Submission
from escrow.views import SubmissionView, submission_view
from kernel.refusals import Conflict
from persistence import clock, due

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from escrow.acts import Held
    from escrow.views import MilestoneView
    from identity.actors import Actor


class ReviewWindowOver(Conflict):
    """The 72 hours are over, and the money is the worker's."""

    code = "review_window_over"


def submit_work(
    session: Session, *, milestone_id: str, submission_id: str, note: str, by: Actor
) -> tuple[MilestoneView, SubmissionView]:
    """Hand work in; without an answer the money is released 72 hours from this instant."""
    on = hold_milestone(session, milestone_id, by=by)
    transition(states.MILESTONE, on.milestone.state, "submit", on.party)
    instant = clock.now(session)
    submission = Submission(
        id=submission_id,
        milestone_id=milestone_id,
        note=note,
        submitted_at=instant,
        deadline_at=instant + states.REVIEW_WINDOW,
    )
    session.add(submission)
    on.milestone.submission_id = submission_id
    on.milestone.deadline_at = submission.deadline_at
    due.schedule(
        session,
        kind="release_by_time",
        # The submission, not the milestone: a later one starts a window of its own, and this one means nothing then.
        subject=submission_id,
        due_at=submission.deadline_at,
        key=f"release_by_time:{submission_id}",
        payload={"milestone_id": milestone_id},
    )
    view = move(session, on, "submit", submission_id=submission_id)
    return view, submission_view(submission)


def request_changes(session: Session, *, milestone_id: str, what: str, by: Actor) -> MilestoneView:
    """Send the work back with what to change; the clock stops, and the next submission starts a new one."""
    on = hold_milestone(session, milestone_id, by=by)
    transition(states.MILESTONE, on.milestone.state, "request_changes", on.party)
    instant = clock.now(session)
    refuse_after_the_window(on, instant)
    submission = session.get_one(Submission, on.milestone.submission_id)
    submission.changes_requested_at, submission.changes_requested = instant, what
    on.milestone.submission_id = None
    return move(session, on, "request_changes", submission_id=submission.id)


def refuse_after_the_window(on: Held, instant: datetime) -> None:
    """Whoever comes after the deadline finds the money released, or about to be."""
    deadline = on.milestone.deadline_at
    if on.milestone.state == "submitted" and deadline is not None and deadline <= instant:
        raise ReviewWindowOver(
            "The 72 hours to review this work are over, and the money goes to the worker.",
            deadline_at=deadline.isoformat(),
        )
