"""Bodies of the acts on a milestone, and of the trail of its money."""

from __future__ import annotations

from marshmallow import fields

from api.escrow.contract_schemas import MilestoneSchema
from api.escrow.trail import PLACES
from api.schemas import IdField, Instant, MoneyField, Strict, StrictBoolean, Text
from escrow import states
from payments.states import REFUND


class SubmissionSchema(Strict):
    """Work handed in, and what the client wanted changed, if anything."""

    id = IdField("sb", required=True)
    milestone_id = IdField("ms", required=True)
    note = fields.String(required=True)
    submitted_at = Instant(required=True)
    deadline_at = Instant(required=True)
    changes_requested_at = Instant(required=True, allow_none=True)
    changes_requested = fields.String(required=True, allow_none=True)


class ReleaseSchema(Strict):
    """Money that became the worker's; our fee went off it."""

    id = IdField("rl", required=True)
    milestone_id = IdField("ms", required=True)
    gross = MoneyField(required=True)
    cause = fields.String(required=True, metadata={"enum": ["accepted", "by_time", "settlement"]})
    released_at = Instant(required=True)


class RefundSchema(Strict):
    """Money on its way back to the client's card."""

    id = IdField("rf", required=True)
    milestone_id = IdField("ms", required=True)
    state = fields.String(required=True, metadata={"enum": list(REFUND.states)})
    held = MoneyField(required=True)
    reason = fields.String(required=True)
    waits_for = fields.String(required=True, allow_none=True)
    failure_reason = fields.String(required=True, allow_none=True)
    ordered_at = Instant(required=True)
    finished_at = Instant(required=True, allow_none=True)


class RefundRequestSchema(Strict):
    """The client's wish for held money back."""

    id = IdField("rr", required=True)
    milestone_id = IdField("ms", required=True)
    amount = MoneyField(required=True)
    reason = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(states.REFUND_REQUEST.states)})
    requested_at = Instant(required=True)
    answered_at = Instant(required=True, allow_none=True)


class DisputeSchema(Strict):
    """A disagreement and, once settled, how it ended and why."""

    id = IdField("dp", required=True)
    milestone_id = IdField("ms", required=True)
    opened_by = IdField("us", required=True)
    reason = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(states.DISPUTE.states)})
    opened_at = Instant(required=True)
    settled_at = Instant(required=True, allow_none=True)
    decision = fields.String(required=True, allow_none=True)
    to_worker = MoneyField(required=True, allow_none=True)
    to_client = MoneyField(required=True, allow_none=True)


class MilestoneDetailSchema(MilestoneSchema):
    """A milestone with all that happened to it."""

    submissions = fields.List(fields.Nested(SubmissionSchema), required=True)
    releases = fields.List(fields.Nested(ReleaseSchema), required=True)
    refund_requests = fields.List(fields.Nested(RefundRequestSchema), required=True)
    refunds = fields.List(fields.Nested(RefundSchema), required=True)
    disputes = fields.List(fields.Nested(DisputeSchema), required=True)
    possible = fields.List(
        fields.String(), required=True, metadata={"description": "The acts you can do on it as it stands."}
    )


class SubmitSchema(Strict):
    """What is handed in."""

    note = Text(most=10_000, required=True)


class ChangesSchema(Strict):
    """What has to change before the work can be accepted."""

    what = Text(most=10_000, required=True)


class ReleaseOrderSchema(Strict):
    """How much of the hold goes to the worker; with all of it the milestone is done."""

    amount = MoneyField(required=True)


class RefundOrderSchema(Strict):
    """How much of the hold goes back to the client, and why."""

    amount = MoneyField(required=True)
    reason = Text(most=500, required=True)


class GiveBackSchema(Strict):
    """How much of what was released goes back to the client, before our fee on it, and why."""

    amount = MoneyField(required=True)
    reason = Text(most=500, required=True)


class AgreeSchema(Strict):
    """Agreeing needs no words."""


class DisputeOrderSchema(Strict):
    """What is wrong, in the person's own words."""

    reason = Text(most=10_000, required=True)


class SettlementSchema(Strict):
    """The mediator's decision and why: what is the worker's, before our fee, and what goes back; together all of it."""

    to_worker = MoneyField(zero=True, required=True)
    to_client = MoneyField(zero=True, required=True)
    decision = Text(most=10_000, required=True)


class ActedSchema(Strict):
    """The milestone after the act."""

    milestone = fields.Nested(MilestoneSchema, required=True)


class SubmittedSchema(ActedSchema):
    """The milestone and the submission."""

    submission = fields.Nested(SubmissionSchema, required=True)


class ReleasedSchema(ActedSchema):
    """The milestone and the release."""

    release = fields.Nested(ReleaseSchema, required=True)


class RefundedSchema(ActedSchema):
    """The milestone and the refund."""

    refund = fields.Nested(RefundSchema, required=True)


class DisputedSchema(ActedSchema):
    """The milestone and the dispute."""

    dispute = fields.Nested(DisputeSchema, required=True)


class StepSchema(Strict):
    """One step of the money. `entry_id` is its place in the ledger, `gateway_object` what the gateway calls it."""

    step = fields.String(required=True)
    title = fields.String(required=True, metadata={"description": "In plain words, for a person."})
    amount = MoneyField(required=True)
    state = fields.String(required=True, metadata={"enum": ["done", "waiting", "failed"]})
    at = Instant(required=True, allow_none=True)
    expected_at = Instant(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    entry_id = IdField("en", required=True, allow_none=True)
    gateway_object = fields.String(required=True, allow_none=True)
    bank_reference = fields.String(required=True, allow_none=True)


class PlaceSchema(Strict):
    """How much of the money lies at one place now."""

    place = fields.String(required=True, metadata={"enum": list(PLACES)})
    title = fields.String(required=True)
    amount = MoneyField(required=True)


class MoneyTrailSchema(Strict):
    """Where each cent is now: `now` adds up to `total`; `steps` tell how it got there, in order."""

    milestone_id = IdField("ms", required=True)
    total = MoneyField(required=True)
    balanced = StrictBoolean(required=True)
    now = fields.List(fields.Nested(PlaceSchema), required=True)
    steps = fields.List(fields.Nested(StepSchema), required=True)
