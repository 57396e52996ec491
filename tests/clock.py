"""The clock a test turns: the same file that every process of the test reads its offset from."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# SQLite's clock counts milliseconds and cuts the rest, so it would still be a moment before the instant.
_COARSE = timedelta(milliseconds=2)


class Clock:
    """Real time plus an offset; Holdfast reads it wherever CLOCK_FILE names `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = timedelta()
        self._turn: Callable[[timedelta], None] = self._write

    def advance(self, **span: float) -> None:
        """Let time pass: `advance(hours=72)`."""
        step = timedelta(**span)
        assert step >= timedelta(), "time does not go back; use set"
        self._offset += step
        self._turn(step)

    def set(self, instant: datetime) -> None:
        """Be at `instant`; earlier than now only while nobody else turns the clock."""
        step = instant - self.now() + _COARSE
        assert step >= timedelta() or self._turn == self._write, "the gateway's time does not go back"
        self._offset += step
        self._turn(step)

    def now(self) -> datetime:
        """The instant it shows, near enough for a test: the database's clock decides."""
        return datetime.now(UTC) + self._offset

    def hand_to(self, turn: Callable[[timedelta], None]) -> None:
        """From now on somebody else turns it: the gateway's peer, which owns the file and has timers of its own."""
        self._turn = turn

    def _write(self, _step: timedelta) -> None:
        # A reader must never see half a file.
        draft = self.path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps({"offset_seconds": self._offset.total_seconds()}))
        draft.replace(self.path)
