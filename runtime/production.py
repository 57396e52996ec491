"""What must not be so where real money moves."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pydantic import SecretStr

    from runtime.settings import Settings

DEVELOPMENT_KEY = "development only: this key signs nothing that matters"
DEVELOPMENT_SEALING_KEY = "ZGV2ZWxvcG1lbnQgb25seTogc2lnbnMgbm90aGluZyE="
_SHORTEST_KEY = 32
# A random key of hexadecimal digits, which are the fewest, has more than a dozen of them.
_FEWEST_CHARACTERS = 8
# Stripe's own have 24 and more after what they begin with.
_SHORTEST_SECRET = 16
_DATABASES = {"mysql+pymysql", "mariadb+pymysql"}
_WHICH_DATABASE = "Production needs MariaDB or MySQL: mysql+pymysql://user:password@host/name."
_FROM_ADYEN = "Copy it from Adyen's Customer Area, or unset ADYEN_API_KEY to do without Adyen."
_FROM_PAYPAL = "Copy it from PayPal's developer dashboard, or unset PAYPAL_CLIENT_ID to do without PayPal."
_MAKE_A_KEY = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'."
_MAKE_A_SEALING_KEY = (
    "Make one: python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'."
)


def unsafe_in_production(settings: Settings) -> list[str]:
    """Each setting that is missing or not fit for production, and what to do about it."""
    named = {
        "DATABASE_URL": _database(settings.DATABASE_URL.get_secret_value()),
        "REDIS_URL": None if settings.REDIS_URL else "is missing. Name the Redis that the queues use.",
        "SECRET_KEY": _secret_key(settings.SECRET_KEY.get_secret_value()),
        "SEALING_KEY": _sealing_key(settings.SEALING_KEY.get_secret_value()),
        "PUBLIC_URL": _public_url(settings.PUBLIC_URL),
        "STRIPE_SECRET_KEY": _stripe_key(
            settings.STRIPE_SECRET_KEY.get_secret_value(), ("sk_live_", "rk_live_")
        ),
        "STRIPE_PUBLISHABLE_KEY": _stripe_key(settings.STRIPE_PUBLISHABLE_KEY, ("pk_live_",)),
        "STRIPE_WEBHOOK_SECRETS": _webhook_secrets(settings.STRIPE_WEBHOOK_SECRETS),
        "STRIPE_API_BASE": "points away from Stripe. Unset it." if settings.STRIPE_API_BASE else None,
        **_adyen(settings),
        **_paypal(settings),
        "TRUSTED_PROXIES": _proxies(settings.TRUSTED_PROXIES),
        "CLOCK_FILE": "lets the clock be turned. Unset it." if settings.CLOCK_FILE else None,
    }
    problems = [f"{name} {problem}" for name, problem in named.items() if problem]
    if problems:
        problems.append(
            "(ENVIRONMENT is production, which it also is when it is not set; on a laptop set it to development.)"
        )
    return problems


def _adyen(settings: Settings) -> dict[str, str | None]:
    if not settings.ADYEN_API_KEY.get_secret_value():
        return {}
    needed = {
        "ADYEN_CLIENT_KEY": settings.ADYEN_CLIENT_KEY,
        "ADYEN_MERCHANT_ACCOUNT": settings.ADYEN_MERCHANT_ACCOUNT,
        "ADYEN_BALANCE_PLATFORM": settings.ADYEN_BALANCE_PLATFORM,
        "ADYEN_BALANCE_ACCOUNT": settings.ADYEN_BALANCE_ACCOUNT,
        "ADYEN_HMAC_KEYS": settings.ADYEN_HMAC_KEYS,
        "ADYEN_PLATFORM_HMAC_KEYS": settings.ADYEN_PLATFORM_HMAC_KEYS,
        "ADYEN_LIVE_PREFIX": settings.ADYEN_LIVE_PREFIX,
    }
    return {
        **{name: f"is missing. {_FROM_ADYEN}" for name, value in needed.items() if not value},
        "ADYEN_API_BASE": "points away from Adyen. Unset it." if settings.ADYEN_API_BASE else None,
    }


def _paypal(settings: Settings) -> dict[str, str | None]:
    if not settings.PAYPAL_CLIENT_ID:
        return {}
    needed = {
        "PAYPAL_CLIENT_SECRET": settings.PAYPAL_CLIENT_SECRET.get_secret_value(),
        "PAYPAL_WEBHOOK_ID": settings.PAYPAL_WEBHOOK_ID,
    }
    return {
        **{name: f"is missing. {_FROM_PAYPAL}" for name, value in needed.items() if not value},
        "PAYPAL_API_BASE": "points away from PayPal. Unset it." if settings.PAYPAL_API_BASE else None,
    }


def _database(url: str) -> str | None:
    if url.startswith("sqlite"):
        return f"is SQLite, or missing. {_WHICH_DATABASE}"
    parts = urlsplit(url)
    if parts.scheme not in _DATABASES or not parts.path.strip("/"):
        return f"names no database that the books can be in. {_WHICH_DATABASE}"
    return None


def _public_url(url: str) -> str | None:
    parts = urlsplit(url)
    return None if parts.scheme == "https" and parts.hostname else "must be an https:// address."


def _proxies(number: int | None) -> str | None:
    # Without a word the proxy's address would be everybody's, and one stranger's guesses everybody's guesses.
    if number is None:
        return "is missing. Say how many proxies stand in front; 0 when callers reach this process itself."
    return None


def _secret_key(key: str) -> str | None:
    if key == DEVELOPMENT_KEY:
        return f"is missing or the development default. {_MAKE_A_KEY}"
    if len(key.strip()) < _SHORTEST_KEY:
        return f"is shorter than {_SHORTEST_KEY} characters. {_MAKE_A_KEY}"
    if len(set(key)) < _FEWEST_CHARACTERS:
        return f"is a few characters over and over. {_MAKE_A_KEY}"
    return None


def _sealing_key(key: str) -> str | None:
    if key == DEVELOPMENT_SEALING_KEY:
        return f"is missing or the development default. {_MAKE_A_SEALING_KEY}"
    return None


def _stripe_key(key: str, prefixes: tuple[str, ...]) -> str | None:
    if not key:
        return "is missing. Copy the live key from Stripe's dashboard."
    if "_test_" in key:
        return "is a test-mode key, which moves no money. Copy the live key from Stripe's dashboard."
    if not key.startswith(prefixes):
        return f"must begin with {' or '.join(prefixes)}. Copy the live key from Stripe's dashboard."
    if not any(_is_whole(key, prefix) for prefix in prefixes):
        return "is cut off. Copy the whole live key from Stripe's dashboard."
    return None


def _webhook_secrets(secrets: tuple[SecretStr, ...]) -> str | None:
    if not secrets:
        return "is missing. Copy the signing secret of the webhook endpoint from Stripe's dashboard."
    if not all(secret.get_secret_value().startswith("whsec_") for secret in secrets):
        return "must each begin with whsec_. Copy the signing secret of the webhook endpoint from Stripe's dashboard."
    if not all(_is_whole(secret.get_secret_value(), "whsec_") for secret in secrets):
        return "holds one that is cut off. Copy the whole signing secret from Stripe's dashboard."
    return None


def _is_whole(secret: str, prefix: str) -> bool:
    rest = secret.removeprefix(prefix)
    return rest != secret and len(rest.strip()) >= _SHORTEST_SECRET
