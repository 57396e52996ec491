"""Who has which cents, told without Holdfast's own arithmetic: what the story machine compares it with."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

_WINDOW_HOURS = 72


def half_up(cents: int, basis_points: int) -> int:
    """A rate of an amount, half a cent rounded up."""
    return int(Fraction(cents * basis_points, 10_000) + Fraction(1, 2))


@dataclass
class Refund:
    """Money that went, or is going, back."""

    held: int
    fee: int
    state: str = "ordered"
    known_at_gateway: bool = False
    # Of a payment made after it was given up: out of no hold.
    late: bool = False

    @property
    def counts(self) -> bool:
        """Whether it is the client's by this refund, and not by one that was ordered after it."""
        return self.state != "repeated"

    @property
    def on_its_way(self) -> bool:
        """Whether it is ordered and neither there nor back."""
        return self.state in {"ordered", "unknown", "pending"}


@dataclass
class Payment:
    """Money that came, or may come; after it was given up it came only to go back."""

    state: str = "ordered"
    known_at_gateway: bool = False
    late: int = 0
    late_fee: int = 0
    late_settled: bool = False


@dataclass
class Milestone:
    """One price and everything that became of it."""

    price: int
    client_rate: int
    worker_rate: int
    state: str = "draft"
    payment: Payment | None = None
    gateway_fee: int = 0
    settled: bool = False
    moved_pending: int = 0
    moved_settled: int = 0
    released: int = 0
    worker_fee: int = 0
    refunds: dict[str, Refund] = field(default_factory=dict)
    late: list[Payment] = field(default_factory=list)
    submission: str | None = None
    submitted_at_hours: int = 0
    request: str | None = None
    asked: int = 0

    @property
    def client_fee(self) -> int:
        """What the client pays on top."""
        return half_up(self.price, self.client_rate)

    @property
    def funded(self) -> bool:
        """Whether the price ever came."""
        return self.payment is not None and self.payment.state == "succeeded"

    @property
    def refunded(self) -> int:
        """What left the hold for the client."""
        return sum(refund.held for refund in self.refunds.values() if refund.counts and not refund.late)

    @property
    def fee_returned(self) -> int:
        """What of our fee went with it."""
        return sum(refund.fee for refund in self.refunds.values() if refund.counts and not refund.late)

    @property
    def held(self) -> int:
        """What is with us."""
        return self.price - self.released - self.refunded if self.funded else 0

    def overdue(self, hours: int) -> bool:
        """Whether the client's time to answer is over."""
        return self.state == "submitted" and hours - self.submitted_at_hours >= _WINDOW_HOURS

    def release(self, gross: int) -> None:
        """The worker gets a part, less our fee on it."""
        before = half_up(self.released, self.worker_rate)
        self.released += gross
        self.worker_fee += half_up(self.released, self.worker_rate) - before

    def refund(self, refund_id: str, held: int) -> None:
        """The client gets a part, and of our fee what the parts so far deserve and have not had."""
        deserved = self.client_fee * (self.refunded + held) // self.price
        self.refunds[refund_id] = Refund(held, deserved - self.fee_returned)

    def refund_again(self, refund_id: str, again_id: str) -> None:
        """What came back goes out once more."""
        first = self.refunds[refund_id]
        first.state = "repeated"
        self.refunds[again_id] = Refund(first.held, first.fee, late=first.late)

    def pay_late(self, payment: Payment, fee: int, refund_id: str) -> None:
        """Money comes that nobody wants any more, and all of it goes back."""
        payment.state, payment.late, payment.late_fee = "given_back", self.price + self.client_fee, fee
        self.late.append(payment)
        self.refunds[refund_id] = Refund(self.price, self.client_fee, late=True)

    def end(self, state: str) -> None:
        """It comes to rest, or to a new state in which no time runs."""
        self.state = state
        if state != "submitted":
            self.submitted_at_hours = 0


@dataclass
class Contract:
    """The milestones of one contract."""

    id: str
    milestones: dict[str, Milestone]
    state: str = "offered"

    def follow(self) -> None:
        """It ends with its last milestone."""
        states = {one.state for one in self.milestones.values()}
        if self.state == "active" and states <= {"released", "refunded", "split"}:
            self.state = "completed"


def places(milestones: list[Milestone]) -> dict[str, int]:
    """Where all the cents are."""
    paid = [one for one in milestones if one.funded]
    refunds = [refund for one in milestones for refund in one.refunds.values()]
    late = [payment for one in milestones for payment in one.late]
    left = {id(one): one.price + one.client_fee - one.gateway_fee - one.moved_pending for one in paid}
    cents = {
        "pending": sum(left[id(one)] for one in paid if not one.settled)
        + sum(payment.late - payment.late_fee for payment in late if not payment.late_settled),
        "available": sum(left[id(one)] - one.moved_settled for one in paid if one.settled)
        + sum(payment.late - payment.late_fee for payment in late if payment.late_settled)
        - sum(refund.held + refund.fee for refund in refunds if refund.state == "succeeded"),
        "connected": sum(one.moved_pending + one.moved_settled for one in paid),
        "held": sum(one.held for one in paid),
        "wallet": sum(one.released - one.worker_fee for one in paid),
        "refunds": sum(refund.held + refund.fee for refund in refunds if refund.on_its_way),
        "owed": sum(refund.held + refund.fee for refund in refunds if refund.state == "failed"),
        "client fees": sum(one.client_fee - one.fee_returned for one in paid),
        "worker fees": sum(one.worker_fee for one in paid),
        "gateway fees": sum(one.gateway_fee for one in paid) + sum(payment.late_fee for payment in late),
    }
    return {place: amount for place, amount in cents.items() if amount}
