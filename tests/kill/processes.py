"""Processes of Holdfast, started by the launcher, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.schema import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PATIENCE_SECONDS = 60

# Where a process is: a stage, and the name of what is at that stage.
Point = tuple[str, str]


@dataclass(frozen=True)
class Process:
    """One process, the leader of its group; `address` where it serves one."""

    launcher: Launcher
    pid: int
    address: str

    def ended(self) -> int:
        """How it ended, once it has; a signal is below zero. What does not end is aborted, which no test asks for."""
        abort = threading.Timer(_PATIENCE_SECONDS, os.killpg, (self.pid, signal.SIGABRT))
        abort.start()
        try:
            return int(self.launcher.ask({"wait": self.pid})["code"])
        finally:
            abort.cancel()

    def kill(self) -> None:
        """End it as a power cut would."""
        os.killpg(self.pid, signal.SIGKILL)
        assert self.ended() == -signal.SIGKILL


class Launcher:
    """Starts processes of Holdfast, all with the same settings."""

    def __init__(self, speaker: subprocess.Popen[str], directory: Path) -> None:
        self._speaker = speaker
        self._log = directory / "processes.log"
        self._record = directory / "points"

    def start(self, role: str, *, die_at: Point | None = None, record: bool = False) -> Process:
        """Start a `web`, a `relay`, a `worker`, `background` (both of these), or a `burst` of them that ends."""
        answer = self.ask(
            {
                "role": role,
                "log": str(self._log),
                "die_at": die_at,
                "record": str(self._record) if record else None,
            }
        )
        return Process(self, answer["pid"], answer["address"])

    def recorded(self) -> list[Point]:
        """The points that were passed since this was asked last, each once, in the order of the first time."""
        lines = self._record.read_text().splitlines() if self._record.exists() else []
        self._record.unlink(missing_ok=True)
        return [tuple(json.loads(line)) for line in lines]

    def ask(self, order: Mapping[str, Any]) -> Any:
        """Have the launcher do something."""
        assert self._speaker.stdin is not None
        assert self._speaker.stdout is not None
        self._speaker.stdin.write(json.dumps(order) + "\n")
        self._speaker.stdin.flush()
        return json.loads(self._speaker.stdout.readline())


@contextmanager
def launching(environment: dict[str, str], directory: Path) -> Iterator[Launcher]:
    """A launcher; whatever it started ends with it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.kill.launcher"],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as speaker:
        yield Launcher(speaker, directory)
        assert speaker.stdin is not None
        speaker.stdin.close()
        assert speaker.wait() == 0
