"""New accounts: the platform's own, and those of its workers."""

from sandbox.stripe.errors import Json, StripeError, invalid
from sandbox.stripe.events import emit
from sandbox.stripe.listing import whole
from sandbox.stripe.onboarding import OWED_AT_FIRST, completed, requirements
from sandbox.stripe.state import World

_CURRENCIES = {"US": "usd", "GB": "gbp", "CA": "cad", "AU": "aud", "JP": "jpy", "PL": "pln"}
_DASHBOARD_TYPES = {"express": "express", "full": "standard"}
_NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def ensure_platform(world: World) -> None:
    """The account that the secret key belongs to: verified, with a bank account."""
    if world.find(world.platform) is not None:
        return
    platform = new_account(world, world.platform, country="US", email="platform@example.com")
    world.put(world.platform, platform)
    platform["capabilities"] = {"card_payments": "inactive", "transfers": "inactive"}
    platform["settings"]["payouts"]["schedule"] = {"delay_days": 2, "interval": "manual"}
    # It was there before the first request, so its events are over.
    with world.quietly():
        completed(world, platform)


def new_account(world: World, account_id: str, *, country: str, email: str | None) -> Json:
    """An account of which Stripe knows no more than where it is."""
    return {
        "id": account_id,
        "object": "account",
        "business_profile": _business_profile(),
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": {"type": "account"},
        "country": country,
        "created": world.now(),
        "default_currency": _CURRENCIES.get(country, "eur"),
        "details_submitted": False,
        "email": email,
        "external_accounts": whole([], url=f"/v1/accounts/{account_id}/external_accounts"),
        "future_requirements": requirements([]),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": requirements(list(OWED_AT_FIRST)),
        "settings": _settings(),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


def has_left(world: World, account_id: str) -> bool:
    """Whether the account was closed, or taken away from the platform."""
    return "left" in world.notes(account_id)


def gives_back(world: World, account_id: str) -> bool:
    """Whether transfers to it can be reversed; of one that was taken away with its money they cannot."""
    return bool(world.notes(account_id).get("left", {"gives_back": True})["gives_back"])


def left(world: World, account: Json, *, gives_back: bool) -> Json:
    """The worker takes the account away, or it is closed: Stripe tells of that, and of nothing more about it."""
    application = {"id": "ca_" + world.token(14), "object": "application", "name": "Holdfast"}
    emit(world, "account.application.deauthorized", application, account=account["id"])
    world.notes(account["id"])["left"] = {"gives_back": gives_back}
    world.touch()
    return account


def returned(world: World, account: Json) -> Json:
    """It is connected again, as it was."""
    world.notes(account["id"]).pop("left", None)
    emit(world, "account.updated", account, account=account["id"])
    return account


def no_access(account_id: str, key: str) -> StripeError:
    """What Stripe says of an account that is not, or no longer, the platform's."""
    return invalid(
        f"The provided key '{key}' does not have access to account '{account_id}' (or that "
        "account does not exist). Application access may have been revoked.",
        code="account_invalid",
        status=403,
    )


def controlled(given: Json) -> tuple[Json, str]:
    """The controller of an account made for a platform, and the type that comes to."""
    dashboard = given.get("stripe_dashboard", {}).get("type", "full")
    collection = given.get("requirement_collection", "stripe")
    controller = {
        "fees": {"payer": given.get("fees", {}).get("payer", "account")},
        "is_controller": True,
        "losses": {"payments": given.get("losses", {}).get("payments", "stripe")},
        "requirement_collection": collection,
        "stripe_dashboard": {"type": dashboard},
        "type": "application",
    }
    plain = "custom" if collection == "application" else "none"
    return controller, _DASHBOARD_TYPES.get(dashboard, plain)


def controller_of_type(account_type: str) -> Json:
    """The controller that one of the older account types stands for."""
    ours = account_type in {"custom", "express"}
    dashboards = {"custom": "none", "express": "express"}
    return {
        "fees": {"payer": "application" if ours else "account"},
        "losses": {"payments": "application" if ours else "stripe"},
        "requirement_collection": "application" if account_type == "custom" else "stripe",
        "stripe_dashboard": {"type": dashboards.get(account_type, "full")},
    }


def _business_profile() -> Json:
    return {
        "annual_revenue": None,
        "estimated_worker_count": None,
        "mcc": None,
        "minority_owned_business_designation": None,
        "name": None,
        "product_description": None,
        "support_address": dict(_NO_ADDRESS),
        "support_email": None,
        "support_phone": None,
        "support_url": None,
        "url": None,
    }


def _settings() -> Json:
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            "statement_descriptor": None,
            "statement_descriptor_kana": None,
            "statement_descriptor_kanji": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "payouts": {
            "debit_negative_balances": False,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }
