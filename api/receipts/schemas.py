"""Bodies of receipts."""

from __future__ import annotations

from marshmallow import fields, validate

from api.receipts.composing import FORMAT
from api.receipts.words import CLIENT, STAFF, WORKER
from api.schemas import IdField, Instant, MoneyField, Strict

JSON, PDF = "json", "pdf"
_HASH = {"pattern": "^[0-9a-f]{64}$"}
_BASE64 = {"pattern": "^[A-Za-z0-9+/]+=*$"}


class ReceiptQuery(Strict):
    """How the receipt is to be written."""

    format = fields.String(load_default=JSON, validate=validate.OneOf([JSON, PDF]))


class ReceiptLineSchema(Strict):
    """One amount of what happened."""

    label = fields.String(required=True)
    amount = MoneyField(required=True)
    side = fields.String(required=True, metadata={"enum": ["debit", "credit"]})
    account = fields.String(required=True)
    part = fields.Integer(required=True)


class ReceiptPartySchema(Strict):
    """Somebody whose money it is."""

    role = fields.String(required=True, metadata={"enum": [CLIENT, WORKER]})
    id = IdField("us", required=True)
    name = fields.String(required=True)


class ReceiptPartSchema(Strict):
    """A part of the entry: its content with the salt, or the hash of what is not yours to know."""

    digest = fields.String(required=True, allow_none=True, metadata=_HASH)
    salt = fields.String(required=True, allow_none=True, metadata=_HASH)
    kind = fields.String(required=True, allow_none=True)
    content = fields.Dict(
        keys=fields.String(), values=fields.String(allow_none=True), required=True, allow_none=True
    )


class SealSchema(Strict):
    """What is stated, and signed, of a stretch of entries; all of it as text, as it is hashed."""

    number = fields.String(required=True)
    version = fields.String(required=True)
    previous = fields.String(required=True, metadata=_HASH)
    root = fields.String(required=True, metadata=_HASH)
    size = fields.String(required=True)
    first_recorded_at = fields.String(required=True)
    last_recorded_at = fields.String(required=True)
    sealed_at = fields.String(required=True)
    key_id = fields.String(required=True)


class ReceiptProofSchema(Strict):
    """What proves that the entry is in the sealed books; `docs/sealing.md` says how it is checked."""

    parts = fields.List(fields.Nested(ReceiptPartSchema), required=True)
    position = fields.Integer(required=True)
    path = fields.List(fields.String(metadata=_HASH), required=True)
    seal = fields.Nested(SealSchema, required=True)
    signature = fields.String(required=True, metadata=_BASE64)


class ReceiptSchema(Strict):
    """What you keep of a movement of money, with the proof that it is in our books."""

    format = fields.String(required=True, metadata={"enum": [FORMAT]})
    id = IdField("en", required=True)
    issued_by = fields.String(required=True)
    issued_at = Instant(required=True)
    seen_by = fields.String(required=True, metadata={"enum": [CLIENT, WORKER, STAFF]})
    title = fields.String(required=True)
    summary = fields.String(required=True)
    happened_at = Instant(required=True)
    value_date = fields.Date(required=True)
    reference = fields.String(required=True)
    about = fields.String(required=True, allow_none=True)
    parties = fields.List(fields.Nested(ReceiptPartySchema), required=True)
    lines = fields.List(fields.Nested(ReceiptLineSchema), required=True)
    ask_again_at = Instant(required=True, allow_none=True)
    proof = fields.Nested(ReceiptProofSchema, required=True, allow_none=True)
    key_id = fields.String(required=True)
    signature = fields.String(required=True, metadata=_BASE64)


class PublicKeySchema(Strict):
    """A key that seals and receipts are checked with: Ed25519."""

    id = fields.String(required=True)
    public_key = fields.String(required=True, attribute="base64", metadata=_BASE64)
    state = fields.String(required=True, metadata={"enum": ["present", "retired"]})


class SealHeadSchema(Strict):
    """How far the books are sealed."""

    number = fields.Integer(required=True)
    hash = fields.Function(lambda head: head.hash.hex(), required=True, metadata={"type": "string", **_HASH})


class ReceiptKeysSchema(Strict):
    """Every key that signed, and how far the books are sealed."""

    keys = fields.List(fields.Nested(PublicKeySchema), required=True)
    head = fields.Nested(SealHeadSchema, required=True, allow_none=True)
