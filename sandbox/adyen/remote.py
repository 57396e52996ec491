"""How tests and the demo drive Adyen's peer, wherever it runs."""

import json
import time
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from sandbox.adyen.settings import Settings
from sandbox.remote import SandboxRefusedError

_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.01

Json = dict[str, Any]


class Remote:
    """A running peer, by the address of its sandbox."""

    def __init__(self, base_url: str, settings: Settings | None = None) -> None:
        self.sandbox_url = base_url.rstrip("/")
        self.base_url = f"{self.sandbox_url}/adyen"
        self.settings = settings or Settings()

    def advance(self, seconds: float) -> Json:
        """Let time pass for the sandbox and for Holdfast, with all that falls due on the way."""
        return self._post("clock", {"advance_seconds": seconds})

    def pay(self, secret: str, **how: object) -> Json:
        """Do what the app does when the shopper pays: `refuse="why"`, `challenge=True` or neither.

        `secret` is what the service gave the app, or a session's id.
        """
        return self._post(f"sessions/{secret.partition(':')[0]}/pay", dict(how))

    def authenticate(self, secret: str, *, succeeds: bool = True) -> Json:
        """The shopper answers the bank's 3-D Secure challenge."""
        return self._post(f"sessions/{secret.partition(':')[0]}/authenticate", {"succeeds": succeeds})

    def fail_refund(self, refund: str) -> Json:
        """The shopper's bank sends a refund back, before or after it was booked."""
        return self._post(f"refunds/{refund}/fail", {})

    def dispute(self, payment: str, **about: object) -> Json:
        """The shopper's bank charges back: all or an `amount`, or with `inquiry` only asks."""
        return self._post(f"payments/{payment}/dispute", dict(about))

    def warn(self, payment: str) -> Json:
        """The card's network suspects that a payment is fraud."""
        return self._post(f"payments/{payment}/warn", {})

    def move_dispute(self, dispute: str, code: str) -> Json:
        """The dispute goes on, in the word of its notification."""
        return self._post(f"disputes/{dispute}/move", {"code": code})

    def fail_transfer(self, transfer: str, *, reason: str = "counterpartyAccountClosed") -> Json:
        """A bank refuses a payout, or returns one that was booked."""
        return self._post(f"transfers/{transfer}/fail", {"reason": reason})

    def complete_onboarding(self, account: str, *, takes_instant: bool = True) -> Json:
        """The worker fills in Adyen's form."""
        return self._post(f"accounts/{account}/onboarding", {"takes_instant": takes_instant})

    def restrict(self, account: str, *, status: str = "invalid") -> Json:
        """Adyen asks a worker for more and stops payouts; rejected is for good."""
        return self._post(f"accounts/{account}/restrict", {"status": status})

    def book_line(self, type_: str, amount: int, **line: object) -> Json:
        """Something moves on our account that nobody ordered."""
        return self._post("lines", {"type": type_, "amount": amount, **line})

    def prices(self, **prices: int) -> None:
        """Change what Adyen charges and how long it takes."""
        self._post("prices", dict(prices))

    def webhooks(self, *, url: str | None = None, **policy: object) -> None:
        """Say where notifications go and what befalls them: drop, duplicate, delay, reorder, hold, types, seed."""
        given: Json = {"policy": policy}
        self._post("webhooks", given if url is None else given | {"url": url})

    def deliveries(self) -> list[Json]:
        """Every delivery and its attempts."""
        return list(self._ask("GET", "webhooks"))

    def drain(self, *, timeout_seconds: float = 10) -> None:
        """Wait until every notification that is due has been attempted."""
        deadline = time.monotonic() + timeout_seconds
        while any(each["status"] == "waiting" and not each["attempts"] for each in self.deliveries()):
            if time.monotonic() > deadline:
                raise SandboxRefusedError(f"notifications are still waiting after {timeout_seconds} seconds")
            time.sleep(_POLL_SECONDS)

    def news(self, types: str = "") -> list[tuple[bytes, dict[str, str]]]:
        """Body and headers of every notification whose type has `types` in it, oldest first, sent or not."""
        return [
            (each["payload"].encode(), each["headers"])
            for each in self._ask("GET", "news")
            if types in each["type"]
        ]

    def sign(self, item: Json) -> str:
        """The signature of an item, as Adyen would write it."""
        return str(self._post("sign", item)["signature"])

    def fault(self, kind: str, **rule: object) -> str:
        """Order a misfortune and return its id."""
        return str(self._post("faults", {"kind": kind, **rule})["id"])

    def clear_faults(self) -> None:
        """End all misfortunes."""
        self._ask("DELETE", "faults")

    def journal(self) -> list[Json]:
        """Every request received."""
        return list(self._ask("GET", "journal"))

    def violations(self) -> list[Json]:
        """All that Adyen would not have understood or said; tests expect none."""
        return list(self._ask("GET", "violations"))

    def state(self) -> Json:
        """All objects and what lies on the accounts."""
        return dict(self._ask("GET", "state"))

    def _post(self, path: str, given: Json) -> Json:
        return dict(self._ask("POST", path, given))

    def _ask(self, method: str, path: str, given: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        connection = HTTPConnection(urlsplit(self.sandbox_url).netloc, timeout=_TIMEOUT_SECONDS)
        try:
            body = None if given is None else json.dumps(given)
            connection.request(method, f"/_sandbox/adyen/{path}", body=body)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise SandboxRefusedError(f"{method} {path}: {answer}")
        return answer
