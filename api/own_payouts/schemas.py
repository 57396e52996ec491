"""Bodies of payouts of ours."""

from __future__ import annotations

from marshmallow import fields, validate

from api.paging import AboutQuery
from api.schemas import IdField, Instant, MoneyField, Strict, Text
from reconciliation.states import OWN_PAYOUT

_LONGEST_NAME = 16


class OwnPayoutProposalSchema(Strict):
    """What of ours is to be paid out, and why."""

    gateway = fields.String(
        required=True,
        validate=validate.Regexp(rf"[a-z]{{1,{_LONGEST_NAME}}}\Z", error="Name a payment provider."),
    )
    amount = MoneyField(required=True)
    reason = Text(most=500, required=True)


class OwnPayoutSchema(Strict):
    """A payout of ours: by whom it was proposed, what was decided, and how far it is."""

    id = IdField("op", required=True)
    gateway = fields.String(required=True)
    gateway_id = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, metadata={"enum": list(OWN_PAYOUT.states)})
    automatic = fields.Boolean(required=True)
    amount = MoneyField(required=True)
    reason = fields.String(required=True, allow_none=True)
    proposed_by = fields.String(required=True, allow_none=True)
    proposed_at = Instant(required=True)
    decided_by = fields.String(required=True, allow_none=True)
    decided_at = Instant(required=True, allow_none=True)
    decision = fields.String(required=True, allow_none=True)
    arrives_on = Instant(required=True, allow_none=True)
    failure_code = fields.String(required=True, allow_none=True)
    finished_at = Instant(required=True, allow_none=True)
    carried = MoneyField(required=True, allow_none=True)


class OwnPayoutsQuery(AboutQuery):
    """In which state, and which page."""

    state = fields.String(validate=validate.OneOf(OWN_PAYOUT.states))
