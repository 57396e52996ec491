"""What Holdfast asks of a payment gateway, in its own words; adapters translate, and nobody else knows a vendor.

Every order carries our id, which is also the gateway's idempotency key, and answers with an outcome. `Unknown` is an
outcome of its own: the gateway may or may not have acted, and only asking it again with `find_…` or an event tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from kernel.money import Money

# Gateways forget idempotency keys after a day: from here on one asks what became of an order before sending it again.
KEYS_LAST = timedelta(hours=23)


def attempt_key(our_id: str, attempt: int) -> str:
    """The idempotency key of an order: our id, and from the second attempt on its number.

    Gateways repeat to a key what they first said to it, a refusal as well, even when the reason for it is gone.
    """
    return our_id if attempt == 1 else f"{our_id}.{attempt}"


# --- outcomes -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that tells: the effect may stand. Ask before anything is sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The gateway refused and did nothing. `code` is its own; `temporary` when waiting (funds, limits) may help."""

    code: str
    message: str
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Busy:
    """The gateway did nothing and asks to slow down."""

    retry_after_seconds: int


# --- paying in ------------------------------------------------------------------------------------------------------


class PaymentState(StrEnum):
    """How far a payment has come at the gateway."""

    NEEDS_METHOD = "needs_method"
    NEEDS_ACTION = "needs_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class CustomerOrder:
    """Make the gateway's record of a client. `customer_id` is ours (`cu_…`)."""

    customer_id: str
    user_id: str
    email: str


@dataclass(frozen=True, slots=True)
class CustomerFound:
    """The gateway's record of a client."""

    gateway_id: str


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """Collect `amount` for one milestone, captured at once. `payment_id` is ours (`py_…`)."""

    payment_id: str
    milestone_id: str
    amount: Money
    customer: str
    save_card: bool
    description: str
    confirmation_token: str | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class Charge:
    """The money as it reached our balance: what the gateway kept, and when the rest may be used."""

    gateway_id: str
    amount: Money
    fee: Money
    available_on: datetime
    settled: bool
    balance_transaction: str
    card_brand: str | None
    card_last4: str | None


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


# --- paying back ----------------------------------------------------------------------------------------------------


class RefundState(StrEnum):
    """How far a refund has come."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Give `amount` of a payment back to the card it came from. `refund_id` is ours (`rf_…`)."""

    refund_id: str
    payment: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundFound:
    """A refund as the gateway has it now."""

    gateway_id: str
    state: RefundState
    amount: Money
    pending_reason: str | None
    failure_reason: str | None
    reference: str | None
    refund_id: str | None


# --- the worker's account -------------------------------------------------------------------------------------------


class AccountState(StrEnum):
    """Whether a worker can be paid."""

    INCOMPLETE = "incomplete"
    IN_REVIEW = "in_review"
    READY = "ready"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True)
class AccountOrder:
    """Open an account at the gateway into which a worker is paid. `account_id` is ours (`ac_…`)."""

    account_id: str
    user_id: str
    email: str
    country: str


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


@dataclass(frozen=True, slots=True)
class OnboardingLink:
    """Where the worker tells the gateway who they are; used once, soon."""

    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """Move released money to the worker's account, out of `source_charge`. `transfer_id` is ours (`tr_…`).

    A new `attempt` has a key of its own; it may follow only where it is certain that the one before did nothing.
    """

    transfer_id: str
    milestone_id: str
    amount: Money
    destination: str
    source_charge: str
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


# --- paying out -----------------------------------------------------------------------------------------------------


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

    @property
    def key(self) -> str:
        """The idempotency key."""
        return attempt_key(self.payout_id, self.attempt)


@dataclass(frozen=True, slots=True)
class PayoutFound:
    """A payout as the gateway has it now. `trace_id` is what the worker's bank knows it by."""

    gateway_id: str
    state: PayoutState
    amount: Money
    arrives_on: datetime
    trace_id: str | None
    failure_code: str | None
    failure_message: str | None
    payout_id: str | None


@dataclass(frozen=True, slots=True)
class BalanceFound:
    """What lies at the gateway in one currency."""

    available: Money
    pending: Money


# --- events ---------------------------------------------------------------------------------------------------------


class ObjectKind(StrEnum):
    """What an event is about; the object itself is always asked for anew."""

    PAYMENT = "payment"
    REFUND = "refund"
    TRANSFER = "transfer"
    PAYOUT = "payout"
    ACCOUNT = "account"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Event:
    """A verified event: that something happened to `object_id`, never how the object is now.

    `kind` is None for objects that nothing here depends on. `account` is the connected account it came from, if any.
    """

    id: str
    type: str
    kind: ObjectKind | None
    object_id: str | None
    account: str | None
    created_at: datetime
    livemode: bool


