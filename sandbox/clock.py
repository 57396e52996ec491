"""The clock everybody in a development machine or a test shares."""

import json
import os
import threading
import time
from pathlib import Path


class ClockRunsForwardError(ValueError):
    """The sandbox clock was asked to go back."""


class Clock:
    """Real time plus the offset in the file that Holdfast reads as well."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._offset_seconds = 0.0
        self._version: tuple[int, int] | None = None

    @property
    def offset_seconds(self) -> float:
        """How far the sandbox is ahead of the wall clock."""
        with self._lock:
            self._reread()
            return self._offset_seconds

    def now(self) -> float:
        """The instant at which the sandbox and Holdfast both are, in Unix seconds."""
        return time.time() + self.offset_seconds

    def advance(self, seconds: float) -> None:
        """Let time pass for the sandbox and for Holdfast at once."""
        if seconds < 0:
            raise ClockRunsForwardError(f"cannot advance by {seconds} seconds")
        with self._lock:
            self._reread()
            self._write(self._offset_seconds + seconds)

    def reset(self) -> None:
        """Return to the wall clock."""
        with self._lock:
            self._write(0.0)

    def _reread(self) -> None:
        # A test may set the file itself; the name always leads to a whole file, so its inode and
        # time say whether it is another one.
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return
        version = (found.st_ino, found.st_mtime_ns)
        if version != self._version:
            self._offset_seconds = float(json.loads(self._file.read_text())["offset_seconds"])
            self._version = version

    def _write(self, offset_seconds: float) -> None:
        self._offset_seconds = offset_seconds
        if self._file is None:
            return
        # A reader must never see half a file: written beside it, then renamed over it.
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        draft.write_text(json.dumps({"offset_seconds": offset_seconds}), encoding="utf-8")
        draft.replace(self._file)
