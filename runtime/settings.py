"""Every setting of Holdfast, read from the environment, typed, and refused when it would not be safe to start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from payments.routing import read_routes
from runtime.production import DEVELOPMENT_KEY, DEVELOPMENT_SEALING_KEY, unsafe_in_production
from runtime.signing import key_bytes

_REDISES = {"redis", "rediss", "unix"}


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
        default=SecretStr(DEVELOPMENT_KEY),
        description="Signs page cursors. At least 32 random characters; the same for every process.",
    )
    SEALING_KEY: SecretStr = Field(
        default=SecretStr(DEVELOPMENT_SEALING_KEY),
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
    ADYEN_API_KEY: SecretStr = Field(
        default=SecretStr(""),
        description="Adyen's API key for payments; without it Adyen is not used.",
    )
    ADYEN_PLATFORM_API_KEY: SecretStr | None = Field(
        default=None,
        description="Adyen's API key for balances and transfers, where it is another.",
    )
    ADYEN_LEGAL_ENTITY_API_KEY: SecretStr | None = Field(
        default=None,
        description="Adyen's API key for legal entities, where it is another.",
    )
    ADYEN_CLIENT_KEY: str = Field(
        default="", description="Adyen's client key, which the mobile app is given."
    )
    ADYEN_MERCHANT_ACCOUNT: str = Field(default="", description="Adyen's merchant account.")
    ADYEN_BALANCE_PLATFORM: str = Field(default="", description="Adyen's balance platform.")
    ADYEN_BALANCE_ACCOUNT: str = Field(
        default="", description="Our own balance account at Adyen, into which clients pay."
    )
    ADYEN_HMAC_KEYS: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Keys of Adyen's standard webhooks, hexadecimal, separated by commas, two while one is replaced.",
    )
    ADYEN_PLATFORM_HMAC_KEYS: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="The same of the balance platform's webhooks.",
    )
    ADYEN_LIVE_PREFIX: str | None = Field(
        default=None, description="The prefix of our live addresses at Adyen; without it, Adyen's test world."
    )
    ADYEN_API_BASE: str | None = Field(
        default=None,
        description="Development and test only: speak to the sandbox peer at this address instead of Adyen.",
    )
    PAYPAL_CLIENT_ID: str = Field(
        default="", description="The id of our app at PayPal; without it PayPal is not used."
    )
    PAYPAL_CLIENT_SECRET: SecretStr = Field(default=SecretStr(""), description="Its secret.")
    PAYPAL_WEBHOOK_ID: str = Field(
        default="", description="The id of the webhook at PayPal, over which each of its signatures goes."
    )
    PAYPAL_API_BASE: str | None = Field(
        default=None,
        description="PayPal's sandbox, or in development and test the peer at this address; without it, live.",
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

    @field_validator(
        "STRIPE_WEBHOOK_SECRETS",
        "ADYEN_HMAC_KEYS",
        "ADYEN_PLATFORM_HMAC_KEYS",
        "RETIRED_SEALING_KEYS",
        mode="before",
    )
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
        problems = unsafe_in_production(self) if self.in_production else []
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
