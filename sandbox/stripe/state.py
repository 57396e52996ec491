"""Everything the peer knows, behind one lock."""

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.clock import Clock
from sandbox.stripe.errors import Json, no_such
from sandbox.stripe.policy import Policy
from sandbox.stripe.settings import Settings

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SPOKEN = {"payment_method": "PaymentMethod", "setup_intent": "setupintent"}


class World:
    """The accounts, objects, balances and pending business of one Stripe."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        *,
        seed: int | None = None,
        snapshot: Path | None = None,
    ) -> None:
        self.clock = clock
        self.settings = settings
        self.lock = threading.RLock()
        self.policy = Policy()
        self.changed = threading.Condition(self.lock)
        self.cause: Json = {"id": None, "idempotency_key": None}
        self.quiet = False
        self._moment: int | None = None
        self._snapshot = snapshot
        self._unsaved = False
        self.data = _loaded(snapshot) or _empty(seed)

    @property
    def platform(self) -> str:
        """The account the secret key belongs to."""
        return str(self.data["platform"])

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

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """What happens meanwhile is not told to anybody."""
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before

    def touch(self) -> None:
        """Something changed: wake whoever waits and save it soon."""
        self._unsaved = True
        self.changed.notify_all()

    def serial(self) -> int:
        """A number never given out before, across restarts and resets."""
        self.data["serial"] += 1
        return int(self.data["serial"])

    def token(self, length: int = 24) -> str:
        """Random-looking letters and digits, the same for the same seed."""
        digest = hashlib.sha512(f"{self.data['seed']}:{self.serial()}".encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:length])

    def new_id(self, prefix: str) -> str:
        """A fresh id such as `pi_3kT…`."""
        return f"{prefix}_{self.token()}"

    def put(self, account: str, thing: Json) -> Json:
        """Keep a new object for an account."""
        object_id = thing["id"]
        self.data["objects"][object_id] = thing
        self.data["owners"][object_id] = account
        self._shelf(account, thing["object"]).append(object_id)
        return thing

    def get(self, account: str, kind: str, object_id: str, *, param: str | None = None) -> Json:
        """An object of the account, or Stripe's `resource_missing`."""
        thing = self.find(object_id)
        if thing and thing["object"] == kind and self.data["owners"][object_id] == account:
            return thing
        raise no_such(_SPOKEN.get(kind, kind), object_id, param=param)

    def find(self, object_id: object) -> Json | None:
        """An object by its id, whoever owns it."""
        found: Json | None = self.data["objects"].get(object_id)
        return found

    def owner(self, object_id: str) -> str:
        """The account an object belongs to."""
        return str(self.data["owners"][object_id])

    def shelf(self, account: str, kind: str) -> list[Json]:
        """The account's objects of a kind, newest first."""
        objects = self.data["objects"]
        return [objects[object_id] for object_id in reversed(self._shelf(account, kind))]

    def notes(self, object_id: str) -> Json:
        """What the peer remembers about an object but does not show."""
        notes: Json = self.data["notes"].setdefault(object_id, {})
        return notes

    def reset(self) -> None:
        """Forget everything except which ids were already used."""
        fresh = _empty(None)
        kept = {name: self.data[name] for name in ("seed", "serial", "platform")}
        self.data.clear()
        self.data.update(fresh | kept)
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

    def _shelf(self, account: str, kind: str) -> list[str]:
        shelf: list[str] = self.data["shelves"].setdefault(f"{account}/{kind}", [])
        return shelf


def _empty(seed: int | None) -> Json:
    source = secrets.token_hex(16) if seed is None else str(seed)
    digest = hashlib.sha512(source.encode()).digest()
    return {
        "seed": source,
        "serial": 0,
        "platform": "acct_1" + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:15]),
        "objects": {},
        "owners": {},
        "notes": {},
        "shelves": {},
        "agenda": [],
        "balances": {},
        "keys": {},
        "deliveries": {},
        "waiting": [],
    }


def _loaded(snapshot: Path | None) -> Json | None:
    if snapshot is None or not snapshot.exists():
        return None
    loaded: Json = json.loads(snapshot.read_text(encoding="utf-8"))
    return loaded
