"""Waiting for something that other processes do: looked for until it is there, with a limit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.02


def until(arrived: Callable[[], bool], *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Return as soon as it has arrived; fail when it does not."""
    deadline = time.monotonic() + patience_seconds
    while not arrived():
        assert time.monotonic() < deadline, f"this did not come within {patience_seconds} seconds"
        time.sleep(_PAUSE_SECONDS)
