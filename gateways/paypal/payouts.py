"""Paying out at PayPal: a batch of one for each payout, under a name that PayPal takes once in thirty days."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from gateways.contract import PayoutFound, PayoutState, Rejected, Unknown
from gateways.paypal import words
from gateways.paypal.accounts import ACCOUNT
from gateways.paypal.amounts import from_paypal, to_paypal
from gateways.paypal.client import keyed
from gateways.paypal.lines import Lines
from gateways.paypal.outcomes import (
    after_the_order,
    answered,
    asked,
    document_of,
    ours,
    told,
    unless_refused,
)
from gateways.paypal.transport import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateways.contract import Busy, PayoutOrder
    from gateways.paypal.client import Connection
    from gateways.paypal.outcomes import Json

_STATES = {
    "PENDING": PayoutState.PENDING,
    "ONHOLD": PayoutState.PENDING,
    # On its way for thirty days, until the worker opens an account; then it comes back.
    "UNCLAIMED": PayoutState.IN_TRANSIT,
    "SUCCESS": PayoutState.PAID,
    "FAILED": PayoutState.FAILED,
    "BLOCKED": PayoutState.FAILED,
    "RETURNED": PayoutState.FAILED,
    "REFUNDED": PayoutState.FAILED,
    "REVERSED": PayoutState.FAILED,
}
_UNDONE = ("DENIED", "CANCELED")
_NOT_YET = (PayoutState.PENDING, PayoutState.IN_TRANSIT)
_BATCH = re.compile(r"/v1/payments/payouts/([A-Z0-9]+)")
_ITEM = re.compile(r"[A-Z0-9]{1,64}")
# Every batch is told of by one of these when PayPal takes it on.
_TAKEN_ON = ("PAYMENT.PAYOUTSBATCH.PROCESSING", "PAYMENT.PAYOUTSBATCH.DENIED")
_EVENTS_LAST = timedelta(days=29)
_PAGE = 100


class Payouts(Lines):
    """Money out to PayPal accounts."""

    connection: Connection
    # For thirty days it waits for somebody to open an account.
    payouts_last = timedelta(days=32)

    def create_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown:
        """Send money to the worker; the same order twice sends once: PayPal leads to the batch of that name."""
        amount = to_paypal(order.amount, code="currency")
        if isinstance(amount, Rejected):
            return amount
        if ACCOUNT.fullmatch(order.account) is None:
            return Rejected("account_invalid", "PayPal does not take this e-mail address.")
        name = keyed(order.key)["paypal_request_id"]
        answer = asked(
            lambda: self.connection.ask("POST", "/v1/payments/payouts", json=_batch(order, name, amount))
        )
        if not isinstance(answer, Answer):
            return answer
        outcome = told(answer, _batch_id)
        if isinstance(outcome, Rejected):
            first = _first_of_that_name(document_of(answer) or {})
            return outcome if first is None else after_the_order(self._of_batch(first))
        return after_the_order(self._of_batch(outcome)) if isinstance(outcome, str) else outcome

    def payout(self, account: str, gateway_id: str) -> PayoutFound | Rejected | Busy | Unknown:  # noqa: ARG002 - an item names its own
        """The payout now."""
        item = gateway_id if _ITEM.fullmatch(gateway_id) else "none"
        outcome = answered(
            lambda: self.connection.ask("GET", f"/v1/payments/payouts-item/{item}"), _unless_waiting
        )
        return self._of_batch(outcome, item=gateway_id) if isinstance(outcome, str) else outcome

    def find_payout(self, order: PayoutOrder) -> PayoutFound | Rejected | Busy | Unknown | None:
        """The payout that came of an order whose answer was lost, by what PayPal has told of batches of its name.

        PayPal finds no batch by its name. Were our webhook not told of payouts, nothing would be known, and never none.
        How far its reports are behind says nothing of its events: these are asked for up to now.
        """
        heard = self._is_told_of_payouts()
        if heard is not True:
            return Unknown("our webhook is not told of payouts") if heard is False else heard
        until = self._reported_until()
        if not isinstance(until, datetime):
            return unless_refused(until)
        for type_ in _TAKEN_ON:
            found = self._batch_told_of(type_, order.key, since=until - _EVENTS_LAST)
            if found is not None:
                return after_the_order(self._of_batch(found)) if isinstance(found, str) else found
        return None

    def _of_batch(self, batch: str, *, item: str | None = None) -> PayoutFound | Busy | Unknown:
        # That the question is refused says nothing of the batch, which is there.
        return unless_refused(
            answered(
                lambda: self.connection.ask("GET", f"/v1/payments/payouts/{batch}"),
                lambda values: _only_item(values, item),
            )
        )

    def _is_told_of_payouts(self) -> bool | Busy | Unknown:
        path = f"/v1/notifications/webhooks/{self.connection.webhook_id}/event-types"
        return unless_refused(answered(lambda: self.connection.ask("GET", path), _tells_of_payouts))

    def _batch_told_of(self, type_: str, name: str, *, since: datetime) -> str | Busy | Unknown | None:
        size, upto = _PAGE, None
        while True:
            query = {"event_type": type_, "start_time": since.isoformat(), "page_size": str(size)}
            page = self._told(query if upto is None else query | {"end_time": upto.isoformat()})
            if not isinstance(page, list):
                return page
            for each in page:
                header = each["resource"]["batch_header"]
                if (header.get("sender_batch_header") or {}).get("sender_batch_id") == name:
                    return str(header["payout_batch_id"])
            if len(page) < size:
                return None
            oldest = datetime.fromisoformat(page[-1]["create_time"])
            size, upto = (size * 2, upto) if oldest == upto else (size, oldest)

    def _told(self, query: dict[str, str]) -> list[Json] | Busy | Unknown:
        return unless_refused(
            answered(
                lambda: self.connection.ask("GET", "/v1/notifications/webhooks-events", params=query), _events
            )
        )


def read_payout(values: Json) -> PayoutFound:
    """An item of a payout in our words."""
    item, status = values["payout_item"], values["transaction_status"]
    problem = (values.get("errors") or {}).get("name")
    failed = _STATES[status] is PayoutState.FAILED
    code = (problem or status) if failed else None
    return PayoutFound(
        gateway_id=values["payout_item_id"],
        state=_STATES[status],
        amount=from_paypal(item["amount"], code="currency"),
        arrives_on=datetime.fromisoformat(values.get("time_processed") or values["time_created"]),
        trace_id=values.get("transaction_id"),
        failure_code=code,
        failure_message=words.refusal(code) if failed else None,
        payout_id=ours("po_", item.get("sender_item_id")),
    )


def _unless_waiting(values: Json) -> PayoutFound | str:
    # Until it is processed an item has no time; its batch has.
    return read_payout(values) if values.get("time_processed") else str(values["payout_batch_id"])


def _batch(order: PayoutOrder, name: str, amount: Json) -> Json:
    item = {
        "recipient_type": "EMAIL" if "@" in order.account else "PAYPAL_ID",
        "amount": amount,
        "receiver": order.account,
        "sender_item_id": order.payout_id,
        "purpose": "SERVICES",
    }
    return {"sender_batch_header": {"sender_batch_id": name}, "items": [item]}


def _batch_id(values: Json) -> str:
    return str(values["batch_header"]["payout_batch_id"])


def _first_of_that_name(document: Json) -> str | None:
    """The batch to which PayPal leads whoever sends another one of its name."""
    details = document.get("details") or []
    links: Sequence[Json] = [
        *(document.get("links") or []),
        *(each for detail in details for each in (detail.get("link") or detail.get("links") or [])),
    ]
    found = [match[1] for each in links if (match := _BATCH.search(str(each.get("href"))))]
    return found[0] if found else None


def _only_item(values: Json, known: str | None) -> PayoutFound | Unknown:
    header, items = values["batch_header"], values.get("items") or []
    found = read_payout({"time_created": header["time_created"]} | items[0]) if items else None
    if header["batch_status"] in _UNDONE and (found is None or found.state in _NOT_YET):
        return _undone(header, found, known)
    return found or Unknown("the batch is there and its item is not yet")


def _undone(header: Json, found: PayoutFound | None, known: str | None) -> PayoutFound:
    """A payout whose batch came to nothing: an item without a fate of its own shares it, be it there or not."""
    code = f"BATCH_{header['batch_status']}"
    name = (header.get("sender_batch_header") or {}).get("sender_batch_id")
    failed = PayoutFound(
        # Where nobody has seen an item there is none, and the batch stands for it.
        gateway_id=known or header["payout_batch_id"],
        state=PayoutState.FAILED,
        amount=from_paypal(header["amount"], code="currency") if found is None else found.amount,
        arrives_on=datetime.fromisoformat(header["time_created"]),
        trace_id=None,
        failure_code=code,
        failure_message=words.refusal(code),
        payout_id=ours("po_", (name or "").partition(".")[0]),
    )
    return failed if found is None else replace(failed, gateway_id=found.gateway_id)


def _tells_of_payouts(values: Json) -> bool:
    names = {each["name"] for each in values["event_types"]}
    return "*" in names or names.issuperset(_TAKEN_ON)


def _events(values: Json) -> list[Json]:
    return list(values.get("events") or [])
