"""What may be done to PayPal under `/_sandbox/paypal/`, beyond what may be done to any peer."""

import json

from sandbox.controls import Acts
from sandbox.controls import Control as AnyControl
from sandbox.courier import Courier
from sandbox.paypal import capturing, contract, disputes, lines, orders, payouts, refunding, signing
from sandbox.paypal.errors import not_found
from sandbox.paypal.server import Peer
from sandbox.paypal.settings import PRICES
from sandbox.paypal.state import World
from sandbox.policy import Policy
from sandbox.world import Json

act = Acts()


class Control(AnyControl):
    """What a test or a person may do to PayPal."""

    prefix = "/_sandbox/paypal/"
    acts = act
    peer: Peer
    world: World

    def __init__(self, peer: Peer, courier: Courier) -> None:
        super().__init__(peer, peer.world, courier)


@act("POST", "webhooks")
def set_webhooks(control: Control, given: Json, _id: str) -> Json:
    """Where webhooks go (`url`, `webhook_id`) and what befalls them (`policy`)."""
    world, policy = control.world, given.pop("policy", None)
    with world.lock:
        world.settings.webhook_url = given.pop("url", world.settings.webhook_url)
        world.settings.webhook_id = given.pop("webhook_id", world.settings.webhook_id)
        if given:
            raise ValueError(f"unknown: {', '.join(given)}")
        if policy is not None:
            world.policy = Policy(**policy)
        world.touch()
    return {"url": world.settings.webhook_url}


@act("GET", "events")
def list_events(control: Control, _given: Json, _id: str) -> list[Json]:
    """Every event, oldest first."""
    with control.world.lock:
        return [event["body"] for event in control.world.all_of("event")]


@act("GET", "events/{id}/signed")
def signed(control: Control, _given: Json, object_id: str) -> Json:
    """The exact body and headers with which an event would be delivered now."""
    with control.world.lock:
        payload, headers = control.world.letter(control.thing(object_id, "event"))
    return {"payload": payload.decode(), "headers": headers}


@act("POST", "sign")
def sign(control: Control, given: Json, _id: str) -> Json:
    """The headers with which PayPal would post any `payload`, at any `at`, for any `webhook_id`."""
    world = control.world
    headers = signing.headers(
        given["payload"].encode(),
        transmission_id="b2384410-f8d2-11e4-8bf3-77339302725b",
        sent_at=float(given.get("at", world.clock.now())),
        webhook_id=given.get("webhook_id", world.settings.webhook_id),
        base_url=world.base_url,
    )
    return {"headers": headers}


@act("POST", "orders/{id}/approve")
def approve(control: Control, given: Json, object_id: str) -> Json:
    """The payer agrees: `instrument` is `good`, `declined`, `echeck` or `denied`, `email` whose account it is."""
    with control.world.lock:
        return orders.approved(control.world, control.thing(object_id, "order"), **given)


@act("POST", "orders/{id}/forget")
def forget(control: Control, _given: Json, object_id: str) -> Json:
    """PayPal forgets an order nobody approved, days later."""
    with control.world.lock:
        order = control.thing(object_id, "order")
        if order["status"] == "COMPLETED":
            raise not_found(object_id)
        del control.world.data["objects"][object_id]
    return {}


@act("POST", "captures/{id}/complete")
def complete_capture(control: Control, _given: Json, object_id: str) -> Json:
    """A pending capture's money arrives."""
    with control.world.lock:
        return capturing.completed(control.world, control.thing(object_id, "capture"))


@act("POST", "captures/{id}/deny")
def deny_capture(control: Control, _given: Json, object_id: str) -> Json:
    """A pending capture's money does not arrive."""
    with control.world.lock:
        return capturing.denied(control.world, control.thing(object_id, "capture"))


@act("POST", "captures/{id}/dispute")
def dispute(control: Control, given: Json, object_id: str) -> Json:
    """The payer complains: `reason`, `stage`, `channel`, `amount`."""
    given.setdefault("reason", "MERCHANDISE_OR_SERVICE_NOT_RECEIVED")
    with control.world.lock:
        return disputes.opened(control.world, control.thing(object_id, "capture"), **given)


