"""Payouts: money on its way from a Stripe balance to a bank account."""

from sandbox.agenda import due, schedule
from sandbox.stripe import money
from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit, update
from sandbox.stripe.metadata import merged
from sandbox.stripe.money import book
from sandbox.stripe.onboarding import bank_account_failed, bank_account_for, payouts_wait_for
from sandbox.stripe.settings import DAY
from sandbox.stripe.state import World

_SENT_AFTER_SECONDS = 3_600
_WORKED_OUT_AFTER_SECONDS = 4 * 3_600
_INSTANT_ARRIVES_AFTER_SECONDS = 1_800
_DAYS_TO_ARRIVE = 2
_SMALLEST = {"krw": 40_000, "mxn": 1_000, "thb": 60_000}
_WHY = {
    "no_account": "The bank account details on file are probably incorrect. No bank account could "
    "be found with those details.",
    "account_closed": "The bank account has been closed.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
    "debit_not_authorized": "Debit transactions are not approved on your bank account.",
    "invalid_currency": "The bank was unable to process this payout because of its currency.",
    "could_not_process": "The bank could not process this payout.",
}


def arrival(world: World, method: str) -> int:
    """When the money is expected at the bank: dates are at midnight, UTC."""
    if method == "instant":
        return world.now() + _INSTANT_ARRIVES_AFTER_SECONDS
    arrives = world.now() + _DAYS_TO_ARRIVE * DAY
    return arrives - arrives % DAY


def refuse_unless_possible(world: World, account: Json, bank: Json, payout: Json) -> None:
    """A payout needs an account in order, a working bank account and the money."""
    if (reason := payouts_wait_for(account)) is not None:
        raise invalid(f"Cannot create payouts; {reason}.", code="payouts_not_allowed")
    if bank["status"] == "errored":
        raise invalid(
            "The bank account provided can't be used: the last payout to it failed. Try a "
            "different bank account.",
            code="bank_account_unusable",
        )
    if payout["method"] not in bank["available_payout_methods"]:
        raise _instant_unsupported()
    money.require_available(
        world,
        account["id"],
        amount=payout["amount"],
        currency=payout["currency"],
        message="You have insufficient funds in your Stripe account for this transfer. Your card "
        "balance is too low. You can use the /v1/balance endpoint to view your Stripe balance "
        "(for more details, see stripe.com/docs/api#balance).",
    )
    if payout["amount"] < smallest(payout["currency"]):
        raise invalid(
            "The specified amount is less than the minimum amount allowed. Use a higher amount and try again.",
            code="amount_too_small",
            param="amount",
        )
    if payout["method"] == "instant" and _beyond_today(world, account["id"], payout):
        raise invalid(
            "You have reached your daily processing limits for this payout type.",
            code="instant_payouts_limit_exceeded",
        )


def smallest(currency: str) -> int:
    """The least that is paid out: one of the currency, unless the banks of its country ask for more."""
    return _SMALLEST.get(currency, int(10 ** money.decimals(currency)))


def _beyond_today(world: World, account: str, payout: Json) -> bool:
    midnight = world.now() - world.now() % DAY
    today = sum(
        each["amount"]
        for each in world.shelf(account, "payout")
        if each["method"] == "instant"
        and each["currency"] == payout["currency"]
        and each["created"] >= midnight
        and each["status"] not in {"failed", "canceled"}
    )
    return bool(today + payout["amount"] > world.settings.instant_limit_minor)


