"""Bodies of chargebacks."""

from __future__ import annotations

from marshmallow import fields, validate

from api.paging import AboutQuery
from api.schemas import IdField, Instant, MoneyField, Strict, Text
from gateways.charging_back import EVIDENCE, EVIDENCE_LONGEST_FIELD
from payments.states import CHARGEBACK, EVIDENCE_PROCESS


class SharesSchema(Strict):
    """Who bears what a client's bank took; all of it together is what the bank has now."""

    held = MoneyField(required=True)
    owed = MoneyField(required=True)
    worker = MoneyField(required=True)
    client_fee = MoneyField(required=True)
    worker_fee = MoneyField(required=True)
    lost = MoneyField(required=True)


class ChargebackSchema(Strict):
    """A payment that the client's bank took back, wholly or in part, or asks about."""

    id = IdField("cb", required=True)
    payment_id = IdField("py", required=True)
    milestone_id = IdField("ms", required=True)
    worker_id = IdField("us", required=True)
    gateway = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": ["chargeback", "fraud_warning"]})
    gateway_id = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(CHARGEBACK.states)})
    word = fields.String(required=True)
    reason = fields.String(required=True)
    amount = MoneyField(required=True)
    taken = MoneyField(required=True)
    borne = fields.Nested(SharesSchema, required=True)
    fees = MoneyField(required=True)
    recovered = MoneyField(required=True)
    forgiven = MoneyField(required=True)
    outstanding = MoneyField(required=True)
    opened_at = Instant(required=True)
    respond_by = Instant(required=True, allow_none=True)
    decision = fields.String(required=True, allow_none=True)
    closed_at = Instant(required=True, allow_none=True)


class ChargebacksQuery(AboutQuery):
    """Which chargebacks."""

    state = fields.String(validate=validate.OneOf(CHARGEBACK.states))


class DismissalSchema(Strict):
    """Why nothing is to be done about a warning."""

    reason = Text(most=500, required=True)


# The bank's own fields, each as long as it reads.
EvidenceTextsSchema = Strict.from_dict(
    {name: Text(most=EVIDENCE_LONGEST_FIELD) for name in EVIDENCE}, name="EvidenceTextsSchema"
)
EvidenceTextsSchema.__doc__ = "What is answered, by the bank's own fields."


class EvidenceDraftSchema(Strict):
    """What is going to be answered, by the bank's fields."""

    texts = fields.Nested(EvidenceTextsSchema, required=True)


class EvidenceSchema(Strict):
    """What is answered to the client's bank; after it was handed in it stays as it is."""

    id = IdField("ce", required=True)
    chargeback_id = IdField("cb", required=True)
    state = fields.String(required=True, metadata={"enum": list(EVIDENCE_PROCESS.states)})
    drafted_by = IdField("us", required=True)
    drafted_at = Instant(required=True)
    submitted_by = IdField("us", required=True, allow_none=True)
    submitted_at = Instant(required=True, allow_none=True)
    failure_code = fields.String(required=True, allow_none=True)
    texts = fields.Nested(EvidenceTextsSchema, required=True, attribute="fields")
