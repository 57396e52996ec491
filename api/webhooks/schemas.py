"""The answer to a gateway, and what staff sees of its news."""

from __future__ import annotations

from marshmallow import fields

from api.schemas import Instant, Strict, StrictBoolean


class ReceivedSchema(Strict):
    """The event is kept; that it was kept before is no different to the gateway."""

    received = fields.Boolean(required=True)


class EventSweepSchema(Strict):
    """How well the news of one gateway arrive: what the webhook endpoint missed, and how far it has been looked for.

    `blind_since` to `blind_until` is a time of which the gateway's list no longer told.
    """

    gateway = fields.String(required=True)
    swept_until = Instant(required=True, allow_none=True)
    late = StrictBoolean(required=True)
    missed_last_day = fields.Integer(required=True)
    last_missed_at = Instant(required=True, allow_none=True)
    blind_since = Instant(required=True, allow_none=True)
    blind_until = Instant(required=True, allow_none=True)
    worker_accounts = fields.Integer(required=True)
    worker_accounts_swept_until = Instant(required=True, allow_none=True)
    text = fields.String(required=True)


class EventSweepsSchema(Strict):
    """The news of every gateway."""

    items = fields.List(fields.Nested(EventSweepSchema), required=True)
