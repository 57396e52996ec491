"""Receipts as people get them, and the public program that checks them, run as anybody would run it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import Person

Json = dict[str, Any]
PROGRAM = Path(__file__).parents[2] / "verify_receipt.py"


def checked(receipt: Json | bytes, keys: Json, where: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What the program says of a receipt; it is away from our code, and isolated from everything else."""
    file = where / ("receipt.pdf" if isinstance(receipt, bytes) else "receipt.json")
    file.write_bytes(receipt if isinstance(receipt, bytes) else json.dumps(receipt).encode())
    (where / "keys.json").write_text(json.dumps(keys))
    program = where / "verify_receipt.py"
    program.write_bytes(PROGRAM.read_bytes())
    trusted = words or ("--keys", "keys.json")
    return subprocess.run(
        [sys.executable, "-I", program, file.name, *trusted],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )


def entry_of(person: Person, milestone: str, step: str) -> str:
    """The entry behind a step of the milestone's money, as this person sees it."""
    return entries_of(person, milestone, step)[0]


def entries_of(person: Person, milestone: str, step: str) -> list[str]:
    """The entries behind all steps of this name, as far as this person has a part in them."""
    steps = person.get(f"/v1/milestones/{milestone}/money").json["steps"]
    return [each["entry_id"] for each in steps if each["step"] == step and each["entry_id"] is not None]


def amounts(receipt: Json) -> dict[str, str]:
    """Every line of it."""
    return {line["label"]: line["amount"]["amount"] for line in receipt["lines"]}


def tampered(document: Json) -> Iterator[tuple[str, Json]]:
    """The document with each of its values changed in turn, and each of its parts left out."""
    for path, value in _leaves(document):
        changed = copy.deepcopy(document)
        _put(changed, path, _other(value))
        yield "/".join(map(str, path)), changed
    for name in document:
        yield f"without {name}", {key: value for key, value in document.items() if key != name}


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    within = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if within is None:
        yield path, value
        return
    for name, below in within:
        yield from _leaves(below, (*path, name))


def _put(document: Any, path: tuple[Any, ...], value: Any) -> None:
    for name in path[:-1]:
        document = document[name]
    document[path[-1]] = value


def _other(value: Any) -> Any:
    if value is None:
        return "something"
    if isinstance(value, int):
        return value + 1
    return ("1" if value[:1] != "1" else "2") + value[1:]
