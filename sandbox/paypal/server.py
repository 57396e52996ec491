"""The PayPal peer: one request in, one answer out."""

import hashlib
import json
import traceback
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from sandbox import agenda, faults
from sandbox.controls import Refusal
from sandbox.faults import ConnectionCutError, Faults, Rule
from sandbox.journal import Entry, Journal
from sandbox.paypal import (
    capturing,
    disputes,
    notifications,
    orders,
    payouts,
    refunding,
    reporting,
    signing,
    vault,
)
from sandbox.paypal.admission import Door
from sandbox.paypal.errors import PayPalError, unprocessable
from sandbox.paypal.router import Answer, Call, Route
from sandbox.paypal.state import World
from sandbox.world import Json

PREFIX = "/paypal"
_TOKEN = "/v1/oauth2/token"  # noqa: S105 - a path
_CERTIFICATES = "/v1/notifications/certs/"
# Every module of routes; to import it is to have its routes.
PLAYED = (orders, capturing, refunding, vault, disputes, payouts, reporting, notifications)
_INJECTED = {
    HTTPStatus.BAD_REQUEST: "INVALID_REQUEST",
    HTTPStatus.FORBIDDEN: "NOT_AUTHORIZED",
    HTTPStatus.CONFLICT: "RESOURCE_CONFLICT",
    HTTPStatus.TOO_MANY_REQUESTS: "RATE_LIMIT_REACHED",
    HTTPStatus.SERVICE_UNAVAILABLE: "SERVICE_UNAVAILABLE",
}


class Peer:
    """Plays PayPal's API for one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self.journal = Journal()
        self._door = Door(world, self.journal)

    def answer(self, request: Request) -> Response:
        """PayPal's answer; raises `ConnectionCutError` where there shall be none."""
        path = request.path.removeprefix(PREFIX)
        entry = self.journal.open(at=self.world.clock.now(), method=request.method, path=path)
        entry.request_id = hashlib.sha256(f"{entry.number}:{entry.at}".encode()).hexdigest()[:13]
        rule = self._rule(request.method, path)
        entry.fault = rule.kind if rule else None
        faults.before_claim(rule)
        try:
            status, body = self._answered(request, path, entry, rule)
        except Refusal as refusal:
            status, body = refusal.status, refusal.body
        faults.after_effect(rule)
        if isinstance(body, bytes):
            entry.status = status
            return Response(body, status=status, mimetype="application/x-pem-file")
        return _response(status, body, entry, rule)

    def _rule(self, method: str, path: str) -> Rule | None:
        # Misfortunes are meant for what is asked, and not for the token that is fetched on the way, unless they say so.
        aside = path == _TOKEN or path.startswith(_CERTIFICATES)
        rules = self.faults.rules()
        if aside and not any(rule.path != ".*" and rule.concerns(method, path) for rule in rules):
            return None
        return self.faults.match(method, path)

    def _answered(
        self, request: Request, path: str, entry: Entry, rule: Rule | None
    ) -> tuple[int, Json | bytes | None]:
        if path.startswith(_CERTIFICATES):
            return _certificate(path.removeprefix(_CERTIFICATES))
        if rule is not None and rule.kind == "status" and not rule.effect:
            return _injected(rule)
        if path == _TOKEN:
            with self.world.lock:
                return 200, self._door.token(request)
        with self.world.lock:
            agenda.run_due(self.world)
            route, call = self._door.admit(request, entry, path)
        status, body = self._carry_out(route, call, entry, rule)
        return _injected(rule) if rule is not None and rule.kind == "status" else (status, body)

    def _carry_out(self, route: Route, call: Call, entry: Entry, rule: Rule | None) -> Answer:
        key = entry.idempotency_key
        if key is None or not route.keys_last:
            faults.before_effect(rule)
            with self.world.lock:
                return self._perform(route, call, entry)
        name = f"{entry.path}:{key}"
        with self.world.lock:
            known = self._known(name, route, call)
        if known is not None:
            entry.replayed = True
            return known
        try:
            faults.before_effect(rule)
        except ConnectionCutError:
            self._forget(name)
            raise
        # One hold of the lock, so that nobody sees an effect whose answer is not yet saved.
        with self.world.lock:
            try:
                status, body = self._perform(route, call, entry)
            except Refusal:
                # What was refused may be asked again, under the same key.
                self._forget(name)
                raise
            self.world.data["answers"][name] |= {"status": status, "body": json.dumps(body)}
        return status, body

    def _known(self, name: str, route: Route, call: Call) -> Answer | None:
        answers, now = self.world.data["answers"], self.world.clock.now()
        words = hashlib.sha256(json.dumps(call.body, sort_keys=True).encode()).hexdigest()
        known = answers.get(name)
        if known is None or known["at"] + route.keys_last < now:
            answers[name] = {"at": now, "words": words, "status": None}
            return None
        if known["words"] != words:
            raise unprocessable(
                "DUPLICATE_REQUEST_ID", "The value of PayPal-Request-Id header has already been used."
            )
        if known["status"] is None:
            raise _in_progress()
        return known["status"], json.loads(known["body"])

    def _forget(self, name: str) -> None:
        with self.world.lock:
            self.world.data["answers"].pop(name, None)

    def _perform(self, route: Route, call: Call, entry: Entry) -> Answer:
        try:
            status, body = route.play(call)
        except Refusal:
            raise
        except Exception as error:
            self.journal.violation(entry, f"the peer itself failed: {traceback.format_exc()}")
            raise PayPalError(500, "INTERNAL_SERVER_ERROR") from error
        self.world.touch()
        # As it is now: what changes later changes no answer that was given.
        return status, None if body is None else json.loads(json.dumps(body))


def _in_progress() -> PayPalError:
    detail = {
        "issue": "PREVIOUS_REQUEST_IN_PROGRESS",
        "description": "A previous request on this resource is currently in progress.",
    }
    return PayPalError(409, "RESOURCE_CONFLICT", details=(detail,))


def _certificate(name: str) -> tuple[int, bytes]:
    known = signing.signer()
    return (200, known.chain) if name == known.name else (404, b"")


def _injected(rule: Rule) -> tuple[int, Json]:
    if rule.status == HTTPStatus.UNAUTHORIZED:
        return rule.status, {"error": "invalid_token", "error_description": "The token has expired"}
    name = _INJECTED.get(HTTPStatus(rule.status), "INTERNAL_SERVER_ERROR")
    return rule.status, PayPalError(rule.status, name).body


def _response(status: int, body: Json | None, entry: Entry, rule: Rule | None) -> Response:
    entry.status = status
    if status >= HTTPStatus.BAD_REQUEST and body is not None:
        body = body | ({"debug_id": entry.request_id} if "name" in body else {})
        entry.error = (body.get("details") or [{}])[0].get("issue") or body.get("name") or body.get("error")
    text = "" if body is None else json.dumps(body)
    response = Response(text, status=status, mimetype="application/json")
    response.headers["Paypal-Debug-Id"] = str(entry.request_id)
    if rule is not None and rule.kind == "status" and rule.retry_after is not None:
        response.headers["Retry-After"] = str(rule.retry_after)
    return response
