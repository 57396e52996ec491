"""The sandbox's own API for Adyen under `/_sandbox/adyen/`: play the shopper, the banks and the post."""

import re

from werkzeug.wrappers import Request, Response

from sandbox import deliveries
from sandbox.adyen import contract, disputing, ledger, moving, news, onboarding, paying, refunding
from sandbox.adyen.errors import AdyenError, Json
from sandbox.adyen.server import Peer
from sandbox.adyen.state import World
from sandbox.controls import Acts
from sandbox.controls import Control as AnyControl
from sandbox.courier import Courier
from sandbox.policy import Policy

act = Acts()

_PRICES = (
    "fee_basis_points",
    "fee_fixed_minor",
    "dispute_fee_minor",
    "capture_seconds",
    "settle_seconds",
    "refund_seconds",
    "refund_book_seconds",
    "payout_book_seconds",
    "payout_credit_seconds",
)


class Control(AnyControl):
    """What a test or a person may do to Adyen."""

    prefix = "/_sandbox/adyen/"
    acts = act
    peer: Peer
    world: World

    def __init__(self, peer: Peer, courier: Courier) -> None:
        super().__init__(peer, peer.world, courier)

    def answer(self, request: Request) -> Response:
        """Do what was asked; what is Adyen's own happens all at once."""
        if self.acts.find(request.method, request.path.removeprefix(self.prefix)) is None:
            return super().answer(request)
        try:
            with self.world.lock:
                return super().answer(request)
        except AdyenError as refusal:
            return Response(f'{{"error": "{refusal.code}"}}', status=409, mimetype="application/json")

    def payment(self, wanted: str) -> Json:
        """The payment that went through, by Adyen's reference or by ours."""
        for payment in self.world.shelf("payment"):
            if wanted in {payment["id"], payment["reference"]} and payment["state"] != "refused":
                return payment
        raise LookupError(f"no payment {wanted}")

    def holder(self, account: str) -> Json:
        """The holder of a balance account."""
        return self.world.get("accountHolder", self.world.get("balanceAccount", account)["accountHolderId"])

    def transfer(self, wanted: str) -> Json:
        """An outgoing transfer, by Adyen's id or by our reference."""
        for transfer in self.world.shelf("transfer"):
            if wanted in {transfer["id"], transfer["reference"]} and transfer["direction"] == "outgoing":
                return transfer
        raise LookupError(f"no transfer {wanted}")

    def refund(self, wanted: str) -> Json:
        """A refund, by Adyen's reference or by ours."""
        for refund in self.world.shelf("refund"):
            if wanted in {refund["id"], refund["reference"]}:
                return refund
        raise LookupError(f"no refund {wanted}")


@act("POST", "sessions/{id}/pay")
def pay(control: Control, given: Json, object_id: str) -> Json:
    """The shopper pays; `{"refuse": "why"}` has the bank say no, `{"challenge": true}` ask who it is."""
    session = paying.live_session(control.world, object_id)
    if given.get("challenge"):
        return paying.challenged(control.world, session)
    if given.get("refuse"):
        return paying.refused(control.world, session, reason=given["refuse"])
    return paying.paid(control.world, session, last4=given.get("last4", "1111"))


@act("POST", "sessions/{id}/authenticate")
def authenticate(control: Control, given: Json, object_id: str) -> Json:
    """The shopper answers the bank's 3-D Secure challenge."""
    session = paying.live_session(control.world, object_id)
    if not session.pop("challenged", False):
        raise ValueError("the bank has not asked")
    if given.get("succeeds", True):
        return paying.paid(control.world, session)
    return paying.refused(control.world, session, reason="3D Not Authenticated")


@act("POST", "refunds/{id}/fail")
def fail_refund(control: Control, _given: Json, object_id: str) -> Json:
    """The shopper's bank sends a refund back."""
    return refunding.failed(control.world, control.refund(object_id))


@act("POST", "payments/{id}/dispute")
def dispute(control: Control, given: Json, object_id: str) -> Json:
    """The shopper's bank charges back: all or an `amount`, or with `inquiry` only asks; `auto_defended` by Adyen."""
    return disputing.opened(control.world, control.payment(object_id), **given)


@act("POST", "payments/{id}/warn")
def warn(control: Control, _given: Json, object_id: str) -> Json:
    """The card's network suspects fraud."""
    return disputing.warned(control.world, control.payment(object_id))


@act("POST", "disputes/{id}/move")
def move_dispute(control: Control, given: Json, object_id: str) -> Json:
    """The dispute goes on: `{"code": "CHARGEBACK_REVERSED"}`."""
    return disputing.moved(control.world, control.world.get("dispute", object_id), given["code"])


