"""Bodies of reconciliation: runs, reports, breaks and statements about solvency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, validate, validates_schema

from api.ledger.schemas import CurrencyField
from api.paging import AboutQuery
from api.schemas import IdField, Instant, MoneyField, Strict, Text
from gateways.lines import LineKind
from reconciliation.breaks import ADJUSTED, EXPLANATIONS, KINDS, NOBODY, STATES
from reconciliation.changing_back import CONVERSION
from reconciliation.runs import STATES as RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Mapping

_GATEWAY = validate.Regexp(r"^[a-z]{1,16}$", error="Not one of ours.")
_WHOSE = ["ours", "workers"]
_OWNER = validate.Regexp(r"^(nobody|us_[0-7][0-9a-hjkmnp-tv-z]{25})$", error="A person of staff, or nobody.")
_LINE_KINDS = [kind.value for kind in LineKind]


class RunOrderSchema(Strict):
    """Which gateway to reconcile, and for which day; today's without it."""

    gateway = fields.String(required=True, validate=_GATEWAY)
    day = fields.Date(load_default=None, allow_none=True)


class RunSchema(Strict):
    """One reconciliation of a gateway."""

    id = IdField("rn", required=True)
    gateway = fields.String(required=True)
    day = fields.Date(required=True)
    state = fields.String(required=True, metadata={"enum": list(RUN_STATES)})
    began_at = Instant(required=True)
    known_at = Instant(required=True, allow_none=True)
    finished_at = Instant(required=True, allow_none=True)
    started_by = fields.String(required=True)
    lines = fields.Integer(required=True)


class RunsQuery(AboutQuery):
    """Of which gateway, and which page."""

    gateway = fields.String(validate=_GATEWAY)


class MovedSchema(Strict):
    """What moved on a day by one word of the gateway's, on our balance or on workers'."""

    whose = fields.String(required=True, metadata={"enum": _WHOSE})
    type = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": _LINE_KINDS})
    lines = fields.Integer(required=True)
    gross = MoneyField(required=True, allow_none=True)
    fee = MoneyField(required=True, allow_none=True)
    net = MoneyField(required=True, allow_none=True)


class BreaksOfKindSchema(Strict):
    """How many breaks of one kind were open."""

    kind = fields.String(required=True, metadata={"enum": list(KINDS)})
    breaks = fields.Integer(required=True)
    difference = MoneyField(required=True, allow_none=True)
    oldest_hours = fields.Integer(required=True)


class DayReportSchema(Strict):
    """What was at a gateway in one currency when a day began and ended, and what the books say."""

    run_id = IdField("rn", required=True)
    gateway = fields.String(required=True)
    currency = fields.String(required=True)
    day = fields.Date(required=True)
    known_at = Instant(required=True)
    opening = MoneyField(required=True, allow_none=True)
    movements = fields.List(fields.Nested(MovedSchema), required=True)
    closing = MoneyField(required=True, allow_none=True)
    books = MoneyField(required=True, allow_none=True)
    difference = MoneyField(required=True, allow_none=True)
    open_breaks = fields.List(fields.Nested(BreaksOfKindSchema), required=True)


class RunReportsSchema(Strict):
    """What a run reported, by currency."""

    reports = fields.List(fields.Nested(DayReportSchema), required=True)


class BreaksQuery(AboutQuery):
    """Which breaks, and which page."""

    gateway = fields.String(validate=_GATEWAY)
    currency = fields.String(validate=validate.Regexp(r"^[A-Z]{3}$", error="Not a currency."))
    kind = fields.String(validate=validate.OneOf(KINDS))
    state = fields.String(validate=validate.OneOf(STATES))
    owner = fields.String(validate=_OWNER, metadata={"description": f"Whose they are; `{NOBODY}` for none."})


class BreakSchema(Strict):
    """Something over which a gateway and the books differ."""

    id = IdField("bk", required=True)
    gateway = fields.String(required=True)
    item = fields.String(required=True)
    worker_id = fields.String(required=True, allow_none=True, attribute="worker")
    currency = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": list(KINDS)})
    line_kind = fields.String(required=True, allow_none=True, metadata={"enum": [*_LINE_KINDS, None]})
    at_gateway = MoneyField(required=True, allow_none=True)
    books = MoneyField(required=True, allow_none=True)
    difference = MoneyField(required=True, allow_none=True)
    since = Instant(required=True)
    allowed_until = Instant(required=True)
    age_hours = fields.Integer(required=True)
    state = fields.String(required=True, metadata={"enum": list(STATES)})
    owner = fields.String(required=True, allow_none=True)
    opened_at = Instant(required=True)
    closed_at = Instant(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)


class AssignmentSchema(Strict):
    """Who of staff looks into it; null for nobody."""

    owner = IdField("us", required=True, allow_none=True)


class ResolutionSchema(Strict):
    """What it was, and why that is known."""

    explanation = fields.String(required=True, validate=validate.OneOf((*EXPLANATIONS, CONVERSION)))
    reason = Text(most=500, required=True)
    adjustment_id = IdField("aj", load_default=None, allow_none=True)
    other_break_id = IdField("bk", load_default=None, allow_none=True)

    @validates_schema
    def _named(self, data: Mapping[str, Any], **_: object) -> None:
        if (data.get("explanation") == ADJUSTED) != (data.get("adjustment_id") is not None):
            raise ValidationError(
                "Goes with the explanation `adjustment`, and only with it.", "adjustment_id"
            )
        if (data.get("explanation") == CONVERSION) != (data.get("other_break_id") is not None):
            raise ValidationError(
                "Goes with the explanation `conversion`, and only with it.", "other_break_id"
            )


class OpenPositionSchema(Strict):
    """What one gateway has changed of one currency into another, and is not changed back."""

    gateway = fields.String(required=True)
    converted = MoneyField(required=True)
    into = MoneyField(required=True)
    payments = fields.Integer(required=True)
    since = Instant(required=True)


class OpenPositionsSchema(Strict):
    """All that is open, by gateway and currency."""

    items = fields.List(fields.Nested(OpenPositionSchema), required=True)


class StatementsQuery(AboutQuery):
    """Which statements, and which page."""

    currency = CurrencyField()
    state = fields.String(validate=validate.OneOf(["covered", "short"]))


class SolvencySchema(Strict):
    """What was stated about solvency, word for word, and the signature under it."""

    number = fields.Integer(required=True)
    run_id = IdField("rn", required=True)
    currency = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": ["covered", "short"]})
    shortfall = MoneyField(required=True)
    stated = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    key_id = fields.String(required=True)
    hash = fields.String(required=True, attribute="hash_hex")
    signature = fields.String(required=True, attribute="signature_base64")
    made_at = Instant(required=True)


class MinimumQuery(Strict):
    """At which gateway, and in which currency."""

    gateway = fields.String(required=True, validate=_GATEWAY)
    currency = CurrencyField(load_default="USD")


class MinimumSchema(Strict):
    """What must stay at a gateway, and what is there."""

    gateway = fields.String(required=True)
    minimum_balance = MoneyField(required=True)
    there = MoneyField(required=True)
