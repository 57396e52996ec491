"""How tests and the demo drive a sandbox's Adyen, wherever it runs."""

from sandbox.adyen.settings import Settings
from sandbox.driver import Driver, Json


class Adyen(Driver):
    """The Adyen of a running sandbox, by the sandbox's address."""

    prefix = "/_sandbox/adyen/"

    def __init__(self, base_url: str, settings: Settings | None = None) -> None:
        super().__init__(base_url)
        self.settings = settings or Settings()

    @property
    def api_base(self) -> str:
        """Where its APIs are."""
        return f"{self.base_url}/adyen"

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
        """The shopper's bank charges back: all or an `amount`, with `inquiry` only asks; `auto_defended` by Adyen."""
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

    def leave_out(self, thing: str, *fields: str) -> None:
        """List a transfer or a transaction without fields that Adyen does not promise."""
        self._post(f"lists/{thing}", {"fields": list(fields)})

    def prices(self, **prices: int) -> None:
        """Change what Adyen charges and how long it takes."""
        self._post("prices", dict(prices))

    def webhooks(self, *, url: str | None = None, **policy: object) -> None:
        """Say where notifications go and what befalls them: drop, duplicate, delay, reorder, hold, types, seed."""
        given: Json = {"policy": policy}
        self._post("webhooks", given if url is None else given | {"url": url})

    def news(self, types: str = "") -> list[tuple[bytes, dict[str, str]]]:
        """Body and headers of every notification whose type has `types` in it, oldest first, sent or not."""
        return [
            (each["payload"].encode(), each["headers"]) for each in self._get("news") if types in each["type"]
        ]

    def sign(self, item: Json) -> str:
        """The signature of an item, as Adyen would write it."""
        return str(self._post("sign", item)["signature"])
