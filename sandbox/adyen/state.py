"""Everything the peer knows, behind one lock."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sandbox.adyen.errors import Json, not_found
from sandbox.adyen.settings import Settings
from sandbox.clock import Clock
from sandbox.world import World as AnyWorld

_CAPITALS = "0123456789BCDFGHJKLMNPQRSTVWXZ"
_PSP_LENGTH = 16
_ID_LENGTH = 23


class World(AnyWorld):
    """The payments, transfers, accounts and pending business of one Adyen."""

    def __init__(
        self, clock: Clock, settings: Settings, *, seed: int | None = None, snapshot: Path | None = None
    ) -> None:
        self.settings = settings
        super().__init__(clock, seed=seed, snapshot=snapshot)

    @property
    def webhook_url(self) -> str | None:
        """Where notifications are sent."""
        return self.settings.webhook_url

    def letter(self, event: Json) -> tuple[bytes, dict[str, str]]:
        """The body and the headers with which a notification would be delivered now."""
        payload = json.dumps(event["body"]).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Adyen HttpClient 1.0"}
        if event["signed"] == "header":
            headers["HmacSignature"] = signature(payload, key=self.settings.platform_hmac_key)
            headers["Protocol"] = "HmacSHA256"
        return payload, headers

    def empty(self, seed: int | None) -> Json:
        """What Adyen knows in the beginning: our own liable account."""
        fresh = super().empty(seed) | {"shelves": {}, "purses": {}, "keys": {}}
        ours = self.settings
        fresh["objects"] = {
            ours.account_holder: {
                "id": ours.account_holder,
                "balancePlatform": ours.balance_platform,
                "legalEntityId": "LE00000000000000000000001",
                "reference": "holdfast",
                "status": "active",
                "capabilities": {},
            },
            ours.balance_account: {
                "id": ours.balance_account,
                "accountHolderId": ours.account_holder,
                "defaultCurrencyCode": "USD",
                "reference": "liable",
                "status": "active",
            },
        }
        fresh["shelves"] = {"accountHolder": [ours.account_holder], "balanceAccount": [ours.balance_account]}
        return fresh

    def psp(self) -> str:
        """A fresh reference of sixteen letters and digits."""
        return self.token(_PSP_LENGTH, alphabet=_CAPITALS)

    def new_id(self, prefix: str) -> str:
        """A fresh id such as `BA3227C223222B5B9SCR82TMV`."""
        return prefix + self.token(_ID_LENGTH, alphabet=_CAPITALS)

    def put(self, kind: str, thing: Json) -> Json:
        """Keep a new object."""
        self.data["objects"][thing["id"]] = thing
        self.data["shelves"].setdefault(kind, []).append(thing["id"])
        return thing

    def get(self, kind: str, object_id: str) -> Json:
        """An object, or Adyen's refusal."""
        if object_id in self.data["shelves"].get(kind, ()):
            found: Json = self.data["objects"][object_id]
            return found
        raise not_found(f"{kind} {object_id}")

    def shelf(self, kind: str) -> Iterator[Json]:
        """All objects of a kind, oldest first."""
        return (self.data["objects"][object_id] for object_id in self.data["shelves"].get(kind, ()))

    def instant(self) -> str:
        """The present moment, as Adyen writes it."""
        return written(self.now())


def written(seconds: float) -> str:
    """An instant as Adyen writes it."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()


def signature(payload: bytes, *, key: str) -> str:
    """Adyen's signature of these bytes."""
    digest = hmac.new(binascii.a2b_hex(key), payload, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
