"""People who use Holdfast over HTTP and nothing else: what the app does for them, in a few verbs."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT_SECONDS = 30
_PAUSE_SECONDS = 0.1


class Refused(Exception):  # noqa: N818 - what a person is told
    """Holdfast answered with a problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem


class StillNot(Exception):  # noqa: N818 - what a person sees
    """What somebody waited for did not come; `found` is what is there instead."""

    def __init__(self, path: str, found: Any) -> None:  # noqa: ANN401 - JSON
        super().__init__(f"{path} did not get there in time")
        self.found = found


@dataclass
class Person:
    """Somebody with the app, signed in once `sign_in` was called."""

    web: str
    email: str
    password: str
    patience_seconds: float = 60
    _http: requests.Session = field(default_factory=requests.Session)
    _refresh_token: str | None = None

    def register(self, *, role: str, name: str, country: str = "US") -> None:
        """Join as a client or as a worker."""
        self.post(
            "/v1/accounts",
            {
                "email": self.email,
                "password": self.password,
                "roles": [role],
                "name": name,
                "country": country,
            },
        )

    def sign_in(self) -> Person:
        """Sign in on this device, whatever came before."""
        self._http.headers.pop("Authorization", None)
        self._refresh_token = None
        self._keep(self.post("/v1/sessions", {"email": self.email, "password": self.password}))
        return self

    def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 - JSON
        """Read something."""
        return self._send("GET", path, params=query)

    def post(
        self,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        version: int | None = None,
        **query: str,
    ) -> Any:  # noqa: ANN401 - JSON
        """Do something, under a key that makes doing it twice doing it once, and to the version that was read."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        headers |= {} if version is None else {"If-Match": f'"{version}"'}
        return self._send("POST", path, json=body or {}, params=query, headers=headers)

    def put(self, path: str, body: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Set something."""
        return self._send("PUT", path, json=body or {})

    def delete(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """End something."""
        return self._send("DELETE", path)

    def wait_for(self, path: str, arrived: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - JSON
        """Look again until it has arrived, as a screen does; give up when patience ends."""
        deadline = time.monotonic() + self.patience_seconds
        while not arrived(found := self.get(path)):
            if time.monotonic() > deadline:
                raise StillNot(path, found)
            time.sleep(_PAUSE_SECONDS)
        return found

    def _send(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - requests' own
        response = self._http.request(method, self.web + path, timeout=_TIMEOUT_SECONDS, **request)
        if response.status_code == requests.codes.unauthorized and self._refresh_token is not None:
            # As an app does in the morning: the night was longer than the access token lives.
            token, self._refresh_token = self._refresh_token, None
            self._keep(self._send("POST", "/v1/sessions/refresh", json={"refresh_token": token}))
            response = self._http.request(method, self.web + path, timeout=_TIMEOUT_SECONDS, **request)
        return self._answer(response)

    def _keep(self, signed_in: dict[str, Any]) -> None:
        self._http.headers["Authorization"] = f"Bearer {signed_in['access_token']}"
        self._refresh_token = signed_in["refresh_token"]

    @staticmethod
    def _answer(response: requests.Response) -> Any:  # noqa: ANN401 - JSON
        if response.ok:
            return response.json() if response.content else None
        try:
            problem = response.json()
        except requests.JSONDecodeError:
            problem = {"detail": response.text[:200]}
        raise Refused(response.status_code, problem)


@dataclass(frozen=True)
class OutsideWorld:
    """The sandbox's own levers: its clock, a customer's card, a worker's papers."""

    peer: str

    def turn_clock(self, *, hours: float) -> None:
        """Let time pass, here and at the gateway."""
        self._post("/_sandbox/clock", {"advance_seconds": int(hours * 3600)})

    def pay(
        self, client_secret: str, *, card: str = "pm_card_visa", publishable_key: str = "pk_test_sandbox"
    ) -> Any:  # noqa: ANN401
        """What the payment sheet does when the client taps Pay: confirm with the card, straight to the gateway."""
        intent = client_secret.partition("_secret_")[0]
        response = requests.post(
            f"{self.peer}/v1/payment_intents/{intent}/confirm",
            data={"client_secret": client_secret, "payment_method": card},
            auth=(publishable_key, ""),
            timeout=_TIMEOUT_SECONDS,
        )
        return response.json()

    def complete_onboarding(self, url: str) -> None:
        """What the worker does on the gateway's page: open the link, fill in everything, and have a bank account."""
        requests.get(url, timeout=_TIMEOUT_SECONDS).raise_for_status()
        requests.post(f"{url}/complete", timeout=_TIMEOUT_SECONDS).raise_for_status()

    def balance(self, currency: str) -> dict[str, str]:
        """What the gateway says lies on our account there, available and pending."""
        response = requests.get(
            f"{self.peer}/v1/balance", auth=("sk_test_sandbox", ""), timeout=_TIMEOUT_SECONDS
        )
        found = response.json()
        return {
            part: Money(
                sum(line["amount"] for line in found[part] if line["currency"] == currency), currency.upper()
            ).decimal
            for part in ("available", "pending")
        }

    def _post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        response = requests.post(self.peer + path, json=body, timeout=_TIMEOUT_SECONDS)
        response.raise_for_status()
        return response.json()
