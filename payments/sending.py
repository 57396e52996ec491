"""How the order for a payment goes to its gateway, or to another one, and is collected once it is agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways import orders
from gateways.orders import CALLS_END
from kernel.refusals import Unavailable
from payments.collecting import PaymentNotFound
from payments.states import PAYMENT
from payments.tables import Payment
from payments.views import PaymentView, payment_view
from persistence import clock
from persistence.locks import locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.orm import Session

    from gateways.contract import Busy, Rejected
    from gateways.orders import Call


class SheetEnded(Unavailable):
    """What the payer was handed can be used no longer, and a payment begun with it at the last may still come."""

    code = "sheet_ended"


def note_call(session: Session, *, payment_id: str, means_last: timedelta | None) -> Call | None:
    """Note, before it goes, that the order may be out from now on; None when the gateway has made it already.

    What a payer is handed may last only so long. Then the order goes anew, once nobody can pay by the last one;
    until that is certain it is refused.
    """
    row = _locked(session, payment_id)
    instant = clock.now(session)
    if means_last is not None:
        _renew_what_is_handed_out(row, means_last, instant)
    return orders.next_call(row, now=instant) if row.gateway_id is None else None


def note_answer(session: Session, *, payment_id: str, call: Call, outcome: Rejected | Busy) -> None:
    """The gateway turned the order away: nothing of this call is out."""
    row = _locked(session, payment_id)
    if row.gateway_id is None and row.live_for is not None:
        orders.judge(row, call=call, outcome=outcome)


def is_at(session: Session, *, payment_id: str, gateway: str) -> bool:
    """Whether the payment is still this gateway's to collect; it stays so until the transaction ends."""
    return _locked(session, payment_id).gateway == gateway


def was_never_sent(session: Session, *, payment_id: str) -> bool:
    """Whether it is ordered and nothing of it can be at any gateway; it stays so until the transaction ends."""
    row = _locked(session, payment_id)
    return row.state == PAYMENT.initial and row.gateway_id is None and row.out_since is None


def send_elsewhere(
    session: Session, *, payment_id: str, tried: str, gateways: Sequence[str]
) -> PaymentView | None:
    """Have the next of these gateways collect instead of the one that was `tried`.

    None when the order may be out, or no other one is left; the payment as it is where somebody else has moved it.
    """
    row = _locked(session, payment_id)
    others = [gateway for gateway in gateways if gateway != row.gateway]
    if row.gateway != tried:
        return payment_view(row)
    if not others or row.live_for is None or row.gateway_id is not None or row.out_since is not None:
        return None
    row.gateway = others[0]
    # A word that is still on its way from the first is not about this order.
    row.attempt += 1
    row.means_until = None
    return payment_view(row)


def hold(session: Session, *, payment_id: str) -> None:
    """Keep the payment as it is until the transaction ends."""
    _locked(session, payment_id)


def note_capture(session: Session, *, payment_id: str) -> None:
    """Note, before it is asked for, that what the payer agreed to may be collected from now on."""
    _locked(session, payment_id).capture_asked_at = clock.now(session)


def note_decline(session: Session, *, payment_id: str, attempt: int, code: str) -> None:
    """What the payer had agreed to was declined: they may agree to pay with something else, as a new attempt."""
    row = _locked(session, payment_id)
    if row.attempt == attempt and row.state not in PAYMENT.terminal:
        row.attempt += 1
        row.decline_code = code[:64]
        row.capture_asked_at = None


def is_being_collected(session: Session, *, payment_id: str) -> bool:
    """Whether a capture whose answer nobody has heard may still be carried out."""
    asked_at = _locked(session, payment_id).capture_asked_at
    return asked_at is not None and clock.now(session) < asked_at + CALLS_END


def _renew_what_is_handed_out(row: Payment, means_last: timedelta, instant: datetime) -> None:
    ends = row.means_until
    if ends is not None and instant < ends:
        return
    if ends is not None and row.gateway_id is not None and row.state == "open" and instant < ends + CALLS_END:
        left = ends + CALLS_END - instant
        raise SheetEnded(
            "The time to pay is over for what you had begun. Please begin again in a few minutes.",
            retry_after_seconds=int(left.total_seconds()) + 1,
        )
    if ends is not None and row.state not in PAYMENT.terminal:
        # Another end is another order, under a key of its own.
        row.attempt += 1
    row.means_until = instant + means_last


def _locked(session: Session, payment_id: str) -> Payment:
    row = locked(session, Payment, payment_id)
    if row is None:
        raise PaymentNotFound("There is no payment with this id.")
    return row
