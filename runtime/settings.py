"""Every setting of Holdfast, read from the environment, typed, and refused when it would not be safe to start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from payments.routing import read_routes
from runtime.signing import key_bytes

_DEVELOPMENT_KEY = "development only: this key signs nothing that matters"
_DEVELOPMENT_SEALING_KEY = "ZGV2ZWxvcG1lbnQgb25seTogc2lnbnMgbm90aGluZyE="
_SHORTEST_KEY = 32
# A random key of hexadecimal digits, which are the fewest, has more than a dozen of them.
_FEWEST_CHARACTERS = 8
# Stripe's own have 24 and more after what they begin with.
_SHORTEST_SECRET = 16
_DATABASES = {"mysql+pymysql", "mariadb+pymysql"}
_REDISES = {"redis", "rediss", "unix"}
_WHICH_DATABASE = "Production needs MariaDB or MySQL: mysql+pymysql://user:password@host/name."
_MAKE_A_KEY = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'."
_MAKE_A_SEALING_KEY = (
    "Make one: python -c 'import base64, secrets; print(base64.b64encode(secrets.token_bytes(32)).decode())'."
)


class SettingsRefused(Exception):  # noqa: N818 - an answer to whoever starts the process
    """The process does not start; the message names each variable and what to do about it."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(
            "Holdfast does not start with these settings:\n" + "\n".join(f"  {line}" for line in problems)
        )
        self.problems = problems


