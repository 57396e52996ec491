"""Bodies of contracts and their milestones."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas import Edit, IdField, Instant, MoneyField, Strict, Text
from escrow import states
from kernel.money import EXPONENTS


class MilestoneSchema(Strict):
    """A milestone: `held` is with Holdfast now; `released` (gross) and `refunded` are decided.

    `owed` came back of what was refunded, with its fee. It is the client's and no part of what is held.
    `charged_back` was held until the client's bank took it.
    """

    id = IdField("ms", required=True)
    contract_id = IdField("ct", required=True)
    client_id = IdField("us", required=True)
    worker_id = IdField("us", required=True)
    position = fields.Integer(required=True)
    title = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(states.MILESTONE.states)})
    price = MoneyField(required=True)
    held = MoneyField(required=True)
    released = MoneyField(required=True)
    given_back = MoneyField(required=True)
    refunded = MoneyField(required=True)
    owed = MoneyField(required=True)
    charged_back = MoneyField(required=True)
    submission_id = IdField("sb", required=True, allow_none=True)
    hold_until = Instant(
        required=True,
        allow_none=True,
        metadata={
            "description": "When what is still held goes back to the client: it may be held no longer."
        },
    )
    deadline_at = Instant(
        required=True,
        allow_none=True,
        metadata={"description": "When the money goes to the worker unless the client answers."},
    )
    funded_at = Instant(required=True, allow_none=True)
    version = fields.Integer(required=True)


class ContractSchema(Strict):
    """A contract with its milestones in order."""

    id = IdField("ct", required=True)
    client_id = IdField("us", required=True)
    worker_id = IdField("us", required=True)
    title = fields.String(required=True)
    description = fields.String(required=True)
    currency = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(states.CONTRACT.states)})
    client_basis_points = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "The client's fee on top of the price, in hundredths of a percent; frozen at acceptance."
        },
    )
    worker_basis_points = fields.Integer(
        required=True,
        allow_none=True,
        metadata={
            "description": "The worker's fee out of the price, in hundredths of a percent; frozen at acceptance."
        },
    )
    version = fields.Integer(required=True)
    offered_at = Instant(required=True)
    accepted_at = Instant(required=True, allow_none=True)
    ended_at = Instant(required=True, allow_none=True)
    milestones = fields.List(fields.Nested(MilestoneSchema), required=True)


class MilestoneTermsSchema(Strict):
    """One piece of the work and its price."""

    title = Text(most=200, required=True)
    price = MoneyField(required=True)


class OfferSchema(Strict):
    """What the client offers. All prices are in the contract's currency."""

    worker_id = IdField("us", required=True)
    title = Text(most=200, required=True)
    description = Text(most=10_000, least=0, load_default="")
    currency = fields.String(required=True, validate=validate.OneOf(list(EXPONENTS)))
    milestones = fields.List(
        fields.Nested(MilestoneTermsSchema), required=True, validate=validate.Length(min=1, max=50)
    )


class OfferEditSchema(Edit):
    """New words for an offer that nobody has answered yet."""

    title = Text(most=200)
    description = Text(most=10_000, least=0)
