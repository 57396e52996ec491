"""Bodies of the books: what is read."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from api.paging import AboutQuery
from api.schemas import IdField, Instant, MoneyField, Strict
from kernel.money import EXPONENTS
from ledger.chart import Side
from ledger.entries import Phase

PHASES = [phase.value for phase in Phase]
SIDES = [side.value for side in Side]

_CODE_PART = [
    validate.Length(max=96),
    validate.Regexp(r"^[A-Za-z0-9:_]*$", error="Not part of an account's code."),
]


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

    at = Instant(required=True)
    lines = fields.List(fields.Nested(TrialLineSchema), required=True)
    totals = fields.List(fields.Nested(TrialTotalSchema), required=True)


class AsOfQuery(Strict):
    """As recorded until which instant; the present one when none is given."""

    at = Instant()


class CurrencyField(fields.String):
    """One of the currencies there are."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - marshmallow's own
        super().__init__(validate=validate.OneOf(EXPONENTS), **options)


class IncomeQuery(AsOfQuery):
    """For which days, as recorded until which instant."""

    from_ = fields.Date(required=True, data_key="from")
    to = fields.Date(required=True)


class SheetQuery(AsOfQuery):
    """At the end of which day, as recorded until which instant."""

    day = fields.Date(required=True)


class AccountsQuery(AboutQuery):
    """Which accounts, what they held when, and which page."""

    under = fields.String(load_default="", validate=_CODE_PART)
    text = fields.String(load_default="", validate=_CODE_PART)
    currency = CurrencyField()
    at = Instant()


class TreeQuery(AsOfQuery):
    """Which part of the tree, and when."""

    under = fields.String(load_default="", validate=_CODE_PART)
    currency = CurrencyField()


class AccountQuery(AsOfQuery):
    """Which currency of the account, and when."""

    currency = CurrencyField(load_default="USD")


class StatementQuery(AboutQuery):
    """Which currency of the account, as recorded until which instant, and which page."""

    currency = CurrencyField(load_default="USD")
    at = Instant()


class StatementLineSchema(Strict):
    """One line: what it changed, and what the account held after it."""

    entry_id = IdField("en", required=True)
    movement = fields.String(required=True)
    phase = fields.String(required=True, attribute="phase.value", metadata={"enum": PHASES})
    reference = fields.String(required=True)
    actor = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    value_date = fields.Date(required=True)
    belongs_to = fields.Date(required=True, allow_none=True)
    backdated = fields.Boolean(required=True)
    recorded_at = Instant(required=True)
    side = fields.String(required=True, attribute="side.value", metadata={"enum": SIDES})
    amount = MoneyField(required=True)
    change = MoneyField(required=True)
    balance = MoneyField(required=True, attribute="after.posted")
    held = MoneyField(required=True, attribute="after.held")


class StatementSchema(Strict):
    """The lines of an account, newest first."""

    account = fields.String(required=True)
    currency = fields.String(required=True)
    at = Instant(required=True)
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
    converted = MoneyField(required=True)
    missing = MoneyField(required=True)
    unexplained = MoneyField(required=True)


class IntegritySchema(Strict):
    """Everything that does not fit; the books are right when there is nothing."""

    breaches = fields.List(fields.Nested(BreachSchema), required=True)
    coverage = fields.List(fields.Nested(CoverageSchema), required=True)


class HoldingSchema(Strict):
    """An account, and what it holds or held."""

    account = fields.String(required=True, attribute="code")
    currency = fields.String(required=True)
    balance = MoneyField(required=True, attribute="balance.posted")
    held = MoneyField(required=True, attribute="balance.held")
    available = MoneyField(required=True, attribute="balance.available")


class NodeSchema(Strict):
    """A place in the tree of accounts, with the sum of what is below it."""

    account = fields.String(required=True, attribute="code")
    currency = fields.String(required=True)
    depth = fields.Integer(required=True)
    accounts = fields.Integer(required=True)
    balance = MoneyField(required=True)


class TreeSchema(Strict):
    """The accounts as a tree, parents first."""

    at = Instant(required=True)
    nodes = fields.List(fields.Nested(NodeSchema), required=True)


class ReportLineSchema(Strict):
    """One account, or all those of one kind of owner."""

    account = fields.String(required=True, attribute="code")
    accounts = fields.Integer(required=True)
    amount = MoneyField(required=True)


def _lines() -> fields.List[Any]:
    return fields.List(fields.Nested(ReportLineSchema), required=True)


class IncomeSchema(Strict):
    """What was earned and what it cost, in one currency."""

    currency = fields.String(required=True)
    income = _lines()
    expenses = _lines()
    total_income = MoneyField(required=True)
    total_expenses = MoneyField(required=True)
    net = MoneyField(required=True)


class IncomeStatementSchema(Strict):
    """What counts for some days, as recorded until an instant."""

    first = fields.Date(required=True, data_key="from")
    last = fields.Date(required=True, data_key="to")
    at = Instant(required=True)
    statements = fields.List(fields.Nested(IncomeSchema), required=True)


class SheetSchema(Strict):
    """What there is, what is owed and what is ours, in one currency."""

    currency = fields.String(required=True)
    assets = _lines()
    liabilities = _lines()
    equity = _lines()
    total_assets = MoneyField(required=True)
    total_liabilities = MoneyField(required=True)
    total_equity = MoneyField(required=True)


class BalanceSheetSchema(Strict):
    """What there is at the end of a day, as recorded until an instant."""

    day = fields.Date(required=True)
    at = Instant(required=True)
    sheets = fields.List(fields.Nested(SheetSchema), required=True)
