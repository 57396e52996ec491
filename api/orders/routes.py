"""What was ordered of payment gateways and has no outcome yet: nothing is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import requires
from api.blueprints import Blueprint
from api.orders import schemas as bodies
from api.orders.listing import open_orders, place
from api.paging import page_of, paged
from gateways.outages import outages
from identity.permissions import Permission
from persistence.unit_of_work import reading
from runtime.wiring import wired

if TYPE_CHECKING:
    from api.paging import ListAsked, Page
    from gateways.outages import OutageView
    from runtime.wiring import Wiring

blueprint = Blueprint("orders", __name__, description="Open orders to payment gateways, for staff.")


@blueprint.get("/staff/orders")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.OpenOrdersQuery, location="query")
@blueprint.response(200, page_of(bodies.OpenOrderSchema))
def list_open_orders(asked: ListAsked) -> Page:
    """Every order that has no outcome yet or that somebody has to see to, first ordered first."""
    return paged(open_orders, asked.page, key=lambda shown: place(shown.order), **asked.about)


@blueprint.get("/staff/gateways")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.GatewaysSchema)
def list_gateways() -> dict[str, Any]:
    """Which payment gateways are used for what, and which of them do not answer."""
    wiring, silent = wired(), {view.gateway: view for view in reading(outages)}
    return {"items": [_gateway(wiring, name, silent.get(name)) for name in sorted(wiring.gateways)]}


def _gateway(wiring: Wiring, name: str, outage: OutageView | None) -> dict[str, Any]:
    return {
        "gateway": name,
        "methods": [route.method for route in wiring.routes if route.gateway == name],
        "pays_workers": name in wiring.pays_out,
        "silent_since": outage.since if outage else None,
        "failures": outage.failures if outage else 0,
        "passed_over": outage is not None and outage.away,
        "text": _in_words(outage),
    }


def _in_words(outage: OutageView | None) -> str:
    if outage is None:
        return "It answers."
    if outage.away:
        return "It does not answer: new payments go to others first. Look at its status page, and at our keys for it."
    return "It did not answer when it was last asked. It is asked again with the next payment."
