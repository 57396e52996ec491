"""Bodies of the books."""

from __future__ import annotations

from marshmallow import fields, validate

from api.paging import AboutQuery
from api.schemas import IdField, Instant, MoneyField, Strict
from kernel.money import EXPONENTS


class TrialLineSchema(Strict):
    """One account; its balance stands in one of the two columns."""

    account = fields.String(required=True, attribute="code")
    currency = fields.String(required=True)
    debit = MoneyField(required=True)
    credit = MoneyField(required=True)


class TrialTotalSchema(Strict):
    """The sums of one currency, which are equal."""

    currency = fields.String(required=True)
    debit = MoneyField(required=True)
    credit = MoneyField(required=True)


class TrialBalanceSchema(Strict):
    """Every account that is not empty, and the sums by currency."""

    at = Instant(required=True, allow_none=True)
    lines = fields.List(fields.Nested(TrialLineSchema), required=True)
    totals = fields.List(fields.Nested(TrialTotalSchema), required=True)


class TrialQuery(Strict):
    """Of which instant; now when none is given."""

    at = Instant(metadata={"description": "RFC 3339, with its zone."})


class StatementQuery(AboutQuery):
    """Which currency of the account, and which page."""

    currency = fields.String(load_default="USD", validate=validate.OneOf(EXPONENTS))


class StatementLineSchema(Strict):
    """One line: what it changed, and what the account held after it."""

    entry_id = IdField("en", required=True)
    movement = fields.String(required=True)
    phase = fields.String(required=True, attribute="phase.value")
    reference = fields.String(required=True)
    actor = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    value_date = fields.Date(required=True)
    recorded_at = Instant(required=True)
    side = fields.String(required=True, attribute="side.value")
    amount = MoneyField(required=True)
    change = MoneyField(required=True)
    balance = MoneyField(required=True, attribute="after.posted")
    held = MoneyField(required=True, attribute="after.held")


class StatementSchema(Strict):
    """The lines of an account, newest first."""

    account = fields.String(required=True)
    currency = fields.String(required=True)
    data = fields.List(fields.Nested(StatementLineSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class BreachSchema(Strict):
    """One thing in the books that does not fit."""

    rule = fields.String(required=True)
    subject = fields.String(required=True)
    detail = fields.String(required=True)


class CoverageSchema(Strict):
    """What is held for others in one currency, and what there is to meet it."""

    held = MoneyField(required=True)
    at_gateways = MoneyField(required=True)
    receivable = MoneyField(required=True)
    costs = MoneyField(required=True)
    missing = MoneyField(required=True)
    unexplained = MoneyField(required=True)


class IntegritySchema(Strict):
    """Everything that does not fit; the books are right when there is nothing."""

    breaches = fields.List(fields.Nested(BreachSchema), required=True)
    coverage = fields.List(fields.Nested(CoverageSchema), required=True)
