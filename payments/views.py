"""What the rest of Holdfast may know of payments, refunds and chargebacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateways.contract import Converted
from kernel.money import Money
from payments.bearing import Shares
from payments.states import UNDECIDED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from payments.tables import Chargeback, ChargebackEvidence, ChargebackLine, Clawback, Payment, Refund


@dataclass(frozen=True, slots=True)
class PaymentView:
    """One payment: `price` is held for the milestone, `client_fee` is ours, both were charged together.

    Where the gateway converted it, `received` says what reached our balance. `gateway_fee` may be in that currency.
    """

    id: str
    milestone_id: str
    client_id: str
    method: str
    gateway: str
    gateway_id: str | None
    state: str
    gateway_state: str | None
    price: Money
    client_fee: Money
    gateway_fee: Money
    received: Converted | None
    drawn_pending: Money
    refunded: Money
    save_card: bool
    description: str
    attempt: int
    may_be_out: bool
    means_until: datetime | None
    capture_asked_at: datetime | None
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
    def source_charge(self) -> str | None:
        """The charge that a worker's transfer can be made out of; none where there is no money of that currency."""
        return self.charge_id if self.received is None else None

    @property
    def settling(self) -> Money:
        """What of it settles with us: not the gateway's fee, and not what went to workers before."""
        if self.received is None:
            return self.charged - self.gateway_fee - self.drawn_pending
        there = self.received.amount
        # Nothing goes to workers out of it: what they are promised is in another currency.
        return there - self.gateway_fee if self.gateway_fee.currency == there.currency else there


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
    # What the gateway took for it where that was another currency, and what of that came back when it failed.
    taken: Converted | None
    returned: Money | None

    @property
    def amount(self) -> Money:
        """What the card gets back."""
        return self.held + self.client_fee


@dataclass(frozen=True, slots=True)
class ConvertedLine:
    """What the gateway took, or gave, in another currency for an `amount`, which is below zero where it came back."""

    line_id: str
    amount: Money
    moved: Converted
    at: datetime


@dataclass(frozen=True, slots=True)
class ChargebackView:
    """One chargeback: `amount` is what the bank asks for, `borne` what is taken now and by whom it is borne.

    What the worker bears is owed to us until it was `recovered` from them, `forgiven`, or given back by the bank.
    """

    id: str
    payment_id: str
    milestone_id: str
    worker_id: str
    gateway: str
    kind: str
    gateway_id: str
    state: str
    word: str
    reason: str
    amount: Money
    borne: Shares
    fees: Money
    recovered: Money
    forgiven: Money
    opened_at: datetime
    respond_by: datetime | None
    decision: str | None
    closed_at: datetime | None
    # All that has moved: the entry, and whose share it changed by how much.
    lines: tuple[tuple[str, Shares], ...]
    converted: tuple[ConvertedLine, ...]

    @property
    def taken(self) -> Money:
        """What the bank has of it now."""
        return self.borne.total

    @property
    def outstanding(self) -> Money:
        """What the worker still owes us for it."""
        return self.borne.worker - self.recovered - self.forgiven

    @property
    def undecided(self) -> bool:
        """Whether the bank has yet to decide, or to give back what it decided not to keep."""
        return self.state in UNDECIDED or (self.state == "won" and bool(self.taken))


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """What is answered to a bank for one chargeback; after it was handed in it stays as it is."""

    id: str
    chargeback_id: str
    state: str
    fields: Mapping[str, str]
    drafted_by: str
    drafted_at: datetime
    submitted_by: str | None
    submitted_at: datetime | None
    failure_code: str | None


@dataclass(frozen=True, slots=True)
class ClawbackView:
    """Released money that went back to the client: `price` = `net`, which the worker owes us, + `worker_fee`, ours."""

    id: str
    refund_id: str
    milestone_id: str
    worker_id: str
    price: Money
    net: Money
    worker_fee: Money
    recovered: Money
    forgiven: Money
    by_worker: bool
    reason: str
    ordered_at: datetime

    @property
    def outstanding(self) -> Money:
        """What the worker still owes of it."""
        return self.net - self.recovered - self.forgiven


