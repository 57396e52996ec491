"""Receipts: of every movement of money, for each who had a part in it."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Response

from api.auth import actor, public, requires
from api.blueprints import Blueprint, also_as, refuses
from api.receipts import schemas as bodies
from api.receipts.composing import Receipt, ReceiptNotFound, receipt_of
from api.receipts.paper import printed
from identity.permissions import Permission
from ledger import sealing
from persistence.unit_of_work import reading
from runtime.wiring import wired

if TYPE_CHECKING:
    from runtime.signing import SigningKey

blueprint = Blueprint(
    "receipts", __name__, description="What you keep of a movement of money, and its proof."
)

# Before what is signed, so that a signature under a receipt can never pass for one under a seal.
_SIGNED_AS = b"holdfast receipt\n"


@blueprint.get("/receipts/<string(length=29):entry_id>")
@requires(Permission.VIEW_RECEIPTS)
@blueprint.arguments(bodies.ReceiptQuery, location="query")
@blueprint.response(200, bodies.ReceiptSchema)
@also_as("application/pdf")
@refuses(ReceiptNotFound)
def get_receipt(asked: dict[str, str], entry_id: str) -> Receipt | Response:
    """The receipt of one entry, with what is yours of it and the proof; `format=pdf` for one on paper."""
    wiring = wired()
    unsigned = reading(
        receipt_of,
        entry_id=entry_id,
        by=actor(),
        issued_by=wiring.settings.MERCHANT_NAME,
        key_id=wiring.sealing_key.key_id,
    )
    receipt = _signed(unsigned, wiring.sealing_key)
    if asked["format"] == bodies.JSON:
        return receipt
    written = json.dumps(bodies.ReceiptSchema().dump(receipt), indent=2, ensure_ascii=False)
    paper = Response(printed(receipt, written, wiring.settings.PUBLIC_URL), mimetype="application/pdf")
    paper.headers["Content-Disposition"] = f'attachment; filename="receipt-{receipt.id}.pdf"'
    return paper


@blueprint.get("/receipts/keys")
@public(reason="whoever is shown a receipt must be able to check it")
@blueprint.response(200, bodies.ReceiptKeysSchema)
def list_receipt_keys() -> dict[str, Any]:
    """The keys that seals and receipts are checked with, and how far the books are sealed."""
    keys = [
        {"id": key.id, "base64": key.base64, "state": "retired" if key.retired else "present"}
        for key in wired().sealing_keys.keys
    ]
    return {"keys": keys, "head": reading(sealing.head)}


def _signed(receipt: Receipt, key: SigningKey) -> Receipt:
    body = bodies.ReceiptSchema(exclude=["signature"]).dump(receipt)
    # As RFC 8785 has it: there are no fractions in it, and every name is ASCII.
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return replace(receipt, signature=b64encode(key.sign(_SIGNED_AS + canonical)).decode("ascii"))
