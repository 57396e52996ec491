"""Everything the peer knows, behind one lock."""

import string
from datetime import UTC, datetime
from pathlib import Path

from sandbox.clock import Clock
from sandbox.paypal import signing
from sandbox.paypal.errors import not_found
from sandbox.paypal.settings import Settings
from sandbox.world import Json
from sandbox.world import World as AnyWorld

_CAPITALS = string.ascii_uppercase + string.digits
# A payer's id leaves out what could be read as another sign.
_PAYER = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class World(AnyWorld):
    """One merchant's account at PayPal and all that belongs to it."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        *,
        base_url: str,
        seed: int | None = None,
        snapshot: Path | None = None,
    ) -> None:
        super().__init__(clock, seed=seed, snapshot=snapshot)
        self.settings = settings
        self.base_url = base_url

    @property
    def webhook_url(self) -> str | None:
        """Where events are sent."""
        return self.settings.webhook_url

    def letter(self, event: Json) -> tuple[bytes, dict[str, str]]:
        """The body and the headers with which an event would be delivered now."""
        payload = signing.payload_of(event["body"])
        headers = signing.headers(
            payload,
            transmission_id=event["transmission_id"],
            sent_at=self.clock.now(),
            webhook_id=self.settings.webhook_id,
            base_url=self.base_url,
        )
        return payload, headers

    def empty(self, seed: int | None) -> Json:
        """What PayPal knows in the beginning."""
        return super().empty(seed) | {
            "tokens": {},
            "answers": {},
            "lines": [],
            "events": [],
            "conversions": {},
        }

    def instant(self, moment: float | None = None) -> str:
        """The present moment, or another, as PayPal writes it."""
        at = datetime.fromtimestamp(self.now() if moment is None else moment, UTC)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    def fine_instant(self) -> str:
        """The present moment with its thousandths, where PayPal writes them; reports leave them out."""
        return self.instant().replace("Z", ".417Z")

    def new_id(self, length: int = 17) -> str:
        """A fresh id such as `5O190127TN364715T`."""
        return self.token(length, alphabet=_CAPITALS)

    def new_payer_id(self) -> str:
        """A fresh payer id such as `QYR5Z8XDVJNXQ`."""
        return self.token(13, alphabet=_PAYER)

    def put(self, kind: str, thing: Json, *, id_field: str = "id") -> Json:
        """Keep a new object."""
        thing["object"] = kind
        self.data["objects"][thing[id_field]] = thing
        self.touch()
        return thing

    def get(self, kind: str, object_id: str) -> Json:
        """An object by its id, or PayPal's refusal."""
        thing = self.find(object_id)
        if thing is None or thing["object"] != kind:
            raise not_found(object_id)
        return thing

    def all_of(self, kind: str) -> list[Json]:
        """The objects of a kind, oldest first."""
        return [thing for thing in self.data["objects"].values() if thing["object"] == kind]


def shown(thing: Json) -> Json:
    """An object as PayPal shows it."""
    return {name: value for name, value in thing.items() if name != "object" and not name.startswith("_")}
