"""Connected accounts, their capabilities, bank accounts and ways in."""

from sandbox.stripe import accounts, onboarding
from sandbox.stripe.errors import Json, invalid, no_such
from sandbox.stripe.events import emit
from sandbox.stripe.listing import fits, page_of, whole
from sandbox.stripe.metadata import merged
from sandbox.stripe.router import Call, route

_LINK_LASTS_SECONDS = 300
_SESSION_LASTS_SECONDS = 3_600
_COMPONENTS = (
    "account_management", "account_onboarding", "balance_report", "balances", "disputes_list",
    "documents", "financial_account", "financial_account_transactions",
    "instant_payouts_promotion", "issuing_card", "issuing_cards_list", "notification_banner",
    "payment_details", "payment_disputes", "payments", "payout_details",
    "payout_reconciliation_report", "payouts", "payouts_list", "tax_registrations",
    "tax_settings",
)  # fmt: skip


@route("POST", "/v1/accounts")
def create(call: Call) -> Json:
    """Open an account for a worker."""
    parameters = call.parameters
    if "type" in parameters and "controller" in parameters:
        raise invalid(
            "You may not provide the `type` parameter and `controller` parameters simultaneously.",
            param="controller",
        )
    account = accounts.new_account(
        call.world,
        "acct_1" + call.world.token(15),
        country=parameters.get("country", "US"),
        email=parameters.get("email"),
    )
    given = parameters.get("controller") or accounts.controller_of_type(parameters.get("type", "standard"))
    account["controller"], account["type"] = accounts.controlled(given)
    # The account belongs to itself and is found by the platform.
    call.world.put(account["id"], account)
    call.world.notes(call.world.platform).setdefault("connected", []).append(account["id"])
    _change(call, account)
    emit(call.world, "account.updated", account, account=account["id"])
    return account


@route("GET", "/v1/accounts")
def listed(call: Call) -> Json:
    """All connected accounts, newest first."""
    every = reversed(call.world.notes(call.world.platform).get("connected", []))
    connected = (account for account in every if not accounts.has_left(call.world, account))
    wanted = call.parameters.get("created")
    things = [call.world.data["objects"][account] for account in connected]
    return page_of(
        call,
        [thing for thing in things if wanted is None or fits(thing["created"], wanted)],
        url="/v1/accounts",
    )


@route("GET", "/v1/account")
def own(call: Call) -> Json:
    """The account that asks."""
    return _find(call, call.account)


@route("GET", "/v1/accounts/{account}")
def retrieve(call: Call) -> Json:
    """One account."""
    return _account(call)


@route("POST", "/v1/accounts/{account}")
def update(call: Call) -> Json:
    """Change an account's details."""
    account = _account(call)
    _change(call, account)
    onboarding.decide(call.world, account)
    return account


@route("POST", "/v1/account_links")
def link(call: Call) -> Json:
    """A link, good once and for five minutes, to Stripe's onboarding form."""
    world, parameters = call.world, call.parameters
    account = _find(call, parameters["account"], param="account")
    for url in ("return_url", "refresh_url"):
        if url not in parameters:
            raise invalid(f"You must provide a `{url}`.", code="parameter_missing", param=url)
    token = world.token(12)
    expires_at = world.now() + _LINK_LASTS_SECONDS
    world.notes(account["id"]).setdefault("links", {})[token] = {
        "expires_at": expires_at,
        "refresh_url": parameters["refresh_url"],
        "return_url": parameters["return_url"],
        "collects": [parameters["type"], *parameters.get("collection_options", {})],
    }
    parameters.get("collect")
    return {
        "object": "account_link",
        "created": world.now(),
        "expires_at": expires_at,
        "url": f"{call.base_url}/hosted/onboarding/{account['id']}/{token}",
    }


@route("POST", "/v1/account_sessions")
def session(call: Call) -> Json:
    """A secret with which the app embeds Stripe's components for a worker."""
    account = _find(call, call.parameters["account"], param="account")
    given = call.parameters["components"]
    components = {name: {"enabled": False, "features": {}} for name in _COMPONENTS}
    return {
        "object": "account_session",
        "account": account["id"],
        "client_secret": f"accs_secret__{call.world.token(48)}",
        "components": components | given,
        "expires_at": call.world.now() + _SESSION_LASTS_SECONDS,
        "livemode": False,
    }


