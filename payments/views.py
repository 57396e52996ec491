"""What the rest of Holdfast may know of payments and refunds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.money import Money

if TYPE_CHECKING:
    from datetime import datetime

    from payments.tables import Payment, Refund


@dataclass(frozen=True, slots=True)
class PaymentView:
    """One payment: `price` is held for the milestone, `client_fee` is ours, both were charged together."""

    id: str
    milestone_id: str
    client_id: str
    gateway: str
    gateway_id: str | None
    state: str
    gateway_state: str | None
    price: Money
    client_fee: Money
    gateway_fee: Money
    drawn_pending: Money
    refunded: Money
    save_card: bool
    description: str
    attempt: int
    decline_code: str | None
    charge_id: str | None
    balance_transaction: str | None
    card_brand: str | None
    card_last4: str | None
    ordered_at: datetime
    succeeded_at: datetime | None
    available_on: datetime | None
    settled_at: datetime | None

    @property
    def charged(self) -> Money:
        """What the client's card is charged."""
        return self.price + self.client_fee

    @property
    def settling(self) -> Money:
        """What of it settles with us: not the gateway's fee, and not what went to workers before."""
        return self.charged - self.gateway_fee - self.drawn_pending


@dataclass(frozen=True, slots=True)
class RefundView:
    """One refund: `held` comes out of the hold, `client_fee` out of our fee; the card gets both.

    A `late` one is of a payment that was made after it had been given up, and comes out of neither.
    """

    id: str
    payment_id: str
    milestone_id: str
    gateway: str
    gateway_id: str | None
    state: str
    held: Money
    client_fee: Money
    late: bool
    reason: str
    waits_for: str | None
    failure_reason: str | None
    bank_reference: str | None
    ordered_at: datetime
    sent_at: datetime | None
    finished_at: datetime | None

    @property
    def amount(self) -> Money:
        """What the card gets back."""
        return self.held + self.client_fee


def payment_view(row: Payment) -> PaymentView:
    """The payment as it stands in this transaction."""
    return PaymentView(
        id=row.id,
        milestone_id=row.milestone_id,
        client_id=row.client_id,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        state=row.state,
        gateway_state=row.gateway_state,
        price=Money(row.price_minor, row.currency),
        client_fee=Money(row.client_fee_minor, row.currency),
        gateway_fee=Money(row.gateway_fee_minor, row.currency),
        drawn_pending=Money(row.drawn_pending_minor, row.currency),
        refunded=Money(row.refunded_minor, row.currency),
        save_card=row.save_card,
        description=row.description,
        attempt=row.attempt,
        decline_code=row.decline_code,
        charge_id=row.charge_id,
        balance_transaction=row.balance_transaction,
        card_brand=row.card_brand,
        card_last4=row.card_last4,
        ordered_at=row.ordered_at,
        succeeded_at=row.succeeded_at,
        available_on=row.available_on,
        settled_at=row.settled_at,
    )


def refund_view(row: Refund) -> RefundView:
    """The refund as it stands in this transaction."""
    return RefundView(
        id=row.id,
        payment_id=row.payment_id,
        milestone_id=row.milestone_id,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        state=row.state,
        held=Money(row.held_minor, row.currency),
        client_fee=Money(row.client_fee_minor, row.currency),
        late=row.late,
        reason=row.reason,
        waits_for=row.waits_for,
        failure_reason=row.failure_reason,
        bank_reference=row.bank_reference,
        ordered_at=row.ordered_at,
        sent_at=row.sent_at,
        finished_at=row.finished_at,
    )
