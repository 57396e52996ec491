"""The Adyen peer as a WSGI application: one request in, one answer out."""

import json
import traceback
from http import HTTPStatus

from werkzeug.wrappers import Request, Response

from sandbox import agenda, faults
from sandbox.adyen import contract, idempotency, router
from sandbox.adyen.errors import AdyenError, Json, unauthenticated
from sandbox.adyen.router import Call, Play
from sandbox.adyen.state import World
from sandbox.faults import ConnectionCutError, Faults, Rule
from sandbox.journal import Entry, Journal

_INJECTED = {
    401: ("000", "HTTP Status Response - Unauthorized", "security"),
    403: ("010", "Not allowed", "security"),
    429: ("429", "Too many requests", "security"),
}
_OTHERWISE = ("905", "Payment details are not supported", "internal")


class Peer:
    """Plays Adyen's APIs for one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self.journal = Journal()
        router.load()

    def answer(self, request: Request) -> Response:
        """Adyen's answer; raises `ConnectionCutError` where there shall be none."""
        entry = self.journal.open(at=self.world.clock.now(), method=request.method, path=request.path)
        with self.world.lock:
            entry.request_id = self.world.psp()
        rule = self.faults.match(request.method, request.path)
        entry.fault = rule.kind if rule else None
        faults.before_claim(rule)
        try:
            status, body = self._admitted(request, entry, rule)
        except AdyenError as refusal:
            entry.error = refusal.code
            status, body = refusal.status, json.dumps(refusal.body(request.path, reference=entry.request_id))
        faults.after_effect(rule)
        return _response(status, body, entry, rule)

    def violations(self) -> list[Json]:
        """Every request that Adyen would not have understood, and all that it would not have said itself."""
        with self.world.lock:
            sent = list(self.world.shelf("news")) if contract.is_there() else []
        of_the_peer = [
            {"notification": event["id"], "operation": event["type"], "message": problem}
            for event in sent
            for problem in contract.notification_problems(event["body"])
        ]
        return [*self.journal.violations(), *of_the_peer]

    def _admitted(self, request: Request, entry: Entry, rule: Rule | None) -> tuple[int, str]:
        if request.headers.get("X-API-Key") != self.world.settings.api_key:
            raise unauthenticated()
        text = request.get_data(as_text=True)
        body = json.loads(text) if text else {}
        entry.parameters = {**request.args.to_dict(), **body}
        entry.idempotency_key = request.headers.get("Idempotency-Key") or None
        self._check(entry, request.args.to_dict(), body)
        found = router.find(request.method, request.path)
        if found is None:
            raise AdyenError(404, "000", f"The sandbox does not play {request.method} {request.path}.")
        play, parts = found
        base = request.host_url.rstrip("/") + "/adyen"
        call = Call(self.world, body, request.args.to_dict(), parts, base)
        if rule is not None and rule.kind == "status" and not rule.effect:
            return _injected(rule, entry)
        if entry.idempotency_key is None or request.method != "POST":
            faults.before_effect(rule)
            with self.world.lock:
                return self._perform(play, call, entry, rule)
        return self._once(play, call, entry, rule, text)

    def _once(self, play: Play, call: Call, entry: Entry, rule: Rule | None, text: str) -> tuple[int, str]:
        key = str(entry.idempotency_key)
        with self.world.lock:
            replay = idempotency.claim(self.world, key, method=entry.method, path=entry.path, body=text)
        if replay is not None:
            entry.replayed = True
            return replay.status, replay.body
        try:
            faults.before_effect(rule)
        except ConnectionCutError:
            with self.world.lock:
                idempotency.forget(self.world, key)
            raise
        # One hold of the lock, so that nobody sees an effect whose answer is not yet saved.
        with self.world.lock:
            try:
                status, body = self._perform(play, call, entry, rule)
            except AdyenError:
                # Adyen remembers what it did, not what it refused before doing anything.
                idempotency.forget(self.world, key)
                raise
            idempotency.keep(self.world, key, status=status, body=body)
        return _injected(rule, entry) if rule is not None and rule.kind == "status" else (status, body)

    def _perform(self, play: Play, call: Call, entry: Entry, rule: Rule | None) -> tuple[int, str]:
        agenda.run_due(self.world)
        try:
            status, body = play(call)
        except AdyenError:
            raise
        except Exception:  # noqa: BLE001 - a bug of the peer must fail the test, not hang it
            self.journal.violation(entry, f"the peer itself failed: {traceback.format_exc()}")
            return 500, json.dumps(
                AdyenError(500, "905", "The sandbox failed.").body(entry.path, reference="-")
            )
        self.world.touch()
        self._check_answer(entry, status, body)
        if rule is not None and rule.kind == "status" and entry.idempotency_key is None:
            return _injected(rule, entry)
        return status, json.dumps(body)

    def _check(self, entry: Entry, query: dict[str, str], body: Json) -> None:
        if not contract.is_there():
            return
        operation = contract.operation_for(entry.method, entry.path)
        if operation is None:
            self.journal.violation(entry, "Adyen has no such call")
            return
        for problem in operation.problems(query, body):
            self.journal.violation(entry, problem)

    def _check_answer(self, entry: Entry, status: int, body: Json) -> None:
        operation = contract.operation_for(entry.method, entry.path) if contract.is_there() else None
        if operation is not None:
            for problem in operation.answer_problems(status, body):
                self.journal.violation(entry, f"the peer's own answer: {problem}")


def _injected(rule: Rule, entry: Entry) -> tuple[int, str]:
    code, message, kind = _INJECTED.get(rule.status, _OTHERWISE)
    refusal = AdyenError(rule.status, rule.code or code, message, kind=kind)
    return rule.status, json.dumps(refusal.body(entry.path, reference=str(entry.request_id)))


def _response(status: int, body: str, entry: Entry, rule: Rule | None) -> Response:
    entry.status = status
    nothing = status == HTTPStatus.NO_CONTENT
    response = Response("" if nothing else body, status=status, mimetype="application/json")
    response.headers["pspReference"] = str(entry.request_id)
    if entry.idempotency_key is not None:
        response.headers["Idempotency-Key"] = entry.idempotency_key
    if rule is not None and rule.kind == "status" and rule.retry_after is not None:
        response.headers["Retry-After"] = str(rule.retry_after)
    if rule is not None and rule.kind == "status" and rule.transient:
        response.headers["transient-error"] = "true"
    return response
