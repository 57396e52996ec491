"""Money in and back: clients, their cards, payments and refunds, as orders and as a gateway has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateways.keys import attempt_key

if TYPE_CHECKING:
    from datetime import datetime

    from kernel.money import Money


class PaymentState(StrEnum):
    """How far a payment has come at the gateway."""

    NEEDS_METHOD = "needs_method"
    NEEDS_ACTION = "needs_action"
    # The payer has agreed, and nothing has moved: the money comes when it is asked for.
    APPROVED = "approved"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class CustomerOrder:
    """Make the gateway's record of a client. `customer_id` is ours (`cu_…`).

    A new `attempt` has a key of its own, as with transfers.
    """

    customer_id: str
    user_id: str
    email: str
    attempt: int = 1

    @property
    def key(self) -> str:
        """What the gateway knows this order by."""
        return attempt_key(self.customer_id, self.attempt)


@dataclass(frozen=True, slots=True)
class CustomerFound:
    """The gateway's record of a client."""

    gateway_id: str


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """Collect `amount` for one milestone, captured at once. `payment_id` is ours (`py_…`).

    Nothing is paid by it yet: the payer's device does that, or `confirm_payment`. So one whose answer was lost is
    followed by a new `attempt`, under a key of its own: what may come of the first can be paid by nobody. What the
    payer is handed is to end at `means_until`, where the gateway lets it end.
    """

    payment_id: str
    milestone_id: str
    amount: Money
    customer: str
    save_card: bool
    description: str
    attempt: int = 1
    means_until: datetime | None = None

    @property
    def key(self) -> str:
        """What the gateway knows this order by."""
        return attempt_key(self.payment_id, self.attempt)


@dataclass(frozen=True, slots=True)
class Converted:
    """What moved on our balance for an amount in another currency, and the gateway's rate, with the digits it wrote."""

    amount: Money
    rate: str | None


@dataclass(frozen=True, slots=True)
class Charge:
    """The money as it reached our balance: what the gateway kept, and when the rest may be used.

    `amount` is what the client was charged. Where another currency reached our balance, `received` says how much; the
    gateway kept its `fee` out of that, or, by its currency, before it converted what was left.
    """

    gateway_id: str
    amount: Money
    fee: Money
    available_on: datetime
    settled: bool
    balance_transaction: str
    card_brand: str | None
    card_last4: str | None
    received: Converted | None = None


@dataclass(frozen=True, slots=True)
class PaymentFound:
    """A payment as the gateway has it now. `client_secret` is for the payer's device only: never kept, never logged."""

    gateway_id: str
    state: PaymentState
    amount: Money
    client_secret: str | None
    charge: Charge | None
    decline_code: str | None
    decline_message: str | None
    payment_id: str | None
    livemode: bool
    saves_card: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A short-lived secret for the app; never kept, never logged."""

    value: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetupFound:
    """A card being saved: its secret for the app."""

    gateway_id: str
    client_secret: Secret


@dataclass(frozen=True, slots=True)
class CardFound:
    """A saved card, as far as anyone may know it."""

    gateway_id: str
    brand: str
    last4: str
    expiry_month: int
    expiry_year: int
    wallet: str | None
    fingerprint: str | None
    customer: str | None


class RefundState(StrEnum):
    """How far a refund has come."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Give `amount` of a payment back to the card it came from. `refund_id` is ours (`rf_…`).

    A new `attempt` has a key of its own, as with transfers.
    """

    refund_id: str
    payment: str
    amount: Money
    attempt: int = 1

    @property
    def key(self) -> str:
        """What the gateway knows this order by."""
        return attempt_key(self.refund_id, self.attempt)


@dataclass(frozen=True, slots=True)
class RefundFound:
    """A refund as the gateway has it now: where it took another currency for it, how much; and how much came back."""

    gateway_id: str
    state: RefundState
    amount: Money
    pending_reason: str | None
    failure_reason: str | None
    reference: str | None
    refund_id: str | None
    taken: Converted | None = None
    returned: Converted | None = None
