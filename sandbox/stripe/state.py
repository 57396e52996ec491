"""Everything the peer knows, behind one lock."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.clock import Clock
from sandbox.stripe import webhooks
from sandbox.stripe.errors import Json, no_such
from sandbox.stripe.settings import Settings
from sandbox.world import ALPHABET
from sandbox.world import World as AnyWorld

_SPOKEN = {"payment_method": "PaymentMethod", "setup_intent": "setupintent"}


class World(AnyWorld):
    """The accounts, objects, balances and pending business of one Stripe."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        *,
        seed: int | None = None,
        snapshot: Path | None = None,
    ) -> None:
        super().__init__(clock, seed=seed, snapshot=snapshot)
        self.settings = settings
        self.cause: Json = {"id": None, "idempotency_key": None}
        self.quiet = False

    @property
    def webhook_url(self) -> str | None:
        """Where events are sent."""
        return self.settings.webhook_url

    def letter(self, event: Json) -> tuple[bytes, dict[str, str]]:
        """The body and the headers with which an event would be delivered now."""
        payload = webhooks.payload_of(event)
        timestamp = int(self.clock.now())
        secret = self.settings.webhook_secret
        return payload, {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": webhooks.signature(payload, secret=secret, timestamp=timestamp),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }

    def empty(self, seed: int | None) -> Json:
        """What Stripe knows in the beginning."""
        fresh = super().empty(seed)
        digest = hashlib.sha512(fresh["seed"].encode()).digest()
        platform = "acct_1" + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:15])
        return fresh | {
            "platform": platform,
            "owners": {},
            "shelves": {},
            "balances": {},
            "keys": {},
            "conversions": {},
        }

    @property
    def platform(self) -> str:
        """The account the secret key belongs to."""
        return str(self.data["platform"])

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """What happens meanwhile is not told to anybody."""
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before

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

    def owner(self, object_id: str) -> str:
        """The account an object belongs to."""
        return str(self.data["owners"][object_id])

    def shelf(self, account: str, kind: str) -> list[Json]:
        """The account's objects of a kind, newest first."""
        objects = self.data["objects"]
        return [objects[object_id] for object_id in reversed(self._shelf(account, kind))]

    def reset(self) -> None:
        """Forget everything except which ids were already used."""
        self.forget_all("platform")

    def _shelf(self, account: str, kind: str) -> list[str]:
        shelf: list[str] = self.data["shelves"].setdefault(f"{account}/{kind}", [])
        return shelf
