"""Who asks, and whether the request is one PayPal understands."""

import base64
import binascii
import json
from typing import Any

from werkzeug.wrappers import Request

from sandbox.journal import Entry, Journal
from sandbox.paypal import contract, router
from sandbox.paypal.errors import PayPalError, TokenError, invalid
from sandbox.paypal.router import Call, Route
from sandbox.paypal.state import World
from sandbox.world import Json

# A part of a multipart body in which PayPal expects JSON.
_INPUT = "input"
_LONGEST_REQUEST_ID = 108


class Door:
    """Turns a request into a call, or refuses it as PayPal would."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal

    def token(self, request: Request) -> Json:
        """An access token for who shows the client's id and secret."""
        settings = self._world.settings
        if _basic(request) != (settings.client_id, settings.client_secret):
            raise TokenError("invalid_client", "Client Authentication failed")
        if request.form.get("grant_type") != "client_credentials":
            raise PayPalError(400, "INVALID_REQUEST", message="Grant type is not supported")
        token = f"A21{self._world.token(60)}"
        self._world.data["tokens"][token] = self._world.clock.now() + settings.token_seconds
        return {
            "scope": "https://uri.paypal.com/services/payments/payment",
            "access_token": token,
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": settings.token_seconds,
            "nonce": self._world.instant(),
        }

    def admit(self, request: Request, entry: Entry, path: str) -> tuple[Route, Call]:
        """The call a request stands for."""
        self._authenticate(request)
        query = dict(request.args.items())
        entry.parameters = query
        entry.idempotency_key = request.headers.get("PayPal-Request-Id") or None
        found = router.find(request.method, path)
        if found is None:
            self._journal.violation(entry, "the sandbox does not play this call")
            raise PayPalError(501, "INTERNAL_SERVER_ERROR")
        body = self._body(request, entry)
        headers = {name.lower(): value for name, value in request.headers.items()}
        for breach in contract.breaches(request.method, path, query, headers, body):
            self._journal.violation(entry, breach)
        if len(entry.idempotency_key or "") > _LONGEST_REQUEST_ID:
            raise invalid("INVALID_STRING_LENGTH", "The length of PayPal-Request-Id is too long.")
        full = request.headers.get("Prefer") == "return=representation"
        entry.parameters = query | (body if isinstance(body, dict) else {})
        route, parts = found
        return route, Call(self._world, body or {}, query, parts, full)

    def _authenticate(self, request: Request) -> None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        until = self._world.data["tokens"].get(token)
        if scheme != "Bearer" or until is None or until < self._world.clock.now():
            raise TokenError("invalid_token", "Token signature verification failed")

    def _body(self, request: Request, entry: Entry) -> Any:  # noqa: ANN401 - JSON
        if request.mimetype == "multipart/form-data":
            return self._multipart(request, entry)
        text = request.get_data()
        if not text:
            return None
        if request.mimetype != "application/json":
            self._journal.violation(entry, f"a body of {request.mimetype or 'no type'}")
        try:
            return json.loads(text)
        except ValueError as error:
            raise invalid("MALFORMED_REQUEST_JSON", "The request JSON is not well formed.") from error

    def _multipart(self, request: Request, entry: Entry) -> Any:  # noqa: ANN401 - JSON
        part = request.files.get(_INPUT)
        if part is None or part.mimetype != "application/json":
            self._journal.violation(entry, f"a multipart body has its JSON in a part called {_INPUT}")
            raise invalid("MISSING_REQUIRED_PARAMETER", "A required parameter is missing.", field="/input")
        with part.stream:
            return json.loads(part.read())


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, secret) if scheme == "Basic" else None
