"""Bodies of unclaimed money."""

from __future__ import annotations

from marshmallow import fields

from api.schemas import IdField, Instant, MoneyField, Strict


class OwedSchema(Strict):
    """What a worker is owed in one currency, and where it is."""

    in_wallet = MoneyField(required=True)
    left_there = MoneyField(required=True)
    total = MoneyField(required=True)


class UnclaimedSchema(Strict):
    """A worker whose payout account left us, and the money of theirs that has nowhere to go."""

    worker_id = IdField("us", required=True)
    gateway = fields.String(required=True)
    since = Instant(required=True)
    last_contact_at = Instant(required=True, allow_none=True)
    reminded_at = Instant(required=True, allow_none=True)
    owed = fields.List(fields.Nested(OwedSchema), required=True)
