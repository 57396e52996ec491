"""What clients' banks take back, for those who answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.chargebacks import schemas as bodies
from api.idempotency import idempotent, naturally_idempotent, once
from api.paging import page_of, paged
from api.preview import previewable
from escrow import acts
from escrow import chargebacks as escrow_chargebacks
from identity.permissions import Permission
from kernel.ids import new_id
from payments import chargebacks, evidence
from persistence.unit_of_work import atomically, reading

if TYPE_CHECKING:
    from flask import Response

    from api.paging import ListAsked, Page
    from payments.views import ChargebackView, EvidenceView

blueprint = Blueprint("chargebacks", __name__, description="What clients' banks take back, for staff.")


@blueprint.get("/staff/chargebacks")
@requires(Permission.VIEW_CHARGEBACKS)
@blueprint.arguments(bodies.ChargebacksQuery, location="query")
@blueprint.response(200, page_of(bodies.ChargebackSchema))
@leads_to("getChargeback", "dismissWarning", chargeback_id="$response.body#/data/0/id")
@leads_to("forgiveDebt", debt_id="$response.body#/data/0/id")
def list_chargebacks(asked: ListAsked) -> Page:
    """Chargebacks, newest first; `state=needs_response` is what has to be answered by `respond_by`."""
    return paged(chargebacks.page, asked.page, key=lambda found: found.id, **asked.about)


@blueprint.get("/staff/chargebacks/<chargeback_id>")
@requires(Permission.VIEW_CHARGEBACKS)
@blueprint.response(200, bodies.ChargebackSchema)
@refuses(chargebacks.ChargebackNotFound)
def get_chargeback(chargeback_id: str) -> ChargebackView:
    """A chargeback: how far it is, what the bank has of it, and who bears that."""
    return reading(chargebacks.find, chargeback_id)


@blueprint.post("/staff/chargebacks/<chargeback_id>/dismiss")
@requires(Permission.ANSWER_CHARGEBACKS)
@idempotent
@previewable
@blueprint.arguments(bodies.DismissalSchema)
@blueprint.response(200, bodies.ChargebackSchema)
@refuses(chargebacks.ChargebackNotFound, acts.ActNotPossible)
def dismiss_warning(said: dict[str, str], chargeback_id: str) -> Response:
    """Nothing is to be done about a warning of the card's network: the milestone goes on."""
    return once(escrow_chargebacks.dismiss_warning, chargeback_id=chargeback_id, by=actor(), **said)


@blueprint.put("/staff/chargebacks/<chargeback_id>/evidence")
@requires(Permission.ANSWER_CHARGEBACKS)
@naturally_idempotent("A draft replaces the one before it.")
@blueprint.arguments(bodies.EvidenceDraftSchema)
@blueprint.response(200, bodies.EvidenceSchema)
@refuses(
    chargebacks.ChargebackNotFound,
    evidence.EvidenceHandedIn,
    evidence.EvidenceTooLong,
    evidence.EvidenceUnknownField,
)
def draft_evidence(said: dict[str, Any], chargeback_id: str) -> EvidenceView:
    """Draft what is going to be answered to the bank; nothing is sent before it is handed in."""
    return atomically(
        evidence.draft,
        chargeback_id=chargeback_id,
        evidence_id=new_id("ce"),
        fields=said["texts"],
        by=actor().id,
    )


@blueprint.get("/staff/chargebacks/<chargeback_id>/evidence")
@requires(Permission.VIEW_CHARGEBACKS)
@blueprint.response(200, bodies.EvidenceSchema)
@refuses(chargebacks.ChargebackNotFound, evidence.EvidenceMissing)
def get_evidence(chargeback_id: str) -> EvidenceView:
    """What was drafted, or was handed in."""
    return reading(evidence.evidence_of, chargeback_id=chargeback_id)


@blueprint.post("/staff/chargebacks/<chargeback_id>/evidence/hand-in")
@requires(Permission.ANSWER_CHARGEBACKS)
@idempotent
@blueprint.response(200, bodies.EvidenceSchema)
@refuses(
    chargebacks.ChargebackNotFound,
    evidence.EvidenceHandedIn,
    evidence.EvidenceMissing,
    evidence.NotToBeAnswered,
)
def hand_in_evidence(chargeback_id: str) -> Response:
    """Answer the bank with what was drafted, once and for all."""
    return once(evidence.hand_in, chargeback_id=chargeback_id, by=actor().id)
