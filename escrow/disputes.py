"""The two sides disagree: nothing moves until a mediator has decided who gets what, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from escrow import states
from escrow.acts import hold_milestone, move, tell, transition
from escrow.refunds import pay_client
from escrow.release import pay_worker
from escrow.submissions import refuse_after_the_window
from escrow.tables import Dispute
from escrow.views import DisputeView, MilestoneView, dispute_view
from kernel.money import movable
from kernel.refusals import Invalid
from persistence import clock

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from identity.actors import Actor
    from kernel.money import Money


class SplitDoesNotAddUp(Invalid):
    """The two parts of a settlement are not what is held, or one of them is below nothing."""

    code = "split_does_not_add_up"


def open_dispute(
    session: Session, *, milestone_id: str, dispute_id: str, reason: str, by: Actor
) -> tuple[MilestoneView, DisputeView]:
    """Stop the clock and everything else; a dispute that comes before the deadline wins, one after it is refused."""
    on = hold_milestone(session, milestone_id, by=by)
    transition(states.MILESTONE, on.milestone.state, "dispute", on.party)
    instant = clock.now(session)
    refuse_after_the_window(on, instant)
    row = Dispute(
        id=dispute_id,
        milestone_id=milestone_id,
        open_for=milestone_id,
        opened_by=by.id,
        reason=reason,
        state=states.DISPUTE.initial,
        opened_at=instant,
    )
    session.add(row)
    view = move(session, on, "dispute", dispute_id=dispute_id)
    return view, dispute_view(row, on.milestone.currency)


def settle_dispute(
    session: Session,
    *,
    milestone_id: str,
    to_worker: Money,
    to_client: Money,
    release_id: str,
    refund_id: str,
    decision: str,
    by: Actor,
) -> tuple[MilestoneView, DisputeView]:
    """A mediator ends it: `to_worker` (gross) is released, `to_client` goes back, and both are all that is held."""
    on = hold_milestone(session, milestone_id, by=by)
    # Who may decide, and whether there is something to decide, are the same for every way to decide it.
    transition(states.MILESTONE, on.milestone.state, "settle_by_split", on.party)
    held = on.held
    _refuse_another_sum(held, to_worker, to_client)
    act = _act(to_worker, to_client)
    row = session.scalars(select(Dispute).where(Dispute.open_for == milestone_id)).one()
    if to_worker:
        pay_worker(session, on, release_id=release_id, gross=to_worker, cause="settlement", by=by.id)
    if to_client:
        pay_client(session, on, refund_id=refund_id, held=to_client, by=by.id, reason="settlement")
    step = transition(states.DISPUTE, row.state, "settle", on.party)
    row.state, row.open_for = step.to, None
    row.settled_by, row.settled_at, row.decision = by.id, clock.now(session), decision
    row.to_worker_minor, row.to_client_minor = to_worker.amount_minor, to_client.amount_minor
    tell(session, on, step.event, subject=row.id)
    view = move(session, on, act, dispute_id=row.id)
    return view, dispute_view(row, held.currency)


def _refuse_another_sum(held: Money, to_worker: Money, to_client: Money) -> None:
    for field, part in (("to_worker", to_worker), ("to_client", to_client)):
        if part.currency != held.currency or not 0 <= part.amount_minor <= held.amount_minor:
            raise SplitDoesNotAddUp(f"{held} is held; each part lies between nothing and that.", field=field)
        movable(part, field=field)
    if to_worker + to_client != held:
        raise SplitDoesNotAddUp(f"{held} is held, and the two parts are not that.", field="to_client")


def _act(to_worker: Money, to_client: Money) -> str:
    if not to_client:
        return "settle_for_worker"
    return "settle_by_split" if to_worker else "settle_for_client"
