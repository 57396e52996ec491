"""What a run of the peer is told at its start."""

from dataclasses import dataclass

API_VERSION = "2026-10-28.endive"
DAY = 86_400


@dataclass
class Settings:
    """Keys, webhook endpoint and the prices Stripe charges."""

    secret_key: str = "sk_test_sandbox"  # noqa: S105 - opens nothing but the sandbox
    publishable_key: str = "pk_test_sandbox"
    webhook_url: str | None = None
    webhook_secret: str = "whsec_sandbox"  # noqa: S105 - the same
    fee_basis_points: int = 290
    fee_fixed_minor: int = 30
    settle_seconds: int = 2 * DAY
    # What one account may be paid out instantly on one day.
    instant_limit_minor: int = 999_900
