"""Which function plays which call of Adyen's."""

import importlib
import pkgutil
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.adyen.errors import AdyenError, Json, forbidden
from sandbox.adyen.state import World

Answer = tuple[int, Json]


@dataclass(frozen=True)
class Call:
    """One accepted request."""

    world: World
    body: Json
    query: Mapping[str, str]
    parts: Mapping[str, str]
    base_url: str

    def of_ours(self, name: str = "merchantAccount") -> Json:
        """The body, if it is about our merchant account."""
        if self.body.get(name) != self.world.settings.merchant_account:
            raise forbidden()
        return self.body

    def need(self, *names: str) -> None:
        """Refuse unless all of these were sent."""
        for name in names:
            if not self.body.get(name):
                raise AdyenError(422, "130", f"Required field '{name}' is not provided.")


Play = Callable[[Call], Answer]
_ROUTES: list[tuple[str, re.Pattern[str], Play]] = []


def route(method: str, template: str) -> Callable[[Play], Play]:
    """Declare what the function answers."""
    pattern = re.compile("/adyen" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template))

    def register(play: Play) -> Play:
        _ROUTES.append((method, pattern, play))
        return play

    return register


def find(method: str, path: str) -> tuple[Play, dict[str, Any]] | None:
    """The function for a request and the parts of its path."""
    found = [
        (play, match.groupdict())
        for wanted, pattern, play in _ROUTES
        if wanted == method and (match := pattern.fullmatch(path))
    ]
    return min(found, key=lambda pair: len(pair[1]), default=None)


def load() -> None:
    """Import every module of routes, which registers them."""
    package = importlib.import_module("sandbox.adyen.routes")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"sandbox.adyen.routes.{module.name}")