def blank(world: World, bank: Json, amount: int, currency: str, parameters: Json) -> Json:
    """A payout of which nothing has happened yet."""
    method = parameters.get("method", "standard")
    return {
        "id": world.new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": arrival(world, method),
        "automatic": False,
        "balance_transaction": None,
        "created": world.now(),
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


def by_itself(world: World, currency: str) -> Json:
    """Stripe pays out all that is available to the platform, as on an account whose schedule is not manual."""
    platform = world.data["objects"][world.platform]
    bank = bank_account_for(platform, currency)
    amount = money.available(world, world.platform, currency)
    if bank is None or amount < smallest(currency):
        raise invalid(f"There is nothing to pay out in {currency}.")
    payout = blank(world, bank, amount, currency, {"description": "STRIPE PAYOUT"})
    payout |= {"automatic": True, "reconciliation_status": "in_progress"}
    world.notes(payout["id"])["carries"] = _not_carried_yet(world, currency)
    created(world, world.platform, payout)
    # Stripe tells which lines a payout carries once it has worked that out, some hours later.
    schedule(
        world, at=world.now() + _WORKED_OUT_AFTER_SECONDS, kind="payout_is_complete", subject=payout["id"]
    )
    return payout


@due("payout_is_complete")
def is_complete(world: World, payout_id: str) -> None:
    """It is known which lines an automatic payout carries."""
    payout = world.data["objects"][payout_id]
    update(world, "payout.reconciliation_completed", payout, reconciliation_status="completed")


def carried(world: World, payout: Json) -> set[str]:
    """The lines that a payout carries: its own, and of an automatic one all that it is made of."""
    own = {payout["balance_transaction"], payout["failure_balance_transaction"]}
    return own | set(world.notes(payout["id"]).get("carries", []))


def _not_carried_yet(world: World, currency: str) -> list[str]:
    before = {
        line
        for payout in world.shelf(world.platform, "payout")
        if payout["automatic"]
        for line in carried(world, payout)
    }
    return [
        line["id"]
        for line in world.shelf(world.platform, "balance_transaction")
        if line["currency"] == currency and line["status"] == "available" and line["id"] not in before
    ]


def created(world: World, account: str, payout: Json) -> Json:
    """Take the amount from the balance and put the payout on its way."""
    world.put(account, payout)
    payout["balance_transaction"] = book(
        world,
        account,
        "payout",
        amount=-payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        description=payout["description"],
    )["id"]
    emit(world, "payout.created", payout)
    instant = payout["method"] == "instant"
    leaves = world.now() + (0 if instant else _SENT_AFTER_SECONDS)
    schedule(world, at=leaves, kind="payout_leaves", subject=payout["id"])
    schedule(world, at=max(payout["arrival_date"], leaves), kind="payout_arrives", subject=payout["id"])
    return payout


@due("payout_leaves")
def leaves(world: World, payout_id: str) -> None:
    """The payout is with the bank and can no longer be canceled."""
    payout = world.data["objects"][payout_id]
    if payout["status"] == "pending":
        update(world, "payout.updated", payout, status="in_transit")


@due("payout_arrives")
def arrives(world: World, payout_id: str) -> None:
    """The bank has taken the money, or says why not."""
    payout = world.data["objects"][payout_id]
    if payout["status"] not in {"pending", "in_transit"}:
        return
    trouble = world.notes(payout["destination"]).get("fails_with")
    if trouble is not None:
        failed(world, payout, code=trouble)
        return
    trace = {"status": "supported", "value": str(world.serial()).zfill(15)}
    update(world, "payout.paid", payout, status="paid", trace_id=trace)


def failed(world: World, payout: Json, *, code: str) -> Json:
    """The bank sends the money back; that can happen days after the payout was paid."""
    if payout["status"] in {"failed", "canceled"}:
        raise invalid(f"The payout {payout['id']} is already {payout['status']}.")
    returned = _returned(world, payout, "payout_failure")
    update(
        world,
        "payout.failed",
        payout,
        status="failed",
        failure_code=code,
        failure_message=_WHY.get(code, _WHY["could_not_process"]),
        failure_balance_transaction=returned,
    )
    bank_account_failed(world, payout["destination"])
    money.funds_arrived(world, world.owner(payout["id"]))
    return payout


def canceled(world: World, payout: Json) -> Json:
    """Call back a payout that has not left."""
    if payout["status"] != "pending":
        raise invalid(
            "Payouts to bank accounts can only be canceled while they are pending; this payout is "
            f"{payout['status']}.",
            code="payout_not_cancelable",
        )
    returned = _returned(world, payout, "payout_cancel")
    update(
        world,
        "payout.canceled",
        payout,
        status="canceled",
        failure_balance_transaction=returned,
    )
    money.funds_arrived(world, world.owner(payout["id"]))
    return payout


def _returned(world: World, payout: Json, kind: str) -> str:
    transaction = book(
        world,
        world.owner(payout["id"]),
        kind,
        amount=payout["amount"],
        currency=payout["currency"],
        source=payout["id"],
        description=payout["description"],
    )
    return str(transaction["id"])


def _instant_unsupported() -> StripeError:
    return invalid(
        "The destination does not support Instant Payouts.",
        code="instant_payouts_unsupported",
        param="method",
    )
