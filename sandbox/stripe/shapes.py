"""Which fields Stripe's objects have, read from the resource classes of the installed `stripe` package."""

import ast
from functools import cache
from pathlib import Path

from sandbox.stripe.contract import package
from sandbox.stripe.errors import Json

# Described by the SDK as methods or in the documentation only.
_UNTYPED = {"ephemeral_key": frozenset({"associated_objects"})}


def strangers(thing: Json) -> list[str]:
    """Fields that Stripe's object of this kind does not have."""
    known = _fields(thing["object"]).keys() | _UNTYPED.get(thing["object"], frozenset())
    return sorted(thing.keys() - known)


def missing(thing: Json) -> list[str]:
    """Fields that Stripe always fills in and this object lacks."""
    fields = _fields(thing["object"])
    return sorted(name for name, optional in fields.items() if not optional and thing.get(name) is None)


@cache
def _fields(kind: str) -> dict[str, bool]:
    # Name to whether it may be absent or null.
    module = ast.parse(_source(kind).read_text(encoding="utf-8"))
    for node in module.body:
        if isinstance(node, ast.ClassDef) and (fields := _declared(node)).get("object") is False:
            return fields
    raise LookupError(f"the stripe package has no {kind}")


def _source(kind: str) -> Path:
    *folders, name = kind.split(".")
    return package().joinpath(*folders, f"_{name}.py")


def _declared(definition: ast.ClassDef) -> dict[str, bool]:
    return {
        statement.target.id: ast.unparse(statement.annotation).startswith("Optional[")
        for statement in definition.body
        if isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and statement.value is None
    }
