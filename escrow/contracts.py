"""Offering, accepting and ending a contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from escrow import holding, states
from escrow.acts import (
    ActNotPossible,
    NotYourAct,
    hold_contract,
    milestones_of,
    move_contract,
    transition,
    whole,
)
from escrow.prices import check_prices
from escrow.tables import Contract, Milestone
from identity.accounts import account, account_with_role
from identity.permissions import Role
from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import Conflict, Invalid
from persistence import clock, outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from escrow.fees import FeeSchedule
    from escrow.views import ContractView
    from identity.actors import Actor

_MOST_MILESTONES = 50


class WorkerNotAvailable(Invalid):
    """The person named is not a worker with whom a contract can be made."""

    code = "worker_not_available"


class OwnContract(Invalid):
    """Nobody hires themselves."""

    code = "own_contract"


class MilestonesMissing(Invalid):
    """A contract has at least one milestone, and not more than fifty."""

    code = "milestones_missing"


class MoneyStillHeld(Conflict):
    """Money is held, or on its way in, for a milestone of this contract."""

    code = "money_still_held"


class ContractChanged(Conflict):
    """Somebody changed the contract since it was read."""

    code = "contract_changed"


@dataclass(frozen=True, slots=True)
class MilestoneTerms:
    """One piece of the work as it is offered."""

    title: str
    price: Money


def offer_contract(
    session: Session,
    *,
    contract_id: str,
    worker_id: str,
    title: str,
    description: str,
    currency: str,
    milestones: Sequence[MilestoneTerms],
    by: Actor,
) -> ContractView:
    """Offer a worker a contract; nothing binds until it is accepted."""
    if worker_id == by.id:
        raise OwnContract("You cannot hire yourself.", field="worker_id")
    if not account_with_role(session, worker_id, Role.WORKER):
        raise WorkerNotAvailable("There is no worker with this id who takes contracts.", field="worker_id")
    if not 1 <= len(milestones) <= _MOST_MILESTONES:
        raise MilestonesMissing(
            f"A contract has between 1 and {_MOST_MILESTONES} milestones.", field="milestones"
        )
    check_prices([terms.price for terms in milestones], currency)
    contract = Contract(
        id=contract_id,
        client_id=by.id,
        worker_id=worker_id,
        title=title,
        description=description,
        currency=currency,
        state=states.CONTRACT.initial,
        version=1,
        offered_at=clock.now(session),
    )
    session.add(contract)
    session.add_all(
        _milestone(contract, position, terms) for position, terms in enumerate(milestones, start=1)
    )
    outbox.publish(
        session,
        name="contract.offered",
        subject=contract.id,
        payload={"contract_id": contract.id, "client_id": by.id, "worker_id": worker_id},
    )
    session.flush()
    return whole(session, contract)


def edit_offer(
    session: Session,
    *,
    contract_id: str,
    version: int | None,
    title: str | None,
    description: str | None,
    by: Actor,
) -> ContractView:
    """Change the words of an offer that nobody has answered yet; refuses when it is not as the client last read it."""
    contract, party = hold_contract(session, contract_id, by=by)
    if party != states.CLIENT:
        raise NotYourAct("Only the client can edit the offer.")
    if contract.state != "offered":
        raise ActNotPossible(
            f"The contract is {contract.state}; it can be edited only while it is offered.",
            state=contract.state,
        )
    _refuse_another_version(contract, version)
    contract.title = contract.title if title is None else title
    contract.description = contract.description if description is None else description
    contract.version += 1
    session.flush()
    return whole(session, contract)


def accept_contract(
    session: Session, *, contract_id: str, version: int | None, fees: FeeSchedule, country: str, by: Actor
) -> ContractView:
    """The worker takes the contract as they read it; the fees of today hold for all of it.

    How long money may be held is the law of the worker's country or of the platform's `country`, the shorter one.
    """
    contract, party = hold_contract(session, contract_id, by=by)
    transition(states.CONTRACT, contract.state, "accept", party)
    _refuse_another_version(contract, version)
    contract.client_basis_points = fees.client_basis_points
    contract.worker_basis_points = fees.worker_basis_points
    contract.holding_days = holding.days(country, account(session, contract.worker_id).country)
    contract.accepted_at = clock.now(session)
    for milestone in milestones_of(session, contract.id):
        milestone.client_fee_minor = fees.client_fee(
            Money(milestone.price_minor, milestone.currency)
        ).amount_minor
    move_contract(session, contract, "accept", party)
    return whole(session, contract)


def decline_contract(session: Session, *, contract_id: str, by: Actor) -> ContractView:
    """The worker does not take the contract."""
    return _end(session, contract_id, "decline", by)


def cancel_contract(session: Session, *, contract_id: str, by: Actor) -> ContractView:
    """End a contract for which no money is held; held money is released, refunded or disputed first."""
    return _end(session, contract_id, "cancel", by)


def _end(session: Session, contract_id: str, act: str, by: Actor) -> ContractView:
    contract, party = hold_contract(session, contract_id, by=by)
    transition(states.CONTRACT, contract.state, act, party)
    unsettled = [row.id for row in milestones_of(session, contract.id) if row.state in states.UNSETTLED]
    if unsettled:
        raise MoneyStillHeld(
            "Money is held for this contract. Release it, refund it or open a dispute first.",
            milestones=unsettled,
        )
    move_contract(session, contract, act, party)
    return whole(session, contract)


def _refuse_another_version(contract: Contract, version: int | None) -> None:
    if version is not None and contract.version != version:
        raise ContractChanged(
            "The offer was changed since you read it. Read it again, then decide.", field="If-Match"
        )


def _milestone(contract: Contract, position: int, terms: MilestoneTerms) -> Milestone:
    return Milestone(
        id=new_id("ms"),
        contract_id=contract.id,
        position=position,
        title=terms.title,
        currency=contract.currency,
        price_minor=terms.price.amount_minor,
        state=states.MILESTONE.initial,
        client_fee_minor=0,
        released_minor=0,
        worker_fee_minor=0,
        given_back_minor=0,
        worker_fee_returned_minor=0,
        refunded_minor=0,
        client_fee_returned_minor=0,
        owed_minor=0,
        version=1,
    )
