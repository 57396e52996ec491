"""The memory of `Idempotency-Key`s, forgotten after a week of the sandbox clock."""

import hashlib
import json
from dataclasses import dataclass

from sandbox.adyen.errors import AdyenError, invalid
from sandbox.adyen.settings import DAY
from sandbox.adyen.state import World

_LONGEST_KEY = 64
_KEPT_SECONDS = 7 * DAY


@dataclass(frozen=True)
class Replay:
    """The answer that the first request with this key was given."""

    status: int
    body: str


def claim(world: World, key: str, *, method: str, path: str, body: str) -> Replay | None:
    """Take the key for a first request (None), or find what it was answered before."""
    if len(key) > _LONGEST_KEY:
        raise invalid(f"The idempotency key has more than {_LONGEST_KEY} characters.", code="703")
    _forget_old(world)
    print_of_it = hashlib.sha256(json.dumps([method, path, body]).encode()).hexdigest()
    entry = world.data["keys"].get(key)
    if entry is None:
        world.data["keys"][key] = {"print": print_of_it, "at": world.clock.now(), "status": None}
        return None
    if entry["status"] is None or entry["print"] != print_of_it:
        raise AdyenError(422, "704", "request already processed or in progress")
    return Replay(entry["status"], entry["body"])


def keep(world: World, key: str, *, status: int, body: str) -> None:
    """Save the answer for those who ask again."""
    world.data["keys"][key] |= {"status": status, "body": body}
    world.touch()


def forget(world: World, key: str) -> None:
    """Nothing was begun: the key can be used again."""
    world.data["keys"].pop(key, None)


def forget_unfinished(world: World) -> None:
    """After a restart nothing is in flight any more."""
    keys = world.data["keys"]
    for name in [name for name, entry in keys.items() if entry["status"] is None]:
        del keys[name]


def _forget_old(world: World) -> None:
    # Kept in the order of arrival, so the old ones come first.
    keys, oldest = world.data["keys"], world.clock.now() - _KEPT_SECONDS
    for name in list(keys):
        if keys[name]["at"] >= oldest:
            return
        del keys[name]
