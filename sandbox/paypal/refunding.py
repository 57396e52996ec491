"""Refunds: money given back, out of the balance, without PayPal's fee."""

from sandbox.paypal import lines
from sandbox.paypal.amounts import counted, said
from sandbox.paypal.errors import unprocessable
from sandbox.paypal.events import emit
from sandbox.paypal.router import Answer, Call, link, route
from sandbox.paypal.settings import DAY
from sandbox.paypal.state import World, shown
from sandbox.world import Json


@route("POST", "/v2/payments/captures/{capture_id}/refund", keys_last=45 * DAY)
def create(call: Call) -> Answer:
    """Give back a part of a capture, or all that is left of it."""
    world, capture = call.world, call.world.get("capture", call.parts["capture_id"])
    paid, currency = counted(capture["amount"])
    left = paid - _given_back(world, capture["id"])
    amount = left
    if "amount" in call.body:
        amount, asked = counted(call.body["amount"])
        if asked != currency:
            raise unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH", "Refund must be in the same currency.")
    _refuse_what_cannot_be(world, capture, amount, left, currency)
    refund = _made(call, capture, amount, currency)
    if world.settings.refunds_pending:
        refund["status_details"] = {"reason": "ECHECK"}
        emit(world, "PAYMENT.REFUND.PENDING", "refund", shown(refund))
    else:
        completed(world, refund)
    _restate(world, capture)
    full = shown(refund)
    return 201, full if call.full else {name: full[name] for name in ("id", "status", "links")}


@route("GET", "/v2/payments/refunds/{refund_id}")
def get(call: Call) -> Answer:
    """The refund now."""
    return 200, shown(call.world.get("refund", call.parts["refund_id"]))


def completed(world: World, refund: Json) -> Json:
    """The payer has the money."""
    amount, currency = counted(refund["amount"])
    refund |= {"status": "COMPLETED", "update_time": world.instant(), "_booked": True}
    refund.pop("status_details", None)
    lines.book(
        world,
        "T1107",
        -amount,
        currency,
        line_id=refund["id"],
        reference=refund["_capture"],
        custom=refund.get("custom_id"),
    )
    took = lines.convert(world, -amount, currency, reference=refund["id"])
    if took is not None:
        refund["seller_payable_breakdown"] |= {
            "net_amount_in_receivable_currency": took["amount"],
            "net_amount_breakdown": [
                {
                    "payable_amount": said(amount, currency),
                    "converted_amount": took["amount"],
                    "exchange_rate": took["exchange_rate"],
                }
            ],
        }
    emit(world, "PAYMENT.CAPTURE.REFUNDED", "refund", shown(refund))
    return shown(refund)


def failed(world: World, refund: Json) -> Json:
    """The payer's bank sends it back; what had left the balance returns."""
    amount, currency = counted(refund["amount"])
    if refund.get("_booked"):
        lines.book(world, "T1107", amount, currency, reference=refund["id"], custom=refund.get("custom_id"))
    refund |= {"status": "FAILED", "update_time": world.instant(), "_booked": False}
    refund.pop("status_details", None)
    _restate(world, world.get("capture", refund["_capture"]))
    emit(world, "PAYMENT.REFUND.FAILED", "refund", shown(refund))
    return shown(refund)


def _made(call: Call, capture: Json, amount: int, currency: str) -> Json:
    world, refund_id, capture_id = call.world, call.world.new_id(), capture["id"]
    refund: Json = {
        "id": refund_id,
        "status": "PENDING",
        "amount": said(amount, currency),
        "seller_payable_breakdown": {
            "gross_amount": said(amount, currency),
            "paypal_fee": said(0, currency),
            "net_amount": said(amount, currency),
            "total_refunded_amount": said(_given_back(world, capture_id) + amount, currency),
        },
        "create_time": world.instant(),
        "update_time": world.instant(),
        "links": [
            link(world, f"/v2/payments/refunds/{refund_id}", "self"),
            link(world, f"/v2/payments/captures/{capture_id}", "up"),
        ],
        "_capture": capture_id,
        "_order": capture["_order"],
    }
    given = ("custom_id", "invoice_id", "note_to_payer")
    refund |= {name: call.body[name] for name in given if name in call.body}
    return world.put("refund", refund)


def _refuse_what_cannot_be(world: World, capture: Json, amount: int, left: int, currency: str) -> None:
    if capture["status"] == "PENDING":
        raise unprocessable("PENDING_CAPTURE", "Cannot initiate a refund as the capture is pending.")
    if capture["status"] in {"DECLINED", "FAILED"}:
        raise unprocessable("REFUND_NOT_ALLOWED", "Capture cannot be refunded.")
    if not left:
        raise unprocessable("CAPTURE_FULLY_REFUNDED", "The capture has already been fully refunded.")
    if amount > left:
        raise unprocessable(
            "REFUND_AMOUNT_EXCEEDED",
            "The refund amount must be less than or equal to the capture amount that has not yet been refunded.",
        )
    if amount != left and world.notes(capture["id"]).get("disputed"):
        raise unprocessable("TRANSACTION_DISPUTED", "Partial refunds cannot be offered at this time.")
    if world.notes(capture["id"]).get("charged_back"):
        raise unprocessable("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK", "Refunds not allowed on this capture.")
    needed, held_in = (lines.changed(world, amount, currency) or (amount, currency))[:2]
    if lines.balance(world, held_in) < needed:
        raise unprocessable(
            "REFUND_FAILED_INSUFFICIENT_FUNDS", "Capture could not be refunded due to insufficient funds."
        )


def _given_back(world: World, capture_id: str) -> int:
    return sum(
        counted(each["amount"])[0]
        for each in world.all_of("refund")
        if each["_capture"] == capture_id and each["status"] not in {"FAILED", "CANCELLED"}
    )


def _restate(world: World, capture: Json) -> None:
    paid, given_back = counted(capture["amount"])[0], _given_back(world, capture["id"])
    states = {0: "COMPLETED", paid: "REFUNDED"}
    lines.restate(world, capture["id"], "V" if given_back == paid else "S")
    capture |= {"status": states.get(given_back, "PARTIALLY_REFUNDED"), "update_time": world.instant()}
