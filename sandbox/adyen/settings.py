"""What a run of the peer is told at its start."""

from dataclasses import dataclass

DAY = 86_400


@dataclass
class Settings:
    """Keys, names, webhook endpoint and the prices Adyen charges; none of the keys opens anything but the sandbox."""

    api_key: str = "AQE_sandbox"
    client_key: str = "test_SANDBOX"
    merchant_account: str = "HoldfastMarketplace"
    balance_platform: str = "HoldfastPlatform"
    balance_account: str = "BA00000000000000000000001"
    account_holder: str = "AH00000000000000000000001"
    hmac_key: str = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
    platform_hmac_key: str = "D9D0C057550C48EC2ACF6BA05644782DEF547AAA06C910C43932B1EB0C71FC68"
    webhook_url: str | None = None
    fee_basis_points: int = 290
    fee_fixed_minor: int = 30
    dispute_fee_minor: int = 1_500
    # From the authorisation to the capture, and from there until the money may be used.
    capture_seconds: int = 0
    settle_seconds: int = 2 * DAY
    # From the request of a refund until it is looked at, and from there until it is booked.
    refund_seconds: int = 60
    refund_book_seconds: int = DAY
    # From the request of a payout until it has left, and until the bank has it.
    payout_book_seconds: int = 3_600
    payout_credit_seconds: int = 2 * DAY
