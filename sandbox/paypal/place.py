"""PayPal's place in the sandbox's server: it begins when it is first asked for anything."""

import threading
from dataclasses import dataclass
from pathlib import Path

from werkzeug.wrappers import Request, Response

from sandbox.clock import Clock
from sandbox.courier import Courier
from sandbox.paypal.control import Control
from sandbox.paypal.hosted import PAGES, Hosted
from sandbox.paypal.server import PREFIX, Peer
from sandbox.paypal.settings import Settings
from sandbox.paypal.state import World

PREFIXES = (f"{PREFIX}/", Control.prefix)


@dataclass(frozen=True)
class _Begun:
    peer: Peer
    courier: Courier
    control: Control
    hosted: Hosted


class Place:
    """Sends what is PayPal's to its API, its page or its control."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings | None = None,
        *,
        seed: int | None = None,
        snapshot: Path | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._clock = clock
        self._seed = seed
        self._snapshot = snapshot
        self._lock = threading.Lock()
        self._begun: _Begun | None = None

    def answer(self, request: Request) -> Response:
        """What PayPal says; most that use the sandbox never ask it."""
        with self._lock:
            if self._begun is None:
                self._begun = self._begin(request.host_url.rstrip("/"))
        if request.path.startswith(Control.prefix):
            return self._begun.control.answer(request)
        if request.path.startswith(PAGES):
            return self._begun.hosted.answer(request)
        return self._begun.peer.answer(request)

    def let_go(self) -> None:
        """End all misfortunes and let go whatever is held."""
        if self._begun is not None:
            self._begun.peer.faults.clear()

    def close(self) -> None:
        """Stop carrying webhooks and save the state."""
        if self._begun is not None:
            self._begun.courier.close()

    def _begin(self, host: str) -> _Begun:
        world = World(
            self._clock,
            self.settings,
            base_url=f"{host}{PREFIX}",
            seed=self._seed,
            snapshot=self._snapshot,
        )
        courier, peer = Courier(world), Peer(world)
        courier.start()
        return _Begun(peer, courier, Control(peer, courier), Hosted(world))