def payment_view(row: Payment) -> PaymentView:
    """The payment as it stands in this transaction."""
    return PaymentView(
        id=row.id,
        milestone_id=row.milestone_id,
        client_id=row.client_id,
        method=row.method,
        gateway=row.gateway,
        gateway_id=row.gateway_id,
        state=row.state,
        gateway_state=row.gateway_state,
        price=Money(row.price_minor, row.currency),
        client_fee=Money(row.client_fee_minor, row.currency),
        gateway_fee=Money(row.gateway_fee_minor, row.gateway_fee_currency or row.currency),
        received=_converted(row.received_minor, row.received_currency, row.exchange_rate),
        drawn_pending=Money(row.drawn_pending_minor, row.currency),
        refunded=Money(row.refunded_minor, row.currency),
        save_card=row.save_card,
        description=row.description,
        attempt=row.attempt,
        may_be_out=row.out_since is not None,
        means_until=row.means_until,
        capture_asked_at=row.capture_asked_at,
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
        taken=_converted(row.taken_minor, row.taken_currency, row.exchange_rate),
        returned=None
        if row.returned_minor is None or row.taken_currency is None
        else Money(row.returned_minor, row.taken_currency),
    )


def _converted(minor: int | None, currency: str | None, rate: str | None) -> Converted | None:
    return None if minor is None or currency is None else Converted(Money(minor, currency), rate)


def clawback_view(row: Clawback) -> ClawbackView:
    """The clawback as it stands in this transaction."""
    price = Money(row.price_minor, row.currency)
    net = Money(row.amount_minor, row.currency)
    return ClawbackView(
        id=row.id,
        refund_id=row.refund_id,
        milestone_id=row.milestone_id,
        worker_id=row.worker_id,
        price=price,
        net=net,
        worker_fee=price - net,
        recovered=Money(row.recovered_minor, row.currency),
        forgiven=Money(row.forgiven_minor, row.currency),
        by_worker=row.ordered_by == row.worker_id,
        reason=row.reason,
        ordered_at=row.ordered_at,
    )


def shares_of(line: ChargebackLine) -> Shares:
    """Who bears a line of a chargeback."""
    names = ("held", "owed", "worker", "client_fee", "worker_fee", "lost")
    return Shares(**{name: Money(getattr(line, f"{name}_minor"), line.currency) for name in names})


def chargeback_view(row: Chargeback, lines: Sequence[ChargebackLine]) -> ChargebackView:
    """The chargeback as it stands in this transaction, with all its lines."""
    return ChargebackView(
        id=row.id,
        payment_id=row.payment_id,
        milestone_id=row.milestone_id,
        worker_id=row.worker_id,
        gateway=row.gateway,
        kind=row.kind,
        gateway_id=row.gateway_id,
        state=row.state,
        word=row.word,
        reason=row.reason,
        amount=Money(row.amount_minor, row.currency),
        borne=sum((shares_of(line) for line in lines), Shares.none(row.currency)),
        fees=Money(sum(line.fee_minor for line in lines), _fee_currency(row, lines)),
        recovered=Money(row.recovered_minor, row.currency),
        forgiven=Money(row.forgiven_minor, row.currency),
        opened_at=row.opened_at,
        respond_by=row.respond_by,
        decision=row.decision,
        closed_at=row.closed_at,
        lines=tuple((line.entry_id, shares_of(line)) for line in lines),
        converted=tuple(_converted_lines(lines)),
    )


def _fee_currency(row: Chargeback, lines: Sequence[ChargebackLine]) -> str:
    # A gateway takes its fee out of the balance on which it settles.
    return next((line.taken_currency for line in lines if line.taken_currency is not None), row.currency)


def _converted_lines(lines: Sequence[ChargebackLine]) -> Iterator[ConvertedLine]:
    for line in lines:
        moved = _converted(line.taken_minor, line.taken_currency, line.exchange_rate)
        if moved is not None and line.amount_minor:
            amount = Money(line.amount_minor, line.currency)
            yield ConvertedLine(line.line_id, amount, moved, line.booked_at)


def evidence_view(row: ChargebackEvidence) -> EvidenceView:
    """The evidence as it stands in this transaction."""
    return EvidenceView(
        id=row.id,
        chargeback_id=row.chargeback_id,
        state=row.state,
        fields=row.fields,
        drafted_by=row.drafted_by,
        drafted_at=row.drafted_at,
        submitted_by=row.submitted_by,
        submitted_at=row.submitted_at,
        failure_code=row.failure_code,
    )
