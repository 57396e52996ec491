"""The sandbox as a running HTTP server."""

import contextlib
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from sandbox.adyen.place import PREFIXES as OF_ADYEN
from sandbox.adyen.place import Place as AdyenPlace
from sandbox.adyen.remote import Adyen
from sandbox.adyen.settings import Settings as AdyenSettings
from sandbox.clock import Clock
from sandbox.control import Control
from sandbox.courier import Courier
from sandbox.hosted import Hosted
from sandbox.paypal.place import PREFIXES as OF_PAYPAL
from sandbox.paypal.place import Place as PayPalPlace
from sandbox.paypal.remote import PayPal
from sandbox.paypal.settings import Settings as PayPalSettings
from sandbox.remote import Remote
from sandbox.stripe import accounts, idempotency
from sandbox.stripe.server import Peer
from sandbox.stripe.settings import Settings
from sandbox.stripe.state import World

_RESET_AT_ONCE = struct.pack("ii", 1, 0)
_POLL_SECONDS = 0.01


class Application:
    """Sends each request to Stripe, to Stripe's pages or to the control API; or to Adyen's or PayPal's own place."""

    def __init__(self, world: World, courier: Courier, *, adyen: AdyenPlace, paypal: PayPalPlace) -> None:
        self.adyen = adyen
        self.paypal = paypal
        self.peer = Peer(world)
        self._control = Control(self.peer, courier)
        self._hosted = Hosted(world)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path.startswith(OF_ADYEN):
            return self.adyen.answer(request)
        if request.path.startswith(OF_PAYPAL):
            return self.paypal.answer(request)
        if request.path.startswith("/_sandbox/"):
            return self._control.answer(request)
        if request.path.startswith("/hosted/"):
            return self._hosted.answer(request)
        return self.peer.answer(request)


class _Handler(WSGIRequestHandler):
    """Keeps connections open as Stripe does, answers without delay and logs nothing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log(self, *_args: object) -> None:
        """The journal has it all."""

    def connection_dropped(self, _error: BaseException, _environ: object = None) -> None:
        """Cut the connection so that the caller sees a reset, not an answer."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
            self.connection.close()


class Running(Remote):
    """A sandbox inside this process, and everything `Remote` can do to it."""

    def __init__(self, server: BaseWSGIServer, application: Application, courier: Courier) -> None:
        settings = application.peer.world.settings
        super().__init__(
            f"http://127.0.0.1:{server.server_port}",
            secret_key=settings.secret_key,
            publishable_key=settings.publishable_key,
        )
        self.webhook_secret = settings.webhook_secret
        self.adyen = Adyen(self.base_url, application.adyen.settings)
        self._adyen = application.adyen
        self.paypal = PayPal(self.base_url, application.paypal.settings)
        self._paypal = application.paypal
        self._server = server
        self._peer = application.peer
        self._courier = courier
        self._thread = threading.Thread(
            target=server.serve_forever, args=(_POLL_SECONDS,), name="sandbox", daemon=True
        )
        courier.start()
        self._thread.start()

    def close(self) -> None:
        """Stop listening, let go whatever is held and save the state."""
        self._peer.faults.clear()
        self._adyen.let_go()
        self._paypal.let_go()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._courier.close()
        self._adyen.close()
        self._paypal.close()

    def wait(self) -> None:
        """Serve until somebody interrupts."""
        stopped = threading.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: stopped.set())
        stopped.wait()


def start(
    *,
    port: int = 0,
    clock_file: Path | str | None = None,
    webhook_url: str | None = None,
    webhook_secret: str = Settings.webhook_secret,
    secret_key: str = Settings.secret_key,
    publishable_key: str = Settings.publishable_key,
    seed: int | None = None,
    state: Path | str | None = None,
    adyen: AdyenSettings | None = None,
    paypal: PayPalSettings | None = None,
) -> Running:
    """Start the sandbox on a port of its own, or on the given one; the caller closes it."""
    settings = Settings(
        secret_key=secret_key,
        publishable_key=publishable_key,
        webhook_url=webhook_url,
        webhook_secret=webhook_secret,
    )
    clock = Clock(Path(clock_file) if clock_file else None)
    world = World(clock, settings, seed=seed, snapshot=Path(state) if state else None)
    with world.lock:
        accounts.ensure_platform(world)
        idempotency.forget_unfinished(world)
    courier = Courier(world)
    of_adyen = Path(f"{state}.adyen") if state else None
    of_paypal = Path(f"{state}.paypal") if state else None
    application = Application(
        world,
        courier,
        adyen=AdyenPlace(clock, adyen, seed=seed, snapshot=of_adyen),
        paypal=PayPalPlace(clock, paypal, seed=seed, snapshot=of_paypal),
    )
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=_Handler)
    os.set_inheritable(server.fileno(), False)  # noqa: FBT003 - as the standard library has it
    return Running(server, application, courier)
