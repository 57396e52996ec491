"""Adyen's place in the sandbox's server."""

from pathlib import Path

from werkzeug.wrappers import Request

from sandbox.adyen import idempotency
from sandbox.adyen.control import Control
from sandbox.adyen.hosted import Hosted
from sandbox.adyen.server import Peer
from sandbox.adyen.settings import Settings
from sandbox.adyen.state import World
from sandbox.beginning import Begun
from sandbox.beginning import Place as AnyPlace
from sandbox.clock import Clock
from sandbox.courier import Courier

PREFIXES = ("/adyen/", Control.prefix)


class Place(AnyPlace):
    """Where Adyen is."""

    pages_at = "/adyen/hosted/"

    def __init__(
        self,
        clock: Clock,
        settings: Settings | None = None,
        *,
        seed: int | None = None,
        snapshot: Path | None = None,
    ) -> None:
        super().__init__()
        self.settings = settings or Settings()
        self._clock = clock
        self._seed = seed
        self._snapshot = snapshot

    def begin(self, _request: Request) -> Begun:
        """Begin with what was saved."""
        world = World(self._clock, self.settings, seed=self._seed, snapshot=self._snapshot)
        with world.lock:
            idempotency.forget_unfinished(world)
        courier, peer = Courier(world), Peer(world)
        courier.start()
        return Begun(peer, courier, Control(peer, courier), Hosted(world).answer)
