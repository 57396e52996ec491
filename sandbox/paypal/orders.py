"""Orders: made by the merchant, approved by the payer on PayPal's page, and captured by the merchant."""

from sandbox.agenda import due, schedule
from sandbox.paypal import capturing, vault
from sandbox.paypal.amounts import counted, said
from sandbox.paypal.errors import invalid, unprocessable
from sandbox.paypal.events import emit
from sandbox.paypal.router import Answer, Call, link, route
from sandbox.paypal.state import World, shown
from sandbox.world import Json

_SIX_HOURS = 6 * 3_600
_OPEN = ("CREATED", "PAYER_ACTION_REQUIRED")


@route("POST", "/v2/checkout/orders", keys_last=_SIX_HOURS)
def create(call: Call) -> Answer:
    """Begin an order over one purchase unit, to be captured later."""
    world, body = call.world, call.body
    if body["intent"] != "CAPTURE" or len(body["purchase_units"]) != 1:
        raise invalid("INVALID_PARAMETER_VALUE", "The sandbox plays orders of one unit, with intent CAPTURE.")
    wallet = (body.get("payment_source") or {}).get("paypal")
    order = world.put(
        "order",
        {
            "id": world.new_id(),
            "intent": "CAPTURE",
            "status": "CREATED" if wallet is None else "PAYER_ACTION_REQUIRED",
            "purchase_units": [_unit(body["purchase_units"][0])],
            "create_time": world.instant(),
            "_wallet": wallet or {},
            "_instrument": "good",
            "_expires_at": world.now() + world.settings.approval_seconds,
        },
    )
    schedule(world, at=order["_expires_at"], kind="paypal.order_expires", subject=order["id"])
    # PayPal answers 200 where it was told how the payer will pay.
    return (201 if wallet is None else 200), _answer(call, order)


@route("GET", "/v2/checkout/orders/{id}")
def get(call: Call) -> Answer:
    """The order now, with what came of it."""
    return 200, whole(call.world, call.world.get("order", call.parts["id"]))


@route("POST", "/v2/checkout/orders/{id}/capture", keys_last=_SIX_HOURS)
def capture(call: Call) -> Answer:
    """Take the money of an approved order."""
    world, order = call.world, call.world.get("order", call.parts["id"])
    _refuse_unless_capturable(world, order)
    made = capturing.made(world, order, instrument=order["_instrument"])
    order |= {"status": "COMPLETED", "update_time": world.instant()}
    if made["status"] != "DECLINED":
        vault.saved(world, order)
    emit(world, "CHECKOUT.ORDER.COMPLETED", "checkout-order", whole(world, order))
    return 201, _answer(call, order)


def approved(
    world: World, order: Json, *, instrument: str = "good", email: str = "payer@example.com"
) -> Json:
    """The payer agrees on PayPal's page, with an instrument that is good, `declined`, `echeck` or `denied`."""
    if order["status"] not in (*_OPEN, "APPROVED"):
        raise unprocessable(
            "ORDER_COMPLETED_OR_VOIDED", "Order is voided or completed and hence cannot be approved."
        )
    payer_id = world.notes(email).setdefault("payer_id", world.new_payer_id())
    name = {"given_name": "Pat", "surname": "Payer"}
    order |= {
        "status": "APPROVED",
        "update_time": world.instant(),
        "payer": {"email_address": email, "payer_id": payer_id, "name": name},
        "payment_source": {
            "paypal": {
                "email_address": email,
                "account_id": payer_id,
                "account_status": "VERIFIED",
                "name": name,
            }
        },
        "_instrument": instrument,
    }
    emit(world, "CHECKOUT.ORDER.APPROVED", "checkout-order", whole(world, order))
    return whole(world, order)


def whole(world: World, order: Json) -> Json:
    """An order with its captures and refunds."""
    answer = shown(order)
    unit = dict(order["purchase_units"][0])
    payments = capturing.payments_of(world, order["id"])
    if payments:
        unit["payments"] = payments
    answer["purchase_units"] = [unit]
    answer["links"] = _links(world, order)
    return answer


def approval_url(world: World, order: Json) -> str:
    """PayPal's page on which the payer agrees."""
    return f"{world.base_url}/hosted/checkoutnow?token={order['id']}"


@due("paypal.order_expires")
def _expired(world: World, order_id: str) -> None:
    order = world.find(order_id)
    if order is not None and order["status"] in _OPEN:
        # PayPal tells nobody: from now on it has no such order.
        del world.data["objects"][order_id]


def _answer(call: Call, order: Json) -> Json:
    full = whole(call.world, order)
    if call.full:
        return full
    minimal = ("id", "status", "payment_source", "purchase_units", "links")
    answer = {name: full[name] for name in minimal if name in full}
    if not capturing.payments_of(call.world, order["id"]):
        answer.pop("purchase_units", None)
    return answer


def _unit(given: Json) -> Json:
    minor, currency = counted(given["amount"])
    unit: Json = {"reference_id": given.get("reference_id", "default"), "amount": said(minor, currency)}
    unit |= {name: given[name] for name in ("description", "custom_id", "invoice_id") if name in given}
    unit["payee"] = {"email_address": "merchant@example.com", "merchant_id": "MERCHANT2SANDB"[:13]}
    return unit


def _links(world: World, order: Json) -> list[Json]:
    path = f"/v2/checkout/orders/{order['id']}"
    links = [link(world, path, "self")]
    if order["status"] in _OPEN:
        rel = "payer-action" if order["status"] == "PAYER_ACTION_REQUIRED" else "approve"
        links.append({"href": approval_url(world, order), "rel": rel, "method": "GET"})
    if order["status"] == "APPROVED":
        links.append(link(world, f"{path}/capture", "capture", "POST"))
    return links


def _refuse_unless_capturable(world: World, order: Json) -> None:
    if order["status"] == "COMPLETED":
        raise unprocessable(
            "ORDER_ALREADY_CAPTURED",
            "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed.",
        )
    if order["status"] != "APPROVED":
        raise unprocessable("ORDER_NOT_APPROVED", "Payer has not yet approved the Order for payment.")
    invoice = order["purchase_units"][0].get("invoice_id")
    if invoice and invoice in capturing.invoices(world):
        raise unprocessable("DUPLICATE_INVOICE_ID", "Duplicate Invoice ID detected.")
    if order["_instrument"] == "declined":
        again = {"href": approval_url(world, order), "rel": "redirect", "method": "GET"}
        raise unprocessable(
            "INSTRUMENT_DECLINED",
            "The instrument presented  was either declined by the processor or bank, or it can't be used for this "
            "payment.",
            links=(again,),
        )
