"""Three MariaDB servers that agree, on this machine, with HAProxy in front of them: for the tests and for trying it.

Everything is in private directories and on free ports of the loopback interface; a database that was running before is
not touched, and nothing is left running afterwards.
"""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import pymysql

from deploy.galera import health
from tests import servers
from tests.servers import Kept, ServerDidNotStart, ServerNotInstalled
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_HERE = Path(__file__).parent
_NAMES = ("n1", "n2", "n3")
# What is run, and the package it comes with; a node is given all data by the script, which mariadb-server-core lacks.
_PROGRAMS = {
    "mariadbd": "mariadb-server",
    "wsrep_sst_rsync": "mariadb-server",
    "haproxy": "haproxy",
    "rsync": "rsync",
}
_PROVIDERS = (
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
)
# On disk, because what is acknowledged has been flushed; short, because a Unix socket's path is.
_ON_DISK = "/tmp"  # noqa: S108
# Three servers that start at once on a small machine, one of which copies all data to another.
_PATIENCE_SECONDS = 180
_LOG_BYTES = 64 * 1024**2
_POSITION = re.compile(r"Recovered position:\s*([0-9a-f-]+:-?\d+)")


@dataclass(frozen=True)
class Node:
    """One server of the cluster, which may be killed, and started again on what it left behind."""

    name: str
    port: int
    # Where the nodes speak to each other, where one that was away is told what it missed, and where it is given all.
    group_port: int
    ist_port: int
    sst_port: int
    health_port: int
    directory: Path
    _keepers: ExitStack

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.directory / "s"

    def url(self, name: str, user: str = "root") -> str:
        """The SQLAlchemy URL of a database on this node, past HAProxy."""
        return f"mysql+pymysql://{user}@127.0.0.1:{self.port}/{name}"

    def start(self, *, first: bool = False) -> None:
        """Run it where it ran before if it did; returns when it has caught up. The `first` one makes the cluster."""
        how = "--wsrep-new-cluster" if first else f"--wsrep-start-position={self._position()}"
        self._kept(self._daemon(how)).start()
        until(self.is_well, patience_seconds=_PATIENCE_SECONDS)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._kept([]).kill()

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as root; returns what the last one found."""
        connection = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def is_well(self) -> bool:
        """Whether it is part of the cluster and has all that the others have."""
        return health.state(str(self.socket)) == health.WELL

    def _kept(self, command: Sequence[str]) -> Kept:
        return Kept(command, self.directory, self.socket, self._keepers, _PATIENCE_SECONDS)

    def _daemon(self, *how: str) -> list[str]:
        daemon = servers.binary("mariadbd", _PROGRAMS["mariadbd"])
        return [
            daemon,
            f"--defaults-file={self.directory / 'node.cnf'}",
            *servers.unprivileged(self.directory),
            *how,
        ]

    def _position(self) -> str:
        # A server that was killed has not written down how far it was. Asked like this, it reads it off its tables, and
        # is given only what it missed.
        if not (self.directory / "data" / "grastate.dat").exists():
            return "00000000-0000-0000-0000-000000000000:-1"
        said = subprocess.run(
            self._daemon("--wsrep-recover", "--disable-log-error"),
            check=False,
            capture_output=True,
            text=True,
        )
        found = _POSITION.search(said.stdout + said.stderr)
        if found is None:
            raise ServerDidNotStart(said.stdout + said.stderr)
        return found[1]


@dataclass(frozen=True)
class Cluster:
    """Three nodes and the one address at which whoever is the writer is found."""

    nodes: tuple[Node, ...]
    writer_port: int

    def url(self, name: str, user: str = "root") -> str:
        """The SQLAlchemy URL of a database, at the writer."""
        return f"mysql+pymysql://{user}@127.0.0.1:{self.writer_port}/{name}"

    def writer(self) -> Node | None:
        """The node that HAProxy sends everybody to; None while there is none."""
        try:
            with pymysql.connect(host="127.0.0.1", port=self.writer_port, user="root") as connection:
                cursor = connection.cursor()
                cursor.execute("SELECT @@wsrep_node_name")
                name = cursor.fetchall()[0][0]
        except pymysql.Error:
            return None
        return next(node for node in self.nodes if node.name == name)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A fresh cluster, with HAProxy in front of it."""
    provider, haproxy = _provider(), servers.binary("haproxy", _PROGRAMS["haproxy"])
    with ExitStack() as closing:
        nodes = tuple(_made(name, closing) for name in _NAMES)
        addresses = ",".join(f"127.0.0.1:{node.group_port}" for node in nodes)
        _install(nodes)
        for node in nodes:
            _configure(node, addresses, provider)
        # One after the other: two that join at once would both copy from the first.
        for node in nodes:
            node.start(first=node is nodes[0])
            closing.enter_context(_health(node))
        directory = closing.enter_context(servers.private_directory(_ON_DISK))
        made = Cluster(nodes, servers.free_port())
        _write("haproxy.cfg", directory, _haproxy_values(made))
        command = [haproxy, "-db", "-f", str(directory / "haproxy.cfg")]
        Kept(command, directory, made.writer_port, closing).start()
        until(lambda: made.writer() is nodes[0])
        yield made


