"""Customers and the payment methods they have saved."""

from sandbox.stripe.errors import Json, no_such
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page, page_of
from sandbox.stripe.metadata import merged
from sandbox.stripe.payment_methods import attach, usable
from sandbox.stripe.router import Call, route

_COPIED = (
    "address",
    "balance",
    "description",
    "email",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
)


@route("POST", "/v1/customers")
def create(call: Call) -> Json:
    """Make Stripe's record of a client."""
    customer = call.world.put(call.account, _blank(call))
    _change(call, customer)
    emit(call.world, "customer.created", customer)
    return customer


@route("GET", "/v1/customers")
def listed(call: Call) -> Json:
    """All customers, newest first."""
    found = page(call, "customer", by=["email"])
    found["data"] = [customer for customer in found["data"] if not customer.get("deleted")]
    return found


@route("GET", "/v1/customers/{customer}")
def retrieve(call: Call) -> Json:
    """One customer, or the fact that there was one."""
    return call.named("customer", "customer")


@route("POST", "/v1/customers/{customer}")
def update(call: Call) -> Json:
    """Change a customer's details or the default payment method."""
    customer = _living(call)
    _change(call, customer)
    emit(call.world, "customer.updated", customer)
    return customer


@route("DELETE", "/v1/customers/{customer}")
def delete(call: Call) -> Json:
    """Forget a customer; only the id remains."""
    customer = _living(call)
    emit(call.world, "customer.deleted", customer)
    for method in _methods(call, customer["id"]):
        method["customer"] = None
        call.world.notes(method["id"])["spent"] = True
    customer_id = customer["id"]
    customer.clear()
    customer |= {"id": customer_id, "object": "customer", "deleted": True}
    return customer


@route("GET", "/v1/customers/{customer}/payment_methods")
def payment_methods(call: Call) -> Json:
    """What a customer has saved, newest first."""
    customer = _living(call)
    wanted = {name: call.parameters[name] for name in ("type", "allow_redisplay") if name in call.parameters}
    found = [
        method
        for method in _methods(call, customer["id"])
        if all(method[name] == value for name, value in wanted.items())
    ]
    return page_of(call, found, url=f"/v1/customers/{customer['id']}/payment_methods")


@route("GET", "/v1/customers/{customer}/payment_methods/{payment_method}")
def payment_method(call: Call) -> Json:
    """One payment method, if this customer has saved it."""
    method = call.named("payment_method", "payment_method")
    if method["customer"] != _living(call)["id"]:
        raise no_such("PaymentMethod", method["id"])
    return method


def _methods(call: Call, customer_id: str) -> list[Json]:
    return [
        method
        for method in call.world.shelf(call.account, "payment_method")
        if method["customer"] == customer_id
    ]


def _living(call: Call) -> Json:
    customer = call.named("customer", "customer")
    if customer.get("deleted"):
        raise no_such("customer", customer["id"])
    return customer


def _change(call: Call, customer: Json) -> None:
    parameters = call.parameters
    customer |= call.given(*_COPIED)
    customer["metadata"] = merged(customer["metadata"], parameters.get("metadata"))
    if name := parameters.get("payment_method"):
        attach(call.world, usable(call.world, call.account, name), customer)
    settings = parameters.get("invoice_settings", {})
    if "default_payment_method" in settings:
        _make_default(call, customer, settings["default_payment_method"])


def _make_default(call: Call, customer: Json, method_id: str) -> None:
    if method_id:
        method = call.world.get(
            call.account,
            "payment_method",
            method_id,
            param="invoice_settings[default_payment_method]",
        )
        if method["customer"] != customer["id"]:
            raise no_such("PaymentMethod", method_id, param="invoice_settings[default_payment_method]")
    customer["invoice_settings"]["default_payment_method"] = method_id or None


def _blank(call: Call) -> Json:
    nothing = dict.fromkeys(
        ("address", "currency", "default_source", "description", "discount", "email", "name",
         "phone", "shipping", "test_clock")
    )  # fmt: skip
    return nothing | {
        "id": f"cus_{call.world.token(14)}",
        "object": "customer",
        "balance": 0,
        "created": call.world.now(),
        "delinquent": False,
        "invoice_prefix": call.world.token(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
    }
