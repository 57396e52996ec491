"""Collecting at Adyen: sessions that the payer's device pays, captured at once, and what of it reached our balance.

The truth about a payment is its capture in the list of transfers. While there is none nothing has been paid; a session
itself says how it is only to the device that has it (`GET /sessions` wants the device's `sessionResult`), so that a
payment that was refused waits for another card like one that nobody has tried yet.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from gateways.adyen import ids
from gateways.adyen.amounts import from_adyen, to_adyen
from gateways.adyen.client import keyed
from gateways.adyen.lists import FEES, booked, instant, platform_type, transfers_of
from gateways.adyen.notices import items_of
from gateways.adyen.outcomes import MISSING, answered, ordered, searched
from gateways.contract import Charge, CustomerFound, PaymentFound, PaymentState, Rejected, Unknown
from kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.adyen.client import Connection, Json
    from gateways.adyen.ids import Asked
    from gateways.contract import Busy, CustomerOrder, PaymentOrder

_STATES = {
    "received": PaymentState.PROCESSING,
    "authorised": PaymentState.PROCESSING,
    "pending": PaymentState.PROCESSING,
    "bookingPending": PaymentState.PROCESSING,
    "capturePending": PaymentState.PROCESSING,
    "captured": PaymentState.SUCCEEDED,
    "booked": PaymentState.SUCCEEDED,
}
# Nothing came of it: the session is open as before.
_IN_VAIN = ("refused", "failed", "cancelled", "expired", "error", "rejected")
_CAPTURES = ("capture", "payment")
_UNDONE = ("CANCELLATION", "CAPTURE_FAILED", "EXPIRE", "TECHNICAL_CANCEL")
_LONGEST_REASON = 64


class Payments:
    """Money in."""

    connection: Connection
    # https://docs.adyen.com/api-explorer/Checkout/72/post/sessions: at most 24 hours, and clocks differ. A payer who
    # comes back later than this has to wait until nothing of the last session can still arrive.
    means_last: timedelta | None = timedelta(hours=23)

    def create_customer(self, order: CustomerOrder) -> CustomerFound | Rejected | Busy | Unknown:
        """Adyen makes no record of a client: it knows them by our own id, from their first payment on."""
        return CustomerFound(order.customer_id)

    def find_customer(self, order: CustomerOrder) -> CustomerFound | Rejected | Busy | Unknown | None:
        """The same."""
        return CustomerFound(order.customer_id)

    def create_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown:
        """Begin to collect; the same order twice begins once, and has its secret again.

        The secret is the session's id and its data with a colon in between: the device needs both, while it lasts.
        """
        amount = to_adyen(order.amount)
        if isinstance(amount, Rejected):
            return amount
        request, sessions = self._session(order, amount), self.connection.checkout.payments_api
        return ordered(
            lambda: self._begun(sessions.sessions(request, idempotency_key=keyed(order.key)).message, order)
        )

    def payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """The payment now, with its charge once Adyen has booked it and taken its fee."""
        wanted = ids.asked("py", gateway_id)
        if wanted is None:
            return MISSING
        return answered(lambda: self._payment_now(wanted))

    def find_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown | None:
        """The payment that came of an order whose answer was lost.

        None while nobody has paid: whether a session was made is told nowhere, and one that nobody was told of can be
        paid by nobody.
        """

        def look() -> PaymentFound | Rejected | Busy | Unknown | None:
            moved = self._captures(order.payment_id)
            there = _live(moved) or self._is_authorised(order.payment_id, order.amount)
            return self._read_payment(order.payment_id, moved, order.amount) if there else None

        return searched(look)

    def cancel_payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """Stop collecting; a payment that has succeeded stays as it is.

        What was authorised and not captured is canceled at Adyen. A session cannot be: whoever still has its secret may
        pay it until it ends, and what is paid then is found like any other payment.
        """
        wanted = ids.asked("py", gateway_id)
        if wanted is None:
            return MISSING
        before = answered(lambda: self._payment_now(wanted))
        if not isinstance(before, PaymentFound) or before.state is PaymentState.SUCCEEDED:
            return before
        return answered(lambda: self._canceled(wanted))

    def _session(self, order: PaymentOrder, amount: Json) -> Json:
        ours = self.connection.balance_account
        request: Json = {
            "merchantAccount": self.connection.merchant_account,
            "amount": amount,
            "reference": order.payment_id,
            "returnUrl": self.connection.return_url,
            "shopperReference": order.customer,
            # An authorisation dies within a week, long before most work is accepted.
            "captureDelayHours": 0,
            # All of it is ours until it is released, and so is what Adyen takes for it.
            "splits": [
                {
                    "type": "BalanceAccount",
                    "account": ours,
                    "amount": {"value": amount["value"]},
                    "reference": order.payment_id,
                },
                {"type": "PaymentFee", "account": ours, "reference": order.payment_id},
            ],
            "platformChargebackLogic": {
                "behavior": "deductFromLiableAccount",
                "costAllocationAccount": ours,
            },
        }
        if order.means_until is not None:
            request["expiresAt"] = order.means_until.astimezone(UTC).isoformat(timespec="seconds")
        if order.save_card:
            request |= {"storePaymentMethod": True, "recurringProcessingModel": "CardOnFile"}
        return request

    def _begun(self, session: Json, order: PaymentOrder) -> PaymentFound:
        amount = from_adyen(session["amount"])
        return PaymentFound(
            gateway_id=ids.called(order.payment_id, amount),
            state=PaymentState.NEEDS_METHOD,
            amount=amount,
            client_secret=f"{session['id']}:{session['sessionData']}",
            charge=None,
            decline_code=None,
            decline_message=None,
            payment_id=session["reference"],
            livemode=self.connection.livemode,
            saves_card=order.save_card,
        )

    def _canceled(self, wanted: Asked) -> PaymentFound | Rejected | Busy | Unknown:
        request = {
            "merchantAccount": self.connection.merchant_account,
            "paymentReference": wanted.reference,
            "reference": wanted.reference,
        }
        # Without a key: to be asked twice is harmless, and to have the first answer repeated would stop nothing.
        self.connection.checkout.modifications_api.cancel_authorised_payment(request)
        after = self._payment_now(wanted)
        if isinstance(after, PaymentFound) and after.state is PaymentState.NEEDS_METHOD:
            return self._nothing_moved(
                wanted.reference, after.amount, state=PaymentState.CANCELED, decline_code=after.decline_code
            )
        return after

    def _payment_now(self, wanted: Asked) -> PaymentFound | Unknown:
        return self._read_payment(wanted.reference, self._captures(wanted.reference), wanted.amount)

    def _captures(self, reference: str) -> list[Json]:
        return [
            each
            for each in transfers_of(self.connection, reference)
            if each["categoryData"].get("paymentMerchantReference") == reference
            and each["type"] in (*_CAPTURES, "captureReversal")
        ]

    def _read_payment(
        self, reference: str, moved: Sequence[Json], amount: Money | None
    ) -> PaymentFound | Unknown:
        live = _live(moved)
        if len(live) > 1 or any(each["type"] == "captureReversal" for each in moved):
            # Two sessions paid for one order, or a capture that was taken back: a person has to look.
            raise ValueError(f"{reference} was captured more than once, or not for good")
        if not live:
            in_vain = next((each for each in reversed(moved) if _is_main(each)), None)
            over = amount if in_vain is None else from_adyen(in_vain["amount"])
            if over is None:
                return Unknown("Adyen lists nothing of this payment yet")
            code = None if in_vain is None else str(in_vain.get("reason"))[:_LONGEST_REASON]
            # Adyen tells of an authorisation before it lists what comes of it, and that is not to be given up.
            paid = in_vain is None and self._is_authorised(reference, over)
            state = PaymentState.PROCESSING if paid else PaymentState.NEEDS_METHOD
            return self._nothing_moved(reference, over, state=state, decline_code=code)
        (main,) = live
        collected, state = from_adyen(main["amount"]), _STATES[main["status"]]
        return PaymentFound(
            gateway_id=ids.called(reference, collected),
            state=state,
            amount=collected,
            client_secret=None,
            charge=self._charge(main, moved) if state is PaymentState.SUCCEEDED else None,
            decline_code=None,
            decline_message=None,
            payment_id=reference,
            livemode=self.connection.livemode,
        )

    def _is_authorised(self, reference: str, amount: Money) -> bool:
        """Whether it was told that a bank has said yes, and not that nothing came of it."""
        names = (ids.called(reference), ids.called(reference, amount))
        told = items_of([each for name in names for each in self.connection.told(name)])
        codes = [item["eventCode"] for item in told if item["success"] == "true"]
        return "AUTHORISATION" in codes and not any(code in _UNDONE for code in codes)

    def _nothing_moved(
        self, reference: str, amount: Money, *, state: PaymentState, decline_code: str | None
    ) -> PaymentFound:
        return PaymentFound(
            gateway_id=ids.called(reference, amount),
            state=state,
            amount=amount,
            client_secret=None,
            charge=None,
            decline_code=decline_code,
            decline_message=None,
            payment_id=reference,
            livemode=self.connection.livemode,
        )

    def _charge(self, main: Json, moved: Sequence[Json]) -> Charge | None:
        line = next((event for event, _ in booked(main)), None)
        fees = [each for each in moved if platform_type(each) in FEES and _same_payment(each, main)]
        taken = [-value for each in fees for _, value in booked(each)]
        if line is None or len(taken) < len(fees):
            # Adyen books the parts of a payment one after the other; the news of the rest follows.
            return None
        transactions = self.connection.transfers.transactions_api
        found = transactions.get_transaction(line["transactionId"]).message
        settled = {"booked": True, "pending": False}[found["status"]]
        if not fees and not settled:
            # What Adyen takes is listed beside it; only what has settled without it came free.
            return None
        return Charge(
            gateway_id=main["id"],
            amount=from_adyen(found["amount"]),
            fee=Money(sum(taken), found["amount"]["currency"]),
            available_on=instant(found["valueDate"]),
            settled=settled,
            balance_transaction=found["id"],
            # A transfer does not say of which card it was.
            card_brand=None,
            card_last4=None,
        )


def captured(transfers: Sequence[Json]) -> Json | None:
    """The transfer by which a payment reached our balance, among all that its reference led to."""
    return next((each for each in _live(transfers) if each["status"] in {"captured", "booked"}), None)


def _live(moved: Sequence[Json]) -> list[Json]:
    return [each for each in moved if _is_main(each) and each["status"] not in _IN_VAIN]


def _is_main(transfer: Json) -> bool:
    return transfer["type"] in _CAPTURES and platform_type(transfer) not in FEES


def _same_payment(one: Json, other: Json) -> bool:
    name = "pspPaymentReference"
    return bool(one["categoryData"].get(name) == other["categoryData"].get(name))
