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
    payout = paying_out.blank(world, bank, positive(parameters["amount"]), currency, parameters)
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
