"""A card's bank takes a payment back and asks questions later: chargebacks, inquiries and warnings of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from gateways.keys import attempt_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gateways.paying_in import Converted
    from kernel.money import Money


class ChargebackState(StrEnum):
    """How far a chargeback has come; an inquiry is a question of the bank's that has taken nothing yet.

    `warned` is news of the card's network that a payment may be fraud; a chargeback often follows. It is `dismissed`
    when there is nothing left to do about it.
    """

    WARNED = "warned"
    DISMISSED = "dismissed"
    INQUIRY = "inquiry"
    INQUIRY_CLOSED = "inquiry_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    APPEAL_NEEDS_RESPONSE = "appeal_needs_response"
    APPEAL_UNDER_REVIEW = "appeal_under_review"
    WON = "won"
    LOST = "lost"
    PREVENTED = "prevented"
    # A word that the gateway did not have when this was written: the money stays where it is, and a person looks.
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True)
class ChargebackLine:
    """One movement on our balance for a chargeback: `amount` is what was taken, below zero where it came back.

    `fee` is what the gateway took for its trouble, below zero where it gave that back. Where it took or gave another
    currency than the payment's, `converted` says how much, and the fee is in that one.
    """

    line_id: str
    amount: Money
    fee: Money
    converted: Converted | None = None


@dataclass(frozen=True, slots=True)
class ChargebackFound:
    """A chargeback as the gateway has it now; `kind` is `chargeback` or `fraud_warning`.

    `payment` is the gateway's id of what was paid, `word` its own for the state, `respond_by` until when evidence is
    heard, `lines` all that has moved so far, oldest first, and `answers` how often evidence was handed in.

    `as_of` is when the gateway last changed it, where it says so: of two answers the one with the later is the newer.
    `money_told` is false where it is decided and the gateway has yet to report what moved for that: until then it has
    the state of one that is not decided, and is to be asked for again within the hour.
    """

    kind: str
    gateway_id: str
    payment: str
    state: ChargebackState
    word: str
    amount: Money
    reason: str
    respond_by: datetime | None
    lines: tuple[ChargebackLine, ...]
    answers: int = 0
    as_of: datetime | None = None
    money_told: bool = True


# What a bank reads as text, and how much of it (docs.stripe.com/api/disputes/evidence_object).
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "uncategorized_text",
)
EVIDENCE_LONGEST_FIELD = 20_000
EVIDENCE_LONGEST = 150_000


@dataclass(frozen=True, slots=True)
class EvidenceOrder:
    """Hand in `fields` for a chargeback, for good. `evidence_id` is ours (`ce_…`), `chargeback` the gateway's.

    A new `attempt` has a key of its own, as with transfers. It answers what the bank asked last before `handed_in_at`,
    and nothing that was asked later.
    """

    evidence_id: str
    chargeback: str
    fields: Mapping[str, str]
    attempt: int = 1
    handed_in_at: datetime | None = None

    @property
    def key(self) -> str:
        """The idempotency key."""
        return attempt_key(self.evidence_id, self.attempt)
