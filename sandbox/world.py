"""What every peer keeps behind one lock: its time, its luck, its objects and its unfinished business."""

import hashlib
import json
import os
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.clock import Clock
from sandbox.policy import Policy

Json = dict[str, Any]

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class World(ABC):
    """One peer; what is special about it is in a class below this one."""

    def __init__(self, clock: Clock, *, seed: int | None = None, snapshot: Path | None = None) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.policy = Policy()
        self.changed = threading.Condition(self.lock)
        self._moment: int | None = None
        self._snapshot = snapshot
        self._unsaved = False
        self.data = _loaded(snapshot) or self.empty(seed)

    @property
    @abstractmethod
    def webhook_url(self) -> str | None:
        """Where events are sent."""

    @abstractmethod
    def letter(self, event: Json) -> tuple[bytes, dict[str, str]]:
        """The body and the headers with which an event would be delivered now."""

    def empty(self, seed: int | None) -> Json:
        """What a peer knows in the beginning."""
        return {
            "seed": secrets.token_hex(16) if seed is None else str(seed),
            "serial": 0,
            "objects": {},
            "notes": {},
            "agenda": [],
            "deliveries": {},
            "waiting": [],
        }

    def now(self) -> int:
        """The second at which the present business happens."""
        return self._moment if self._moment is not None else int(self.clock.now())

    @contextmanager
    def at(self, moment: int) -> Iterator[None]:
        """Business that fell due at `moment` happens at that moment, however late it is done."""
        before, self._moment = self._moment, moment
        try:
            yield
        finally:
            self._moment = before

    def touch(self) -> None:
        """Something changed: wake whoever waits and save it soon."""
        self._unsaved = True
        self.changed.notify_all()

    def serial(self) -> int:
        """A number never given out before, across restarts and resets."""
        self.data["serial"] += 1
        return int(self.data["serial"])

    def token(self, length: int = 24, *, alphabet: str = ALPHABET) -> str:
        """Random-looking letters and digits, the same for the same seed."""
        digest = hashlib.sha512(f"{self.data['seed']}:{self.serial()}".encode()).digest()
        return "".join(alphabet[byte % len(alphabet)] for byte in digest[:length])

    def find(self, object_id: object) -> Json | None:
        """An object by its id, whoever owns it."""
        found: Json | None = self.data["objects"].get(object_id)
        return found

    def notes(self, object_id: str) -> Json:
        """What the peer remembers about an object but does not show."""
        notes: Json = self.data["notes"].setdefault(object_id, {})
        return notes

    def forget_all(self, *kept: str) -> None:
        """Begin again, with the numbers that were already given out and what else is named."""
        fresh = self.empty(None)
        fresh |= {name: self.data[name] for name in ("seed", "serial", *kept)}
        self.data.clear()
        self.data.update(fresh)
        self.touch()

    def save(self) -> None:
        """Write the snapshot if anything changed since the last one."""
        if self._snapshot is None:
            return
        with self.lock:
            if not self._unsaved:
                return
            self._unsaved = False
            text = json.dumps(self.data)
        draft = self._snapshot.with_name(f".{self._snapshot.name}.{os.getpid()}")
        draft.write_text(text, encoding="utf-8")
        draft.replace(self._snapshot)


def _loaded(snapshot: Path | None) -> Json | None:
    if snapshot is None or not snapshot.exists():
        return None
    loaded: Json = json.loads(snapshot.read_text(encoding="utf-8"))
    return loaded
