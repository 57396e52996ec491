"""Bodies of entries, adjustments and periods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError, fields, post_load, validate

from api.ledger.schemas import PHASES, SIDES, CurrencyField
from api.paging import AboutQuery, PageQuery
from api.schemas import IdField, Instant, MoneyField, Strict, StrictBoolean, Text
from kernel.money import Money
from kernel.refusals import Refusal
from ledger.adjustments import Line
from ledger.chart import Side
from ledger.movements import CATALOGUE
from ledger.states import ACCOUNTING_PERIOD, ADJUSTMENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.paging import ListAsked

_ASCII = validate.Regexp(r"^[\x20-\x7e]{1,96}$", error="Not one of ours.")
_AMOUNT = r"^(0|[1-9]\d{0,15})(\.\d{1,6})?$"


class EntriesQuery(AboutQuery):
    """Which entries, and which page of them; an amount is that of any line."""

    movement = fields.String(validate=validate.OneOf(sorted(CATALOGUE)))
    account = fields.String(validate=_ASCII)
    currency = CurrencyField(load_default="USD")
    reference = fields.String(validate=_ASCII)
    actor = fields.String(validate=_ASCII)
    least = fields.String(metadata={"pattern": _AMOUNT})
    most = fields.String(metadata={"pattern": _AMOUNT})
    recorded_from = Instant()
    recorded_until = Instant()
    value_from = fields.Date()
    value_to = fields.Date()

    @post_load
    def _asked(self, data: Mapping[str, Any], **_: object) -> ListAsked:
        amounts = {name: _money(data, name) for name in ("least", "most") if name in data}
        asked: ListAsked = super()._asked({**data, **amounts})
        return asked


class AllEntriesQuery(EntriesQuery):
    """Which entries; all of them, without pages."""

    class Meta(Strict.Meta):
        """A file is not paged."""

        exclude = ("limit", "cursor")

    @post_load
    def _asked(self, data: Mapping[str, Any], **rest: object) -> ListAsked:
        asked: ListAsked = super()._asked({**data, "limit": 1}, **rest)
        return asked


class EntryLineSchema(Strict):
    """One line of an entry."""

    account = fields.String(required=True, attribute="account.code")
    side = fields.String(required=True, attribute="side.value", metadata={"enum": SIDES})
    amount = MoneyField(required=True)


class EntrySchema(Strict):
    """An entry as it stands in the books, for good."""

    id = IdField("en", required=True)
    movement = fields.String(required=True)
    phase = fields.String(required=True, attribute="phase.value", metadata={"enum": PHASES})
    reference = fields.String(required=True)
    actor = fields.String(required=True)
    approved_by = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    value_date = fields.Date(required=True)
    belongs_to = fields.Date(required=True, allow_none=True)
    backdated = fields.Boolean(required=True)
    recorded_at = Instant(required=True)
    resolves = IdField("en", required=True, allow_none=True)
    reverses = IdField("en", required=True, allow_none=True)
    postings = fields.List(fields.Nested(EntryLineSchema), required=True)


class AskedLineSchema(Strict):
    """One line that is to be posted."""

    account = fields.String(required=True, validate=_ASCII)
    side = fields.String(required=True, validate=validate.OneOf(SIDES))
    amount = MoneyField(required=True)

    @post_load
    def _line(self, data: Mapping[str, Any], **_: object) -> Line:
        return Line(data["account"], Side(data["side"]), data["amount"])


class ProposalSchema(Strict):
    """What is to be posted, and why."""

    postings = fields.List(fields.Nested(AskedLineSchema), required=True, validate=validate.Length(2, 50))
    reason = Text(most=500, required=True)
    value_date = fields.Date(load_default=None, allow_none=True)
    carry_over = StrictBoolean(load_default=False)


class ProposedLineSchema(Strict):
    """One line of an adjustment."""

    account = fields.String(required=True)
    side = fields.String(required=True, attribute="side.value", metadata={"enum": SIDES})
    amount = MoneyField(required=True)


class AdjustmentSchema(Strict):
    """An adjustment: what is to be posted, by whom it was proposed, and what was decided."""

    id = IdField("aj", required=True)
    state = fields.String(required=True, metadata={"enum": list(ADJUSTMENT.states)})
    postings = fields.List(fields.Nested(ProposedLineSchema), required=True, attribute="lines")
    reason = fields.String(required=True)
    value_date = fields.Date(required=True, allow_none=True)
    carry_over = fields.Boolean(required=True)
    proposed_by = fields.String(required=True)
    proposed_at = Instant(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)
    decision = fields.String(required=True, allow_none=True)
    entry_id = IdField("en", required=True, allow_none=True)


class AdjustmentsQuery(AboutQuery):
    """In which state, and which page."""

    state = fields.String(validate=validate.OneOf(ADJUSTMENT.states))


class PeriodsQuery(PageQuery):
    """Which page."""


class DecisionSchema(Strict):
    """Why it was decided so."""

    decision = Text(most=500, load_default=None, allow_none=True)


class PeriodReasonSchema(Strict):
    """Why."""

    reason = Text(most=500, load_default=None, allow_none=True)


class ReopeningSchema(Strict):
    """Why the books of the month have to be opened again."""

    reason = Text(most=500, required=True)


class PeriodActSchema(Strict):
    """Something that was done to a period."""

    act = fields.String(required=True)
    actor = fields.String(required=True)
    reason = fields.String(required=True, allow_none=True)
    acted_at = Instant(required=True)


class PeriodSchema(Strict):
    """A month of the books, and everything that was done to it."""

    period = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(ACCOUNTING_PERIOD.states)})
    acts = fields.List(fields.Nested(PeriodActSchema), required=True)


def _money(data: Mapping[str, Any], name: str) -> Money:
    try:
        return Money.parse(data[name], data["currency"])
    except Refusal as refusal:
        raise ValidationError(refusal.detail, name) from None
