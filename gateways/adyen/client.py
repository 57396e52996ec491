"""The connection to Adyen: keys, address, time limits and the idempotency key of an order."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests
from Adyen.client import AdyenClient
from Adyen.exceptions import AdyenAPIResponseError
from Adyen.httpclient import HTTPClient
from Adyen.services.balancePlatform import AdyenBalancePlatformApi
from Adyen.services.checkout import AdyenCheckoutApi
from Adyen.services.disputes import AdyenDisputesApi
from Adyen.services.legalEntityManagement import AdyenLegalEntityManagementApi
from Adyen.services.transfers import AdyenTransfersApi

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Json = dict[str, Any]

# What a gateway has told about one object and we have kept: `Listed.payload`s, first received first.
Told = Callable[[str], Sequence[bytes]]

# As with Stripe: a question and an order, both at their slowest, end before the work that waits for them is stopped.
_CONNECT_SECONDS = 4.0
_ANSWER_SECONDS = 12.0

_LONGEST_KEY = 64


@dataclass(frozen=True)
class Connection:
    """What every part of the adapter speaks through."""

    payments: _Client
    platform: _Client
    entities: _Client
    client_key: str
    merchant_account: str
    balance_platform: str
    balance_account: str
    hmac_keys: tuple[str, ...]
    platform_hmac_keys: tuple[str, ...]
    return_url: str
    livemode: bool
    told: Told
    now: Callable[[], datetime]

    @cached_property
    def checkout(self) -> Any:  # noqa: ANN401 - the SDK has no types
        """Checkout v72."""
        return AdyenCheckoutApi(client=self.payments)

    @cached_property
    def disputes(self) -> Any:  # noqa: ANN401 - the SDK has no types
        """Disputes v30."""
        return AdyenDisputesApi(client=self.payments).disputes_api

    @cached_property
    def transfers(self) -> Any:  # noqa: ANN401 - the SDK has no types
        """Transfers v4."""
        return AdyenTransfersApi(client=self.platform)

    @cached_property
    def accounts(self) -> Any:  # noqa: ANN401 - the SDK has no types
        """Balance Platform v2."""
        return AdyenBalancePlatformApi(client=self.platform)

    @cached_property
    def people(self) -> Any:  # noqa: ANN401 - the SDK has no types
        """Legal Entity v4."""
        return AdyenLegalEntityManagementApi(client=self.entities)


def connect(
    *,
    api_key: str,
    client_key: str,
    merchant_account: str,
    balance_platform: str,
    balance_account: str,
    hmac_keys: Sequence[str],
    platform_hmac_keys: Sequence[str],
    return_url: str,
    now: Callable[[], datetime],
    platform_api_key: str | None = None,
    legal_entity_api_key: str | None = None,
    live_prefix: str | None = None,
    api_base: str | None = None,
    answer_seconds: float = _ANSWER_SECONDS,
    told: Told = lambda _object_id: (),
) -> Connection:
    """A connection to Adyen, live with the `live_prefix` of its addresses, or to the peer at `api_base`.

    Adyen gives each of its platforms a key of its own; one that is left out is the first. `told` looks up what was kept
    of an object's notifications, for what Adyen has no question for. `now` ends the times that are asked about, and
    decides nothing. Nothing is sent before the first call.
    """

    def client(key: str) -> _Client:
        return _Client(key, live_prefix=live_prefix, api_base=api_base, answer_seconds=answer_seconds)

    return Connection(
        payments=client(api_key),
        platform=client(platform_api_key or api_key),
        entities=client(legal_entity_api_key or api_key),
        client_key=client_key,
        merchant_account=merchant_account,
        balance_platform=balance_platform,
        balance_account=balance_account,
        hmac_keys=tuple(map(_hexadecimal, hmac_keys)),
        platform_hmac_keys=tuple(map(_hexadecimal, platform_hmac_keys)),
        return_url=return_url,
        livemode=live_prefix is not None,
        told=told,
        now=now,
    )


def _hexadecimal(key: str) -> str:
    """The key, refused at the start: with one that is none every notification would be taken for a forgery."""
    bytes.fromhex(key)
    return key


def keyed(idempotency_key: str) -> str:
    """The key of an order, refused where Adyen would cut it."""
    assert len(idempotency_key) <= _LONGEST_KEY, "an idempotency key has at most 64 characters"
    return idempotency_key


def named(**parameters: str) -> dict[str, str]:
    """Parameters of a question; the SDK writes them into the address as they are."""
    return {name: quote(value, safe="") for name, value in parameters.items()}


class _Client(AdyenClient):  # type: ignore[misc] # the SDK has no types
    """The SDK's client, at any address, with answers that are read more strictly."""

    def __init__(
        self, key: str, *, live_prefix: str | None, api_base: str | None, answer_seconds: float
    ) -> None:
        super().__init__(
            xapikey=key,
            platform="test" if live_prefix is None else "live",
            live_endpoint_prefix=live_prefix,
        )
        self._api_base = api_base.rstrip("/") if api_base else None
        self.http_client = _Http(self.USER_AGENT_SUFFIX, self.LIB_VERSION, answer_seconds)
        self.http_init = True

    def _determine_api_url(self, platform: str, endpoint: str) -> str:
        if self._api_base is None:
            address: str = super()._determine_api_url(platform, endpoint)
            return address
        path = urlsplit(endpoint).path
        return f"{self._api_base}{'/checkout' if '//checkout-' in endpoint else ''}{path}"

    def _handle_response(
        self,
        url: str,
        raw_response: str,
        raw_request: object,
        status_code: int,
        headers: Mapping[str, str],
    ) -> Any:  # noqa: ANN401 - the SDK's result
        try:
            understood = isinstance(json.loads(raw_response), dict)
        except ValueError:
            understood = False
        if not understood:
            # The SDK would take it for an empty answer.
            raise AdyenAPIResponseError("unreadable", headers=headers, status_code=status_code)
        return super()._handle_response(url, raw_response, raw_request, status_code, headers)


class _Http(HTTPClient):  # type: ignore[misc] # the SDK has no types
    """One call is one try, at the address that was asked: our key goes nowhere else."""

    def __init__(self, suffix: str, version: str, answer_seconds: float) -> None:
        super().__init__(suffix, version, force_request="requests")
        self.request = self._sent
        self._timeout = (_CONNECT_SECONDS, answer_seconds)

    def _sent(
        self,
        method: str,
        url: str,
        json: Json | None = None,
        xapikey: str = "",
        headers: Json | None = None,
    ) -> tuple[str, object, int, Mapping[str, str]]:
        response = requests.request(
            method,
            url,
            json=json,
            headers={**(headers or {}), "X-API-Key": xapikey},
            timeout=self._timeout,
            allow_redirects=False,
        )
        return response.text, json, response.status_code, response.headers
