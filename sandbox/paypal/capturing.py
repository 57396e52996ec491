"""Captures: the money as it comes, at once, later or not at all."""

from sandbox.paypal import lines
from sandbox.paypal.amounts import counted, said
from sandbox.paypal.errors import unprocessable
from sandbox.paypal.events import emit
from sandbox.paypal.router import Answer, Call, link, route
from sandbox.paypal.state import World, shown
from sandbox.world import Json


@route("GET", "/v2/payments/captures/{capture_id}")
def get(call: Call) -> Answer:
    """The capture now."""
    return 200, shown(call.world.get("capture", call.parts["capture_id"]))


def made(world: World, order: Json, *, instrument: str) -> Json:
    """Take the money; an e-check is pending, and some are declined after all."""
    unit, order_id, capture_id = order["purchase_units"][0], order["id"], world.new_id()
    capture: Json = {
        "id": capture_id,
        "status": "PENDING",
        "amount": dict(unit["amount"]),
        "final_capture": True,
        "seller_protection": {"status": "NOT_ELIGIBLE"},
        "supplementary_data": {"related_ids": {"order_id": order_id}},
        "create_time": world.instant(),
        "update_time": world.instant(),
        "links": [
            link(world, f"/v2/payments/captures/{capture_id}", "self"),
            link(world, f"/v2/payments/captures/{capture_id}/refund", "refund", "POST"),
            link(world, f"/v2/checkout/orders/{order_id}", "up"),
        ],
        "_order": order_id,
    }
    capture |= {name: unit[name] for name in ("custom_id", "invoice_id") if name in unit}
    world.put("capture", capture)
    if instrument == "echeck":
        capture["status_details"] = {"reason": "ECHECK"}
        emit(world, "PAYMENT.CAPTURE.PENDING", "capture", shown(capture))
    elif instrument == "denied":
        denied(world, capture)
    else:
        completed(world, capture)
    return capture


def completed(world: World, capture: Json) -> Json:
    """The money is there, less PayPal's fee."""
    _refuse_unless_pending(capture)
    gross, currency = counted(capture["amount"])
    fee = min(gross, _fee(world, gross))
    capture |= {
        "status": "COMPLETED",
        "update_time": world.instant(),
        "seller_receivable_breakdown": {
            "gross_amount": said(gross, currency),
            "paypal_fee": said(fee, currency),
            "net_amount": said(gross - fee, currency),
        },
    }
    capture.pop("status_details", None)
    lines.book(
        world,
        "T0006",
        gross,
        currency,
        fee=fee,
        line_id=capture["id"],
        reference=capture["_order"],
        reference_type="ODR",
        custom=capture.get("custom_id"),
        invoice=capture.get("invoice_id"),
        begun=capture["create_time"],
    )
    came = lines.convert(world, gross - fee, currency, reference=capture["id"])
    if came is not None:
        breakdown = capture["seller_receivable_breakdown"]
        breakdown |= {"receivable_amount": came["amount"], "exchange_rate": came["exchange_rate"]}
    emit(world, "PAYMENT.CAPTURE.COMPLETED", "capture", shown(capture))
    return shown(capture)


def denied(world: World, capture: Json) -> Json:
    """The money does not come after all."""
    _refuse_unless_pending(capture)
    capture |= {"status": "DECLINED", "update_time": world.instant()}
    emit(world, "PAYMENT.CAPTURE.DENIED", "capture", shown(capture))
    return shown(capture)


def payments_of(world: World, order_id: str) -> Json:
    """An order's captures and refunds, as PayPal shows them within it."""
    captures = [each for each in world.all_of("capture") if each["_order"] == order_id]
    refunds = [each for each in world.all_of("refund") if each["_order"] == order_id]
    payments: Json = {}
    if captures:
        payments["captures"] = [_within(capture) for capture in captures]
    if refunds:
        payments["refunds"] = [_within(refund) for refund in refunds]
    return payments


def invoices(world: World) -> set[str]:
    """The invoice numbers that were paid or are being paid."""
    return {each["invoice_id"] for each in world.all_of("capture") if "invoice_id" in each and _stands(each)}


def _within(thing: Json) -> Json:
    return {name: value for name, value in shown(thing).items() if name != "supplementary_data"}


def _stands(capture: Json) -> bool:
    return capture["status"] not in {"DECLINED", "FAILED"}


def _fee(world: World, gross: int) -> int:
    settings = world.settings
    return (gross * settings.fee_basis_points + 5_000) // 10_000 + settings.fee_fixed_minor


def _refuse_unless_pending(capture: Json) -> None:
    if capture["status"] != "PENDING":
        raise unprocessable("NOT_PENDING", f"The capture is {capture['status']}.")
