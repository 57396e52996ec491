"""What a test or a person may do to any peer: turn the clock, order misfortunes, hold up the post, read the journal."""

import json
import re
from collections.abc import Callable
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from sandbox import agenda, deliveries
from sandbox.clock import ClockRunsForwardError
from sandbox.courier import Courier
from sandbox.faults import Faults, Rule
from sandbox.journal import Journal
from sandbox.world import Json, World

# The control of one peer, what was sent, and the id in the path.
Act = Callable[[Any, Json, str], object]


class Acts:
    """The control requests of a peer, by method and path; the path may hold one id."""

    def __init__(self) -> None:
        self._acts: list[tuple[str, re.Pattern[str], Act]] = []

    def __call__(self, method: str, path: str) -> Callable[[Act], Act]:
        """Name the function that answers a control request."""
        pattern = re.compile(path.replace("{id}", r"(?P<id>[^/]+)"))

        def register(function: Act) -> Act:
            self._acts.append((method, pattern, function))
            return function

        return register

    def find(self, method: str, path: str) -> tuple[Act, str] | None:
        """The function for a request, and the id in its path."""
        for known, pattern, function in self._acts:
            match = pattern.fullmatch(path)
            if match and known == method:
                return function, match.groupdict().get("id", "")
        return None


class Peer(Protocol):
    """What every peer has."""

    faults: Faults
    journal: Journal


class Refusal(Exception):  # noqa: N818 - an answer to the sender
    """What a peer refuses in its own words."""

    status: int
    body: Json


act = Acts()


class Control:
    """What every control request is about."""

    prefix = "/_sandbox/"
    acts = act

    def __init__(self, peer: Peer, world: World, courier: Courier) -> None:
        self.peer = peer
        self.world = world
        self.courier = courier

    def answer(self, request: Request) -> Response:
        """Do what was asked; the answer is always JSON."""
        path = request.path.removeprefix(self.prefix)
        found = self.acts.find(request.method, path) or act.find(request.method, path)
        if found is None:
            return _json({"error": f"the sandbox has no {request.method} {request.path}"}, 404)
        return self._done(*found, request)

    def _done(self, function: Act, object_id: str, request: Request) -> Response:
        try:
            return _json(function(self, _body(request), object_id))
        except Refusal as refusal:
            return _json(refusal.body, refusal.status)
        except (KeyError, LookupError) as missing:
            return _json({"error": str(missing)}, 404)
        except (TypeError, ValueError, ClockRunsForwardError) as mistake:
            return _json({"error": str(mistake)}, 400)

    def thing(self, object_id: str, kind: str) -> Json:
        """The object a control request names."""
        found = self.world.find(object_id)
        if found is None or found["object"] != kind:
            raise LookupError(f"no {kind} {object_id}")
        return found


@act("GET", "health")
def health(_control: Control, _given: Json, _id: str) -> Json:
    """Whether the sandbox listens."""
    return {"status": "ok"}


@act("GET", "clock")
def clock(control: Control, _given: Json, _id: str) -> Json:
    """What time it is here."""
    return _time(control)


@act("POST", "clock")
def turn_clock(control: Control, given: Json, _id: str) -> Json:
    """Let time pass: all that falls due on the way happens, in order, at its own moment."""
    world = control.world
    with world.lock:
        world.clock.advance(float(given["advance_seconds"]))
        done = agenda.run_due(world)
        world.touch()
    return _time(control) | {"done": done}


@act("GET", "faults")
def faults(control: Control, _given: Json, _id: str) -> list[Json]:
    """The misfortunes in force and how often they struck."""
    return [rule.shown() for rule in control.peer.faults.rules()]


@act("POST", "faults")
def order_fault(control: Control, given: Json, _id: str) -> Json:
    """Order a misfortune."""
    return control.peer.faults.order(Rule(**given)).shown()


@act("DELETE", "faults")
def clear_faults(control: Control, _given: Json, _id: str) -> Json:
    """End all misfortunes and let go whatever is held."""
    control.peer.faults.clear()
    return {}


@act("POST", "faults/{id}/release")
def release(control: Control, given: Json, object_id: str) -> Json:
    """Let held requests go on, or cut them: `{"verdict": "cut"}`."""
    control.peer.faults.release(object_id, verdict=given.get("verdict", "continue"))
    return {}


@act("GET", "webhooks")
def list_deliveries(control: Control, _given: Json, _id: str) -> list[Json]:
    """Every delivery, oldest first, with its attempts."""
    with control.world.lock:
        return list(control.world.data["deliveries"].values())


@act("POST", "webhooks/drain")
def drain(control: Control, given: Json, _id: str) -> Json:
    """Wait until every delivery that is due has been attempted."""
    return {"drained": control.courier.drain(float(given.get("timeout_seconds", 10)))}


@act("POST", "webhooks/redeliver")
def redeliver_all(control: Control, given: Json, _id: str) -> Json:
    """Send again all events, or those of the given `types` (an expression), oldest first."""
    world, types = control.world, re.compile(given.get("types", ".*"))
    with world.lock:
        events = [
            thing
            for thing in world.data["objects"].values()
            if thing["object"] == "event" and types.fullmatch(thing["type"])
        ]
        for event in events:
            deliveries.redeliver(world, event)
    return {"events": [event["id"] for event in events]}


@act("POST", "events/{id}/redeliver")
def redeliver(control: Control, given: Json, object_id: str) -> Json:
    """Send an event again; with `copies`, that many at the same instant."""
    event = control.thing(object_id, "event")
    if "copies" in given:
        return {"answers": control.courier.storm(event, copies=int(given["copies"]))}
    with control.world.lock:
        return deliveries.redeliver(control.world, event)


@act("GET", "journal")
def journal(control: Control, _given: Json, _id: str) -> list[Json]:
    """Every request received."""
    return control.peer.journal.entries()


@act("GET", "violations")
def violations(control: Control, _given: Json, _id: str) -> list[Json]:
    """Every request that the real Stripe would not have understood."""
    return control.peer.journal.violations()


def _time(control: Control) -> Json:
    turned = control.world.clock
    return {"now": turned.now(), "offset_seconds": turned.offset_seconds}


def _body(request: Request) -> Json:
    text = request.get_data()
    given = json.loads(text) if text else {}
    if not isinstance(given, dict):
        raise TypeError("a JSON object was expected")
    return given


def _json(answer: Any, status: int = 200) -> Response:  # noqa: ANN401 - whatever JSON can say
    return Response(json.dumps(answer), status=status, mimetype="application/json")
