"""The Stripe peer as a WSGI application: one request in, one answer out."""

import json
import traceback
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from sandbox import agenda, faults
from sandbox.faults import ConnectionCutError, Faults, Rule
from sandbox.journal import Entry, Journal
from sandbox.stripe import idempotency, router
from sandbox.stripe.admission import Admitted, Door
from sandbox.stripe.errors import Json, StripeError
from sandbox.stripe.expansion import expanded
from sandbox.stripe.settings import API_VERSION
from sandbox.stripe.state import World

_INJECTED = {
    429: ("rate_limit_error", "Too many requests hit the API too quickly.", "rate_limit"),
    409: ("invalid_request_error", "This object cannot be accessed right now.", "lock_timeout"),
}


class Peer:
    """Plays Stripe's API for one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self.journal = Journal()
        self._door = Door(world, self.journal)
        router.load()

    def answer(self, request: Request) -> Response:
        """Stripe's answer; raises `ConnectionCutError` where there shall be none."""
        entry = self.journal.open(at=self.world.clock.now(), method=request.method, path=request.path)
        with self.world.lock:
            entry.request_id = self.world.new_id("req")
        rule = self.faults.match(request.method, request.path)
        entry.fault = rule.kind if rule else None
        faults.before_claim(rule)
        try:
            admitted = self._door.admit(request, entry)
            status, body = self._carry_out(admitted, entry, rule)
        except StripeError as refusal:
            status, body = refusal.status, _text(refusal.body)
        faults.after_effect(rule)
        response = _response(status, body, entry)
        if rule is not None and rule.kind == "status" and rule.retry_after is not None:
            response.headers["Retry-After"] = str(rule.retry_after)
        return response

    def _carry_out(self, admitted: Admitted, entry: Entry, rule: Rule | None) -> tuple[int, str]:
        if rule is not None and rule.kind == "status" and not rule.is_remembered:
            return _injected(rule, entry)
        if admitted.key is None:
            faults.before_effect(rule)
            with self.world.lock:
                return self._perform(admitted, entry, rule)
        return self._carry_out_once(admitted, admitted.key, entry, rule)

    def _carry_out_once(
        self, admitted: Admitted, key: str, entry: Entry, rule: Rule | None
    ) -> tuple[int, str]:
        account = admitted.call.account
        with self.world.lock:
            replay = idempotency.claim(
                self.world,
                account=account,
                key=key,
                method=entry.method,
                path=entry.path,
                parameters=admitted.raw,
            )
        if replay is not None:
            entry.replayed = True
            return replay.status, replay.body
        try:
            faults.before_effect(rule)
        except ConnectionCutError:
            with self.world.lock:
                idempotency.forget(self.world, account=account, key=key)
            raise
        # One hold of the lock, so that nobody sees an effect whose answer is not yet saved.
        with self.world.lock:
            status, body = self._perform(admitted, entry, rule)
            idempotency.keep(
                self.world,
                account=account,
                key=key,
                status=status,
                body=body,
                request_id=str(entry.request_id),
            )
        return status, body

    def _perform(self, admitted: Admitted, entry: Entry, rule: Rule | None) -> tuple[int, str]:
        spoiled = rule is not None and rule.kind == "status"
        if rule is not None and spoiled and not rule.effect:
            return _injected(rule, entry)
        agenda.run_due(self.world)
        self.world.cause = {"id": entry.request_id, "idempotency_key": admitted.key}
        try:
            status, body = 200, self._play(admitted, entry)
        except StripeError as refusal:
            status, body = refusal.status, refusal.body
        except Exception:  # noqa: BLE001 - a bug of the peer must fail the test, not hang it
            self.journal.violation(entry, f"the peer itself failed: {traceback.format_exc()}")
            status, body = 500, _broken("The sandbox failed; see its violations.")
        finally:
            self.world.cause = {"id": None, "idempotency_key": None}
        if rule is not None and spoiled:
            return _injected(rule, entry)
        return status, _text(body)

    def _play(self, admitted: Admitted, entry: Entry) -> Json:
        played = admitted.route.play(admitted.call)
        self.world.touch()
        for name in admitted.call.parameters.ignored():
            self.journal.violation(entry, f"the sandbox does not play {name}", param=name)
        try:
            return expanded(self.world, played, admitted.call.parameters.get("expand", []))
        except StripeError as refusal:
            self.journal.violation(entry, str(refusal), param="expand")
            raise


def _injected(rule: Rule, entry: Entry) -> tuple[int, str]:
    kind, message, code = _INJECTED.get(rule.status, ("api_error", "An unknown error occurred", None))
    refusal = StripeError(rule.status, kind, f"{message} ({entry.request_id})", code=code)
    return rule.status, _text(refusal.body)


def _broken(message: str) -> Json:
    return {"error": {"type": "api_error", "message": message}}


def _text(body: Json) -> str:
    return json.dumps(body)


def _response(status: int, body: str, entry: Entry) -> Response:
    entry.status = status
    if status >= HTTPStatus.BAD_REQUEST:
        error = json.loads(body)["error"]
        entry.error = error.get("code") or error["type"]
    response = Response(body, status=status, mimetype="application/json")
    response.headers["Request-Id"] = str(entry.request_id)
    response.headers["Stripe-Version"] = API_VERSION
    if entry.account is not None:
        response.headers["Stripe-Account"] = entry.account
    if entry.idempotency_key is not None:
        response.headers["Idempotency-Key"] = entry.idempotency_key
    if entry.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response
