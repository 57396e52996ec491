"""How every act on a contract or a milestone begins and ends: lock, who, which state, what is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from escrow import states
from escrow.tables import Contract, Milestone
from escrow.views import ContractView, MilestoneView, contract_view, milestone_view
from identity.actors import SYSTEM
from identity.permissions import Permission
from kernel.refusals import Conflict, Forbidden, NotFound
from persistence import clock, outbox
from persistence.locks import locked

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from identity.actors import Actor
    from kernel.money import Money
    from kernel.states import Process, Transition


class ContractNotFound(NotFound):
    """There is no such contract, or it is between other people."""

    code = "contract_not_found"


class MilestoneNotFound(NotFound):
    """There is no such milestone, or it belongs to other people."""

    code = "milestone_not_found"


class NotYourAct(Forbidden):
    """This act is the other side's, or staff's."""

    code = "not_your_act"


class ActNotPossible(Conflict):
    """The contract or milestone is not in a state in which this can be done; the answer says what it is in."""

    code = "act_not_possible"


@dataclass(frozen=True, slots=True)
class Held:
    """A milestone and its contract, both locked, with the party that acts on them."""

    contract: Contract
    milestone: Milestone
    party: str

    @property
    def view(self) -> MilestoneView:
        """The milestone as it stands."""
        return milestone_view(self.milestone, self.contract)

    @property
    def held(self) -> Money:
        """What is held for the milestone now."""
        return self.view.held


def party_to(contract: Contract, by: Actor) -> str | None:
    """Which side of the contract `by` is on, or what they are to it; None for strangers."""
    if by == SYSTEM:
        return states.SYSTEM
    if by.id == contract.client_id:
        return states.CLIENT
    if by.id == contract.worker_id:
        return states.WORKER
    if by.may(Permission.MEDIATE_DISPUTE):
        return states.MEDIATOR
    return states.STAFF if by.is_staff else None


def hold_contract(session: Session, contract_id: str, *, by: Actor) -> tuple[Contract, str]:
    """The contract, locked, and the side that acts; refuses strangers as if it did not exist."""
    contract = locked(session, Contract, contract_id)
    party = party_to(contract, by) if contract is not None else None
    if contract is None or party is None:
        raise ContractNotFound("There is no contract with this id among yours.")
    return contract, party


def hold_milestone(session: Session, milestone_id: str, *, by: Actor) -> Held:
    """The milestone with its contract, both locked; refuses strangers as if it did not exist."""
    contract_id = session.scalar(select(Milestone.contract_id).where(Milestone.id == milestone_id))
    # The contract first, always: what happens to one milestone may end the whole.
    contract = locked(session, Contract, contract_id) if contract_id else None
    party = party_to(contract, by) if contract is not None else None
    milestone = locked(session, Milestone, milestone_id) if party else None
    if contract is None or milestone is None or party is None:
        raise MilestoneNotFound("There is no milestone with this id among yours.")
    return Held(contract, milestone, party)


def transition(process: Process, state: str, act: str, party: str) -> Transition:
    """The step this act takes; refuses the wrong side first, then the wrong state."""
    if not any(party in step.by for (_, name), step in process.table.items() if name == act):
        raise NotYourAct(f"Only the {_other_side(process, act)} can do this.")
    step = process.step(state, act)
    if step is None or party not in step.by:
        raise ActNotPossible(
            f"The {process.name.replace('_', ' ')} is {state}, so this cannot be done now.",
            state=state,
            possible=list(process.acts(state)),
        )
    return step


def move(
    session: Session,
    on: Held,
    act: str,
    *,
    quietly: bool = False,
    **told: Any,  # noqa: ANN401 - any JSON value
) -> MilestoneView:
    """Take the step: change the state, tell it unless the act has told more already, and let the contract follow."""
    step = take(on, act)
    if not quietly:
        tell(session, on, step.event, **told)
    session.flush()
    _follow(session, on)
    return on.view


def take(on: Held, act: str) -> Transition:
    """The step itself: the milestone's new state, and nothing told and nothing followed."""
    step = transition(states.MILESTONE, on.milestone.state, act, on.party)
    on.milestone.state = step.to
    on.milestone.version += 1
    if step.to != "submitted":
        on.milestone.deadline_at = None
    return step


def tell(
    session: Session,
    on: Held,
    event: str,
    *,
    subject: str | None = None,
    at: datetime | None = None,
    **told: Any,  # noqa: ANN401 - any JSON value
) -> None:
    """Publish `event` about the milestone, or about a `subject` that belongs to it, with what every listener needs."""
    outbox.publish(
        session,
        name=event,
        subject=subject or on.milestone.id,
        occurred_at=at,
        payload={
            "milestone_id": on.milestone.id,
            "contract_id": on.contract.id,
            "client_id": on.contract.client_id,
            "worker_id": on.contract.worker_id,
            **told,
        },
    )


def whole(session: Session, contract: Contract) -> ContractView:
    """The contract with its milestones."""
    return contract_view(contract, milestones_of(session, contract.id))


def milestones_of(session: Session, contract_id: str) -> list[Milestone]:
    """The milestones of a contract, in order."""
    return list(
        session.scalars(
            select(Milestone).where(Milestone.contract_id == contract_id).order_by(Milestone.position)
        )
    )


def move_contract(
    session: Session, contract: Contract, act: str, party: str, *, at: datetime | None = None
) -> None:
    """Take a step of the contract and tell it; it happens now, unless it is one of many that happen together."""
    step = transition(states.CONTRACT, contract.state, act, party)
    instant = at or clock.now(session)
    contract.state = step.to
    contract.version += 1
    contract.ended_at = instant if step.to in states.CONTRACT.terminal else None
    outbox.publish(
        session,
        name=step.event,
        subject=contract.id,
        occurred_at=instant,
        payload={
            "contract_id": contract.id,
            "client_id": contract.client_id,
            "worker_id": contract.worker_id,
        },
    )


def _follow(session: Session, on: Held) -> None:
    """The contract ends with its last milestone."""
    if on.contract.state != "active" or on.milestone.state not in states.MILESTONE.terminal:
        return
    if all(row.state in states.MILESTONE.terminal for row in milestones_of(session, on.contract.id)):
        move_contract(session, on.contract, "complete", states.SYSTEM)


def _other_side(process: Process, act: str) -> str:
    sides = {side for (_, name), step in process.table.items() if name == act for side in step.by}
    return " or the ".join(sorted(sides))