@act("POST", "disputes/{id}/move")
def move_dispute(control: Control, given: Json, object_id: str) -> Json:
    """It goes on: `stage`, `status`."""
    with control.world.lock:
        return disputes.moved(control.world, control.thing(object_id, "dispute"), **given)


@act("POST", "disputes/{id}/resolve")
def resolve_dispute(control: Control, given: Json, object_id: str) -> Json:
    """Somebody decides: `outcome`."""
    with control.world.lock:
        found = control.thing(object_id, "dispute")
        return disputes.resolved(control.world, found, outcome=given["outcome"])


@act("POST", "refunds/{id}/complete")
def complete_refund(control: Control, _given: Json, object_id: str) -> Json:
    """A pending refund reaches the payer."""
    with control.world.lock:
        return refunding.completed(control.world, control.thing(object_id, "refund"))


@act("POST", "refunds/{id}/fail")
def fail_refund(control: Control, _given: Json, object_id: str) -> Json:
    """The payer's bank sends a refund back."""
    with control.world.lock:
        return refunding.failed(control.world, control.thing(object_id, "refund"))


@act("POST", "payout_items/{id}/settle")
def settle_payout_item(control: Control, given: Json, object_id: str) -> Json:
    """An item of a payout gets another `status`."""
    with control.world.lock:
        item = control.thing(object_id, "payout_item")
        return payouts.settled(control.world, item, status=given["status"], error=given.get("error"))


@act("POST", "lines")
def book_line(control: Control, given: Json, _id: str) -> Json:
    """Something moves on the balance that nobody ordered: `code`, `gross`, `currency`, `fee`."""
    with control.world.lock:
        code, gross = given.pop("code"), int(given.pop("gross"))
        return lines.book(control.world, code, gross, given.pop("currency", "USD"), **given)


@act("POST", "prices")
def prices(control: Control, given: Json, _id: str) -> Json:
    """Change what PayPal charges, and how late its reports are."""
    for name, value in given.items():
        if name not in PRICES:
            raise ValueError(f"unknown: {name}")
        setattr(control.world.settings, name, int(value))
    return given


@act("POST", "conversions")
def convert(control: Control, given: Json, _id: str) -> Json:
    """What comes in a `currency` is changed into another, `into`, at a `rate` from now on; without one it is kept."""
    conversions = control.world.data.setdefault("conversions", {})
    conversions.pop(given["currency"], None)
    if given.get("into"):
        conversions[given["currency"]] = (given["into"], given["rate"])
    return given


@act("POST", "change/{id}")
def change(control: Control, given: Json, object_id: str) -> Json:
    """An object says something else from now on, such as a word nobody knows."""
    with control.world.lock:
        found = control.world.find(object_id)
        if found is None:
            raise LookupError(object_id)
        found.update(given)
        control.world.touch()
    return {}


@act("POST", "reports")
def limit_reports(control: Control, given: Json, _id: str) -> Json:
    """More than `most` movements are too many for one report."""
    control.world.notes("reports")["most"] = int(given["most"])
    return {}


@act("POST", "tokens/forget")
def forget_tokens(control: Control, _given: Json, _id: str) -> Json:
    """No access token is good any more."""
    with control.world.lock:
        control.world.data["tokens"].clear()
    return {}


@act("GET", "contract")
def checked(_control: Control, _given: Json, _id: str) -> Json:
    """Whether requests are held against PayPal's own documents, and why not."""
    return {"why_unchecked": contract.why_unchecked()}


@act("GET", "state")
def state(control: Control, _given: Json, _id: str) -> Json:
    """All objects and lines."""
    with control.world.lock:
        data = control.world.data
        return dict(json.loads(json.dumps({name: data[name] for name in ("objects", "lines")})))


@act("POST", "reset")
def reset(control: Control, given: Json, _id: str) -> Json:
    """Forget everything; the clock too, unless `{"keep_clock": true}`."""
    control.peer.faults.clear()
    with control.world.lock:
        control.world.forget_all()
        control.world.policy = Policy()
        if not given.get("keep_clock"):
            control.world.clock.reset()
        control.peer.journal.clear()
    return {}
