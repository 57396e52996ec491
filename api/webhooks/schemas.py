"""The answer to a gateway."""

from __future__ import annotations

from marshmallow import fields

from api.schemas import Strict


class ReceivedSchema(Strict):
    """The event is kept; that it was kept before is no different to the gateway."""

    received = fields.Boolean(required=True)
