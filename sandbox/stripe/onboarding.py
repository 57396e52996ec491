"""Connected accounts: what they still owe Stripe, what they may do, where they are paid."""

import copy

from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.listing import whole
from sandbox.stripe.state import World

OWED_AT_FIRST = (
    "business_profile.product_description",
    "business_profile.url",
    "external_account",
    "individual.address.city",
    "individual.address.line1",
    "individual.address.postal_code",
    "individual.address.state",
    "individual.dob.day",
    "individual.dob.month",
    "individual.dob.year",
    "individual.email",
    "individual.first_name",
    "individual.last_name",
    "individual.phone",
    "individual.ssn_last_4",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
GOOD_ACCOUNT_NUMBER = "000123456789"
# Stripe's test bank accounts, and how payouts to them fail.
FAILING_NUMBERS = {
    "000111111116": "no_account",
    "000111111113": "account_closed",
    "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized",
    "000444444440": "invalid_currency",
}
TOKENS = {
    "btok_us_verified": GOOD_ACCOUNT_NUMBER,
    "btok_us": GOOD_ACCOUNT_NUMBER,
    "btok_us_accountClosed": "000111111113",
    "btok_us_verified_noAccount": "000111111116",
    "btok_us_verified_accountClosed": "000111111113",
    "btok_us_verified_insufficientFunds": "000222222227",
    "btok_us_verified_debitNotAuthorized": "000333333335",
    "btok_us_verified_invalidCurrency": "000444444440",
}


def requirements(owed: list[str], *, errors: list[Json] | None = None) -> Json:
    """The requirements hash: what is due now and, if anything, what that disables."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(owed),
        "disabled_reason": "requirements.past_due" if owed else None,
        "errors": errors or [],
        "eventually_due": list(owed),
        "past_due": list(owed),
        "pending_verification": [],
    }


def completed(world: World, account: Json, *, account_number: str = GOOD_ACCOUNT_NUMBER) -> Json:
    """The worker has filled in Stripe's form and everything was accepted."""
    if bank_account_for(account, account["default_currency"]) is None:
        add_bank_account(world, account, _bank_of(account, account_number))
    account["requirements"] = requirements([])
    account["details_submitted"] = True
    account["tos_acceptance"]["date"] = world.now()
    decide(world, account)
    return account


def restricted(world: World, account: Json, *, owed: list[str]) -> Json:
    """Stripe asks for more and stops payouts until it is given."""
    errors = [
        {
            "code": "verification_failed_other",
            "detail": None,
            "reason": "The provided information could not be verified.",
            "requirement": name,
        }
        for name in owed
    ]
    account["requirements"] = requirements(owed, errors=errors)
    decide(world, account)
    return account


def decide(world: World, account: Json) -> None:
    """Derive from what is owed what the account may do, and tell everybody."""
    owed = account["requirements"]["currently_due"]
    ready = not owed and account["details_submitted"]
    before = {"payouts_enabled": account["payouts_enabled"]}
    account["payouts_enabled"] = ready and bool(account["external_accounts"]["data"])
    account["charges_enabled"] = ready
    for name, status in account["capabilities"].items():
        # A missing bank account stops payouts, not the receipt of money.
        wanted = "active" if account["details_submitted"] and _only_the_bank(owed) else "inactive"
        if status != wanted:
            account["capabilities"][name] = wanted
            told = capability(account, name) | {"id": name}
            emit(world, "capability.updated", told, account=account["id"])
    emit(world, "account.updated", account, previous=before, account=account["id"])


def _only_the_bank(owed: list[str]) -> bool:
    return not owed or owed == ["external_account"]


def capability(account: Json, name: str) -> Json:
    """One capability as an object of its own."""
    if name not in account["capabilities"]:
        raise invalid(f"No such capability: '{name}'", code="resource_missing", status=404)
    return {
        "id": name,
        "object": "capability",
        "account": account["id"],
        "future_requirements": requirements([]),
        "requested": True,
        "requested_at": account["created"],
        "requirements": copy.deepcopy(account["requirements"]),
        "status": account["capabilities"][name],
    }


def payouts_wait_for(account: Json) -> str | None:
    """Why the account cannot be paid out, if it cannot."""
    if account["payouts_enabled"]:
        return None
    owed = account["requirements"]["currently_due"]
    return f"the account still owes: {', '.join(owed)}" if owed else "payouts are not enabled"


def bank_account_for(account: Json, currency: str) -> Json | None:
    """Where payouts in this currency go."""
    banks: list[Json] = account["external_accounts"]["data"]
    fitting = [bank for bank in banks if bank["currency"] == currency]
    return max(fitting, key=lambda bank: bank["default_for_currency"], default=None)


def add_bank_account(world: World, account: Json, given: Json | str) -> Json:
    """Give an account a bank account; the first of its currency, or a new default, is paid to."""
    details = given if isinstance(given, dict) else _bank_of(account, _number_behind(given))
    if details.get("object", "bank_account") != "bank_account":
        raise invalid("Only bank accounts can be paid out to here.", param="external_account")
    bank = _new_bank(world, account, details)
    for other in _banks(world, account):
        if other["currency"] == bank["currency"]:
            other["default_for_currency"] = False
    world.put(account["id"], bank)
    trouble = FAILING_NUMBERS.get(details["account_number"])
    if trouble is not None:
        world.notes(bank["id"])["fails_with"] = trouble
    _show_banks(world, account)
    emit(world, "account.external_account.created", bank)
    return bank


def replace_bank_account(world: World, account: Json, given: Json | str) -> Json:
    """The worker gives another bank account, which ends what a failed payout began."""
    bank = add_bank_account(world, account, given)
    account["requirements"] = requirements(
        [name for name in account["requirements"]["currently_due"] if name != "external_account"]
    )
    decide(world, account)
    return bank


def remove_bank_account(world: World, account: Json, bank: Json) -> None:
    """Forget a bank account."""
    world.notes(bank["id"])["removed"] = True
    _show_banks(world, account)
    emit(world, "account.external_account.deleted", bank)
    decide(world, account)


def bank_account_failed(world: World, bank_id: str) -> None:
    """A payout came back: nothing more is sent there until the worker changes it."""
    bank = world.data["objects"][bank_id]
    account = world.data["objects"][bank["account"]]
    bank["status"] = "errored"
    _show_banks(world, account)
    emit(world, "account.external_account.updated", bank)
    account["requirements"] = requirements(
        sorted({*account["requirements"]["currently_due"], "external_account"})
    )
    decide(world, account)


def _show_banks(world: World, account: Json) -> None:
    url = f"/v1/accounts/{account['id']}/external_accounts"
    account["external_accounts"] = whole(copy.deepcopy(_banks(world, account)), url=url)


def _banks(world: World, account: Json) -> list[Json]:
    return [
        bank
        for bank in world.shelf(account["id"], "bank_account")
        if not world.notes(bank["id"]).get("removed")
    ]


def _number_behind(token: str) -> str:
    if token not in TOKENS:
        raise _no_such_token(token)
    return TOKENS[token]


def _no_such_token(token: str) -> StripeError:
    return invalid(f"No such token: '{token}'", code="resource_missing", param="external_account")


def _bank_of(account: Json, account_number: str) -> Json:
    return {
        "account_number": account_number,
        "country": account["country"],
        "currency": account["default_currency"],
        "routing_number": "110000000",
    }


def _new_bank(world: World, account: Json, details: Json) -> Json:
    return {
        "id": world.new_id("ba"),
        "object": "bank_account",
        "account": account["id"],
        "account_holder_name": details.get("account_holder_name"),
        "account_holder_type": details.get("account_holder_type"),
        "account_type": None,
        "available_payout_methods": ["standard", "instant"]
        if details.get("takes_instant", True)
        else ["standard"],
        "bank_name": "STRIPE TEST BANK",
        "country": details["country"],
        "currency": details.get("currency", account["default_currency"]),
        "customer": None,
        "default_for_currency": True,
        "fingerprint": world.token(16),
        "future_requirements": _bank_requirements(),
        "last4": details["account_number"][-4:],
        "metadata": {},
        "requirements": _bank_requirements(),
        "routing_number": details.get("routing_number", "110000000"),
        "status": "new",
    }


def _bank_requirements() -> Json:
    return {"currently_due": [], "errors": [], "past_due": [], "pending_verification": []}
