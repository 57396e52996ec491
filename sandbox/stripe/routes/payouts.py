"""Payouts."""

from sandbox.stripe import paying_out
from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.listing import page
from sandbox.stripe.metadata import merged
from sandbox.stripe.money import positive
from sandbox.stripe.onboarding import bank_account_for
from sandbox.stripe.router import Call, route


@route("POST", "/v1/payouts")
def create(call: Call) -> Json:
    """Send money from a balance to the account's bank."""
    world, parameters = call.world, call.parameters
    account = world.find(call.account)
    if account is None:
        raise _no_bank("usd")
    currency = parameters["currency"].lower()
    bank = call.referred("bank_account", "destination") or bank_account_for(account, currency)
    if bank is None:
        raise _no_bank(currency)
    payout = _blank(call, bank, positive(parameters["amount"]), currency)
    paying_out.refuse_unless_possible(world, account, bank, payout)
    return paying_out.created(world, call.account, payout)


@route("GET", "/v1/payouts")
def listed(call: Call) -> Json:
    """All payouts, newest first."""
    return page(call, "payout", by=["arrival_date", "destination", "status"])


@route("GET", "/v1/payouts/{payout}")
def retrieve(call: Call) -> Json:
    """One payout."""
    return call.named("payout", "payout")


@route("POST", "/v1/payouts/{payout}")
def update(call: Call) -> Json:
    """Change the metadata."""
    payout = call.named("payout", "payout")
    payout["metadata"] = merged(payout["metadata"], call.parameters.get("metadata"))
    emit(call.world, "payout.updated", payout)
    return payout


@route("POST", "/v1/payouts/{payout}/cancel")
def cancel(call: Call) -> Json:
    """Call back a payout that is still pending."""
    return paying_out.canceled(call.world, call.named("payout", "payout"))


def _no_bank(currency: str) -> StripeError:
    return invalid(
        f"Sorry, you don't have any external accounts in that currency ({currency}).",
        code="no_account",
        param="currency",
    )


def _blank(call: Call, bank: Json, amount: int, currency: str) -> Json:
    parameters = call.parameters
    method = parameters.get("method", "standard")
    return {
        "id": call.world.new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": paying_out.arrival(call.world, method),
        "automatic": False,
        "balance_transaction": None,
        "created": call.world.now(),
        "currency": currency,
        "description": parameters.get("description", "STRIPE PAYOUT"),
        "destination": bank["id"],
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": merged({}, parameters.get("metadata")),
        "method": method,
        "original_payout": None,
        "payout_method": parameters.get("payout_method"),
        "reconciliation_status": "not_applicable",
        "reversed_by": None,
        "source_type": parameters.get("source_type", "card"),
        "statement_descriptor": parameters.get("statement_descriptor"),
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
