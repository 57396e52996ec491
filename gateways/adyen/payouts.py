"""Paying out from a worker's balance account at Adyen to the worker's bank."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateways.adyen import ids, words
from gateways.adyen.accounts import Accounts
from gateways.adyen.amounts import from_adyen, to_adyen
from gateways.adyen.client import keyed
from gateways.adyen.lists import instant, made_at, ordered_as
from gateways.adyen.outcomes import MISSING, answered, ordered, prepared, refused, searched
from gateways.adyen.transfers import plain
from gateways.contract import PayoutFound, PayoutMethod, PayoutState, Rejected

if TYPE_CHECKING:
    from datetime import datetime

    from gateways.adyen.client import Json
    from gateways.contract import Busy, PayoutOrder, Unknown

_STATES = {
    "received": PayoutState.PENDING,
    "pending": PayoutState.PENDING,
    "pendingApproval": PayoutState.PENDING,
    "approvalPending": PayoutState.PENDING,
    "pendingExecution": PayoutState.PENDING,
    "authorised": PayoutState.IN_TRANSIT,
    "bookingPending": PayoutState.IN_TRANSIT,
    "bankTransferPending": PayoutState.IN_TRANSIT,
    # Deducted and with the bank, which may still send it back.
    "booked": PayoutState.PAID,
    "bankTransfer": PayoutState.PAID,
    "credited": PayoutState.PAID,
    "refused": PayoutState.FAILED,
    "rejected": PayoutState.FAILED,
    "failed": PayoutState.FAILED,
    "returned": PayoutState.FAILED,
    "error": PayoutState.FAILED,
    "expired": PayoutState.FAILED,
    "cancelled": PayoutState.CANCELED,
}
_PRIORITY = {PayoutMethod.STANDARD: "regular", PayoutMethod.INSTANT: "instant"}
_TAKES = {"regular": timedelta(days=2), "fast": timedelta(days=1)}
# The order was not sent, so nothing is said of one that went before.
_NO_BANK = Rejected("no_bank_account", words.refusal("no_bank_account"), temporary=True, at_the_door=True)


class Payouts(Accounts):
    """Money out to banks."""

    payouts_last = timedelta(days=10)

    def create_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown:
        """Send money to the worker's bank; the same order twice sends once."""
        amount = to_adyen(order.amount)
        if isinstance(amount, Rejected):
            return amount
        if not ids.is_plain(order.account):
            return MISSING
        bank = prepared(lambda: self.bank_of(order.account) or _NO_BANK)
        if not isinstance(bank, str):
            return bank
        return ordered(lambda: self._sent(order, amount, bank))

    def payout(self, account: str, gateway_id: str) -> PayoutFound | Rejected | Busy | Unknown:
        """The payout now."""
        if not (ids.is_plain(account) and ids.is_plain(gateway_id)):
            return MISSING
        api = self.connection.transfers.transfers_api

        def look() -> PayoutFound | Rejected:
            found = api.get_transfer(gateway_id).message
            return read_payout(found) if found["balanceAccount"]["id"] == account else MISSING

        return answered(look)

    def find_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown | None:
        """The payout that came of an order whose answer was lost; what Adyen refused at once moved nothing."""

        def look() -> PayoutFound | None:
            found = ordered_as(self.connection, plain(order.account), order.payout_id)
            tried = [each for each in found if each["status"] != "refused"]
            return read_payout(tried[-1]) if tried else None

        return searched(look)

    def _sent(self, order: PayoutOrder, amount: Json, bank: str) -> PayoutFound | Rejected:
        request = {
            "amount": amount,
            "balanceAccountId": order.account,
            "category": "bank",
            "counterparty": {"transferInstrumentId": bank},
            "priority": _PRIORITY[order.method],
            "reference": order.payout_id,
            "description": f"Holdfast {order.payout_id.replace('_', '-')}",
        }
        api = self.connection.transfers.transfers_api
        made = api.transfer_funds(request, idempotency_key=keyed(order.key)).message
        return refused(made.get("reason")) if made["status"] == "refused" else read_payout(made)


def read_payout(transfer: Json) -> PayoutFound:
    """A payout in our words."""
    state = _STATES[transfer["status"]]
    failed = state in {PayoutState.FAILED, PayoutState.CANCELED}
    reason = str(transfer.get("reason") or transfer["status"])
    return PayoutFound(
        gateway_id=transfer["id"],
        state=state,
        amount=from_adyen(transfer["amount"]),
        arrives_on=_arrival(transfer),
        # Adyen tells no number under which the bank knows it.
        trace_id=None,
        failure_code=reason if failed else None,
        failure_message=words.refusal(reason) if failed else None,
        payout_id=ids.ours(transfer["reference"], "po"),
    )


def _arrival(transfer: Json) -> datetime:
    estimates = [
        each["trackingData"]["estimatedArrivalTime"]
        for each in transfer.get("events") or ()
        if (each.get("trackingData") or {}).get("type") == "estimation"
    ]
    if estimates:
        return instant(estimates[-1])
    takes = _TAKES.get((transfer.get("categoryData") or {}).get("priority", ""), timedelta())
    return made_at(transfer) + takes
