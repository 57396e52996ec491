"""How PayPal is spoken to over HTTP: with an access token that is fetched, kept and, once, fetched anew."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNAUTHORIZED = 401
_OK = 200
# A token that ends while a request is on its way would be fetched twice.
_EARLY_SECONDS = 60
_PICKLED = "py/"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever it says."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)


class TokenRefusedError(Exception):
    """PayPal gave no access token: nothing that needs one was sent."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


class UnsafeAnswerError(requests.RequestException):
    """The answer would have the SDK's parser make objects of the sender's choosing."""


class Session(requests.Session):
    """Adds the access token to every request, fetches one anew when it was refused, and follows nobody elsewhere."""

    def __init__(
        self, base: str, *, client_id: str, client_secret: str, timeout: tuple[float, float]
    ) -> None:
        super().__init__()
        self.base = base
        self.timeout = timeout
        self._credentials = (client_id, client_secret)
        self._lock = threading.Lock()
        self._token = ""
        self._ends_at = 0.0
        self._heard = threading.local()

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - as requests has it
        """Send it with a token; one that PayPal no longer takes was looked at before the request was."""
        token = self._current()
        answer = self._sent(request, token, options)
        if answer.status_code == _UNAUTHORIZED:
            self._forget(token)
            answer = self._sent(request, self._current(), options)
        # JSON is UTF-8, whether or not it is said; guessing takes longer than the answer did.
        answer.encoding = "utf-8"
        _refuse_pickles(answer)
        self._heard.answer = Answer(answer.status_code, answer.text, answer.headers)
        return answer

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002 - whatever it says
        """Nowhere: PayPal sends nobody elsewhere, and the token would go along."""
        return None

    def ask(self, method: str, path: str, **how: Any) -> Answer:  # noqa: ANN401 - as requests has it
        """Ask for what the SDK does not know."""
        found = self.request(method, f"{self.base}{path}", timeout=self.timeout, **how)
        return Answer(found.status_code, found.text, found.headers)

    def by_sdk(self, call: Callable[[], object]) -> Answer:
        """Ask through the SDK; what it makes of the answer is not looked at, so that a new word breaks nothing."""
        self._heard.answer = None
        try:
            call()
        except (requests.RequestException, TokenRefusedError):
            raise
        except Exception:
            if self._heard.answer is None:
                raise
        answer: Answer = self._heard.answer
        return answer

    def _sent(self, request: requests.PreparedRequest, token: str, options: Any) -> requests.Response:  # noqa: ANN401 - as above
        request.headers["Authorization"] = f"Bearer {token}"
        return super().send(request, **options)

    def _current(self) -> str:
        with self._lock:
            if not self._token or time.monotonic() >= self._ends_at:
                self._token, self._ends_at = self._fetched()
            return self._token

    def _forget(self, token: str) -> None:
        with self._lock:
            # Another thread may have a new one already.
            if self._token == token:
                self._token = ""

    def _fetched(self) -> tuple[str, float]:
        asked_at = time.monotonic()
        found = requests.post(
            f"{self.base}/v1/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=self._credentials,
            timeout=self.timeout,
            allow_redirects=False,
        )
        answer = Answer(found.status_code, found.text, found.headers)
        try:
            values = json.loads(found.text)
            token, lasts = values["access_token"], values["expires_in"]
            known = found.status_code == _OK and isinstance(token, str) and bool(token)
        except (KeyError, TypeError, ValueError):
            known = False
        if not known:
            raise TokenRefusedError(answer)
        return token, asked_at + max(0, int(lasts) - _EARLY_SECONDS)


def _refuse_pickles(answer: requests.Response) -> None:
    # The SDK reads JSON with jsonpickle, to which these names are instructions.
    if _PICKLED not in answer.text:
        return
    try:
        json.loads(answer.text, object_pairs_hook=_plain)
    except UnsafeAnswerError:
        raise
    except ValueError as error:
        raise UnsafeAnswerError("neither JSON nor harmless") from error


def _plain(pairs: list[tuple[str, Any]]) -> None:
    if any(name.startswith(_PICKLED) for name, _ in pairs):
        raise UnsafeAnswerError("an instruction to the parser")
