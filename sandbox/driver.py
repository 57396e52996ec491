"""How any peer of a sandbox is driven, wherever it runs."""

import json
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 0.01

Json = dict[str, Any]


class SandboxRefusedError(Exception):
    """The sandbox did not do what it was asked."""


class Driver:
    """One peer of a running sandbox, by the sandbox's address."""

    prefix = "/_sandbox/"

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")

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

    def journal(self) -> list[Json]:
        """Every request received."""
        return list(self._get("journal"))

    def violations(self) -> list[Json]:
        """Every request the real gateway would not have understood; tests expect none."""
        return list(self._get("violations"))

    def state(self) -> Json:
        """All objects and balances."""
        return dict(self._get("state"))

    def reset(self, *, keep_clock: bool = False) -> None:
        """Forget everything."""
        self._post("reset", {"keep_clock": keep_clock})

    def _get(self, path: str) -> Any:  # noqa: ANN401 - whatever JSON can say
        return self._ask("GET", path)

    def _post(self, path: str, given: Json) -> Json:
        return dict(self._ask("POST", path, given))

    def _ask(self, method: str, path: str, given: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        body = None if given is None else json.dumps(given)
        status, answer = self._send(method, f"{self.prefix}{path}", body, {})
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