class SignatureRefused(Exception):  # noqa: N818 - an answer to the sender
    """The bytes were not signed by the gateway, or not lately."""


class AnswerNotUnderstood(Exception):  # noqa: N818 - it says what is the case
    """The gateway said something this adapter does not know; a person has to look, and nothing is guessed."""


class Gateway(Protocol):
    """One payment gateway. No method raises for what the gateway or the network did; outcomes say it."""

    name: str
    livemode: bool

    def client_settings(self) -> Mapping[str, str]:
        """What the app needs to speak to the gateway itself: publishable key, API version."""
        ...

    def create_customer(self, order: CustomerOrder) -> CustomerFound | Rejected | Busy | Unknown:
        """Make the client's record; the same order twice makes one."""
        ...

    def create_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown:
        """Begin to collect; the same order twice begins once."""
        ...

    def payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """The payment now, with its charge when it succeeded."""
        ...

    def find_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown | None:
        """The payment that came of an order whose answer was lost; None when the gateway never made one."""
        ...

    def cancel_payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """Stop collecting; a payment that has succeeded stays as it is."""
        ...

    def customer_session(self, customer: str, *, component: str) -> Secret | Rejected | Busy | Unknown:
        """A secret with which the app's `component` (`payment_sheet`, `customer_sheet`) manages the client's cards."""
        ...

    def ephemeral_key(self, customer: str, *, api_version: str) -> Secret | Rejected | Busy | Unknown:
        """The same for older apps, in the API version their SDK asks for."""
        ...

    def create_setup(self, customer: str, *, key: str) -> SetupFound | Rejected | Busy | Unknown:
        """Begin to save a card without paying."""
        ...

    def cards(self, customer: str) -> Sequence[CardFound] | Rejected | Busy | Unknown:
        """The client's saved cards."""
        ...

    def card(self, gateway_id: str) -> CardFound | Rejected | Busy | Unknown:
        """One saved card; its `customer` is None once it has been detached."""
        ...

    def detach_card(self, gateway_id: str) -> CardFound | Rejected | Busy | Unknown:
        """Forget a card."""
        ...

    def set_default_card(self, customer: str, card: str) -> CustomerFound | Rejected | Busy | Unknown:
        """Offer this card first."""
        ...

    def create_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown:
        """Give money back; the same order twice gives once."""
        ...

    def refund(self, gateway_id: str) -> RefundFound | Rejected | Busy | Unknown:
        """The refund now."""
        ...

    def find_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown | None:
        """The refund that came of an order whose answer was lost."""
        ...

    def create_account(self, order: AccountOrder) -> AccountFound | Rejected | Busy | Unknown:
        """Open the worker's account; payouts from it are made by us only."""
        ...

    def account(self, gateway_id: str) -> AccountFound | Rejected | Busy | Unknown:
        """The worker's account now."""
        ...

    def onboarding_link(
        self, account: str, *, return_url: str, refresh_url: str
    ) -> OnboardingLink | Rejected | Busy | Unknown:
        """A page on which the worker completes what is missing."""
        ...

    def account_session(self, account: str) -> Secret | Rejected | Busy | Unknown:
        """A secret with which the app shows the account's own components."""
        ...

    def create_transfer(self, order: TransferOrder) -> TransferFound | Rejected | Busy | Unknown:
        """Move released money; the same order twice moves once."""
        ...

    def find_transfer(self, order: TransferOrder) -> TransferFound | Rejected | Busy | Unknown | None:
        """The transfer that came of an order whose answer was lost."""
        ...

    def create_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown:
        """Send money to the worker's bank; the same order twice sends once."""
        ...

    def payout(self, account: str, gateway_id: str) -> PayoutFound | Rejected | Busy | Unknown:
        """The payout now."""
        ...

    def find_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown | None:
        """The payout that came of an order whose answer was lost."""
        ...

    def balance(
        self, currency: str, *, account: str | None = None
    ) -> BalanceFound | Rejected | Busy | Unknown:
        """What lies at the gateway, for us or for one worker's account."""
        ...

    def verify_event(self, payload: bytes, headers: Mapping[str, str], *, now: datetime) -> Event:
        """The event in these bytes; raises `SignatureRefused` unless the gateway signed them, around `now`."""
        ...

    def read_event(self, payload: bytes) -> Event:
        """The event in bytes that were verified when they came in."""
        ...
