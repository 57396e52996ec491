"""How tests, the tour and the demo drive a sandbox's Stripe, wherever it runs."""

from urllib.parse import urlencode

from sandbox.driver import Driver, Json, SandboxRefusedError

__all__ = ["Json", "Remote", "SandboxRefusedError"]


class Remote(Driver):
    """A running sandbox, by its address."""

    def __init__(self, base_url: str, *, secret_key: str = "", publishable_key: str = "") -> None:
        super().__init__(base_url)
        self.secret_key = secret_key
        self.publishable_key = publishable_key

    def webhooks(self, *, url: str | None = None, secret: str | None = None, **policy: object) -> None:
        """Say where webhooks go and what befalls them: drop, duplicate, delay, reorder, hold, types, seed."""
        given: Json = {"url": url, "secret": secret, "policy": policy or None}
        self._post("webhooks", {name: value for name, value in given.items() if value is not None})

    def signed(self, event: str) -> tuple[bytes, str]:
        """The body and the `Stripe-Signature` with which an event would be delivered now."""
        answer = self._get(f"events/{event}/signed")
        return answer["payload"].encode(), answer["signature"]

    def complete_onboarding(self, account: str, *, account_number: str | None = None) -> Json:
        """The worker fills in Stripe's form."""
        given = {} if account_number is None else {"account_number": account_number}
        return self._post(f"accounts/{account}/onboarding", given)

    def restrict(self, account: str, *requirements: str) -> Json:
        """Stripe asks a worker for more and stops payouts."""
        given = {"requirements": list(requirements)} if requirements else {}
        return self._post(f"accounts/{account}/restrict", given)

    def leave(self, account: str, *, gives_back: bool = True) -> Json:
        """A worker takes the account away from the platform, or Stripe closes it."""
        return self._post(f"accounts/{account}/leave", {"gives_back": gives_back})

    def come_back(self, account: str) -> Json:
        """The account is connected again."""
        return self._post(f"accounts/{account}/return", {})

    def change_bank_account(
        self, account: str, *, account_number: str | None = None, takes_instant: bool = True
    ) -> Json:
        """The worker gives Stripe another bank account."""
        given: Json = {} if account_number is None else {"account_number": account_number}
        if not takes_instant:
            given["takes_instant"] = False
        return self._post(f"accounts/{account}/bank_account", given)

    def fail_payout(self, payout: str, *, failure_code: str = "account_closed") -> Json:
        """The bank sends a payout back."""
        return self._post(f"payouts/{payout}/fail", {"failure_code": failure_code})

    def fail_refund(self, refund: str, *, failure_reason: str = "expired_or_canceled_card") -> Json:
        """The customer's bank sends a refund back."""
        return self._post(f"refunds/{refund}/fail", {"failure_reason": failure_reason})

    def authenticate(self, intent: str, *, succeeds: bool = True) -> Json:
        """The customer answers the bank's 3-D Secure challenge."""
        family = "setup_intents" if intent.startswith("seti_") else "payment_intents"
        return self._post(f"{family}/{intent}/authenticate", {"succeeds": succeeds})

    def decide_identity(self, session: str, *, error: str | None = None) -> Json:
        """The person has shown a document and Stripe has looked at it."""
        return self._post(f"verification_sessions/{session}/decide", {"error": error})

    def dispute(self, charge: str, *, reason: str = "fraudulent", **about: object) -> Json:
        """The customer's bank charges back: all or an `amount`, or with `inquiry` only asks."""
        return self._post(f"charges/{charge}/dispute", {"reason": reason} | about)

    def warn(self, charge: str) -> Json:
        """The card's network suspects that the payment is fraud."""
        return self._post(f"charges/{charge}/warn", {})

    def move_dispute(self, dispute: str, *, status: str) -> Json:
        """The bank takes the dispute on; an inquiry that becomes a chargeback takes the money."""
        return self._post(f"disputes/{dispute}/move", {"status": status})

    def close_dispute(self, dispute: str, *, won: bool) -> Json:
        """The bank decides a dispute."""
        return self._post(f"disputes/{dispute}/close", {"won": won})

    def book_line(self, type_: str, amount: int, **line: object) -> Json:
        """Something moves on a balance that nobody ordered."""
        found: Json = self._post("balance_transactions", {"type": type_, "amount": amount, **line})
        return found

    def pay_out_by_itself(self, currency: str = "usd") -> Json:
        """Stripe pays out what is available to the platform, though nobody has ordered it."""
        found: Json = self._post("payouts", {"currency": currency})
        return found

    def change_line(self, line: str, *, amount: int) -> Json:
        """A line is over another amount than it was."""
        found: Json = self._post(f"balance_transactions/{line}/amount", {"amount": amount})
        return found

    def prices(self, **prices: int) -> None:
        """Change fee_basis_points, fee_fixed_minor, settle_seconds or instant_limit_minor."""
        self._post("prices", dict(prices))

    def settle_in(self, currency: str, into: str | None, rate: str = "1") -> None:
        """From now on what is charged in a currency settles in another one at this rate; with None in its own."""
        self._post("conversions", {"currency": currency, "into": into, "rate": rate})

    def pay(self, client_secret: str, payment_method: str = "pm_card_visa", *, return_url: str = "") -> Json:
        """Do what the app does when the customer pays: confirm with the publishable key.

        Returns the payment intent, or Stripe's error body when the card is declined.
        """
        return self._confirm("payment_intents", client_secret, payment_method, return_url)

    def save_card(
        self, client_secret: str, payment_method: str = "pm_card_visa", *, return_url: str = ""
    ) -> Json:
        """Do what the app does when the customer saves a card."""
        return self._confirm("setup_intents", client_secret, payment_method, return_url)

    def confirmation_token(self, payment_method: str = "pm_card_visa") -> str:
        """Do what the app does before a deferred payment: collect the method, return its token."""
        form = {"payment_method": payment_method}
        return str(self._as_app("confirmation_tokens", form)["id"])

    def _confirm(self, family: str, client_secret: str, payment_method: str, return_url: str) -> Json:
        intent = client_secret.partition("_secret_")[0]
        form = {"client_secret": client_secret, "payment_method": payment_method}
        if return_url:
            form["return_url"] = return_url
        return self._as_app(f"{family}/{intent}/confirm", form)

    def _as_app(self, path: str, form: dict[str, str]) -> Json:
        headers = {
            "Authorization": f"Bearer {self.publishable_key}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return dict(self._send("POST", f"/v1/{path}", urlencode(form), headers)[1])
