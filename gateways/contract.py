"""What Holdfast asks of a payment gateway, in its own words; adapters translate, and nobody else knows a vendor.

Every order carries our id, which is also the gateway's idempotency key, and answers with an outcome. `Unknown` is an
outcome of its own: the gateway may or may not have acted, and only asking it again with `find_…` or an event tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gateways.charging_back import (
    ChargebackFound,
    ChargebackLine,
    ChargebackState,
    EvidenceOrder,
)
from gateways.events import Event, EventsFound, Listed, ObjectKind, SignatureRefused
from gateways.keys import KEYS_LAST, attempt_key
from gateways.lines import BalanceLine, LineKind, LinesPage
from gateways.outcomes import VANISHED, AnswerNotUnderstood, Busy, Rejected, Unknown
from gateways.paying_in import (
    CardFound,
    Charge,
    Converted,
    CustomerFound,
    CustomerOrder,
    PaymentFound,
    PaymentOrder,
    PaymentState,
    RefundFound,
    RefundOrder,
    RefundState,
    Secret,
    SetupFound,
)
from gateways.paying_out import (
    AccountFound,
    AccountOrder,
    AccountState,
    BalanceFound,
    OnboardingLink,
    OwnPayoutOrder,
    PayoutFound,
    PayoutMethod,
    PayoutOrder,
    PayoutState,
    ReversalFound,
    ReversalOrder,
    TransferFound,
    TransferOrder,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from kernel.money import Money

# One place to import all of it from.
__all__ = [
    "KEYS_LAST",
    "VANISHED",
    "AccountFound",
    "AccountOrder",
    "AccountState",
    "AnswerNotUnderstood",
    "BalanceFound",
    "BalanceLine",
    "Busy",
    "Captures",
    "CardFound",
    "Charge",
    "ChargebackFound",
    "ChargebackLine",
    "ChargebackState",
    "Converted",
    "CustomerFound",
    "CustomerOrder",
    "Event",
    "EventsFound",
    "EvidenceOrder",
    "Gateway",
    "LineKind",
    "LinesPage",
    "Listed",
    "ObjectKind",
    "OnboardingLink",
    "OwnPayoutOrder",
    "PaymentFound",
    "PaymentOrder",
    "PaymentState",
    "PayoutFound",
    "PayoutMethod",
    "PayoutOrder",
    "PayoutState",
    "PaysIn",
    "PaysOut",
    "PaysUs",
    "RefundFound",
    "RefundOrder",
    "RefundState",
    "Rejected",
    "ReversalFound",
    "ReversalOrder",
    "Secret",
    "SetupFound",
    "SignatureRefused",
    "TakesCards",
    "TransferFound",
    "TransferOrder",
    "Unknown",
    "WarnsOfFraud",
    "attempt_key",
]


class Gateway(Protocol):
    """One payment gateway: what lies there and what it tells. What else it can do is in the protocols below.

    No method raises for what the gateway or the network did; outcomes say it.
    """

    name: str
    livemode: bool
    # For how long the gateway lists its events.
    events_last: timedelta

    def client_settings(self) -> Mapping[str, str]:
        """What the app needs to speak to the gateway itself: publishable key, API version."""
        ...

    def balance(
        self, currency: str, *, account: str | None = None
    ) -> BalanceFound | Rejected | Busy | Unknown:
        """What lies at the gateway, for us or for one worker's account."""
        ...

    def balance_lines(
        self, *, since: datetime | None, after: str | None, account: str | None = None
    ) -> LinesPage | Rejected | Busy | Unknown:
        """What moved on our balance, or on one worker's, since then: newest first, from behind the line `after`."""
        ...

    def verify_events(
        self, payload: bytes, headers: Mapping[str, str], *, now: Callable[[], datetime]
    ) -> Sequence[Listed]:
        """The events in these bytes; raises `SignatureRefused` unless the gateway signed all of them, around `now`.

        The `headers` may be in any case, as a server hands them on.

        `now` is asked only about what is signed. What is signed and not understood has no `event`.
        """
        ...

    def events(
        self, *, since: datetime, until: datetime, account: str | None = None, after: str | None = None
    ) -> EventsFound | Rejected | Busy | Unknown:
        """What the gateway has told in that time, of our own account or of a worker's, whether or not it arrived."""
        ...

    def read_event(self, payload: bytes) -> Event:
        """The event in bytes that were verified when they came in."""
        ...


