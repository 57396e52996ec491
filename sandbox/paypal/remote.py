"""How tests, the tour and the demo drive a sandbox's PayPal, wherever it runs."""

from sandbox.driver import Driver, Json
from sandbox.paypal.settings import Settings


class PayPal(Driver):
    """The PayPal of a running sandbox, by the sandbox's address."""

    prefix = "/_sandbox/paypal/"

    def __init__(self, base_url: str, settings: Settings | None = None) -> None:
        super().__init__(base_url)
        self._settings = settings or Settings()

    @property
    def api_base(self) -> str:
        """Where its API is."""
        return f"{self.base_url}/paypal"

    @property
    def credentials(self) -> dict[str, str]:
        """What it lets in, as the adapter is told it."""
        settings = self._settings
        return {
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "webhook_id": settings.webhook_id,
        }

    def webhooks(self, *, url: str | None = None, webhook_id: str | None = None, **policy: object) -> None:
        """Say where webhooks go and what befalls them: drop, duplicate, delay, reorder, hold, types, seed."""
        given: Json = {"url": url, "webhook_id": webhook_id, "policy": policy or None}
        self._post("webhooks", {name: value for name, value in given.items() if value is not None})

    def events(self) -> list[Json]:
        """Every event, oldest first."""
        return list(self._get("events"))

    def signed(self, event: str) -> tuple[bytes, dict[str, str]]:
        """The body and the headers with which an event would be delivered now."""
        answer = self._get(f"events/{event}/signed")
        return answer["payload"].encode(), dict(answer["headers"])

    def sign(self, payload: bytes, **how: object) -> dict[str, str]:
        """The headers with which these bytes would be posted: `at`, `webhook_id`."""
        return dict(self._post("sign", {"payload": payload.decode(), **how})["headers"])

    def approve(self, order: str, *, instrument: str = "good", email: str = "payer@example.com") -> Json:
        """The payer agrees on PayPal's page, with an instrument that is good, `declined`, `echeck` or `denied`."""
        return self._post(f"orders/{order}/approve", {"instrument": instrument, "email": email})

    def forget(self, order: str) -> None:
        """PayPal forgets an order nobody approved."""
        self._post(f"orders/{order}/forget", {})

    def complete_capture(self, capture: str) -> Json:
        """A pending capture's money arrives."""
        return self._post(f"captures/{capture}/complete", {})

    def deny_capture(self, capture: str) -> Json:
        """A pending capture's money does not arrive."""
        return self._post(f"captures/{capture}/deny", {})

    def dispute(self, capture: str, **about: object) -> Json:
        """The payer complains: `reason`, `stage`, `channel`, `amount`."""
        return self._post(f"captures/{capture}/dispute", dict(about))

    def move_dispute(self, dispute: str, *, stage: str | None = None, status: str | None = None) -> Json:
        """A dispute goes on."""
        return self._post(f"disputes/{dispute}/move", {"stage": stage, "status": status})

    def resolve_dispute(self, dispute: str, *, outcome: str) -> Json:
        """Somebody decides a dispute."""
        return self._post(f"disputes/{dispute}/resolve", {"outcome": outcome})

    def complete_refund(self, refund: str) -> Json:
        """A pending refund reaches the payer."""
        return self._post(f"refunds/{refund}/complete", {})

    def fail_refund(self, refund: str) -> Json:
        """The payer's bank sends a refund back."""
        return self._post(f"refunds/{refund}/fail", {})

    def settle_payout_item(self, item: str, *, status: str, error: str | None = None) -> Json:
        """An item of a payout gets another status."""
        return self._post(f"payout_items/{item}/settle", {"status": status, "error": error})

    def book_line(self, code: str, gross: int, **line: object) -> Json:
        """Something moves on the balance that nobody ordered."""
        return self._post("lines", {"code": code, "gross": gross, **line})

    def prices(self, **prices: int) -> None:
        """Change fee_basis_points, fee_fixed_minor, payout_fee_minor, report_delay_seconds or refunds_pending."""
        self._post("prices", dict(prices))

    def settle_in(self, currency: str, into: str | None, rate: str = "1") -> None:
        """From now on what comes in a currency is changed into another at this rate; with None it is kept."""
        self._post("conversions", {"currency": currency, "into": into, "rate": rate})

    def change(self, object_id: str, **values: object) -> None:
        """An object says something else from now on."""
        self._post(f"change/{object_id}", dict(values))

    def limit_reports(self, *, most: int) -> None:
        """More than that many movements are too many for one report."""
        self._post("reports", {"most": most})

    def forget_tokens(self) -> None:
        """No access token is good any more."""
        self._post("tokens/forget", {})

    def why_unchecked(self) -> str | None:
        """Why requests are not held against PayPal's own documents; None when they are."""
        why: str | None = self._get("contract")["why_unchecked"]
        return why
