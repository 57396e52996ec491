"""Checkout v72: sessions, cancellations, refunds and saved cards."""

import base64
from datetime import datetime

from sandbox import agenda
from sandbox.adyen import paying, refunding
from sandbox.adyen.errors import AdyenError, Json, invalid
from sandbox.adyen.router import Answer, Call, route
from sandbox.adyen.state import World, written

_LASTS_SECONDS = 3_600
_LASTS_AT_MOST_SECONDS = 24 * 3_600
_SECRET_BYTES = 96


@route("POST", "/checkout/v72/sessions")
def create_session(call: Call) -> Answer:
    """A session that a shopper's device can pay."""
    call.need("amount", "reference", "returnUrl")
    asked, world = call.of_ours(), call.world
    if asked["amount"]["value"] < 1:
        raise invalid("Invalid amount specified", code="137")
    _check_splits(world, asked)
    ends = _end(world, asked)
    data = base64.b64encode(world.token(_SECRET_BYTES).encode()).decode()
    session = {
        "id": "CS" + world.psp(),
        "asked": asked,
        "status": "active",
        "ends": ends,
        "data": f"Ab02b4c0!{data}",
        "payment": None,
    }
    world.put("session", session)
    answer = {
        name: value
        for name, value in asked.items()
        if name not in {"additionalData", "applicationInfo", "expiresAt"}
    }
    return 201, answer | {
        "id": session["id"],
        "sessionData": session["data"],
        "expiresAt": written(ends),
        "mode": "embedded",
    }


def _end(world: World, asked: Json) -> int:
    wanted = asked.get("expiresAt")
    if wanted is None:
        return world.now() + _LASTS_SECONDS
    ends = int(datetime.fromisoformat(wanted).timestamp())
    if not world.now() < ends <= world.now() + _LASTS_AT_MOST_SECONDS:
        raise invalid("Field 'expiresAt' is not valid.", code="702")
    return ends


@route("GET", "/checkout/v72/sessions/{id}")
def session_result(call: Call) -> Answer:
    """How a session ended, for whoever has the result that its device was given."""
    session = call.world.get("session", call.parts["id"])
    if call.query.get("sessionResult") != f"result:{session['id']}":
        raise AdyenError(422, "14_0415", "Invalid sessionResult")
    return 200, {"id": session["id"], "status": session["status"]}


@route("POST", "/checkout/v72/cancels")
def cancel(call: Call) -> Answer:
    """Cancel whatever was authorised under a reference of ours."""
    call.need("paymentReference")
    asked, psp = call.of_ours(), call.world.psp()
    found = [
        payment
        for payment in call.world.shelf("payment")
        if payment["reference"] == asked["paymentReference"]
        and payment["state"] in {"authorised", "captured"}
    ]
    for payment in found:
        paying.canceled(call.world, payment, psp=psp, reference=asked.get("reference"))
    if not found:
        paying.nothing_to_cancel(call.world, asked["paymentReference"], psp=psp)
    names = ("merchantAccount", "paymentReference", "reference")
    return 201, {name: asked[name] for name in names if name in asked} | {
        "pspReference": psp,
        "status": "received",
    }


@route("POST", "/checkout/v72/payments/{psp}/refunds")
def refund(call: Call) -> Answer:
    """Take a request for a refund in."""
    asked, world = call.of_ours(), call.world
    call.need("amount")
    payment = _payment(world, call.parts["psp"])
    _check_splits(world, asked)
    made = refunding.asked(world, payment, asked)
    names = ("amount", "merchantAccount", "reference", "splits")
    answer = {name: asked[name] for name in names if name in asked}
    return 201, answer | {
        "paymentPspReference": payment["id"],
        "pspReference": made["id"],
        "status": "received",
    }


@route("POST", "/checkout/v72/payments/{psp}/reversals")
def reversal(call: Call) -> Answer:
    """Cancel a payment, or give all of it back if it is too late for that."""
    asked, world = call.of_ours(), call.world
    payment = _payment(world, call.parts["psp"])
    psp = world.psp()
    if payment["state"] == "authorised":
        paying.canceled(world, payment, psp=psp, reference=asked.get("reference"))
    else:
        whole = {"amount": payment["amount"], "reference": asked.get("reference")}
        psp = refunding.asked(world, payment, whole)["id"]
    names = ("merchantAccount", "reference")
    answer = {name: asked[name] for name in names if name in asked}
    return 201, answer | {"paymentPspReference": payment["id"], "pspReference": psp, "status": "received"}


@route("GET", "/checkout/v72/storedPaymentMethods")
def stored(call: Call) -> Answer:
    """The cards that are kept for a shopper."""
    shopper = call.query.get("shopperReference", "")
    cards = [each for each in call.world.shelf("storedPaymentMethod") if each["shopperReference"] == shopper]
    return 200, {
        "merchantAccount": call.world.settings.merchant_account,
        "shopperReference": shopper,
        "storedPaymentMethods": cards,
    }


@route("DELETE", "/checkout/v72/storedPaymentMethods/{id}")
def forget(call: Call) -> Answer:
    """Forget a card."""
    card = call.world.get("storedPaymentMethod", call.parts["id"])
    if card["shopperReference"] != call.query.get("shopperReference"):
        raise invalid("The shopper has no such card.", code="800")
    call.world.data["shelves"]["storedPaymentMethod"].remove(card["id"])
    del call.world.data["objects"][card["id"]]
    return 204, {}


def _payment(world: World, psp: str) -> Json:
    agenda.run_due(world)
    if psp not in world.data["shelves"].get("payment", ()):
        raise AdyenError(422, "167", "Original pspReference required for this operation")
    return world.get("payment", psp)


def _check_splits(world: World, asked: Json) -> None:
    splits = asked.get("splits", [])
    total = sum(each["amount"]["value"] for each in splits if "amount" in each)
    if splits and total != asked["amount"]["value"]:
        raise invalid("The split amounts do not add up to the amount.", code="174")
    for each in splits:
        if each["type"] == "BalanceAccount":
            world.get("balanceAccount", each.get("account", ""))
