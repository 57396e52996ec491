"""Offering a contract, editing the offer, answering it, ending it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.escrow.contract_schemas import ContractSchema, OfferEditSchema, OfferSchema
from api.etags import edits_a_version, expected_version
from api.idempotency import idempotent, naturally_idempotent, once
from api.paging import PageQuery, page_of, paged
from api.preview import foreseen, is_preview, previewable
from escrow import acts, contracts, prices, queries
from escrow.fees import FeeSchedule
from identity.permissions import Permission
from kernel.ids import new_id
from kernel.money import AmountNotMovable
from persistence.unit_of_work import atomically, reading
from runtime.wiring import wired

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response
    from sqlalchemy.orm import Session

    from api.paging import Page, PageAsked
    from escrow.views import ContractView

P = ParamSpec("P")

blueprint = Blueprint("contracts", __name__, description="Contracts between a client and a worker.")

_STATE_DECIDES = "A contract that has been answered or ended refuses the second answer."

_ANSWERS = ("editOffer", "acceptContract", "declineContract", "cancelContract")


@blueprint.post("/contracts")
@requires(Permission.OFFER_CONTRACT)
@idempotent
@blueprint.arguments(OfferSchema)
@blueprint.response(201, ContractSchema)
@leads_to("getContract", *_ANSWERS, contract_id="$response.body#/id")
@leads_to("getMilestone", milestone_id="$response.body#/milestones/0/id")
@refuses(
    contracts.WorkerNotAvailable,
    contracts.OwnContract,
    prices.PriceOutOfRange,
    AmountNotMovable,
    contracts.MilestonesMissing,
)
def offer_contract(offer: dict[str, Any]) -> Response:
    """Offer a worker a contract with its milestones."""
    terms = [contracts.MilestoneTerms(**milestone) for milestone in offer.pop("milestones")]
    return once(contracts.offer_contract, contract_id=new_id("ct"), milestones=terms, by=actor(), **offer)


@blueprint.get("/contracts")
@requires(Permission.VIEW_CONTRACTS)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(ContractSchema))
@leads_to("getContract", contract_id="$response.body#/data/0/id")
def list_contracts(page: PageAsked) -> Page:
    """Your contracts, newest first; staff sees all."""
    return paged(queries.contracts, page, key=lambda found: found.id, by=actor())


@blueprint.get("/contracts/<contract_id>")
@requires(Permission.VIEW_CONTRACTS)
@blueprint.response(200, ContractSchema)
@refuses(acts.ContractNotFound)
def get_contract(contract_id: str) -> ContractView:
    """A contract with its milestones."""
    return reading(queries.contract, contract_id=contract_id, by=actor())


@blueprint.patch("/contracts/<contract_id>")
@requires(Permission.OFFER_CONTRACT)
@naturally_idempotent("The second edit of the same version is refused by its ETag.")
@edits_a_version
@blueprint.arguments(OfferEditSchema)
@blueprint.response(200, ContractSchema)
@refuses(acts.ContractNotFound, acts.ActNotPossible, contracts.ContractChanged)
def edit_offer(edit: dict[str, str], contract_id: str) -> ContractView:
    """Change the words of an offer that nobody has answered yet."""
    return atomically(
        contracts.edit_offer,
        contract_id=contract_id,
        version=expected_version(),
        title=edit.get("title"),
        description=edit.get("description"),
        by=actor(),
    )


@blueprint.post("/contracts/<contract_id>/accept")
@requires(Permission.ANSWER_OFFER)
@naturally_idempotent(_STATE_DECIDES)
@previewable
@edits_a_version
@blueprint.response(200, ContractSchema)
@leads_to("getMilestone", "beginCheckout", milestone_id="$response.body#/milestones/0/id")
@refuses(acts.ContractNotFound, acts.NotYourAct, acts.ActNotPossible, contracts.ContractChanged)
def accept_contract(contract_id: str) -> ContractView | Response:
    """Take a contract as you read it, which If-Match says; the fees of today hold for all of it."""
    settings = wired().settings
    fees = FeeSchedule(settings.CLIENT_FEE_BASIS_POINTS, settings.WORKER_FEE_BASIS_POINTS)
    return _done_or_foreseen(
        contracts.accept_contract,
        contract_id=contract_id,
        version=expected_version(),
        fees=fees,
        country=settings.MERCHANT_COUNTRY,
        by=actor(),
    )


@blueprint.post("/contracts/<contract_id>/decline")
@requires(Permission.ANSWER_OFFER)
@naturally_idempotent(_STATE_DECIDES)
@previewable
@blueprint.response(200, ContractSchema)
@refuses(acts.ContractNotFound, acts.NotYourAct, acts.ActNotPossible)
def decline_contract(contract_id: str) -> ContractView | Response:
    """Do not take a contract."""
    return _done_or_foreseen(contracts.decline_contract, contract_id=contract_id, by=actor())


@blueprint.post("/contracts/<contract_id>/cancel")
@requires(Permission.CANCEL_CONTRACT)
@naturally_idempotent(_STATE_DECIDES)
@previewable
@blueprint.response(200, ContractSchema)
@refuses(acts.ContractNotFound, acts.NotYourAct, acts.ActNotPossible, contracts.MoneyStillHeld)
def cancel_contract(contract_id: str) -> ContractView | Response:
    """End a contract for which no money is held."""
    return _done_or_foreseen(contracts.cancel_contract, contract_id=contract_id, by=actor())


def _done_or_foreseen(
    act: Callable[Concatenate[Session, P], ContractView], *arguments: P.args, **named: P.kwargs
) -> ContractView | Response:
    if is_preview():
        return foreseen(act, *arguments, **named)
    return atomically(act, *arguments, **named)
