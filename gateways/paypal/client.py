"""The connection to PayPal: credentials, address, time limits, and whose certificates are believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.models.o_auth_token import OAuthToken
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

from gateways.paypal.certificates import Certificates
from gateways.paypal.transport import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateways.paypal.transport import Answer

LIVE = "https://api-m.paypal.com"
SANDBOX = "https://api-m.sandbox.paypal.com"
# Where people are, and where webhooks say that their certificate is: at addresses of their own.
_PAGES = {LIVE: "https://www.paypal.com", SANDBOX: "https://www.sandbox.paypal.com"}
_CERTIFICATES = {LIVE: "https://api.paypal.com", SANDBOX: "https://api.sandbox.paypal.com"}

# As with the other gateways: a question and an order, both at their slowest, end before the work that waits for them.
_CONNECT_SECONDS = 4.0
_ANSWER_SECONDS = 12.0

# Holdfast's gateways share one length for keys, and this is the shortest of theirs.
_LONGEST_KEY = 64


@dataclass(frozen=True)
class Connection:
    """What every part of the adapter speaks through."""

    sdk: Any
    session: Session
    certificates: Certificates
    client_id: str
    webhook_id: str
    livemode: bool
    pages: str
    return_url: str | None
    cancel_url: str | None

    def page_for_the_payer(self, order: str) -> str:
        """PayPal's page on which the payer agrees to an order, or chooses again what to pay it with."""
        return f"{self.pages}/checkoutnow?token={order}"

    def by_sdk(self, call: Callable[[], object]) -> Answer:
        """What PayPal answers to a call of the SDK."""
        return self.session.by_sdk(call)

    def ask(self, method: str, path: str, **how: Any) -> Answer:  # noqa: ANN401 - as requests has it
        """What PayPal answers where the SDK has no call."""
        return self.session.ask(method, path, **how)


def connect(
    *,
    client_id: str,
    client_secret: str,
    webhook_id: str,
    api_base: str | None = None,
    return_url: str | None = None,
    cancel_url: str | None = None,
    answer_seconds: float = _ANSWER_SECONDS,
) -> Connection:
    """A connection with these credentials, to PayPal or what is at `api_base`; nothing is sent before the first call.

    `return_url` and `cancel_url` are where PayPal's page sends the payer afterwards.
    """
    base = (api_base or LIVE).rstrip("/")
    timeout = (_CONNECT_SECONDS, answer_seconds)
    session = Session(base, client_id=client_id, client_secret=client_secret, timeout=timeout)
    return Connection(
        sdk=_sdk(session),
        session=session,
        certificates=Certificates(_CERTIFICATES.get(base, base), timeout=timeout),
        client_id=client_id,
        webhook_id=webhook_id,
        pages=_PAGES.get(base, f"{base}/hosted"),
        livemode=urlsplit(base).hostname == urlsplit(LIVE).hostname,
        return_url=return_url,
        cancel_url=cancel_url,
    )


def keyed(idempotency_key: str) -> dict[str, str]:
    """The options of an order: our id as its key, and that the whole of what came of it is answered."""
    assert len(idempotency_key) <= _LONGEST_KEY, "an idempotency key has at most 64 characters"
    return {"paypal_request_id": idempotency_key, "prefer": "return=representation"}


def _sdk(session: Session) -> Any:  # noqa: ANN401 - it ships no types
    # The session knows the token. The SDK would fetch one of its own and hide why it got none.
    credentials = ClientCredentialsAuthCredentials("-", "-", OAuthToken("-", "Bearer"))
    configuration = Configuration(
        http_client_instance=session,
        environment=Environment.PRODUCTION,
        client_credentials_auth_credentials=credentials,
    )
    configuration.environments = {Environment.PRODUCTION: {Server.DEFAULT: session.base}}
    return PaypalServersdkClient(config=configuration)
