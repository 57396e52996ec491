"""Reading contracts and milestones; each person sees their own, staff sees all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from escrow.acts import ContractNotFound, MilestoneNotFound, whole
from escrow.tables import Contract, Dispute, Milestone, RefundRequest, Release, Submission
from escrow.views import (
    ContractView,
    DisputeView,
    MilestoneView,
    RefundRequestView,
    ReleaseView,
    SubmissionView,
    dispute_view,
    milestone_view,
    refund_request_view,
    release_view,
    submission_view,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from identity.actors import Actor


def contract(session: Session, *, contract_id: str, by: Actor) -> ContractView:
    """The contract with its milestones."""
    row = session.get(Contract, contract_id)
    if row is None or not _may_see(row, by):
        raise ContractNotFound("There is no contract with this id among yours.")
    return whole(session, row)


def contracts(session: Session, *, by: Actor, after: str | None, limit: int) -> list[ContractView]:
    """The person's contracts, newest first, from the one after `after` on."""
    query = select(Contract).order_by(Contract.id.desc()).limit(limit)
    if not by.is_staff:
        query = query.where(or_(Contract.client_id == by.id, Contract.worker_id == by.id))
    if after is not None:
        query = query.where(Contract.id < after)
    return [whole(session, row) for row in session.scalars(query)]


def milestone(session: Session, *, milestone_id: str, by: Actor) -> MilestoneView:
    """The milestone as it stands."""
    row = session.get(Milestone, milestone_id)
    owner = session.get(Contract, row.contract_id) if row is not None else None
    if row is None or owner is None or not _may_see(owner, by):
        raise MilestoneNotFound("There is no milestone with this id among yours.")
    return milestone_view(row, owner)


def submissions(session: Session, milestone_id: str) -> tuple[SubmissionView, ...]:
    """All that was handed in for the milestone, first to last."""
    rows = session.scalars(
        select(Submission).where(Submission.milestone_id == milestone_id).order_by(Submission.id)
    )
    return tuple(submission_view(row) for row in rows)


def releases(session: Session, milestone_id: str) -> tuple[ReleaseView, ...]:
    """All that was released of the milestone, first to last."""
    rows = session.scalars(select(Release).where(Release.milestone_id == milestone_id).order_by(Release.id))
    return tuple(release_view(row) for row in rows)


def refund_requests(session: Session, milestone_id: str) -> tuple[RefundRequestView, ...]:
    """All the client asked back, first to last."""
    rows = session.scalars(
        select(RefundRequest).where(RefundRequest.milestone_id == milestone_id).order_by(RefundRequest.id)
    )
    return tuple(refund_request_view(row) for row in rows)


def disputes(session: Session, of: MilestoneView) -> tuple[DisputeView, ...]:
    """All disputes of the milestone, first to last."""
    rows = session.scalars(select(Dispute).where(Dispute.milestone_id == of.id).order_by(Dispute.id))
    return tuple(dispute_view(row, of.price.currency) for row in rows)


def _may_see(row: Contract, by: Actor) -> bool:
    return by.is_staff or by.id in {row.client_id, row.worker_id}