def missing() -> str | None:
    """Why a cluster cannot be started here, in one sentence; None when it can."""
    try:
        _provider()
        for name, package in _PROGRAMS.items():
            servers.binary(name, package)
    except ServerNotInstalled as absent:
        return str(absent)
    return None


def _provider() -> str:
    found = next((path for path in _PROVIDERS if Path(path).exists()), None)
    if found is None:
        raise ServerNotInstalled("Galera is not installed. Run: apt-get install galera-4 (Debian, Ubuntu).")
    return found


def _made(name: str, closing: ExitStack) -> Node:
    directory = closing.enter_context(servers.private_directory(_ON_DISK))
    servers.unprivileged(directory)
    sql, group, ist, sst, asked = (servers.free_port() for _ in range(5))
    return Node(name, sql, group, ist, sst, asked, directory, closing)


def _install(nodes: Sequence[Node]) -> None:
    """Give every node the tables of a server that nobody has used yet."""
    first, *others = (node.directory for node in nodes)
    made = subprocess.run(
        [
            servers.binary("mariadb-install-db", _PROGRAMS["mariadbd"]),
            "--no-defaults",
            f"--datadir={first / 'data'}",
            f"--tmpdir={first}",
            "--auth-root-authentication-method=normal",
            "--force",
            "--skip-test-db",
            f"--innodb-log-file-size={_LOG_BYTES}",
            *servers.unprivileged(first),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        raise ServerDidNotStart(made.stdout + made.stderr)
    for directory in others:
        # With its owner, who is not whoever runs this where that is root.
        subprocess.run(["/bin/cp", "-a", first / "data", directory], check=True)


def _configure(node: Node, addresses: str, provider: str) -> None:
    values = {
        "name": node.name,
        "directory": node.directory,
        "port": node.port,
        "group_port": node.group_port,
        "ist_port": node.ist_port,
        "sst_port": node.sst_port,
        "addresses": addresses,
        "provider": provider,
        "log_bytes": _LOG_BYTES,
    }
    _write("node.cnf", node.directory, values)


def _haproxy_values(made: Cluster) -> dict[str, object]:
    values: dict[str, object] = {"writer_port": made.writer_port}
    for place, node in zip(("first", "second", "third"), made.nodes, strict=True):
        values |= {place: node.name, f"{place}_port": node.port, f"{place}_health": node.health_port}
    return values


def _write(name: str, directory: Path, values: Mapping[str, object]) -> None:
    template = Template((_HERE / name).read_text(encoding="utf-8"))
    # `${…}` in the head of each file speaks of itself.
    (directory / name).write_text(template.safe_substitute(values), encoding="utf-8")


@contextmanager
def _health(node: Node) -> Iterator[None]:
    with ExitStack() as keepers, servers.private_directory(_ON_DISK) as directory:
        command = [
            *(sys.executable, str(_HERE / "health.py")),
            *("--socket", str(node.socket)),
            *("--port", str(node.health_port)),
        ]
        Kept(command, directory, node.health_port, keepers).start()
        yield
