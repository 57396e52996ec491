"""Work on what clients' banks take back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from escrow import chargebacks as escrow_chargebacks
from escrow import funding
from gateways.contract import AnswerNotUnderstood, Rejected
from jobs.payouts_jobs import rail_of
from jobs.work import NotYet, handler
from kernel.ids import new_id
from kernel.money import Money
from payments import chargebacks, collecting, evidence
from payments.answers import found
from payouts import recovery, transfers
from persistence import clock
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import paying_in, paying_out, warning_of_fraud

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.contract import Busy, ChargebackFound, Unknown
    from payments.debts import Debt
    from payments.evidence import EvidenceToSend
    from payments.views import ChargebackView, PaymentView
    from payouts.recovery import ReversalToSend
    from persistence.due import Work

_LOOK_AGAIN = timedelta(days=1)
# A gateway's reports are some hours behind its word.
_UNTIL_TOLD = timedelta(hours=1)
# What a bank has decided may move something days later, or be taken back.
_AFTER_THE_END = timedelta(days=10)
_SOON = timedelta(seconds=5)
_A_MINUTE = timedelta(minutes=1)


@handler("refresh_chargeback")
def refresh_chargeback(work: Work) -> None:
    """Ask the gateway how a chargeback is, and write it down. The subject is our id, or the gateway's from an event."""
    if work.payload:
        name = work.payload["gateway"]
        there = found(paying_in(name).chargeback(work.subject))
        if _record(name, there) is not None and not there.money_told:
            raise NotYet(reading(clock.now) + _UNTIL_TOLD)
        return
    ours: ChargebackView = reading(chargebacks.find, work.subject)
    there = found(_asked(ours))
    again_in = _look_again_in(there, _record(ours.gateway, there))
    if again_in is not None:
        raise NotYet(reading(clock.now) + again_in)


@handler("refresh_fraud_warning")
def refresh_fraud_warning(work: Work) -> None:
    """Ask the gateway what the card's network suspects, and write it down. The subject is the gateway's id."""
    name = work.payload["gateway"]
    _record(name, found(warning_of_fraud(name).fraud_warning(work.subject)))


@handler("recover_debt")
def recover_debt(work: Work) -> None:
    """Take back what the worker was paid, as far as it has not left for their bank. What a bank returns counts."""
    now = atomically(recovery.recover, debt_id=work.subject, recovery_id=new_id("rc"))
    if now.outstanding:
        raise NotYet(_look_for_more(now))


def _look_for_more(of: Debt) -> datetime:
    # What was released a moment ago may not have been ordered yet; what a bank returns takes days.
    instant = reading(clock.now)
    return instant + min(max(instant - of.since, _SOON), _LOOK_AGAIN)


@handler("order_repayment")
def order_repayment(work: Work) -> None:
    """Have what the worker had given back moved to their account again."""
    told = work.payload
    atomically(
        transfers.repay,
        transfer_id=new_id("tr"),
        amount=Money(told["amount_minor"], told["currency"]),
        gateway=rail_of(told),
        **{name: told[name] for name in ("line_id", "milestone_id", "worker_id", "payment_id")},
    )


@handler("send_reversal")
def send_reversal(work: Work) -> None:
    """Have the gateway take the money back out of the worker's account, once however often this runs."""
    again_at = staged(
        begin=recovery.to_send, call=_send_reversal, record=recovery.record, reversal_id=work.subject
    )
    if again_at is not None:
        raise NotYet(again_at)


@handler("send_evidence")
def send_evidence(work: Work) -> None:
    """Have the gateway hand the evidence in, once however often this runs."""
    again_at = staged(
        begin=evidence.to_send, call=_send_evidence, record=evidence.record, evidence_id=work.subject
    )
    if again_at is not None:
        raise NotYet(again_at)


@handler("remind_of_evidence")
def remind_of_evidence(work: Work) -> None:
    """Tell that a bank still waits for its answer, and until when."""
    atomically(chargebacks.remind, chargeback_id=work.subject)


def _look_again_in(there: ChargebackFound, now: ChargebackView | None) -> timedelta | None:
    if now is None:
        return None
    if not there.money_told:
        return _UNTIL_TOLD
    lately = now.closed_at is not None and reading(clock.now) < now.closed_at + _AFTER_THE_END
    return _LOOK_AGAIN if now.undecided or (lately and now.kind == "chargeback") else None


def _asked(ours: ChargebackView) -> ChargebackFound | Rejected | Busy | Unknown:
    if ours.kind == "chargeback":
        return paying_in(ours.gateway).chargeback(ours.gateway_id)
    return warning_of_fraud(ours.gateway).fraud_warning(ours.gateway_id)


def _send_evidence(intent: EvidenceToSend) -> evidence.Answer | None:
    return evidence.send(intent, through=paying_in(intent.gateway))


def _send_reversal(intent: ReversalToSend) -> recovery.Answer | None:
    return recovery.send(intent, through=paying_out(intent.gateway))


def _record(name: str, there: ChargebackFound) -> ChargebackView | None:
    payment = _payment_of(name, there)
    if payment is None:
        # Somebody else's payment: made by hand at the gateway, or not by Holdfast at all.
        return None
    if there.word == "disputed" and not reading(chargebacks.is_taken_back, payment.milestone_id):
        # The chargeback that follows a warning is not known yet, and nothing may move between the two.
        raise NotYet(reading(clock.now) + _A_MINUTE)
    now = atomically(
        escrow_chargebacks.record_chargeback, chargeback_id=new_id("cb"), payment=payment, found=there
    )
    if now.state == "not_understood":
        raise AnswerNotUnderstood(
            f"The gateway calls {there.gateway_id} {now.word!r}. Its money stays where it is."
        )
    return now


def _payment_of(name: str, there: ChargebackFound) -> PaymentView | None:
    payment = reading(collecting.find_payment, payment_id=None, gateway_id=there.payment, gateway=name)
    if payment is not None and payment.state == "succeeded":
        return payment
    # The news of the payment itself may be late or lost: whoever takes it back knows that it was made.
    outcome = paying_in(name).payment(there.payment)
    if payment is None and isinstance(outcome, Rejected) and not (outcome.temporary or outcome.at_the_door):
        # Neither here nor among what was ordered there: money that somebody sent us by hand.
        return None
    outcome = found(outcome)
    payment = reading(
        collecting.find_payment, payment_id=outcome.payment_id, gateway_id=there.payment, gateway=name
    )
    if payment is None:
        return None
    return atomically(funding.record_payment, payment_id=payment.id, outcome=outcome)
