"""What the rest of Holdfast may know of contracts and milestones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from escrow.states import HOLDING
from kernel.money import Money

if TYPE_CHECKING:
    from datetime import datetime

    from escrow.tables import Contract, Dispute, Milestone, RefundRequest, Release, Submission


@dataclass(frozen=True, slots=True)
class MilestoneView:
    """A milestone: `held` is with us now, `released` (gross) and `refunded` are decided.

    `given_back` is what of the released was refunded after all, `worker_fee_returned` our fee on it; `owed` is what
    came back of refunds, with its fee: the client's, and no part of what is held; `charged_back` is what the client's
    bank took out of the hold. What is held at `hold_until` goes back.
    """

    id: str
    contract_id: str
    client_id: str
    worker_id: str
    position: int
    title: str
    state: str
    price: Money
    client_fee: Money
    held: Money
    released: Money
    worker_fee: Money
    given_back: Money
    worker_fee_returned: Money
    refunded: Money
    client_fee_returned: Money
    owed: Money
    charged_back: Money
    submission_id: str | None
    deadline_at: datetime | None
    funded_at: datetime | None
    hold_until: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class ContractView:
    """A contract with its milestones in order."""

    id: str
    client_id: str
    worker_id: str
    title: str
    description: str
    currency: str
    state: str
    client_basis_points: int | None
    worker_basis_points: int | None
    version: int
    offered_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    milestones: tuple[MilestoneView, ...]


@dataclass(frozen=True, slots=True)
class SubmissionView:
    """Work handed in, and what the client wanted changed, if anything."""

    id: str
    milestone_id: str
    note: str
    submitted_at: datetime
    deadline_at: datetime
    changes_requested_at: datetime | None
    changes_requested: str | None


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """Money that became the worker's: `gross` left the hold, `net` reached the wallet."""

    id: str
    milestone_id: str
    gross: Money
    worker_fee: Money
    cause: str
    released_at: datetime
    entry_id: str

    @property
    def net(self) -> Money:
        """What the worker gets."""
        return self.gross - self.worker_fee


@dataclass(frozen=True, slots=True)
class RefundRequestView:
    """A client's wish for held money back."""

    id: str
    milestone_id: str
    amount: Money
    reason: str
    state: str
    requested_at: datetime
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A disagreement and, once settled, how it ended and why."""

    id: str
    milestone_id: str
    opened_by: str
    reason: str
    state: str
    opened_at: datetime
    settled_at: datetime | None
    decision: str | None
    to_worker: Money | None
    to_client: Money | None


def milestone_view(row: Milestone, contract: Contract) -> MilestoneView:
    """The milestone as it stands in this transaction."""
    kept = row.released_minor - row.given_back_minor
    left = row.price_minor - kept - row.refunded_minor - row.charged_back_minor
    held = left if row.state in HOLDING else 0
    return MilestoneView(
        id=row.id,
        contract_id=row.contract_id,
        client_id=contract.client_id,
        worker_id=contract.worker_id,
        position=row.position,
        title=row.title,
        state=row.state,
        price=Money(row.price_minor, row.currency),
        client_fee=Money(row.client_fee_minor, row.currency),
        held=Money(held, row.currency),
        released=Money(row.released_minor, row.currency),
        worker_fee=Money(row.worker_fee_minor, row.currency),
        given_back=Money(row.given_back_minor, row.currency),
        worker_fee_returned=Money(row.worker_fee_returned_minor, row.currency),
        refunded=Money(row.refunded_minor, row.currency),
        client_fee_returned=Money(row.client_fee_returned_minor, row.currency),
        owed=Money(row.owed_minor, row.currency),
        charged_back=Money(row.charged_back_minor, row.currency),
        submission_id=row.submission_id,
        deadline_at=row.deadline_at,
        funded_at=row.funded_at,
        hold_until=row.hold_until,
        version=row.version,
    )


def contract_view(row: Contract, milestones: list[Milestone]) -> ContractView:
    """The contract as it stands in this transaction."""
    return ContractView(
        id=row.id,
        client_id=row.client_id,
        worker_id=row.worker_id,
        title=row.title,
        description=row.description,
        currency=row.currency,
        state=row.state,
        client_basis_points=row.client_basis_points,
        worker_basis_points=row.worker_basis_points,
        version=row.version,
        offered_at=row.offered_at,
        accepted_at=row.accepted_at,
        ended_at=row.ended_at,
        milestones=tuple(milestone_view(milestone, row) for milestone in milestones),
    )


def submission_view(row: Submission) -> SubmissionView:
    """The submission."""
    return SubmissionView(
        id=row.id,
        milestone_id=row.milestone_id,
        note=row.note,
        submitted_at=row.submitted_at,
        deadline_at=row.deadline_at,
        changes_requested_at=row.changes_requested_at,
        changes_requested=row.changes_requested,
    )


def release_view(row: Release) -> ReleaseView:
    """The release."""
    return ReleaseView(
        id=row.id,
        milestone_id=row.milestone_id,
        gross=Money(row.gross_minor, row.currency),
        worker_fee=Money(row.worker_fee_minor, row.currency),
        cause=row.cause,
        released_at=row.released_at,
        entry_id=row.entry_id,
    )


def refund_request_view(row: RefundRequest) -> RefundRequestView:
    """The request."""
    return RefundRequestView(
        id=row.id,
        milestone_id=row.milestone_id,
        amount=Money(row.amount_minor, row.currency),
        reason=row.reason,
        state=row.state,
        requested_at=row.requested_at,
        answered_at=row.answered_at,
    )


def dispute_view(row: Dispute, currency: str) -> DisputeView:
    """The dispute."""

    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, currency)

    return DisputeView(
        id=row.id,
        milestone_id=row.milestone_id,
        opened_by=row.opened_by,
        reason=row.reason,
        state=row.state,
        opened_at=row.opened_at,
        settled_at=row.settled_at,
        decision=row.decision,
        to_worker=money(row.to_worker_minor),
        to_client=money(row.to_client_minor),
    )
