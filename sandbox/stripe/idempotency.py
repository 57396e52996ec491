"""The memory of `Idempotency-Key`s, forgotten after a day of the sandbox clock."""

import hashlib
import json
from dataclasses import dataclass

from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.settings import DAY
from sandbox.stripe.state import World

_LONGEST_KEY = 255


@dataclass(frozen=True)
class Replay:
    """The answer the first request with this key was given."""

    status: int
    body: str
    request_id: str


def claim(world: World, *, account: str, key: str, method: str, path: str, parameters: Json) -> Replay | None:
    """Take the key for a first request (None), or find what it was answered before."""
    if len(key) > _LONGEST_KEY:
        raise invalid(f"Idempotency keys can have up to {_LONGEST_KEY} characters.")
    _forget_old(world)
    fingerprint = _fingerprint(method, path, parameters)
    entry = world.data["keys"].get(f"{account}/{key}")
    if entry is None:
        world.data["keys"][f"{account}/{key}"] = {
            "fingerprint": fingerprint,
            "at": world.clock.now(),
            "status": None,
        }
        return None
    if entry["fingerprint"] != fingerprint:
        raise _other_parameters(key)
    if entry["status"] is None:
        raise _in_flight(key)
    return Replay(entry["status"], entry["body"], entry["request_id"])


def keep(world: World, *, account: str, key: str, status: int, body: str, request_id: str) -> None:
    """Save the answer, whatever it is, for those who ask again."""
    entry = world.data["keys"][f"{account}/{key}"]
    entry |= {"status": status, "body": body, "request_id": request_id}
    world.touch()


def forget(world: World, *, account: str, key: str) -> None:
    """Nothing was begun: the key can be used for another request."""
    world.data["keys"].pop(f"{account}/{key}", None)


def forget_unfinished(world: World) -> None:
    """After a restart nothing is in flight any more."""
    keys = world.data["keys"]
    for name in [name for name, entry in keys.items() if entry["status"] is None]:
        del keys[name]


def _forget_old(world: World) -> None:
    # Kept in the order of arrival, so the old ones come first.
    keys, oldest = world.data["keys"], world.clock.now() - DAY
    for name in list(keys):
        if keys[name]["at"] >= oldest:
            return
        del keys[name]


def _fingerprint(method: str, path: str, parameters: Json) -> str:
    text = json.dumps([method, path, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _other_parameters(key: str) -> StripeError:
    return StripeError(
        400,
        "idempotency_error",
        "Keys for idempotent requests can only be used with the same parameters they were first "
        f"used with. Try using a key other than '{key}' if you meant to execute a different "
        "request.",
    )


def _in_flight(key: str) -> StripeError:
    return StripeError(
        409,
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably "
        "means you submitted twice, and the other request is still going through): "
        f"{key}. Please try again later.",
        code="idempotency_key_in_use",
    )
