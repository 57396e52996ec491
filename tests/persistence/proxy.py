"""A wire between us and MariaDB that breaks at COMMIT: before the server hears of it, or after it has obeyed.

It can also stay whole and bring an error, as from a server that is going down.
"""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = 4
_COMMIT = b"\x03COMMIT"
_SETTING = b"\x03SET "


class Proxy:
    """Passes everything on, packet by packet; `cut` breaks it at the next COMMIT."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cuts: list[tuple[str, bytes]] = []
        self._wires: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        self._run(self._accept)

    def cut(self, when: str) -> None:
        """Break the wire at the next COMMIT of a transaction: `before` or `after` the server obeyed."""
        self._at_the_next_commit(when, b"")

    def refuse(self, when: str, number: int) -> None:
        """Answer the next COMMIT of a transaction with this error: `before` or `after` the server obeyed."""
        self._at_the_next_commit(when, _error(number))

    def _at_the_next_commit(self, when: str, answer: bytes) -> None:
        assert when in {"before", "after"}
        self._cuts.append((when, answer))

    @property
    def waits_for_commit(self) -> bool:
        """Whether something that was ordered has not come about yet."""
        return bool(self._cuts)

    def close(self) -> None:
        """Break everything and wait until nobody is left."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._wires:
            _break(wire)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            for wire in (client, server):
                # Small packets go on at once, as they came.
                wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._wires.append(wire)
            # What is told instead of the server's answer to the COMMIT.
            instead: list[bytes] = []
            self._run(self._to_server, client, server, instead)
            self._run(self._to_client, client, server, instead)

    def _to_server(self, client: socket.socket, server: socket.socket, instead: list[bytes]) -> None:
        last = b""
        while packet := _packet(client):
            # A connection that is being set up commits its settings.
            commits = packet[_HEADER:] == _COMMIT and not last.startswith(_SETTING)
            last = packet[_HEADER:]
            if commits and self._cuts:
                when, answer = self._cuts.pop(0)
                if when == "before":
                    if answer and _sent(client, answer):
                        continue
                    break
                instead.append(answer)
            if not _sent(server, packet):
                break
        _break(client)
        _break(server)

    def _to_client(self, client: socket.socket, server: socket.socket, instead: list[bytes]) -> None:
        # What the server answers to the COMMIT has arrived here, and goes no further.
        while packet := _packet(server):
            told = instead.pop() if instead else packet
            if not told or not _sent(client, told):
                break
        _break(client)
        _break(server)

    def _run(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()


@contextmanager
def proxy_to(server_port: int) -> Iterator[Proxy]:
    """A wire to the MariaDB that listens on this port."""
    proxy = Proxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()


def _error(number: int) -> bytes:
    said = b"\xff" + number.to_bytes(2, "little") + b"#HY000" + b"as from a server that is going down"
    return len(said).to_bytes(3, "little") + b"\x01" + said


def _packet(wire: socket.socket) -> bytes:
    header = _exactly(wire, _HEADER)
    return header and header + _exactly(wire, int.from_bytes(header[:3], "little"))


def _exactly(wire: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        try:
            more = wire.recv(length - len(data))
        except OSError:
            return b""
        if not more:
            return b""
        data += more
    return data


def _sent(wire: socket.socket, packet: bytes) -> bool:
    try:
        wire.sendall(packet)
    except OSError:
        # The other half of the wire was broken meanwhile.
        return False
    return True


def _break(wire: socket.socket) -> None:
    try:
        wire.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
    finally:
        wire.close()
