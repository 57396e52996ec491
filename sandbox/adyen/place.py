"""Adyen's place in the sandbox: which requests are its, and its threads."""

from pathlib import Path

from werkzeug.wrappers import Request, Response

from sandbox.adyen import idempotency
from sandbox.adyen.control import Control
from sandbox.adyen.hosted import Hosted
from sandbox.adyen.server import Peer
from sandbox.adyen.settings import Settings
from sandbox.adyen.state import World
from sandbox.clock import Clock
from sandbox.courier import Courier


class Adyen:
    """The peer with its pages, its control API and its post; `answer` is None for what is not Adyen's."""

    def __init__(
        self, clock: Clock, settings: Settings | None = None, *, seed: int | None, state: Path | None
    ) -> None:
        self.settings = settings or Settings()
        snapshot = state.with_name(f"{state.name}.adyen") if state else None
        world = World(clock, self.settings, seed=seed, snapshot=snapshot)
        with world.lock:
            idempotency.forget_unfinished(world)
        self._peer = Peer(world)
        self._courier = Courier(world)
        self._control = Control(self._peer, self._courier)
        self._hosted = Hosted(world)

    def answer(self, request: Request) -> Response | None:
        """The answer to a request, if it is one of Adyen's."""
        if request.path.startswith("/_sandbox/adyen/"):
            return self._control.answer(request)
        if request.path.startswith("/adyen/hosted/"):
            return self._hosted.answer(request)
        if request.path.startswith("/adyen/"):
            return self._peer.answer(request)
        return None

    def start(self) -> None:
        """Begin to deliver."""
        self._courier.start()

    def release(self) -> None:
        """Let go whatever is held."""
        self._peer.faults.clear()

    def close(self) -> None:
        """Stop delivering and save the state."""
        self._courier.close()
