"""What clients' banks take back, for those who answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.auth import requires
from api.blueprints import Blueprint, leads_to, refuses
from api.chargebacks import schemas as bodies
from api.paging import page_of, paged
from identity.permissions import Permission
from payments import chargebacks
from persistence.unit_of_work import reading

if TYPE_CHECKING:
    from api.paging import ListAsked, Page
    from payments.views import ChargebackView

blueprint = Blueprint("chargebacks", __name__, description="What clients' banks take back, for staff.")


@blueprint.get("/staff/chargebacks")
@requires(Permission.VIEW_CHARGEBACKS)
@blueprint.arguments(bodies.ChargebacksQuery, location="query")
@blueprint.response(200, page_of(bodies.ChargebackSchema))
@leads_to("getChargeback", chargeback_id="$response.body#/data/0/id")
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