@act("POST", "transfers/{id}/fail")
def fail_transfer(control: Control, given: Json, object_id: str) -> Json:
    """A bank refuses a payout, or returns it."""
    reason = given.get("reason", "counterpartyAccountClosed")
    return moving.failed(control.world, control.transfer(object_id), reason=reason)


@act("POST", "accounts/{id}/onboarding")
def complete_onboarding(control: Control, given: Json, object_id: str) -> Json:
    """The worker completes Adyen's form."""
    takes_instant = bool(given.get("takes_instant", True))
    return onboarding.completed(control.world, control.holder(object_id), takes_instant=takes_instant)


@act("POST", "accounts/{id}/restrict")
def restrict(control: Control, given: Json, object_id: str) -> Json:
    """Adyen asks a worker for more, or with `{"status": "rejected"}` stops for good."""
    status = given.get("status", "invalid")
    return onboarding.restricted(control.world, control.holder(object_id), status=status)


@act("POST", "lines")
def book_line(control: Control, given: Json, _id: str) -> Json:
    """Something moves on our account that nobody ordered: `type`, `amount`, `currency`."""
    amount = int(given["amount"])
    transfer = ledger.opened(
        control.world,
        account=given.get("account") or control.world.settings.balance_account,
        category=given.get("category", "internal"),
        kind=given["type"],
        amount={"currency": given.get("currency", "USD"), "value": abs(amount)},
        incoming=amount > 0,
        reference=given.get("reference", "<auto>"),
        data={},
    )
    return ledger.step(control.world, transfer, "booked", balance=amount)


@act("POST", "lists/{id}")
def leave_out(control: Control, given: Json, object_id: str) -> Json:
    """From now on, list a transfer or a transaction without these `fields`, none of which Adyen promises."""
    control.world.data.setdefault("left_out", {})[object_id] = list(given["fields"])
    return given


@act("POST", "prices")
def prices(control: Control, given: Json, _id: str) -> Json:
    """Change what Adyen charges and how long it takes, from now on."""
    for name, value in given.items():
        if name not in _PRICES:
            raise ValueError(f"unknown: {name}")
        setattr(control.world.settings, name, int(value))
    return given


@act("POST", "webhooks")
def set_webhooks(control: Control, given: Json, _id: str) -> Json:
    """Where notifications go (`url`) and what befalls them (`policy`)."""
    if "url" in given:
        control.world.settings.webhook_url = given["url"]
    if "policy" in given:
        control.world.policy = Policy(**given["policy"])
    control.world.touch()
    return {"url": control.world.settings.webhook_url}


@act("GET", "news")
def all_news(control: Control, _given: Json, _id: str) -> list[Json]:
    """Every notification, sent or not, as it would be delivered now."""
    found = []
    for event in control.world.shelf("news"):
        payload, headers = control.world.letter(event)
        found.append(
            {"id": event["id"], "type": event["type"], "payload": payload.decode(), "headers": headers}
        )
    return found


@act("POST", "webhooks/redeliver")
def redeliver(control: Control, given: Json, _id: str) -> Json:
    """Send again all notifications, or those of the given `types` (an expression), oldest first."""
    types = re.compile(given.get("types", ".*"))
    again = [each for each in control.world.shelf("news") if types.fullmatch(each["type"])]
    for each in again:
        deliveries.redeliver(control.world, each)
    return {"events": [each["id"] for each in again]}


@act("POST", "sign")
def sign(control: Control, given: Json, _id: str) -> Json:
    """The signature of an item, as Adyen would write it."""
    return {"signature": news.item_signature(given, key=control.world.settings.hmac_key)}


@act("GET", "violations")
def violations(control: Control, _given: Json, _id: str) -> list[Json]:
    """All that Adyen would not have understood or said."""
    return control.peer.violations()


@act("GET", "contract")
def checked(_control: Control, _given: Json, _id: str) -> Json:
    """Whether requests are checked against Adyen's documents, and if not, why."""
    there = contract.is_there()
    return {"checked": there, "why": None if there else contract.ABSENT}


@act("GET", "state")
def state(control: Control, _given: Json, _id: str) -> Json:
    """All objects and what lies on the accounts."""
    return {name: control.world.data[name] for name in ("objects", "shelves", "purses")}


@act("POST", "reset")
def reset(control: Control, given: Json, _id: str) -> Json:
    """Forget everything; the clock too, unless `{"keep_clock": true}`."""
    control.peer.faults.clear()
    control.world.forget_all()
    if not given.get("keep_clock"):
        control.world.clock.reset()
    control.world.policy = Policy()
    control.peer.journal.clear()
    return {}
