"""PayPal's place in the sandbox's server."""

from pathlib import Path

from werkzeug.wrappers import Request

from sandbox.beginning import Begun
from sandbox.beginning import Place as AnyPlace
from sandbox.clock import Clock
from sandbox.courier import Courier
from sandbox.paypal.control import Control
from sandbox.paypal.hosted import PAGES, Hosted
from sandbox.paypal.server import PREFIX, Peer
from sandbox.paypal.settings import Settings
from sandbox.paypal.state import World

PREFIXES = (f"{PREFIX}/", Control.prefix)


class Place(AnyPlace):
    """Where PayPal is."""

    pages_at = PAGES

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

    def begin(self, request: Request) -> Begun:
        """Begin with what was saved, at the address that was asked."""
        world = World(
            self._clock,
            self.settings,
            base_url=f"{request.host_url.rstrip('/')}{PREFIX}",
            seed=self._seed,
            snapshot=self._snapshot,
        )
        courier, peer = Courier(world), Peer(world)
        courier.start()
        return Begun(peer, courier, Control(peer, courier), Hosted(world).answer)
