"""Lists the way Stripe pages them: newest first, by the id of the last one seen."""

from collections.abc import Callable, Iterable

from sandbox.stripe.errors import Json, invalid, no_such
from sandbox.stripe.router import Call

_MOST = 100
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


def page(call: Call, kind: str, *, by: Iterable[str] = (), url: str | None = None) -> Json:
    """The account's objects of a kind that match the filters given in the request."""
    # Read before the first thing is looked at: on an empty shelf a filter is no less understood.
    wanted = {name: call.parameters[name] for name in [*by, "created"] if name in call.parameters}
    things = [
        thing
        for thing in call.world.shelf(call.account, kind)
        if all(fits(thing.get(name), value) for name, value in wanted.items())
    ]
    return page_of(call, things, url=url or f"/v1/{kind}s")


def page_of(call: Call, things: list[Json], *, url: str) -> Json:
    """One page of these objects, given newest first."""
    limit = _limit(call.parameters.get("limit", 10))
    start, end = 0, len(things)
    if (after := call.parameters.get("starting_after")) is not None:
        start = _position(things, after, "starting_after") + 1
    if (before := call.parameters.get("ending_before")) is not None:
        end = _position(things, before, "ending_before")
        start = max(start, end - limit)
        return _list(things[start:end], more=start > 0, url=url)
    return _list(things[start : start + limit], more=start + limit < end, url=url)


def whole(things: list[Json], *, url: str) -> Json:
    """A list object that is complete, as found inside other objects."""
    return _list(things, more=False, url=url)


def _list(things: list[Json], *, more: bool, url: str) -> Json:
    return {"object": "list", "data": things, "has_more": more, "url": url}


def _limit(limit: int) -> int:
    if 1 <= limit <= _MOST:
        return limit
    raise invalid(
        f"Invalid integer: limit must be between 1 and {_MOST}",
        code="parameter_invalid_integer",
        param="limit",
    )


def _position(things: list[Json], object_id: str, param: str) -> int:
    for position, thing in enumerate(things):
        if thing["id"] == object_id:
            return position
    raise no_such("object", object_id, param=param)


def fits(value: object, wanted: object) -> bool:
    """Whether a value is the one wanted, or lies between the bounds wanted."""
    if isinstance(wanted, dict) and isinstance(value, int):
        return all(_COMPARISONS[name](value, bound) for name, bound in wanted.items())
    return value == wanted
