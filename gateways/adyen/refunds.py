"""Giving back at Adyen: asked for at once, and told of for weeks.

"Received" is not "refunded": the refund is done when its transfer has been booked, and undone when the money comes
back. A refund that Adyen refuses after it was received leads to no transfer at all; that is told by notification only
(`REFUND` without success, `REFUND_FAILED`), so what was kept of those is looked at as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateways.adyen import ids
from gateways.adyen.amounts import from_adyen, to_adyen
from gateways.adyen.client import keyed
from gateways.adyen.lists import FEES, platform_type, transfers_of
from gateways.adyen.notices import items_of
from gateways.adyen.outcomes import MISSING, answered, ordered, prepared, searched
from gateways.contract import RefundFound, RefundState, Rejected, Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.adyen.client import Connection, Json
    from gateways.adyen.ids import Asked
    from gateways.contract import Busy, RefundOrder
    from kernel.money import Money

_STATES = {
    "received": RefundState.PENDING,
    "authorised": RefundState.PENDING,
    "pending": RefundState.PENDING,
    "bookingPending": RefundState.PENDING,
    "refundPending": RefundState.PENDING,
    "refunded": RefundState.SUCCEEDED,
    "booked": RefundState.SUCCEEDED,
    "refused": RefundState.FAILED,
    "rejected": RefundState.FAILED,
    "failed": RefundState.FAILED,
    "error": RefundState.FAILED,
    "returned": RefundState.FAILED,
    "refundReversed": RefundState.FAILED,
    "cancelled": RefundState.CANCELED,
}
_SENT_BACK = ("REFUND_FAILED", "REFUNDED_REVERSED")
_REVERSAL = "refundReversal"
# Banks send back for some months at most.
_STRETCHES = 2
_LONGEST_REASON = 64
# Nothing was sent yet, so nothing is said about what was sent before.
_NOT_PAID_YET = Rejected(
    "payment_not_listed", "The payment cannot be given back yet.", temporary=True, at_the_door=True
)


class Refunds:
    """Money back to the card it came from."""

    connection: Connection

    def create_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown:
        """Give money back; the same order twice gives once."""
        amount, paid = to_adyen(order.amount), ids.asked("py", order.payment)
        if isinstance(amount, Rejected):
            return amount
        if paid is None:
            return MISSING
        psp = prepared(lambda: self._reference_of(paid))
        if not isinstance(psp, str):
            return psp or _NOT_PAID_YET
        request, modifications = self._request(order, amount), self.connection.checkout.modifications_api
        return ordered(
            lambda: _received(
                modifications.refund_captured_payment(request, psp, idempotency_key=keyed(order.key)).message,
                order,
            )
        )

    def refund(self, gateway_id: str) -> RefundFound | Rejected | Busy | Unknown:
        """The refund now."""
        wanted = ids.asked("rf", gateway_id)
        if wanted is None:
            return MISSING

        def look() -> RefundFound | Unknown:
            return self._refund_now(wanted) or Unknown("Adyen lists nothing of this refund yet")

        return answered(look)

    def find_refund(self, order: RefundOrder) -> RefundFound | Rejected | Busy | Unknown | None:
        """The refund that came of an order whose answer was lost; None while Adyen has not begun one."""

        def look() -> RefundFound | None:
            transfers, told = self._known(order.refund_id, order.amount)
            return _read(order.refund_id, order.amount, transfers, told) if transfers or told else None

        return searched(look)

    def _request(self, order: RefundOrder, amount: Json) -> Json:
        return {
            "merchantAccount": self.connection.merchant_account,
            "amount": amount,
            "reference": order.refund_id,
            "splits": [
                {
                    "type": "BalanceAccount",
                    "account": self.connection.balance_account,
                    "amount": {"value": amount["value"]},
                    "reference": order.refund_id,
                }
            ],
        }

    def _reference_of(self, paid: Asked) -> str | None:
        found = [
            each["categoryData"]["pspPaymentReference"]
            for each in transfers_of(self.connection, paid.reference)
            if each["type"] in {"capture", "payment"} and each["status"] in {"captured", "booked"}
        ]
        if len(set(found)) > 1 or not all(map(ids.is_psp, found)):
            raise ValueError(f"{paid.reference} is not one payment")
        return found[0] if found else None

    def _refund_now(self, wanted: Asked) -> RefundFound | None:
        transfers, told = self._known(wanted.reference, wanted.amount)
        amount = wanted.amount
        if amount is None and transfers:
            amount = from_adyen(transfers[0]["amount"])
        return None if amount is None else _read(wanted.reference, amount, transfers, told)

    def _known(self, reference: str, amount: Money | None) -> tuple[list[Json], list[Json]]:
        transfers = [
            each
            for each in transfers_of(self.connection, reference, stretches=_STRETCHES)
            if each["type"] in {"refund", _REVERSAL} and platform_type(each) not in FEES
        ]
        # Of another order of ours under a new key the reference is the same; what stands is the last.
        names = {ids.called(reference), ids.called(reference, amount)}
        return transfers, items_of([each for name in sorted(names) for each in self.connection.told(name)])


def _received(answer: Json, order: RefundOrder) -> RefundFound:
    if answer["status"] != "received":
        raise ValueError(f"a refund that is {answer['status']}")
    amount = from_adyen(answer["amount"])
    return RefundFound(
        gateway_id=ids.called(order.refund_id, amount),
        state=RefundState.PENDING,
        amount=amount,
        pending_reason="received",
        failure_reason=None,
        reference=None,
        refund_id=answer["reference"],
    )


def _read(reference: str, amount: Money, transfers: Sequence[Json], told: Sequence[Json]) -> RefundFound:
    state, word = _standing(transfers, told)
    return RefundFound(
        gateway_id=ids.called(reference, amount),
        state=state,
        amount=amount,
        pending_reason=word if state is RefundState.PENDING else None,
        failure_reason=word if state in {RefundState.FAILED, RefundState.CANCELED} else None,
        # What a bank finds it by.
        reference=next(
            (event["arn"] for each in transfers for event in each["events"] if "arn" in event), None
        ),
        refund_id=reference,
    )


def _standing(transfers: Sequence[Json], told: Sequence[Json]) -> tuple[RefundState, str]:
    if any(each["type"] == _REVERSAL for each in transfers):
        return RefundState.FAILED, "refundReversed"
    states = [(_STATES[each["status"]], each) for each in transfers]
    failure = next((item for item in reversed(told) if _is_failure(item)), None)
    if failure is not None and not _began_anew(failure, transfers):
        return RefundState.FAILED, str(failure.get("reason") or failure["eventCode"])[:_LONGEST_REASON]
    if not states:
        return RefundState.PENDING, "received"
    for wanted in (RefundState.SUCCEEDED, RefundState.PENDING, RefundState.CANCELED):
        if any(state is wanted for state, _ in states):
            return wanted, str(transfers[-1]["status"])
    return RefundState.FAILED, str(transfers[-1].get("reason"))[:_LONGEST_REASON]


def _is_failure(item: Json) -> bool:
    return item["eventCode"] in _SENT_BACK or (item["eventCode"] == "REFUND" and item["success"] == "false")


def _began_anew(failure: Json, transfers: Sequence[Json]) -> bool:
    # Refused at first under one key, and then taken under the next.
    return any(
        each["categoryData"].get("modificationPspReference") != failure["pspReference"] for each in transfers
    )
