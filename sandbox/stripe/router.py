"""Which function plays which call of the API."""

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.stripe.contract import path_pattern
from sandbox.stripe.errors import Json
from sandbox.stripe.state import World


class Parameters(Json):
    """Typed parameters that know which of them somebody asked for."""

    def __init__(self, given: Json) -> None:
        super().__init__(given)
        self._asked: set[str] = {"expand"}

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - as typed as the wire
        self._asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self._asked.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as typed as the wire
        """The parameter, or the default when it was not sent."""
        self._asked.add(name)
        return super().get(name, default)

    def ignored(self) -> list[str]:
        """What was sent but made no difference to the peer, and should not pass for tested."""
        return [name for name in self if name not in self._asked]


@dataclass(frozen=True)
class Call:
    """One accepted request: who asks, for which account, with which typed parameters."""

    world: World
    account: str
    parameters: Parameters
    parts: dict[str, str]
    base_url: str
    version: str | None = None
    client_secret: str | None = None

    @property
    def from_the_app(self) -> bool:
        """Whether the mobile app asks, with its publishable key and a client secret."""
        return self.client_secret is not None

    def named(self, kind: str, part: str) -> Json:
        """The object that the path names."""
        return self.world.get(self.account, kind, self.parts[part])

    def referred(self, kind: str, name: str) -> Json | None:
        """The object that a parameter names, if it was sent."""
        if (object_id := self.parameters.get(name)) is None:
            return None
        return self.world.get(self.account, kind, object_id, param=name)

    def given(self, *names: str) -> Json:
        """Those of the parameters that were sent; an empty one unsets."""
        return {
            name: self.parameters[name] if self.parameters[name] != "" else None
            for name in names
            if name in self.parameters
        }


Play = Callable[[Call], Json]


@dataclass(frozen=True)
class Route:
    """A function and the requests it answers."""

    method: str
    template: str
    play: Play
    public: bool
    contract: str

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the paths of this route and names their parts."""
        return path_pattern(self.template)


_ROUTES: list[Route] = []


def route(
    method: str, template: str, *, public: bool = False, contract: str | None = None
) -> Callable[[Play], Play]:
    """Declare what the function answers; `public` ones also take a publishable key.

    `contract` names the path whose parameters apply when the SDK does not have the call itself.
    """

    def register(play: Play) -> Play:
        _ROUTES.append(Route(method, template, play, public, contract or template))
        return play

    return register


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route for a request and the parts of its path."""
    found = [
        (candidate, match.groupdict())
        for candidate in _ROUTES
        if candidate.method == method and (match := candidate.pattern.fullmatch(path))
    ]
    # The literal path wins over the one with a placeholder.
    return min(found, key=lambda pair: len(pair[1]), default=None)


def routes() -> tuple[Route, ...]:
    """Everything the peer plays."""
    return tuple(_ROUTES)


def load() -> None:
    """Import every module of routes, which registers them."""
    package = importlib.import_module("sandbox.stripe.routes")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"sandbox.stripe.routes.{module.name}")
