"""Who asks, for which account, and whether the request is one Stripe understands."""

import base64
import binascii
from dataclasses import dataclass

from werkzeug.wrappers import Request

from sandbox.journal import Entry, Journal
from sandbox.stripe import accounts, contract, forms, router
from sandbox.stripe.errors import Json, StripeError, invalid, unauthenticated
from sandbox.stripe.router import Call, Parameters, Route
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.state import World
from sandbox.stripe.wire_types import read

# What the mobile SDK adds to every call it makes with the publishable key.
_APP_ONLY = ("client_secret", "key", "payment_user_agent", "use_stripe_sdk")
_ANY_VERSION = frozenset({"/v1/ephemeral_keys"})


@dataclass(frozen=True)
class Admitted:
    """A request that passed the door."""

    route: Route
    call: Call
    raw: Json
    key: str | None


class Door:
    """Turns a request into a call, or refuses it as Stripe would."""

    def __init__(self, world: World, journal: Journal) -> None:
        self._world = world
        self._journal = journal

    def admit(self, request: Request, entry: Entry) -> Admitted:
        """The typed call a request stands for."""
        raw = forms.decode(_pairs(request))
        entry.parameters = raw
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        entry.idempotency_key = key
        from_the_app = self._from_the_app(request)
        entry.account = account = self._account(request)
        try:
            route, parts = self._route(request, from_the_app=from_the_app)
            client_secret = _app_parameters(raw) if from_the_app else None
            self._check_version(request, entry)
            parameters = _typed(request.method, route, raw)
        except StripeError as refusal:
            error = refusal.body["error"]
            self._journal.violation(entry, error["message"], param=error.get("param"))
            raise
        call = Call(
            world=self._world,
            account=account,
            parameters=Parameters(parameters),
            parts=parts,
            base_url=request.host_url.rstrip("/"),
            version=request.headers.get("Stripe-Version"),
            client_secret=client_secret,
        )
        return Admitted(route, call, raw, key)

    def _from_the_app(self, request: Request) -> bool:
        given = _key_of(request)
        settings = self._world.settings
        if given is None:
            raise unauthenticated(
                "You did not provide an API key. You need to provide your API key in the "
                "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
                "YOUR_SECRET_KEY')."
            )
        if given not in {settings.secret_key, settings.publishable_key}:
            raise unauthenticated(f"Invalid API Key provided: {_masked(given)}")
        return given == settings.publishable_key

    def _account(self, request: Request) -> str:
        wanted = request.headers.get("Stripe-Account")
        if wanted is None:
            return self._world.platform
        with self._world.lock:
            found = self._world.find(wanted)
        if found is None or found["object"] != "account" or accounts.has_left(self._world, wanted):
            raise accounts.no_access(wanted, _masked(_key_of(request) or ""))
        return wanted

    def _route(self, request: Request, *, from_the_app: bool) -> tuple[Route, dict[str, str]]:
        found = router.find(request.method, request.path)
        if found is None:
            raise _unplayed(request)
        if from_the_app and not found[0].public:
            raise unauthenticated(
                "This API call cannot be made with a publishable API key. Please use a secret "
                "API key. You can find a list of your API keys at "
                "https://dashboard.stripe.com/account/apikeys."
            )
        return found

    def _check_version(self, request: Request, entry: Entry) -> None:
        version = request.headers.get("Stripe-Version")
        if version not in {None, API_VERSION} and request.path not in _ANY_VERSION:
            self._journal.violation(entry, f"asked for API version {version}; the peer plays {API_VERSION}")


def _pairs(request: Request) -> list[tuple[str, str]]:
    query = list(request.args.items(multi=True))
    return query + list(request.form.items(multi=True))


def _key_of(request: Request) -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        return value
    if scheme == "Basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return value
    return None


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * max(len(key) - 12, 0)}{key[-4:]}"


def _app_parameters(raw: Json) -> str:
    secret = raw.pop("client_secret", "")
    for name in _APP_ONLY:
        raw.pop(name, None)
    return str(secret)


def _typed(method: str, route: Route, raw: Json) -> Json:
    operation = contract.operation_for(method, route.contract)
    if operation is None:
        raise LookupError(f"{method} {route.contract} is not a call of the stripe package")
    typed = read(operation.parameters, raw, "")
    if not isinstance(typed, dict):
        raise TypeError(f"parameters that are not named: {typed!r}")
    return typed


def _unplayed(request: Request) -> StripeError:
    if contract.operation_for(request.method, request.path) is None:
        return invalid(
            f"Unrecognized request URL ({request.method}: {request.path}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/.",
            status=404,
        )
    return StripeError(
        501,
        "api_error",
        f"Stripe has {request.method} {request.path}, but the sandbox does not play it.",
    )
