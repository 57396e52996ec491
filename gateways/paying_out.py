"""Money on and out: workers' accounts, transfers, payouts and balances, as orders and as a gateway has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateways.keys import attempt_key

if TYPE_CHECKING:
    from datetime import datetime

    from kernel.money import Money


class AccountState(StrEnum):
    """Whether a worker can be paid."""

    INCOMPLETE = "incomplete"
    IN_REVIEW = "in_review"
    READY = "ready"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True)
class AccountOrder:
    """Open an account at the gateway into which a worker is paid. `account_id` is ours (`ac_…`).

    A new `attempt` has a key of its own, as with transfers.
    """

    account_id: str
    user_id: str
    email: str
    country: str
    attempt: int = 1

    @property
    def key(self) -> str:
        """What the gateway knows this order by."""
        return attempt_key(self.account_id, self.attempt)


@dataclass(frozen=True, slots=True)
class AccountFound:
    """A worker's account as the gateway has it now."""

    gateway_id: str
    state: AccountState
    can_receive_transfers: bool
    can_be_paid_out: bool
    missing: tuple[str, ...]
    disabled_reason: str | None
    bank_name: str | None
    bank_last4: str | None
    account_id: str | None
    # Whether the bank account it is paid out to takes instant payouts.
    takes_instant: bool = False


@dataclass(frozen=True, slots=True)
class OnboardingLink:
    """Where the worker tells the gateway who they are; used once, soon."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """Move money to the worker's account, out of `source_charge` or, without one, of what is available to us.

    `transfer_id` is ours (`tr_…`).

    A new `attempt` has a key of its own; it may follow only where it is certain that the one before did nothing.
    """

    transfer_id: str
    milestone_id: str
    amount: Money
    destination: str
    source_charge: str | None
    attempt: int = 1

    @property
    def key(self) -> str:
        """The idempotency key."""
        return attempt_key(self.transfer_id, self.attempt)


@dataclass(frozen=True, slots=True)
class TransferFound:
    """A transfer as the gateway has it; the worker can use it from `available_on`."""

    gateway_id: str
    amount: Money
    available_on: datetime
    transfer_id: str | None


@dataclass(frozen=True, slots=True)
class ReversalOrder:
    """Take `amount` of a transfer back out of the worker's account. `reversal_id` is ours (`rv_…`).

    A new `attempt` has a key of its own, as with transfers.
    """

    reversal_id: str
    transfer: str
    amount: Money
    attempt: int = 1

    @property
    def key(self) -> str:
        """The idempotency key."""
        return attempt_key(self.reversal_id, self.attempt)


@dataclass(frozen=True, slots=True)
class ReversalFound:
    """A reversal as the gateway has it."""

    gateway_id: str
    amount: Money
    reversal_id: str | None


class PayoutMethod(StrEnum):
    """How fast a payout goes to the bank."""

    STANDARD = "standard"
    INSTANT = "instant"


class PayoutState(StrEnum):
    """How far a payout to a bank has come."""

    PENDING = "pending"
    IN_TRANSIT = "in_transit"
    PAID = "paid"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class PayoutOrder:
    """Send `amount` from the worker's account to the worker's bank. `payout_id` is ours (`po_…`).

    A new `attempt` has a key of its own, as with transfers.
    """

    payout_id: str
    account: str
    amount: Money
    attempt: int = 1
    method: PayoutMethod = PayoutMethod.STANDARD

    @property
    def key(self) -> str:
        """The idempotency key."""
        return attempt_key(self.payout_id, self.attempt)


@dataclass(frozen=True, slots=True)
class OwnPayoutOrder:
    """Send `amount` from our own balance to our own bank. `payout_id` is ours (`op_…`).

    A new `attempt` has a key of its own, as with transfers.
    """

    payout_id: str
    amount: Money
    attempt: int = 1

    @property
    def key(self) -> str:
        """The idempotency key."""
        return attempt_key(self.payout_id, self.attempt)


@dataclass(frozen=True, slots=True)
class PayoutFound:
    """A payout as the gateway has it now. `trace_id` is what the bank knows it by.

    The gateway began an `automatic` one by itself, and says of it once it is `complete` which lines it carries.
    """

    gateway_id: str
    state: PayoutState
    amount: Money
    arrives_on: datetime
    trace_id: str | None
    failure_code: str | None
    failure_message: str | None
    payout_id: str | None
    automatic: bool = False
    complete: bool = False


@dataclass(frozen=True, slots=True)
class BalanceFound:
    """What lies at the gateway in one currency, and what of it could be paid out instantly."""

    available: Money
    pending: Money
    instant: Money

    @property
    def is_negative(self) -> bool:
        """Whether the gateway is owed money there."""
        return self.available.amount_minor < 0
