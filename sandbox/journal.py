"""What was asked of the peer, and what was asked wrongly."""

import itertools
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

Json = dict[str, Any]


_KEPT = 20_000


@dataclass
class Entry:
    """One request and how it ended; no status means the connection was cut."""

    number: int
    at: float
    method: str
    path: str
    parameters: Json = field(default_factory=dict)
    idempotency_key: str | None = None
    account: str | None = None
    request_id: str | None = None
    status: int | None = None
    error: str | None = None
    replayed: bool = False
    fault: str | None = None


class Journal:
    """Every request in the order of arrival, and every breach of the gateway's contract."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        # A demo may run for weeks; what happened long ago is forgotten.
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._violations: list[Json] = []

    def open(self, *, at: float, method: str, path: str) -> Entry:
        """Begin the record of a request."""
        with self._lock:
            entry = Entry(next(self._numbers), at, method, path)
            self._entries.append(entry)
        return entry

    def violation(self, entry: Entry, message: str, *, param: str | None = None) -> None:
        """Note that a request was one the real gateway would not understand."""
        with self._lock:
            self._violations.append(
                {
                    "request": entry.number,
                    "operation": f"{entry.method} {entry.path}",
                    "param": param,
                    "message": message,
                }
            )

    def entries(self) -> list[Json]:
        """All requests so far."""
        with self._lock:
            return [asdict(entry) for entry in self._entries]

    def violations(self) -> list[Json]:
        """All breaches so far."""
        with self._lock:
            return list(self._violations)

    def clear(self) -> None:
        """Start again with an empty page."""
        with self._lock:
            self._entries.clear()
            self._violations.clear()