class PaysIn(Gateway, Protocol):
    """A gateway through which clients pay, and get back what they paid."""

    # For how long a payer can use what they were handed to pay with; None where it lasts and can be asked for.
    means_last: timedelta | None

    def create_customer(self, order: CustomerOrder) -> CustomerFound | Rejected | Busy | Unknown:
        """Make the client's record; the same order twice makes one."""
        ...

    def find_customer(self, order: CustomerOrder) -> CustomerFound | Rejected | Busy | Unknown | None:
        """The record that came of an order whose answer was lost; None when the gateway never made one."""
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

    def create_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown:
        """Give money back; the same order twice gives once."""
        ...

    def refund(self, gateway_id: str) -> RefundFound | Rejected | Busy | Unknown:
        """The refund now."""
        ...

    def find_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown | None:
        """The refund that came of an order whose answer was lost."""
        ...

    def chargeback(self, gateway_id: str) -> ChargebackFound | Rejected | Busy | Unknown:
        """What the client's bank took back, as it is now."""
        ...

    def submit_evidence(self, order: EvidenceOrder) -> ChargebackFound | Rejected | Busy | Unknown:
        """Answer the client's bank, for good; the same order twice answers once."""
        ...

    def find_evidence(self, order: EvidenceOrder) -> ChargebackFound | Rejected | Busy | Unknown | None:
        """The chargeback, if the answer to a lost order was handed in; None when nothing was."""
        ...


@runtime_checkable
class TakesCards(PaysIn, Protocol):
    """A gateway that keeps clients' cards for us, and takes tokens of them."""

    def confirm_payment(
        self, gateway_id: str, *, token: str, key: str
    ) -> PaymentFound | Rejected | Busy | Unknown:
        """Pay with what the payer's device has made a token of; how the payment is after it, declined or not."""
        ...

    def save_card_of(self, gateway_id: str, *, save: bool) -> PaymentFound | Rejected | Busy | Unknown:
        """Keep the card of a payment that is not paid yet, or do not."""
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


class WarnsOfFraud(PaysIn, Protocol):
    """A gateway that hands on what the cards' networks suspect."""

    def fraud_warning(self, gateway_id: str) -> ChargebackFound | Rejected | Busy | Unknown:
        """What the card's network suspects of a payment, as it is now."""
        ...


@runtime_checkable
class Captures(PaysIn, Protocol):
    """A gateway at which the payer only agrees, and the money comes when it is asked for."""

    def capture_payment(self, gateway_id: str, *, key: str) -> PaymentFound | Rejected | Busy | Unknown:
        """Collect what the payer has agreed to; the same payment twice is collected once."""
        ...


class PaysOut(Gateway, Protocol):
    """A gateway through which workers are paid."""

    # For how long a payout may have left us without having arrived; where nobody claims it, it is back by then.
    payouts_last: timedelta

    def create_account(self, order: AccountOrder) -> AccountFound | Rejected | Busy | Unknown:
        """Open the worker's account; payouts from it are made by us only."""
        ...

    def find_account(
        self, order: AccountOrder, *, since: datetime
    ) -> AccountFound | Rejected | Busy | Unknown | None:
        """The account that came of an order whose answer was lost, and that first went out at `since`."""
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

    def create_reversal(self, order: ReversalOrder) -> ReversalFound | Rejected | Busy | Unknown:
        """Take transferred money back; the same order twice takes once."""
        ...

    def find_reversal(self, order: ReversalOrder) -> ReversalFound | Rejected | Busy | Unknown | None:
        """The reversal that came of an order whose answer was lost."""
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


class PaysUs(Gateway, Protocol):
    """A gateway that pays what is ours out to our own bank when we say so."""

    def create_own_payout(self, order: OwnPayoutOrder) -> PayoutFound | Rejected | Busy | Unknown:
        """Send money from our own balance to our bank; the same order twice sends once."""
        ...

    def own_payout(self, gateway_id: str) -> PayoutFound | Rejected | Busy | Unknown:
        """The payout now, whether or not we ordered it."""
        ...

    def find_own_payout(self, order: OwnPayoutOrder) -> PayoutFound | Rejected | Busy | Unknown | None:
        """The payout that came of an order whose answer was lost."""
        ...

    def carried_by(self, gateway_id: str, currency: str) -> Money | Rejected | Busy | Unknown:
        """What the lines add up to that a payout carries which the gateway began by itself, once it is complete."""
        ...
