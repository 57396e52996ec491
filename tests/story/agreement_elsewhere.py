"""Holdfast and the other gateways agree: what was paid, given back and taken back is there once, and to the cent.

Orders that nobody paid are not compared: neither Adyen's sessions nor PayPal's orders end anywhere but in a payment.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateways.adyen.ids import dispute_called
from kernel.money import Money
from ledger import chart
from ledger.balances import balance
from payments.states import PAID
from payments.tables import Chargeback, Payment, Refund
from persistence.unit_of_work import reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

    import sandbox

Json = dict[str, Any]
# What it is, by our id or by the gateway's, and whatever both sides say of it.
Thing = tuple[object, ...]

_REFUNDS_AT_ADYEN = {"sent": "pending", "refunded": "succeeded", "failed": "failed"}
_REFUNDS_AT_PAYPAL = {"PENDING": "pending", "COMPLETED": "succeeded", "FAILED": "failed"}
# Where a word of Adyen's was lost, what moved stands for it.
_BY_MONEY = {
    "CHARGEBACK": "chargeback",
    "CHARGEBACK_REVERSED": "chargebackReversal",
    "PREARBITRATION_WON": "chargebackReversal",
    "SECOND_CHARGEBACK": "secondChargeback",
}
# One that was ordered again is over there; the later one is another.
_OURS = {"repeated": "failed"}


def check_agreement_elsewhere(peer: sandbox.Running) -> None:
    """Adyen and PayPal have what we have, each thing once and every cent of it, and understood all they were asked."""
    for name, theirs, balances in (
        ("adyen", _at_adyen(peer.adyen.state()), _balances_at_adyen(peer)),
        ("paypal", _at_paypal(peer.paypal.state()), _balances_at_paypal(peer.paypal.state())),
    ):
        assert Counter(theirs) == Counter(reading(_ours, name)), name
        assert {of: minor for of, minor in balances.items() if minor} == reading(_our_balances, name), name
    assert peer.adyen.violations() == peer.paypal.violations() == []


def _ours(session: Session, gateway: str) -> list[Thing]:
    charges, things = {}, []
    for row in session.scalars(select(Payment).where(Payment.gateway == gateway, Payment.state.in_(PAID))):
        minor = row.price_minor + row.client_fee_minor
        charges[row.id] = row.charge_id
        things.append(("paid", row.charge_id, row.id, minor, row.currency, row.refunded_minor))
    for refund in session.scalars(select(Refund).where(Refund.gateway == gateway)):
        state = _OURS.get(refund.state, refund.state)
        minor = refund.held_minor + refund.client_fee_minor
        # What was never taken has nothing there to be like.
        if state != "failed" or refund.gateway_id is not None:
            things.append(("refund", refund.id, charges[refund.payment_id], minor, refund.currency, state))
    for taken in session.scalars(select(Chargeback).where(Chargeback.gateway == gateway)):
        word = _BY_MONEY.get(taken.word, taken.word)
        about = (taken.gateway_id, charges[taken.payment_id], taken.amount_minor, taken.currency, word)
        things.append(("chargeback", *about))
    return things


def _our_balances(session: Session, gateway: str) -> dict[str, int]:
    currencies = session.scalars(select(Payment.currency).where(Payment.gateway == gateway).distinct())
    held = {
        currency: sum(
            balance(session, place(gateway, currency)).posted.amount_minor
            for place in (chart.gateway_pending, chart.gateway_available)
        )
        for currency in currencies
    }
    return {currency: minor for currency, minor in held.items() if minor}


def _at_adyen(there: Json) -> Iterator[Thing]:
    payments = {each["id"]: each for each in _shelf(there, "payment")}
    charges = {
        each["categoryData"]["pspPaymentReference"]: each["id"]
        for each in _shelf(there, "transfer")
        if each["type"] == "capture" and each["categoryData"]["platformPaymentType"] == "BalanceAccount"
    }
    for payment in payments.values():
        if payment["state"] in {"captured", "charged_back"}:
            about = (payment["reference"], *_amount(payment["amount"]), payment["refunded"])
            yield ("paid", charges[payment["id"]], *about)
    for refund in _last_of_each(_shelf(there, "refund")):
        about = (charges[refund["payment"]], *_amount(refund["amount"]))
        yield ("refund", refund["reference"], *about, _REFUNDS_AT_ADYEN.get(refund["state"], "failed"))
    for dispute in _shelf(there, "dispute"):
        called = dispute_called(payments[dispute["payment"]]["reference"], dispute["id"])
        said = _last_word(there, dispute["id"])
        yield ("chargeback", called, charges[dispute["payment"]], *_amount(dispute["amount"]), said)


def _last_of_each(refunds: list[Json]) -> list[Json]:
    """Of an order that went more than once, since it was refused at first, the one that counts; never do two."""
    by_reference: dict[str, Json] = {}
    for refund in refunds:
        before = by_reference.get(refund["reference"])
        assert before is None or before["state"] in {"refused", "failed"}, f"{refund['reference']} went twice"
        by_reference[refund["reference"]] = refund
    return list(by_reference.values())


def _last_word(there: Json, dispute: str) -> str:
    words = [
        item["NotificationRequestItem"]["eventCode"]
        for news in _shelf(there, "news")
        for item in news["body"].get("notificationItems", ())
        if item["NotificationRequestItem"]["pspReference"] == dispute
    ]
    return _BY_MONEY.get(words[-1], str(words[-1]))


def _balances_at_adyen(peer: sandbox.Running) -> dict[str, int]:
    found = {}
    for key, purse in peer.adyen.state()["purses"].items():
        account, _, currency = key.partition("/")
        if account == peer.adyen.settings.balance_account:
            found[currency] = purse["balance"] + purse["unsettled"]
    return found


def _at_paypal(there: Json) -> Iterator[Thing]:
    captures = {each["id"]: each for each in _all(there, "capture")}
    refunds = _all(there, "refund")
    for capture in captures.values():
        if capture["status"] != "DECLINED":
            back = sum(
                _minor(each["amount"])[0]
                for each in refunds
                if each["_capture"] == capture["id"] and each["status"] != "FAILED"
            )
            yield ("paid", capture["id"], capture["custom_id"], *_minor(capture["amount"]), back)
    for refund in refunds:
        about = (refund["_capture"], *_minor(refund["amount"]), _REFUNDS_AT_PAYPAL[refund["status"]])
        yield ("refund", refund["custom_id"], *about)
    for dispute in _all(there, "dispute"):
        word = (dispute.get("dispute_outcome") or {}).get("outcome_code") or dispute["status"]
        about = (dispute["_capture"], *_minor(dispute["dispute_amount"]), word)
        yield ("chargeback", dispute["dispute_id"], *about)


def _balances_at_paypal(there: Json) -> dict[str, int]:
    found: Counter[str] = Counter()
    for line in there["lines"]:
        found[line["currency"]] += line["net"]
    return dict(found)


def _shelf(there: Json, kind: str) -> list[Json]:
    return [there["objects"][thing] for thing in there["shelves"].get(kind, ())]


def _all(there: Json, kind: str) -> list[Json]:
    return [thing for thing in there["objects"].values() if thing["object"] == kind]


def _amount(amount: Json) -> tuple[int, str]:
    return amount["value"], amount["currency"]


def _minor(amount: Json) -> tuple[int, str]:
    money = Money.parse(amount["value"], amount["currency_code"])
    return money.amount_minor, money.currency
