"""The processes of one `./run`: started side by side, stopped in order, and gone when whoever started them is."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.05
_STOPPING_SECONDS = 10
_END_OF_LOG = 2000

# It leads the group in which everything runs, and reads from a pipe that ends with whoever holds the other side, be it
# by kill -9 or by a closed terminal; what is then still there is told to stop, and after a while is made to.
_KEEPER = 'trap "" HUP INT TERM; read -r _ || { kill -TERM 0; sleep 5; }; rm -rf "$1"; kill -KILL 0'


@dataclass
class Stack:
    """The running processes and where to reach them; logs are in `folder`, `passing` is gone with the processes."""

    folder: Path
    passing: Path
    web: str
    peer: str
    environment: Mapping[str, str]
    root: Path
    # Every process has the folder's lock open: it is free for the next when the last of them is gone.
    lock: int | None = None
    processes: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)
    _group: int = 0

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever is started in here is stopped in the end, and does not outlive this process."""
        keeper = subprocess.Popen(  # noqa: S603 - our own command
            ["/bin/sh", "-c", _KEEPER, "keeper", str(self.passing)], stdin=subprocess.PIPE, process_group=0
        )
        self._group = keeper.pid
        try:
            yield
        finally:
            self._stop()
            keeper.communicate(b"stopped\n")

    def start(self, name: str, *command: str) -> None:
        """Run `command` in the background with its output in a log file of its own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                cwd=self.root,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the process that the terminal knows, and it stops the others in order.
                process_group=self._group,
                pass_fds=() if self.lock is None else (self.lock,),
            )
        self.processes.append((name, process))

    def until(self, arrived: Callable[[], bool], *, what: str) -> None:
        """Return as soon as it has arrived; gives up when a process has fallen, or after a minute."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not arrived():
            self.check()
            if time.monotonic() > deadline:
                raise SystemExit(
                    f"{what} did not answer within {_PATIENCE_SECONDS} seconds; see the logs in {self.folder}."
                )
            time.sleep(_PAUSE_SECONDS)

    def check(self) -> None:
        """Give up when a process has stopped by itself."""
        fallen = self.fallen()
        if fallen is not None:
            log = (self.folder / f"{fallen}.log").read_text(errors="replace")
            raise SystemExit(f"{fallen} has stopped. The end of its log:\n{log[-_END_OF_LOG:]}")

    def fallen(self) -> str | None:
        """The name of a process that has stopped by itself."""
        return next((name for name, process in self.processes if process.poll() is not None), None)

    def _stop(self) -> None:
        # One after the other, the last started first: whoever leans on another signs off while that one is there.
        for _, process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=_STOPPING_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
