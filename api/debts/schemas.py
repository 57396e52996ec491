"""Bodies of debts."""

from __future__ import annotations

from marshmallow import fields

from api.paging import AboutQuery
from api.schemas import IdField, Instant, MoneyField, Strict, StrictBoolean, Text, id_pattern

DEBT = "(cb|cw)"


class DebtSchema(Strict):
    """What a worker owes for a chargeback or for what went back to the client after it had been released."""

    id = fields.String(required=True, metadata={"pattern": id_pattern(DEBT)})
    milestone_id = IdField("ms", required=True)
    worker_id = IdField("us", required=True)
    amount = MoneyField(required=True)
    recovered = MoneyField(required=True)
    forgiven = MoneyField(required=True)
    outstanding = MoneyField(required=True)
    agreed = StrictBoolean(required=True)
    since = Instant(required=True)


class DebtsQuery(AboutQuery):
    """Whose debts."""

    worker_id = IdField(
        "us", metadata={"description": "Whose; only staff may ask for anybody but themselves."}
    )


class DebtPaymentSchema(Strict):
    """How much of what you owe is taken out of your wallet."""

    amount = MoneyField(required=True)


class ForgivenessSchema(Strict):
    """How much of what the worker owes Holdfast bears, and why."""

    amount = MoneyField(required=True)
    reason = Text(most=500, required=True)
