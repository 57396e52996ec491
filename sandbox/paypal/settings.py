"""What a run of the peer is told at its start."""

from dataclasses import dataclass

DAY = 86_400


@dataclass
class Settings:
    """Credentials, webhook endpoint and the prices PayPal charges."""

    client_id: str = "AZsandboxClientId"
    client_secret: str = "EKsandboxClientSecret"  # noqa: S105 - opens nothing but the sandbox
    webhook_id: str = "8PT597110X687430LKGECATA"
    webhook_url: str | None = None
    fee_basis_points: int = 349
    fee_fixed_minor: int = 49
    payout_fee_minor: int = 25
    chargeback_fee_minor: int = 2_000
    # An access token lasts nine hours, an order that nobody approves three.
    token_seconds: int = 9 * 3_600
    approval_seconds: int = 3 * 3_600
    # Movements take up to three hours until the reports have them; a test says when it cares.
    report_delay_seconds: int = 0
    # What is given back goes through the payer's bank first, and is not certain before.
    refunds_pending: int = 0


PRICES = (
    "fee_basis_points",
    "fee_fixed_minor",
    "payout_fee_minor",
    "chargeback_fee_minor",
    "report_delay_seconds",
    "refunds_pending",
)
