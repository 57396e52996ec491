"""How tests, the tour and the demo drive a sandbox, wherever it runs."""

import json
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.01

Json = dict[str, Any]


class SandboxRefusedError(Exception):
    """The sandbox did not do what it was asked."""


class Remote:
    """A running sandbox, by its address."""

    def __init__(self, base_url: str, *, secret_key: str = "", publishable_key: str = "") -> None:
        self.base_url = base_url.rstrip("/")
        self.secret_key = secret_key
        self.publishable_key = publishable_key

    def advance(self, seconds: float) -> Json:
        """Let time pass for the sandbox and for Holdfast, with all that falls due on the way."""
        return self._post("clock", {"advance_seconds": seconds})

    def now(self) -> float:
        """The sandbox's time, in Unix seconds."""
        return float(self._get("clock")["now"])

    def fault(self, kind: str, **rule: object) -> str:
        """Order a misfortune and return its id; see the README for the kinds and their parts."""
        return str(self._post("faults", {"kind": kind, **rule})["id"])

    def faults(self) -> list[Json]:
        """The misfortunes in force."""
        return list(self._get("faults"))

    def clear_faults(self) -> None:
        """End all misfortunes."""
        self._ask("DELETE", "faults")

    def wait_held(self, fault: str, *, timeout_seconds: float = 20) -> None:
        """Wait until a request is held by the fault."""
        deadline = time.monotonic() + timeout_seconds
        while not any(rule["id"] == fault and rule["held"] for rule in self.faults()):
            if time.monotonic() > deadline:
                raise SandboxRefusedError(f"nothing was held by {fault}")
            time.sleep(_POLL_SECONDS)

    def release(self, fault: str, *, verdict: str = "continue") -> None:
        """Let the held requests go on, or with the verdict `cut` die unanswered."""
        self._post(f"faults/{fault}/release", {"verdict": verdict})

    def webhooks(self, *, url: str | None = None, secret: str | None = None, **policy: object) -> None:
        """Say where webhooks go and what befalls them: drop, duplicate, delay, reorder, hold, types, seed."""
        given: Json = {"url": url, "secret": secret, "policy": policy or None}
        self._post("webhooks", {name: value for name, value in given.items() if value is not None})

    def end_webhook_troubles(self) -> None:
        """From now on every event is delivered once, at once and in order."""
        self._post("webhooks", {"policy": {}})

    def deliveries(self) -> list[Json]:
        """Every webhook delivery and its attempts."""
        return list(self._get("webhooks"))

    def drain(self, *, timeout_seconds: float = 10) -> None:
        """Wait until every webhook that is due has been attempted."""
        if not self._post("webhooks/drain", {"timeout_seconds": timeout_seconds})["drained"]:
            raise SandboxRefusedError(f"webhooks are still waiting after {timeout_seconds} seconds")

    def redeliver(self, event: str | None = None, *, types: str = ".*") -> None:
        """Queue one event again, or all of the given types."""
        if event is None:
            self._post("webhooks/redeliver", {"types": types})
        else:
            self._post(f"events/{event}/redeliver", {})

    def storm(self, event: str, *, copies: int) -> Sequence[int | None]:
        """Deliver one event many times at the same instant; returns the status of each answer."""
        return list(self._post(f"events/{event}/redeliver", {"copies": copies})["answers"])

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

    def change_line(self, line: str, *, amount: int) -> Json:
        """A line is over another amount than it was."""
        found: Json = self._post(f"balance_transactions/{line}/amount", {"amount": amount})
        return found

    def prices(self, **prices: int) -> None:
        """Change fee_basis_points, fee_fixed_minor, settle_seconds or instant_limit_minor."""
        self._post("prices", dict(prices))

    def journal(self) -> list[Json]:
        """Every request received."""
        return list(self._get("journal"))

    def violations(self) -> list[Json]:
        """Every request the real Stripe would not have understood; tests expect none."""
        return list(self._get("violations"))

    def state(self) -> Json:
        """All objects and balances."""
        return dict(self._get("state"))

    def reset(self, *, keep_clock: bool = False) -> None:
        """Forget everything."""
        self._post("reset", {"keep_clock": keep_clock})

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

    def _get(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON can say
        return self._ask("GET", path)

    def _post(self, path: str, given: Json) -> Json:
        return dict(self._ask("POST", path, given))

    def _ask(self, method: str, path: str, given: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        body = None if given is None else json.dumps(given)
        status, answer = self._send(method, f"/_sandbox/{path}", body, {})
        if status >= HTTPStatus.BAD_REQUEST:
            raise SandboxRefusedError(f"{method} {path}: {answer}")
        return answer

    def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, Any]:
        connection = HTTPConnection(urlsplit(self.base_url).netloc, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()
