"""What is ours, on its way to our bank: one in finance proposes, another one approves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.idempotency import idempotent, once
from api.ledger.entry_schemas import DecisionSchema
from api.own_payouts import schemas as bodies
from api.paging import page_of, paged
from api.preview import previewable
from identity.permissions import Permission
from kernel.ids import new_id
from ledger.periods import SamePersonTwice
from persistence.unit_of_work import reading
from reconciliation import own_payouts
from reconciliation.solvency import PlatformPayoutBlocked
from runtime.wiring import GatewayUnknown, paying_us

if TYPE_CHECKING:
    from flask import Response

    from api.paging import ListAsked, Page
    from reconciliation.own_payouts import OwnPayoutView

blueprint = Blueprint("own payouts", __name__, description="Payouts of what is ours, for finance.")

_DECIDED = (own_payouts.OwnPayoutNotFound, own_payouts.OwnPayoutDecided)


@blueprint.post("/staff/own-payouts")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@previewable
@blueprint.arguments(bodies.OwnPayoutProposalSchema)
@blueprint.response(201, bodies.OwnPayoutSchema)
@leads_to("getOwnPayout", own_payout_id="$response.body#/id")
@refuses(GatewayUnknown, PlatformPayoutBlocked, own_payouts.NothingToPayOut)
def propose_own_payout(asked: dict[str, Any]) -> Response:
    """Propose to pay out what is ours; somebody else in finance approves. What is held for others has to stay."""
    paying_us(asked["gateway"])
    return once(own_payouts.propose, own_payout_id=new_id("op"), by=actor().id, **asked)


@blueprint.get("/staff/own-payouts")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.OwnPayoutsQuery, location="query")
@blueprint.response(200, page_of(bodies.OwnPayoutSchema))
@leads_to("getOwnPayout", own_payout_id="$response.body#/data/0/id")
def list_own_payouts(asked: ListAsked) -> Page:
    """Payouts of ours, newest first; `state=proposed` is what waits for a second person."""
    return paged(own_payouts.own_payouts, asked.page, key=lambda found: found.id, **asked.about)


@blueprint.get("/staff/own-payouts/<own_payout_id>")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.OwnPayoutSchema)
@refuses(own_payouts.OwnPayoutNotFound)
def get_own_payout(own_payout_id: str) -> OwnPayoutView:
    """A payout of ours, as it is now."""
    return reading(own_payouts.own_payout, own_payout_id=own_payout_id)


@blueprint.post("/staff/own-payouts/<own_payout_id>/approve")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@previewable
@blueprint.arguments(DecisionSchema)
@blueprint.response(200, bodies.OwnPayoutSchema)
@refuses(*_DECIDED, SamePersonTwice, PlatformPayoutBlocked, own_payouts.OwnPayoutUnderWay)
def approve_own_payout(said: dict[str, Any], own_payout_id: str) -> Response:
    """Order what somebody else has proposed."""
    return once(own_payouts.approve, own_payout_id=own_payout_id, by=actor().id, **said)


@blueprint.post("/staff/own-payouts/<own_payout_id>/reject")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@blueprint.arguments(DecisionSchema)
@blueprint.response(200, bodies.OwnPayoutSchema)
@refuses(*_DECIDED, SamePersonTwice)
def reject_own_payout(said: dict[str, Any], own_payout_id: str) -> Response:
    """Decide against what somebody else has proposed."""
    return once(own_payouts.reject, own_payout_id=own_payout_id, by=actor().id, **said)


@blueprint.post("/staff/own-payouts/<own_payout_id>/withdraw")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@blueprint.response(200, bodies.OwnPayoutSchema)
@refuses(*_DECIDED)
def withdraw_own_payout(own_payout_id: str) -> Response:
    """Take your own proposal back."""
    return once(own_payouts.withdraw, own_payout_id=own_payout_id, by=actor().id)
