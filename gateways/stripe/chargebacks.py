"""Chargebacks at Stripe, which calls them disputes, and the warnings that come before some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gateways.contract import ChargebackFound, ChargebackLine, ChargebackState
from gateways.stripe.amounts import converted, from_stripe
from gateways.stripe.client import keyed
from gateways.stripe.outcomes import answered
from kernel.time import from_epoch

if TYPE_CHECKING:
    from stripe.params import DisputeUpdateParams, DisputeUpdateParamsEvidence

    from gateways.contract import Busy, EvidenceOrder, Rejected, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json
    from kernel.money import Money

_STATES = {
    "warning_needs_response": ChargebackState.INQUIRY,
    "warning_under_review": ChargebackState.INQUIRY,
    "warning_closed": ChargebackState.INQUIRY_CLOSED,
    "needs_response": ChargebackState.NEEDS_RESPONSE,
    "under_review": ChargebackState.UNDER_REVIEW,
    "appeal_needs_response": ChargebackState.APPEAL_NEEDS_RESPONSE,
    "appeal_under_review": ChargebackState.APPEAL_UNDER_REVIEW,
    "won": ChargebackState.WON,
    "lost": ChargebackState.LOST,
    "prevented": ChargebackState.PREVENTED,
}

_EVIDENCE = "holdfast_evidence"


class Chargebacks:
    """What the clients' banks take back."""

    connection: Connection

    def chargeback(self, gateway_id: str) -> ChargebackFound | Rejected | Busy | Unknown:
        """The chargeback now, with all that has moved for it."""
        disputes = self.connection.client.v1.disputes
        return answered(lambda: disputes.retrieve(gateway_id), read_chargeback)

    def submit_evidence(self, order: EvidenceOrder) -> ChargebackFound | Rejected | Busy | Unknown:
        """Answer the client's bank, for good; the same order twice answers once."""
        evidence = cast("DisputeUpdateParamsEvidence", dict(order.fields))
        params: DisputeUpdateParams = {
            "evidence": evidence,
            "metadata": {_EVIDENCE: order.evidence_id},
            "submit": True,
        }
        disputes = self.connection.client.v1.disputes
        return answered(lambda: disputes.update(order.chargeback, params, keyed(order.key)), read_chargeback)

    def find_evidence(self, order: EvidenceOrder) -> ChargebackFound | Rejected | Busy | Unknown | None:
        """The dispute, if the answer to a lost order was handed in; None when nothing was.

        Whoever answered the bank's question by another order has not answered its chargeback.
        """
        disputes = self.connection.client.v1.disputes

        def if_ours(values: Json) -> ChargebackFound | None:
            found = read_chargeback(values)
            ours = values["metadata"].get(_EVIDENCE) == order.evidence_id
            return found if ours and found.answers else None

        return answered(lambda: disputes.retrieve(order.chargeback), if_ours)

    def fraud_warning(self, gateway_id: str) -> ChargebackFound | Rejected | Busy | Unknown:
        """What the card's network suspects of a payment, as it is now."""
        warnings = self.connection.client.v1.radar.early_fraud_warnings
        return answered(lambda: warnings.retrieve(gateway_id, {"expand": ["charge"]}), read_warning)


def read_warning(values: Json) -> ChargebackFound:
    """An early fraud warning in our words: it takes nothing, and is over once the charge is given or taken back."""
    charge, actionable = values["charge"], values["actionable"]
    state = ChargebackState.WARNED if actionable else ChargebackState.DISMISSED
    return ChargebackFound(
        kind="fraud_warning",
        gateway_id=values["id"],
        payment=charge["payment_intent"],
        state=state,
        # Disputed it is over, too: then the chargeback goes on in its place.
        word="actionable" if actionable else "disputed" if charge["disputed"] else "not_actionable",
        amount=from_stripe(charge["amount"], charge["currency"]),
        reason=values["fraud_type"],
        respond_by=None,
        lines=(),
    )


def read_chargeback(values: Json) -> ChargebackFound:
    """A dispute in our words."""
    payment, due_by = values["payment_intent"], (values.get("evidence_details") or {}).get("due_by")
    return ChargebackFound(
        kind="chargeback",
        gateway_id=values["id"],
        payment=payment["id"] if isinstance(payment, dict) else payment,
        state=_STATES.get(values["status"], ChargebackState.NOT_UNDERSTOOD),
        word=values["status"],
        amount=from_stripe(values["amount"], values["currency"]),
        reason=values["reason"],
        respond_by=None if due_by is None else from_epoch(due_by),
        answers=values["evidence_details"]["submission_count"],
        lines=tuple(_line(line, values) for line in sorted(values["balance_transactions"], key=_age)),
    )


def _age(line: Json) -> tuple[int, str]:
    return line["created"], line["id"]


def _line(line: Json, dispute: Json) -> ChargebackLine:
    moved = converted(line, dispute["currency"])
    return ChargebackLine(
        line_id=line["id"],
        # Stripe writes what it took as a line below zero, and its fee above.
        amount=-from_stripe(line["amount"], line["currency"]) if moved is None else _in_full(line, dispute),
        fee=from_stripe(line["fee"], line["currency"]),
        converted=moved,
    )


def _in_full(line: Json, dispute: Json) -> Money:
    # A converted line does not say of how much it is; Stripe takes a dispute's amount, and gives it back, as a whole.
    amount = from_stripe(dispute["amount"], dispute["currency"])
    if not line["amount"]:
        return amount - amount
    return amount if line["amount"] < 0 else -amount
