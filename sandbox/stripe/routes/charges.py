"""Charges, balance transactions and balances: what finance looks at."""

from sandbox.stripe import money, paying_out
from sandbox.stripe.errors import Json
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page, page_of
from sandbox.stripe.metadata import merged
from sandbox.stripe.router import Call, route


@route("GET", "/v1/charges")
def listed(call: Call) -> Json:
    """All charges, newest first."""
    return page(call, "charge", by=["customer", "payment_intent", "transfer_group"])


@route("GET", "/v1/charges/{charge}")
def retrieve(call: Call) -> Json:
    """One charge."""
    return call.named("charge", "charge")


@route("POST", "/v1/charges/{charge}")
def update(call: Call) -> Json:
    """Change what may be changed about a charge."""
    charge = call.named("charge", "charge")
    charge |= call.given("description", "receipt_email", "transfer_group")
    charge["metadata"] = merged(charge["metadata"], call.parameters.get("metadata"))
    emit(call.world, "charge.updated", charge)
    return charge


@route("GET", "/v1/balance_transactions")
def transactions(call: Call) -> Json:
    """Every movement on the balance, newest first; or those that one payout carries."""
    by = ["currency", "source", "type"]
    if (payout := call.referred("payout", "payout")) is None:
        return page(call, "balance_transaction", by=by)
    carried = paying_out.carried(call.world, payout)
    things = [
        transaction
        for transaction in call.world.shelf(call.account, "balance_transaction")
        if transaction["id"] in carried
    ]
    return page_of(call, things, url="/v1/balance_transactions")


@route("GET", "/v1/balance_transactions/{id}")
def transaction(call: Call) -> Json:
    """One movement on the balance."""
    return call.named("balance_transaction", "id")


@route("GET", "/v1/balance")
def balance(call: Call) -> Json:
    """What is available and what is pending."""
    return money.balance(call.world, call.account)
