"""Moving released money into a worker's balance account at Adyen, and back.

Adyen moves what is available on our account: it knows no charge that a transfer comes out of. It answers before it has
decided, so that the transfer is looked at once more before anybody is told that it stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gateways.adyen import ids
from gateways.adyen.amounts import from_adyen, to_adyen
from gateways.adyen.client import keyed
from gateways.adyen.lists import made_at, ordered_as
from gateways.adyen.outcomes import MISSING, carried_out, ordered, prepared, refused, searched, understood
from gateways.contract import Rejected, ReversalFound, TransferFound, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateways.adyen.client import Connection, Json
    from gateways.contract import Busy, ReversalOrder, TransferOrder
    from kernel.money import Money

Found = TypeVar("Found")

# The money is reserved for it, or has gone.
_STANDS = ("authorised", "booked", "internalTransfer")
_NOT_DECIDED = (
    "received",
    "pending",
    "pendingApproval",
    "approvalPending",
    "pendingExecution",
    "bookingPending",
    "internalTransferPending",
)
_IN_VAIN = ("refused", "failed", "cancelled", "rejected", "error", "expired")


class Transfers:
    """Money on to the worker's account."""

    connection: Connection

    def create_transfer(self, order: TransferOrder) -> TransferFound | Rejected | Busy | Unknown:
        """Move released money; the same order twice moves once."""
        amount = to_adyen(order.amount)
        if isinstance(amount, Rejected):
            return amount
        ours = self.connection.balance_account
        request = _internal(amount, ours, order.destination, order.transfer_id, order.milestone_id)
        return self._moved(request, order.key, _read_transfer)

    def find_transfer(self, order: TransferOrder) -> TransferFound | Rejected | Busy | Unknown | None:
        """The transfer that came of an order whose answer was lost."""

        def look() -> TransferFound | Unknown | None:
            return _standing(
                ordered_as(self.connection, self.connection.balance_account, order.transfer_id),
                _read_transfer,
            )

        return searched(look)

    def create_reversal(self, order: ReversalOrder) -> ReversalFound | Rejected | Busy | Unknown:
        """Take transferred money back; the same order twice takes once."""
        amount = to_adyen(order.amount)
        if isinstance(amount, Rejected):
            return amount
        worker = prepared(lambda: self._destination(order.transfer))
        if not isinstance(worker, str):
            return worker
        ours = self.connection.balance_account
        request = _internal(amount, worker, ours, order.reversal_id, order.reversal_id)
        return self._moved(request, order.key, _read_reversal)

    def find_reversal(self, order: ReversalOrder) -> ReversalFound | Rejected | Busy | Unknown | None:
        """The reversal that came of an order whose answer was lost."""

        def look() -> ReversalFound | Rejected | Unknown | None:
            worker = self._destination(order.transfer)
            if isinstance(worker, Rejected):
                return worker
            return _standing(ordered_as(self.connection, worker, order.reversal_id), _read_reversal)

        return searched(look)

    def _moved(
        self, request: Json, key: str, read: Callable[[Json], Found]
    ) -> Found | Rejected | Busy | Unknown:
        api = self.connection.transfers.transfers_api
        made: Json | Rejected | Busy | Unknown = ordered(
            lambda: dict(api.transfer_funds(request, idempotency_key=keyed(key)).message)
        )
        if isinstance(made, dict) and made.get("status") in _NOT_DECIDED:
            made = self._looked_at(made)
        if not isinstance(made, dict):
            return made
        now = made
        return understood(
            lambda: refused(now.get("reason")) if now["status"] in _IN_VAIN else _one_standing(now, read)
        )

    def _looked_at(self, made: Json) -> Json | Unknown:
        api = self.connection.transfers.transfers_api
        return carried_out(lambda: dict(api.get_transfer(plain(made["id"])).message))

    def _destination(self, transfer_id: str) -> str | Rejected:
        """The worker's account that a transfer of ours went to."""
        if not ids.is_plain(transfer_id):
            return MISSING
        found = self.connection.transfers.transfers_api.get_transfer(transfer_id).message
        return str(found["counterparty"]["balanceAccountId"])


def plain(name: str) -> str:
    """The id, unless it would lead to another address."""
    if not ids.is_plain(name):
        raise ValueError("not an id")
    return name


def _internal(amount: Json, source: str, destination: str, reference: str, about: str) -> Json:
    return {
        "amount": amount,
        "balanceAccountId": source,
        "category": "internal",
        "counterparty": {"balanceAccountId": destination},
        "reference": reference,
        # Adyen takes no underscores in what a bank may print.
        "description": f"Holdfast {about.replace('_', '-')}",
    }


def _standing(found: Sequence[Json], read: Callable[[Json], Found]) -> Found | Unknown | None:
    # What was refused under one key moved nothing; the order may have gone again under the next.
    tried = [each for each in found if each["status"] not in _IN_VAIN]
    return _one_standing(tried[-1], read) if tried else None


def _one_standing(transfer: Json, read: Callable[[Json], Found]) -> Found | Unknown:
    status = transfer["status"]
    if status in _NOT_DECIDED:
        return Unknown(f"Adyen has not decided yet: {status}")
    if status not in _STANDS:
        raise ValueError(f"a transfer that is {status}")
    return read(transfer)


def _read_transfer(transfer: Json) -> TransferFound:
    return TransferFound(
        gateway_id=transfer["id"],
        amount=_amount(transfer),
        # At the worker's account it can be used from the start: only what had settled was moved.
        available_on=made_at(transfer),
        transfer_id=ids.ours(transfer["reference"], "tr"),
    )


def _read_reversal(transfer: Json) -> ReversalFound:
    return ReversalFound(
        gateway_id=transfer["id"],
        amount=_amount(transfer),
        reversal_id=ids.ours(transfer["reference"], "rv"),
    )


def _amount(transfer: Json) -> Money:
    return from_adyen(transfer["amount"])
