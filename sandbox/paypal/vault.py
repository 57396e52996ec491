"""The vault: a payer's PayPal account, kept while paying, listed and forgotten."""

from sandbox.paypal.errors import not_found
from sandbox.paypal.events import emit
from sandbox.paypal.router import Answer, Call, link, route
from sandbox.paypal.state import World, shown
from sandbox.world import Json


@route("GET", "/v3/vault/payment-tokens")
def list_tokens(call: Call) -> Answer:
    """What is kept for a customer."""
    customer = call.query["customer_id"]
    found = [each for each in call.world.all_of("payment_token") if each["customer"]["id"] == customer]
    if not found:
        raise not_found(customer)
    tokens = [shown(each) for each in found]
    return 200, {"customer": {"id": customer}, "payment_tokens": tokens, "links": []}


@route("GET", "/v3/vault/payment-tokens/{id}")
def get(call: Call) -> Answer:
    """One of them."""
    return 200, shown(call.world.get("payment_token", call.parts["id"]))


@route("DELETE", "/v3/vault/payment-tokens/{id}")
def delete(call: Call) -> Answer:
    """Forget it."""
    world = call.world
    token = world.get("payment_token", call.parts["id"])
    del world.data["objects"][token["id"]]
    emit(world, "VAULT.PAYMENT-TOKEN.DELETED", "payment_token", {"id": token["id"]})
    return 204, None


def saved(world: World, order: Json) -> None:
    """Keep the account of a payer who has just paid, if that was asked for."""
    attributes = order["_wallet"].get("attributes") or {}
    if (attributes.get("vault") or {}).get("store_in_vault") != "ON_SUCCESS":
        return
    customer = (attributes.get("customer") or {}).get("id") or world.token(10)
    token = world.put(
        "payment_token",
        {
            "id": world.token(10),
            "customer": {"id": customer},
            "payment_source": {"paypal": dict(order["payment_source"]["paypal"])},
        },
    )
    token["links"] = [link(world, f"/v3/vault/payment-tokens/{token['id']}", "self")]
    vaulted = {"id": token["id"], "status": "VAULTED", "customer": {"id": customer}}
    order["payment_source"]["paypal"]["attributes"] = {"vault": vaulted}
    emit(world, "VAULT.PAYMENT-TOKEN.CREATED", "payment_token", shown(token))