class Settings(BaseSettings):
    """What can be set; `docs/configuration.md` says the same for people."""

    model_config = SettingsConfigDict(case_sensitive=True, extra="ignore", frozen=True)

    # Whoever forgets to say where they are gets the strict rules, not the lax ones.
    ENVIRONMENT: Literal["development", "test", "production"] = Field(
        default="production", description="Where this process runs. Production refuses every unsafe setting."
    )
    DATABASE_URL: SecretStr = Field(
        default=SecretStr("sqlite:///holdfast.sqlite3"),
        description="Where the books are: `mysql+pymysql://user:password@host/name`, outside production also `sqlite:///file`.",
    )
    DATABASE_POOL_SIZE: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Database connections each process keeps: its threads and one more.",
    )
    REDIS_URL: SecretStr | None = Field(
        default=None,
        description="Redis for queues and rate limits: `redis://…`, `rediss://…` or `unix:///path`.",
    )
    SECRET_KEY: SecretStr = Field(
        default=SecretStr(_DEVELOPMENT_KEY),
        description="Signs page cursors. At least 32 random characters; the same for every process.",
    )
    SEALING_KEY: SecretStr = Field(
        default=SecretStr(_DEVELOPMENT_SEALING_KEY),
        description="Signs the seals of the books and receipts: an Ed25519 key, 32 bytes in base64.",
    )
    RETIRED_SEALING_KEYS: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Public keys that signed before the present one, in base64, separated by commas; still trusted.",
    )
    PUBLIC_URL: str = Field(
        default="http://localhost:8000",
        description="The address at which people and gateways reach Holdfast, without a slash at the end.",
    )
    STRIPE_SECRET_KEY: SecretStr = Field(
        default=SecretStr(""), description="Stripe's secret (or restricted) key of this environment."
    )
    STRIPE_PUBLISHABLE_KEY: str = Field(
        default="", description="Stripe's publishable key, which the mobile app is given."
    )
    STRIPE_WEBHOOK_SECRETS: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Signing secrets of the webhooks, separated by commas, newest first, two while one is replaced.",
    )
    STRIPE_API_BASE: str | None = Field(
        default=None,
        description="Development and test only: speak to the sandbox peer at this address instead of Stripe.",
    )
    GATEWAY_ROUTES: str = Field(
        default="",
        description="Which gateway collects what, first to last: `adyen card currency=EUR country=DE; stripe card`."
        " Without it every gateway that has keys takes its methods.",
    )
    CLOCK_FILE: Path | None = Field(
        default=None,
        description="Development and test only: the file in which the sandbox keeps how far the clock was turned.",
    )
    CLIENT_FEE_BASIS_POINTS: int = Field(
        default=500,
        ge=0,
        # The largest price and its fee must fit into one charge: see escrow.contracts.
        le=2_500,
        description="What a client pays on top of the price, in hundredths of a percent; a quarter at most.",
    )
    WORKER_FEE_BASIS_POINTS: int = Field(
        default=1_000,
        ge=0,
        le=10_000,
        description="What is kept of a worker's earnings, in hundredths of a percent.",
    )
    INSTANT_PAYOUT_FEE_BASIS_POINTS: int = Field(
        default=100,
        ge=0,
        le=1_000,
        description="What an instant withdrawal costs a worker on top of what arrives, in hundredths of a percent.",
    )
    INSTANT_PAYOUT_FEE_LEAST_MINOR: int = Field(
        default=50,
        ge=0,
        le=1_000,
        description="The least that an instant withdrawal costs, in minor units of its currency.",
    )
    MERCHANT_NAME: str = Field(default="Holdfast", description="The name that payment sheets show.")
    MERCHANT_COUNTRY: str = Field(
        default="US",
        pattern="^[A-Z]{2}$",
        description="The country of the platform's own account, as two letters.",
    )
    TRUSTED_PROXIES: int | None = Field(
        default=None,
        ge=0,
        le=5,
        description="How many proxies in front add to X-Forwarded-For; their word for the caller's address is taken.",
    )
    REQUESTS_PER_MINUTE: int = Field(
        default=600,
        ge=1,
        description="Requests a person (or, before sign-in, an address) may make in a minute, refused ones included.",
    )
    SIGN_INS_PER_MINUTE: int = Field(
        default=30, ge=1, description="Registrations, sign-ins and refreshes an address may make in a minute."
    )
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least that is logged."
    )

    @field_validator("STRIPE_WEBHOOK_SECRETS", "RETIRED_SEALING_KEYS", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("DATABASE_URL", "REDIS_URL")
    @classmethod
    def _can_be_read(cls, value: SecretStr | None) -> SecretStr | None:
        # Whoever finds out later says so with all of it, the password included.
        if value is not None:
            _address(value.get_secret_value())
        return value

    @field_validator("REDIS_URL")
    @classmethod
    def _is_a_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and _address(value.get_secret_value()).scheme not in _REDISES:
            raise ValueError("Redis is at redis://…, rediss://… or unix:///path")
        return value

    @field_validator("SEALING_KEY")
    @classmethod
    def _is_a_key(cls, value: SecretStr) -> SecretStr:
        key_bytes(value.get_secret_value())
        return value

    @field_validator("RETIRED_SEALING_KEYS")
    @classmethod
    def _are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for key in value:
            key_bytes(key)
        return value

    @field_validator("GATEWAY_ROUTES")
    @classmethod
    def _are_routes(cls, value: str) -> str:
        read_routes(value)
        return value

    @field_validator("PUBLIC_URL")
    @classmethod
    def _no_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @property
    def in_production(self) -> bool:
        """Whether real money moves here."""
        return self.ENVIRONMENT == "production"

    @classmethod
    def from_environment(cls) -> Self:
        """The settings of this process; refuses with every problem at once."""
        try:
            settings = cls()
        except ValidationError as error:
            raise SettingsRefused(_malformed(error)) from None
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse what must not run in this environment."""
        problems = _unsafe_in_production(self) if self.in_production else []
        if problems:
            raise SettingsRefused(problems)


def _address(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # Read when it is asked for, and no sooner.
        _ = parts.port
    except ValueError:
        raise ValueError("not an address, or its port is no number") from None
    return parts


def _malformed(error: ValidationError) -> list[str]:
    # The input itself is left out: it may be a secret.
    return [
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}."
        for problem in error.errors(include_input=False)
    ]


def _unsafe_in_production(settings: Settings) -> list[str]:
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
        "TRUSTED_PROXIES": _proxies(settings.TRUSTED_PROXIES),
        "CLOCK_FILE": "lets the clock be turned. Unset it." if settings.CLOCK_FILE else None,
    }
    problems = [f"{name} {problem}" for name, problem in named.items() if problem]
    if problems:
        problems.append(
            "(ENVIRONMENT is production, which it also is when it is not set; on a laptop set it to development.)"
        )
    return problems


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
    if key == _DEVELOPMENT_KEY:
        return f"is missing or the development default. {_MAKE_A_KEY}"
    if len(key.strip()) < _SHORTEST_KEY:
        return f"is shorter than {_SHORTEST_KEY} characters. {_MAKE_A_KEY}"
    if len(set(key)) < _FEWEST_CHARACTERS:
        return f"is a few characters over and over. {_MAKE_A_KEY}"
    return None


def _sealing_key(key: str) -> str | None:
    if key == _DEVELOPMENT_SEALING_KEY:
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
