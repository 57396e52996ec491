"""Disputes at PayPal: what a payer complains of there, and what the bank of a payer's card takes back."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateways.contract import ChargebackFound, ChargebackLine, ChargebackState, Rejected, Unknown
from gateways.paypal.amounts import from_paypal, minor_of
from gateways.paypal.lines import BEFORE_A_DISPUTE, Lines, Reported
from gateways.paypal.outcomes import after_the_order, answered, ours, unless_refused
from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateways.contract import BalanceLine, Busy, EvidenceOrder
    from gateways.paypal.client import Connection
    from gateways.paypal.outcomes import Json

_INQUIRY, _RESOLVED, _SELLER = "INQUIRY", "RESOLVED", "SELLER"
_OPEN = {
    ("CHARGEBACK", "OPEN"): ChargebackState.NEEDS_RESPONSE,
    ("CHARGEBACK", "WAITING_FOR_SELLER_RESPONSE"): ChargebackState.NEEDS_RESPONSE,
    ("CHARGEBACK", "WAITING_FOR_BUYER_RESPONSE"): ChargebackState.UNDER_REVIEW,
    ("CHARGEBACK", "UNDER_REVIEW"): ChargebackState.UNDER_REVIEW,
    ("PRE_ARBITRATION", "OPEN"): ChargebackState.APPEAL_NEEDS_RESPONSE,
    ("PRE_ARBITRATION", "WAITING_FOR_SELLER_RESPONSE"): ChargebackState.APPEAL_NEEDS_RESPONSE,
    ("PRE_ARBITRATION", "WAITING_FOR_BUYER_RESPONSE"): ChargebackState.APPEAL_UNDER_REVIEW,
    ("PRE_ARBITRATION", "UNDER_REVIEW"): ChargebackState.APPEAL_UNDER_REVIEW,
    ("ARBITRATION", "OPEN"): ChargebackState.APPEAL_NEEDS_RESPONSE,
    ("ARBITRATION", "WAITING_FOR_SELLER_RESPONSE"): ChargebackState.APPEAL_NEEDS_RESPONSE,
    ("ARBITRATION", "WAITING_FOR_BUYER_RESPONSE"): ChargebackState.APPEAL_UNDER_REVIEW,
    ("ARBITRATION", "UNDER_REVIEW"): ChargebackState.APPEAL_UNDER_REVIEW,
} | {
    (_INQUIRY, status): ChargebackState.INQUIRY
    for status in ("OPEN", "WAITING_FOR_SELLER_RESPONSE", "WAITING_FOR_BUYER_RESPONSE", "UNDER_REVIEW")
}
_FOR_US = ("RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "DENIED")
_FOR_THE_PAYER = ("RESOLVED_BUYER_FAVOUR", "ACCEPTED")
_BY_SELLER = "SUBMITTED_BY_SELLER"
# What PayPal reads at once, with room for the name of the order.
_LONGEST_NOTE = 1_900
# What a decision moves is believed to be all there once the reports are written so far beyond it: the shorter time
# where PayPal's own list of what it moved says the same, the longer where it says something else, or nothing.
_ACCOUNTED_FOR, _NOT_ACCOUNTED_FOR = timedelta(hours=1), timedelta(days=1)
_SIGNS = {"DEBIT": 1, "CREDIT": -1}


class Chargebacks(Lines):
    """What payers, and the banks of their cards, take back."""

    connection: Connection

    def chargeback(self, gateway_id: str) -> ChargebackFound | Rejected | Busy | Unknown:
        """The dispute now, with all that PayPal has reported to have moved for it."""
        dispute = self._dispute(gateway_id)
        if not isinstance(dispute, dict):
            return dispute
        disputed = dispute["disputed_transactions"][0]
        capture = disputed["seller_transaction_id"]
        payment = self._order_of(capture, ours=ours("py_", disputed.get("custom")) is not None)
        if not isinstance(payment, str):
            return payment
        begun = datetime.fromisoformat(dispute["create_time"])
        reported = self.dispute_lines(capture, since=begun - BEFORE_A_DISPUTE)
        return (
            read_chargeback(dispute, payment=payment, reported=reported)
            if isinstance(reported, Reported)
            else reported
        )

    def submit_evidence(self, order: EvidenceOrder) -> ChargebackFound | Rejected | Busy | Unknown:
        """Answer, for good; the same order twice answers once: PayPal knows no key here, so it is looked for first."""
        found = self.find_evidence(order)
        if found is not None:
            return found
        given = json.dumps({"evidences": list(_evidences(order))})
        outcome = answered(
            lambda: self.connection.ask(
                "POST",
                f"/v1/customer/disputes/{_part(order.chargeback)}/provide-evidence",
                files={"input": ("input.json", given, "application/json")},
            ),
            lambda _: None,
        )
        # It is handed in, whatever becomes of the look at it.
        return after_the_order(self.chargeback(order.chargeback)) if outcome is None else outcome

    def find_evidence(self, order: EvidenceOrder) -> ChargebackFound | Busy | Unknown | None:
        """The dispute, if the answer to a lost order was handed in; None when nothing was."""
        dispute = unless_refused(self._dispute(order.chargeback))
        if not isinstance(dispute, dict):
            return dispute
        if not any(order.evidence_id in (each.get("notes") or "") for each in _answers(dispute)):
            return None
        return after_the_order(self.chargeback(order.chargeback))

    def _dispute(self, gateway_id: str) -> Json | Rejected | Busy | Unknown:
        return answered(
            lambda: self.connection.ask("GET", f"/v1/customer/disputes/{_part(gateway_id)}"), _checked
        )

    def _order_of(self, capture: str, *, ours: bool) -> str | Rejected | Busy | Unknown:
        payments = self.connection.sdk.payments
        found = answered(
            lambda: self.connection.by_sdk(lambda: payments.get_captured_payment({"capture_id": capture})),
            order_id_of,
        )
        if ours:
            return unless_refused(found or Unknown("a payment of ours, and its order is not told"))
        if found is None or (isinstance(found, Rejected) and not found.at_the_door):
            # A payment that was not made by an order of ours; nobody here knows it, under whatever name.
            return capture
        return found


def read_chargeback(dispute: Json, *, payment: str, reported: Reported) -> ChargebackFound:
    """A dispute in our words, with what is reported of the capture it is about.

    It is not called decided before its money can have been reported: what was decided may have taken it.
    """
    due_at = dispute.get("seller_response_due_date")
    outcome = (dispute.get("dispute_outcome") or {}).get("outcome_code")
    # A second dispute about the same capture has lines of its own.
    moved = tuple(_line(line) for line in reported.lines if line.source == dispute["dispute_id"])
    told = _is_told(dispute, outcome, moved, reported.until)
    return ChargebackFound(
        kind="chargeback",
        gateway_id=dispute["dispute_id"],
        payment=payment,
        state=_state(dispute, outcome, moved, told=told),
        word=str(outcome or dispute["status"])[:64],
        amount=from_paypal(dispute["dispute_amount"]),
        reason=str(dispute["reason"]).lower()[:64],
        respond_by=None if due_at is None else datetime.fromisoformat(due_at),
        lines=moved,
        answers=len({each.get("date") for each in _answers(dispute)}),
        as_of=datetime.fromisoformat(dispute["update_time"]),
        money_told=told,
    )


def order_id_of(capture: Json) -> str | None:
    """The order that a capture is of, if it is of one."""
    related = (capture.get("supplementary_data") or {}).get("related_ids") or {}
    if related.get("order_id"):
        return str(related["order_id"])
    above = [link["href"] for link in capture.get("links") or [] if link.get("rel") == "up"]
    orders = [href for href in above if "/checkout/orders/" in href]
    return orders[0].rstrip("/").rsplit("/", 1)[-1] if orders else None


def _is_told(dispute: Json, outcome: str | None, moved: tuple[ChargebackLine, ...], until: datetime) -> bool:
    if dispute["status"] != _RESOLVED:
        return True
    wait = _ACCOUNTED_FOR if _is_accounted_for(dispute, outcome, moved) else _NOT_ACCOUNTED_FOR
    return datetime.fromisoformat(dispute["update_time"]) + wait <= until


def _is_accounted_for(dispute: Json, outcome: str | None, moved: tuple[ChargebackLine, ...]) -> bool:
    """Whether the lines are what PayPal says that it moved on our side, and what such a decision moves."""
    ours = [each for each in dispute.get("money_movements") or [] if each.get("affected_party") == _SELLER]
    said = sum(_SIGNS.get(each.get("type"), 0) * minor_of(each["amount"])[0] for each in ours)
    taken = sum(line.amount.amount_minor for line in moved)
    fits = taken > 0 if outcome in _FOR_THE_PAYER else taken == 0
    return fits and said == taken + sum(line.fee.amount_minor for line in moved)


def _state(
    dispute: Json, outcome: str | None, moved: tuple[ChargebackLine, ...], *, told: bool
) -> ChargebackState:
    stage, status = dispute.get("dispute_life_cycle_stage"), dispute["status"]
    if not told:
        status = "UNDER_REVIEW"
    if status != _RESOLVED:
        return _OPEN.get((str(stage), status), ChargebackState.NOT_UNDERSTOOD)
    taken = sum(line.amount.amount_minor for line in moved)
    if outcome in _FOR_US:
        return ChargebackState.INQUIRY_CLOSED if stage == _INQUIRY and not moved else ChargebackState.WON
    if outcome in _FOR_THE_PAYER:
        return ChargebackState.LOST
    if outcome == "NONE" and stage == _INQUIRY and not moved:
        return ChargebackState.INQUIRY_CLOSED
    if outcome == "RESOLVED_WITH_PAYOUT" and not taken:
        # PayPal has paid the payer itself, under its protection of sellers.
        return ChargebackState.WON
    return ChargebackState.NOT_UNDERSTOOD


def _line(line: BalanceLine) -> ChargebackLine:
    # PayPal writes what it took below zero.
    return ChargebackLine(
        line_id=line.line_id,
        amount=Money(-line.gross_minor, line.currency),
        fee=Money(line.fee_minor, line.currency),
    )


def _answers(dispute: Json) -> list[Json]:
    return [each for each in dispute.get("evidences") or [] if each.get("source") == _BY_SELLER]


def _evidences(order: EvidenceOrder) -> Iterator[Json]:
    text = "\n\n".join(
        f"{name.replace('_', ' ').capitalize()}:\n{said}" for name, said in order.fields.items()
    )
    parts = [text[at : at + _LONGEST_NOTE] for at in range(0, len(text), _LONGEST_NOTE)] or [""]
    for number, part in enumerate(parts, start=1):
        heading = f"[{order.evidence_id}, {number} of {len(parts)}]"
        yield {"evidence_type": "OTHER", "notes": f"{heading}\n{part}"}


def _checked(values: Json) -> Json:
    # Read once for nothing, so that what is missing is missed here.
    str(values["disputed_transactions"][0]["seller_transaction_id"])
    read_chargeback(values, payment="", reported=Reported((), datetime.fromisoformat(values["create_time"])))
    return values


def _part(dispute: str) -> str:
    """A dispute's id as a part of an address; what is none leads to none."""
    return dispute if dispute.replace("-", "").isalnum() and dispute.isascii() else "none"
