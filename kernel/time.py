"""Clocks that can be turned: the database says what time it is, and an offset moves it where a test or a demo wants."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class Offset(Protocol):
    """How far our time is ahead of the database's."""

    def __call__(self) -> timedelta:
        """The distance now."""
        ...


def no_offset() -> timedelta:
    """Production: our time is the database's."""
    return timedelta()


@dataclass(frozen=True)
class FileOffset:
    """The offset that the sandbox keeps in a file, so that every process of a demo or a test turns at once."""

    path: Path

    def __call__(self) -> timedelta:
        """The seconds in the file; no file means none."""
        try:
            seconds = json.loads(self.path.read_text())["offset_seconds"]
        except FileNotFoundError:
            return timedelta()
        return timedelta(seconds=seconds)


def from_epoch(seconds: int) -> datetime:
    """The instant a gateway writes as seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


def rfc3339(instant: datetime) -> str:
    """The instant as the interface writes it, always in UTC."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
