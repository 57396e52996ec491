"""Bodies of processes."""

from __future__ import annotations

from marshmallow import fields

from api.schemas import Strict


class TransitionSchema(Strict):
    """One act: from which state to which, by whom, and by when."""

    act = fields.String(required=True)
    start = fields.String(required=True, data_key="from", attribute="start")
    to = fields.String(required=True)
    by = fields.List(fields.String(), required=True)
    event = fields.String(required=True)
    deadline = fields.String(required=True, allow_none=True)


class ProcessSchema(Strict):
    """A process: its states and every act in it."""

    name = fields.String(required=True)
    initial = fields.String(required=True)
    terminal = fields.List(fields.String(), required=True)
    states = fields.List(fields.String(), required=True)
    transitions = fields.List(fields.Nested(TransitionSchema), required=True)
