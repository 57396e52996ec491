"""What was ordered of payment gateways and has no outcome yet: nothing is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.auth import requires
from api.blueprints import Blueprint
from api.orders import schemas as bodies
from api.orders.listing import open_orders, place
from api.paging import page_of, paged
from identity.permissions import Permission

if TYPE_CHECKING:
    from api.paging import ListAsked, Page

blueprint = Blueprint("orders", __name__, description="Open orders to payment gateways, for staff.")


@blueprint.get("/staff/orders")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.OpenOrdersQuery, location="query")
@blueprint.response(200, page_of(bodies.OpenOrderSchema))
def list_open_orders(asked: ListAsked) -> Page:
    """Every order that has no outcome yet or that somebody has to see to, first ordered first."""
    return paged(open_orders, asked.page, key=lambda shown: place(shown.order), **asked.about)
