"""Which function plays which call of the API."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from sandbox.paypal.state import World
from sandbox.world import Json


@dataclass(frozen=True)
class Call:
    """One accepted request."""

    world: World
    body: Json
    query: dict[str, str]
    parts: dict[str, str]
    full: bool

    def link(self, path: str, rel: str, method: str = "GET") -> Json:
        """A link of the kind that PayPal puts beneath its answers."""
        return link(self.world, path, rel, method)


def link(world: World, path: str, rel: str, method: str = "GET") -> Json:
    """A link to something of PayPal's."""
    return {"href": f"{world.base_url}{path}", "rel": rel, "method": method}


Answer = tuple[int, Json | None]
Play = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A function and the requests it answers; `keys_last` is for how long a `PayPal-Request-Id` is remembered."""

    method: str
    template: str
    play: Play
    keys_last: int

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the paths of this route and names their parts."""
        return path_pattern(self.template)


@cache
def path_pattern(template: str) -> re.Pattern[str]:
    """The expression for a path such as `/v2/checkout/orders/{id}`."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))


_ROUTES: list[Route] = []


def route(method: str, template: str, *, keys_last: int = 0) -> Callable[[Play], Play]:
    """Declare what the function answers."""

    def register(play: Play) -> Play:
        _ROUTES.append(Route(method, template, play, keys_last))
        return play

    return register


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route for a request and the parts of its path."""
    for candidate in _ROUTES:
        match = candidate.pattern.fullmatch(path)
        if match and candidate.method == method:
            return candidate, match.groupdict()
    return None
