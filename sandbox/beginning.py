"""A peer's place in the sandbox's server: it begins when it is first asked for anything, since most never ask it."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from werkzeug.wrappers import Request, Response

from sandbox.controls import Control
from sandbox.courier import Courier
from sandbox.faults import Faults


class Peer(Protocol):
    """What answers for the vendor."""

    faults: Faults

    def answer(self, request: Request) -> Response:
        """What the vendor's API says."""
        ...


@dataclass(frozen=True)
class Begun:
    """A peer that was asked for, and what belongs to it; `pages` are what people see."""

    peer: Peer
    courier: Courier
    control: Control
    pages: Callable[[Request], Response]


class Place(ABC):
    """Sends what is the vendor's to its API, its pages (below `pages_at`) or its control."""

    pages_at: str

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: Begun | None = None

    @abstractmethod
    def begin(self, request: Request) -> Begun:
        """Begin, as the first request asks."""

    def answer(self, request: Request) -> Response:
        """What the vendor says."""
        with self._lock:
            if self._begun is None:
                self._begun = self.begin(request)
        if request.path.startswith(self._begun.control.prefix):
            return self._begun.control.answer(request)
        if request.path.startswith(self.pages_at):
            return self._begun.pages(request)
        return self._begun.peer.answer(request)

    def let_go(self) -> None:
        """End all misfortunes and let go whatever is held."""
        if self._begun is not None:
            self._begun.peer.faults.clear()

    def close(self) -> None:
        """Stop carrying webhooks and save the state."""
        if self._begun is not None:
            self._begun.courier.close()
