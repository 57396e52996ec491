"""Work on what clients' banks take back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from escrow import chargebacks as escrow_chargebacks
from escrow import funding
from gateways.contract import AnswerNotUnderstood, PaymentFound
from jobs.work import NotYet, handler
from kernel.ids import new_id
from payments import chargebacks, collecting
from payments.answers import found
from payouts import recovery
from persistence import clock
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import gateway

if TYPE_CHECKING:
    from gateways.contract import ChargebackFound
    from payments.views import ChargebackView, PaymentView
    from payouts.recovery import ReversalToSend
    from persistence.due import Work

_LOOK_AGAIN = timedelta(days=1)


@handler("refresh_chargeback")
def refresh_chargeback(work: Work) -> None:
    """Ask the gateway how a chargeback is, and write it down. The subject is our id, or the gateway's from an event."""
    name, gateway_id = _named(work)
    there = found(gateway(name).chargeback(gateway_id))
    payment = _payment_of(name, there)
    if payment is None:
        # Somebody else's payment: made by hand at the gateway, or not by Holdfast at all.
        return
    now = atomically(
        escrow_chargebacks.record_chargeback, chargeback_id=new_id("cb"), payment=payment, found=there
    )
    if now.state == "not_understood":
        raise AnswerNotUnderstood(
            f"The gateway calls {gateway_id} {now.word!r}. Its money stays where it is."
        )
    if not work.payload and now.undecided:
        raise NotYet(reading(clock.now) + _LOOK_AGAIN)


@handler("recover_chargeback")
def recover_chargeback(work: Work) -> None:
    """Take back what the worker was paid, as far as it has not left for their bank. What a bank returns counts."""
    now = atomically(recovery.recover, chargeback_id=work.subject, recovery_id=new_id("rc"))
    if now.outstanding:
        raise NotYet(reading(clock.now) + _LOOK_AGAIN)


@handler("send_reversal")
def send_reversal(work: Work) -> None:
    """Have the gateway take the money back out of the worker's account, once however often this runs."""
    again_at = staged(
        begin=recovery.to_send, call=_send_reversal, record=recovery.record, reversal_id=work.subject
    )
    if again_at is not None:
        raise NotYet(again_at)


def _send_reversal(intent: ReversalToSend) -> recovery.Answer | None:
    return recovery.send(intent, through=gateway(intent.gateway))


def _named(work: Work) -> tuple[str, str]:
    if work.payload:
        return work.payload["gateway"], work.subject
    ours: ChargebackView = reading(chargebacks.find, work.subject)
    return ours.gateway, ours.gateway_id


def _payment_of(name: str, there: ChargebackFound) -> PaymentView | None:
    payment = reading(collecting.find_payment, payment_id=None, gateway_id=there.payment)
    if payment is not None and payment.state == "succeeded":
        return payment
    # The news of the payment itself may be late or lost: whoever takes it back knows that it was made.
    outcome: PaymentFound = found(gateway(name).payment(there.payment))
    payment = reading(collecting.find_payment, payment_id=outcome.payment_id, gateway_id=there.payment)
    if payment is None:
        return None
    return atomically(funding.record_payment, payment_id=payment.id, outcome=outcome)
