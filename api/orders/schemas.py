"""An open order as staff sees it, and which are asked for."""

from __future__ import annotations

from marshmallow import fields, validate

from api.orders.listing import KINDS, STATES
from api.paging import AboutQuery
from api.schemas import Instant, MoneyField, Strict, StrictBoolean
from payments.routing import METHODS

_A_YEAR_OF_HOURS = 8_784


class OpenOrdersQuery(AboutQuery):
    """Of which kind, in which state, and how old at least."""

    kind = fields.String(validate=validate.OneOf(list(KINDS)))
    state = fields.String(validate=validate.OneOf(STATES))
    older_than_hours = fields.Integer(validate=validate.Range(0, _A_YEAR_OF_HOURS))


class OpenOrderSchema(Strict):
    """What was ordered, what was last heard of it, what is done next and when, and what a person can do."""

    kind = fields.String(attribute="order.kind", required=True, metadata={"enum": list(KINDS)})
    id = fields.String(attribute="order.id", required=True)
    state = fields.String(attribute="order.state", required=True, metadata={"enum": STATES})
    gateway = fields.String(attribute="order.gateway", required=True)
    gateway_id = fields.String(attribute="order.gateway_id", required=True, allow_none=True)
    amount = MoneyField(attribute="order.amount", required=True, allow_none=True)
    about = fields.String(
        attribute="order.about", required=True, metadata={"description": "A milestone, or a person."}
    )
    ordered_at = Instant(attribute="order.ordered_at", required=True)
    due_by = Instant(attribute="order.due_by", required=True)
    overdue = StrictBoolean(required=True)
    tries = fields.Integer(attribute="order.tries", required=True)
    last_tried_at = Instant(attribute="order.last_tried_at", required=True, allow_none=True)
    answer = fields.String(attribute="order.answer", required=True)
    next_step = fields.String(required=True)
    next_at = Instant(required=True, allow_none=True)
    what_to_do = fields.String(required=True)


class GatewayInUseSchema(Strict):
    """One payment gateway: what it is used for, and whether it answers."""

    gateway = fields.String(required=True)
    methods = fields.List(fields.String(metadata={"enum": list(METHODS)}), required=True)
    pays_workers = StrictBoolean(required=True)
    silent_since = Instant(required=True, allow_none=True)
    failures = fields.Integer(required=True)
    passed_over = StrictBoolean(required=True)
    text = fields.String(required=True)


class GatewaysSchema(Strict):
    """The payment gateways that are set up here."""

    items = fields.List(fields.Nested(GatewayInUseSchema), required=True)
