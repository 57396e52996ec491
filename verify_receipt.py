"""Check a receipt of Holdfast without asking Holdfast.

    python verify_receipt.py receipt.json --keys keys.json
    python verify_receipt.py receipt.pdf --key BASE64

The receipt is what GET /v1/receipts/<entry> answered, as JSON or as PDF. The keys are what GET /v1/receipts/keys
answered, best kept from earlier, or a public key in base64 that you were given. This file needs nothing of Holdfast
but itself, Python 3.11 and the package `cryptography`. What it does is described in docs/sealing.md, so that you can
write your own.

It exits with 0 when the receipt is genuine and proved to be in the sealed books, with 3 when it is genuine and was
made before its entry was sealed, and with 1 when it is not to be trusted.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Json = dict[str, Any]

GENUINE, NOT_GENUINE, NOT_SEALED_YET = 0, 1, 3

_FORMAT = "holdfast receipt 1"
_VERSION = "1"
_RECEIPT, _SEAL = b"holdfast receipt\n", "holdfast seal"
_LEAF, _NODE, _PART = b"\x00", b"\x01", b"\x02"
# How many decimals a currency has, where it is not two.
_EXPONENTS = {"JPY": 0, "KRW": 0, "KWD": 3}
_DECIMALS = 2
_ATTACHED = re.compile(
    rb"<<[^<>]*/Length (?P<length>\d+)[^<>]*/Type /EmbeddedFile[^<>]*>>\s*stream\r?\n", re.DOTALL
)


class NotGenuine(Exception):  # noqa: N818 - an answer, not an error
    """The receipt does not hold; the message says what does not fit."""


def main(words: list[str] | None = None) -> int:
    """Check what the command line names, say what came of it, and return the exit code."""
    asked = _arguments(words)
    try:
        receipt = parsed(asked.receipt.read_bytes())
        keys = known_keys(asked.keys, asked.key)
        sealed = check(receipt, keys)
    except (NotGenuine, OSError) as reason:
        print(f"NOT TO BE TRUSTED: {reason}")
        return NOT_GENUINE
    _show(receipt)
    if not sealed:
        print("GENUINE, and not sealed yet: Holdfast signed it. Fetch it again later to have the proof.")
        return NOT_SEALED_YET
    seal = receipt["proof"]["seal"]
    print(f"GENUINE: the entry is in seal {seal['number']}, made {seal['sealed_at']}.")
    print(
        f"Its hash is {sha256(canonical(_SEAL, seal)).hexdigest()}; everybody's receipt of this seal has the same."
    )
    return GENUINE


def check(receipt: Json, keys: dict[str, bytes]) -> bool:
    """Refuse a receipt that does not hold with NotGenuine; otherwise whether it is proved to be in a seal."""
    _require(receipt.get("format") == _FORMAT, "it is not a receipt of a kind that is known here")
    try:
        _check_signature(receipt, keys)
        if receipt["proof"] is None:
            return False
        _check_place(receipt["proof"])
        _check_seal(receipt["proof"], keys)
        _check_contents(receipt)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise NotGenuine(f"it is not put together as a receipt is ({type(error).__name__})") from error
    return True


def _check_signature(receipt: Json, keys: dict[str, bytes]) -> None:
    body = {name: value for name, value in receipt.items() if name != "signature"}
    written = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    _check_signed(keys, receipt["key_id"], _RECEIPT + written.encode(), receipt["signature"], "the receipt")


def _check_place(proof: Json) -> None:
    """That the parts make a leaf, and that its way leads to the root of the seal (RFC 9162, 2.1.3.2)."""
    leaf = sha256(_LEAF + b"".join(map(_digest, proof["parts"]))).digest()
    node, last = proof["position"], int(proof["seal"]["size"]) - 1
    _require(0 <= node <= last, "it claims a place that the seal does not have")
    for step in map(bytes.fromhex, proof["path"]):
        _require(last > 0, "its way to the root of the seal is too long")
        if node % 2 or node == last:
            leaf = sha256(_NODE + step + leaf).digest()
            while node and not node % 2:
                node, last = node >> 1, last >> 1
        else:
            leaf = sha256(_NODE + leaf + step).digest()
        node, last = node >> 1, last >> 1
    _require(last == 0, "its way to the root of the seal is too short")
    _require(leaf.hex() == proof["seal"]["root"], "the entry it shows is not the one in the seal")


def _digest(part: Json) -> bytes:
    """What stands for a part in the leaf: its own hash, where all of it is shown."""
    if part["digest"] is not None:
        shown = (part["salt"], part["kind"], part["content"])
        _require(shown == (None, None, None), "it shows a part of the entry without proving it")
        digest = bytes.fromhex(part["digest"])
    else:
        content = canonical(part["kind"], part["content"])
        digest = sha256(_PART + bytes.fromhex(part["salt"]) + content).digest()
    _require(len(digest) == sha256().digest_size, "a hash in it has the wrong length")
    return digest


def _check_seal(proof: Json, keys: dict[str, bytes]) -> None:
    seal = proof["seal"]
    _require(seal["version"] == _VERSION, "its seal is of a version that is not known here")
    _check_signed(keys, seal["key_id"], canonical(_SEAL, seal), proof["signature"], "the seal")


def _check_contents(receipt: Json) -> None:
    """That what it says is what the proved parts say."""
    parts = receipt["proof"]["parts"]
    head = parts[0]["content"]
    _require(parts[0]["kind"] == "head", "the head of the entry is missing")
    said = {"id": "id", "happened_at": "recorded_at", "value_date": "value_date", "reference": "reference"}
    for name, proved in said.items():
        _require(receipt[name] == head[proved], f"its {name} is not the one in the books")
    for line in receipt["lines"]:
        part = parts[line["part"]]
        moved = part["content"]
        _require(part["kind"] == "moved", "one of its amounts is not proved")
        _require(
            (line["account"], line["side"], line["amount"]["currency"], _minor(line["amount"]))
            == (moved["account.code"], moved["side"], moved["account.currency"], moved["amount_minor"]),
            f"{line['amount']['amount']} for {line['label']!r} is not what the books say",
        )


def _minor(amount: Json) -> str:
    whole, _, fraction = amount["amount"].partition(".")
    decimals = _EXPONENTS.get(amount["currency"], _DECIMALS)
    _require(len(fraction) == decimals, "an amount has the wrong number of decimals")
    return str(int(whole + fraction))


def _check_signed(keys: dict[str, bytes], key_id: str, message: bytes, signature: str, what: str) -> None:
    _require(key_id in keys, f"{what} is signed with the key {key_id}, which is not one of those you trust")
    try:
        Ed25519PublicKey.from_public_bytes(keys[key_id]).verify(b64decode(signature, validate=True), message)
    except (InvalidSignature, ValueError):
        raise NotGenuine(f"the signature under {what} does not fit: something in it was changed") from None


def canonical(kind: str, fields: dict[str, str | None]) -> bytes:
    """The one way to write down these fields: netstrings, by name, `~` for what has no value."""
    written = [_netstring(kind)]
    for name in sorted(fields):
        value = fields[name]
        written += [_netstring(name), b"~" if value is None else _netstring(value)]
    return b"".join(written)


def _netstring(text: str) -> bytes:
    encoded = text.encode()
    return b"%d:%b," % (len(encoded), encoded)


def parsed(content: bytes) -> Json:
    """The receipt in a file: JSON, or the JSON that is attached to a PDF."""
    if content.startswith(b"%PDF"):
        found = list(_ATTACHED.finditer(content))
        _require(len(found) == 1, "there is no receipt attached to this PDF, or more than one")
        content = content[found[0].end() :][: int(found[0]["length"])]
    receipt = _json(content)
    _require(isinstance(receipt, dict), "it is not a receipt")
    return dict(receipt)


def known_keys(file: Path | None, given: list[str]) -> dict[str, bytes]:
    """The public keys that are trusted, by their names."""
    try:
        listed = [key["public_key"] for key in _json(file.read_bytes())["keys"]] if file else []
        keys = [b64decode(text, validate=True) for text in (*listed, *given)]
    except (KeyError, TypeError, ValueError):
        raise NotGenuine("the keys are not written as Holdfast hands them out") from None
    return {sha256(key).hexdigest()[:16]: key for key in keys}


def _json(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(content, object_pairs_hook=_once, parse_float=_no_fraction)
    except (ValueError, RecursionError):
        raise NotGenuine("it is not the JSON that it should be") from None


def _once(pairs: list[tuple[str, Any]]) -> Json:
    # Of a name that is there twice, two readers take different values.
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name is there twice")
    return dict(pairs)


def _no_fraction(_text: str) -> None:
    raise ValueError("there are no fractions in a receipt")


def _require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - it reads like a sentence
    if not holds:
        raise NotGenuine(otherwise)


def _show(receipt: Json) -> None:
    print(f"{receipt['title']}: {receipt['summary']}")
    for line in receipt["lines"]:
        print(f"  {line['label']}: {line['amount']['amount']} {line['amount']['currency']}")
    print(f"  recorded {receipt['happened_at']}, reference {receipt['reference']}, receipt {receipt['id']}")
    for party in receipt["parties"]:
        print(f"  {party['role']}: {party['name']}")


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Check a receipt of Holdfast without asking Holdfast.")
    parser.add_argument("receipt", type=Path, help="the receipt: JSON or PDF")
    parser.add_argument("--keys", type=Path, help="what GET /v1/receipts/keys answered")
    parser.add_argument("--key", action="append", default=[], help="a public key in base64")
    asked = parser.parse_args(words)
    if asked.keys is None and not asked.key:
        parser.error("say whom you trust: --keys or --key")
    return asked


if __name__ == "__main__":
    sys.exit(main())