@route("POST", "/v1/accounts/{account}/login_links")
def login_link(call: Call) -> Json:
    """A link to the worker's own dashboard at Stripe."""
    account = _account(call)
    if not account["details_submitted"]:
        raise invalid("Cannot create a login link for an account that has not completed onboarding.")
    return {
        "object": "login_link",
        "created": call.world.now(),
        "url": f"{call.base_url}/hosted/dashboard/{account['id']}",
    }


@route("GET", "/v1/accounts/{account}/capabilities")
def capabilities(call: Call) -> Json:
    """What the account may do."""
    account = _account(call)
    found = [onboarding.capability(account, name) for name in account["capabilities"]]
    return whole(found, url=f"/v1/accounts/{account['id']}/capabilities")


@route("GET", "/v1/accounts/{account}/capabilities/{capability}")
def capability(call: Call) -> Json:
    """One thing the account may do."""
    return onboarding.capability(_account(call), call.parts["capability"])


@route("GET", "/v1/accounts/{account}/external_accounts")
def external_accounts(call: Call) -> Json:
    """The bank accounts, newest first."""
    account = _account(call)
    call.parameters.get("object")
    banks = account["external_accounts"]["data"]
    return page_of(call, banks, url=f"/v1/accounts/{account['id']}/external_accounts")


@route("POST", "/v1/accounts/{account}/external_accounts")
def add_external_account(call: Call) -> Json:
    """Add a bank account and pay to it from now on."""
    call.parameters.get("default_for_currency")
    bank = onboarding.replace_bank_account(call.world, _account(call), call.parameters["external_account"])
    bank["metadata"] = merged({}, call.parameters.get("metadata"))
    return bank


@route("GET", "/v1/accounts/{account}/external_accounts/{id}")
def external_account(call: Call) -> Json:
    """One bank account."""
    return call.world.get(_account(call)["id"], "bank_account", call.parts["id"])


@route("DELETE", "/v1/accounts/{account}/external_accounts/{id}")
def remove_external_account(call: Call) -> Json:
    """Forget a bank account."""
    account = _account(call)
    bank = call.world.get(account["id"], "bank_account", call.parts["id"])
    onboarding.remove_bank_account(call.world, account, bank)
    return {"id": bank["id"], "object": "bank_account", "currency": bank["currency"],
            "deleted": True}  # fmt: skip


def _account(call: Call) -> Json:
    return _find(call, call.parts["account"])


def _find(call: Call, account_id: str, *, param: str | None = None) -> Json:
    found = call.world.find(account_id)
    if found is None or found["object"] != "account":
        raise no_such("account", account_id, param=param)
    if accounts.has_left(call.world, account_id):
        raise accounts.no_access(account_id, "sk_test_****")
    return found


def _change(call: Call, account: Json) -> None:
    parameters = call.parameters
    account |= call.given("business_type", "email", "default_currency")
    account["business_profile"] |= parameters.get("business_profile", {})
    account["metadata"] = merged(account["metadata"], parameters.get("metadata"))
    account["tos_acceptance"] |= parameters.get("tos_acceptance", {})
    account["settings"] = _deeply(account["settings"], parameters.get("settings", {}))
    # What the platform already knows of the worker is prefilled in Stripe's form, and not shown.
    call.world.notes(account["id"])["prefilled"] = call.given("individual", "company")
    for name, wish in parameters.get("capabilities", {}).items():
        if wish.get("requested"):
            account["capabilities"].setdefault(name, "inactive")
        else:
            account["capabilities"].pop(name, None)
    if bank := parameters.get("external_account"):
        onboarding.replace_bank_account(call.world, account, bank)


def _deeply(before: Json, changes: Json) -> Json:
    after = dict(before)
    for name, value in changes.items():
        nested = isinstance(value, dict) and isinstance(after.get(name), dict)
        after[name] = _deeply(after[name], value) if nested else value
    return after
