"""`expand`: ids replaced by the objects they stand for."""

import copy

from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.listing import whole
from sandbox.stripe.state import World

_DEEPEST = 4


def expanded(world: World, answer: Json, paths: list[str]) -> Json:
    """A copy of the answer with the named references filled in."""
    answer = copy.deepcopy(answer)
    for path in paths:
        steps = path.split(".")
        if len(steps) > _DEEPEST:
            raise invalid(f"You cannot expand more than {_DEEPEST} levels of a property.")
        _expand(world, answer, steps, path)
    return answer


def _expand(world: World, thing: object, steps: list[str], path: str) -> None:
    if not steps:
        return
    if isinstance(thing, list):
        for item in thing:
            _expand(world, item, steps, path)
        return
    if not isinstance(thing, dict):
        raise _not_expandable(path)
    name, rest = steps[0], steps[1:]
    if name not in thing and not _fill_in(world, thing, name):
        raise _not_expandable(path)
    value = thing[name]
    if isinstance(value, str):
        thing[name] = value = _referred(world, value, path)
    if value is not None:
        _expand(world, value, rest, path)


def _fill_in(world: World, thing: Json, name: str) -> bool:
    # Only sent when asked for.
    if thing.get("object") == "charge" and name == "refunds":
        thing["refunds"] = _refunds_of(world, thing)
        return True
    return False


def _refunds_of(world: World, charge: Json) -> Json:
    refunds = [
        copy.deepcopy(refund)
        for refund in world.shelf(world.owner(charge["id"]), "refund")
        if refund["charge"] == charge["id"]
    ]
    return whole(refunds, url=f"/v1/charges/{charge['id']}/refunds")


def _referred(world: World, reference: str, path: str) -> Json:
    found = world.find(reference)
    if found is None:
        raise _not_expandable(path)
    return copy.deepcopy(found)


def _not_expandable(path: str) -> StripeError:
    return invalid(
        f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}' "
        "if this is a list.",
        param="expand",
    )
