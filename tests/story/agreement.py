"""Holdfast and Stripe agree: the same money in the same places, and each thing on one side once on the other.

What was paid elsewhere is not Stripe's to know; what of it was moved to a worker through Stripe is.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import select

from ledger import chart
from ledger.balances import balance
from payments.tables import Chargeback, Customer, Payment, Refund
from payouts.tables import Payout, PayoutAccount, Reversal, Transfer
from persistence import due
from persistence.unit_of_work import reading
from runtime import books

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    import sandbox

Json = dict[str, Any]
Places = dict[str, int]
# What Stripe calls it: our id, whose or out of what it is, how much in minor units, and how far it is in our words.
Things = dict[str, tuple[object, ...]]
Row = TypeVar("Row", Customer, Payment, Refund, Chargeback)

_PAYMENTS = {"succeeded": "succeeded", "canceled": "canceled"}
_PAYOUTS = {"pending": "sent", "in_transit": "sent", "failed": "undone", "canceled": "undone"}
# What was paid after it had been given up is paid.
_PAID = {"given_back": "succeeded"}
_OURS = {"failed": "undone", "returned": "undone"}
# One that was ordered again is over at Stripe; the later one is another.
_REFUNDS = {"repeated": "failed"}


def check_agreement(peer: sandbox.Running) -> None:
    """The books fit, nothing was given up, and Stripe has what we have, each thing once and every cent of it."""
    at_stripe = peer.state()
    check_places(peer)
    # Whoever never came back after the answer about their record was lost may have one there; nothing hangs on it.
    lost = reading(_never_answered)
    theirs = {name: thing for name, thing in _their_things(at_stripe).items() if thing[0] not in lost}
    assert reading(_our_things) == theirs


def check_places(peer: sandbox.Running) -> None:
    """The books fit, nothing was given up, and at Stripe every cent lies where we have it."""
    assert reading(books.verify) == []
    assert reading(due.parked) == []
    assert peer.violations() == []
    assert reading(_our_places) == _their_places(peer.state())


def _our_places(session: Session) -> Places:
    currencies = set(session.scalars(select(Payment.currency)))
    workers = set(session.scalars(select(PayoutAccount.user_id)))
    # What was converted lies in another currency than anybody pays in.
    currencies |= set(session.scalars(select(Payment.received_currency))) - {None}
    places = {}
    for currency in currencies:
        places[f"pending {currency}"] = chart.gateway_pending("stripe", currency)
        places[f"available {currency}"] = chart.gateway_available("stripe", currency)
        for worker in workers:
            places[f"{worker} {currency}"] = chart.connected("stripe", worker, currency)
    held = {name: balance(session, account).posted.amount_minor for name, account in places.items()}
    return {name: minor for name, minor in held.items() if minor}


def _their_places(at_stripe: Json) -> Places:
    places: Counter[str] = Counter()
    for key, purse in at_stripe["balances"].items():
        account, _, currency = key.partition("/")
        for state in ("pending", "available"):
            # One worker may have had several accounts; the books know them by whose they are.
            whose = state if account == at_stripe["platform"] else _worker(at_stripe, account)
            places[f"{whose} {currency.upper()}"] += purse[state]
    for payout in _all(at_stripe, "payout"):
        # Stripe takes a payout off the balance when it is ordered, we when the bank has it.
        if payout["status"] in {"pending", "in_transit"}:
            whose = _worker(at_stripe, at_stripe["owners"][payout["id"]])
            places[f"{whose} {payout['currency'].upper()}"] += payout["amount"]
    return {name: minor for name, minor in places.items() if minor}


def _worker(at_stripe: Json, account: str) -> str:
    return str(at_stripe["objects"][account]["metadata"]["user"])


def _our_things(session: Session) -> Things:
    accounts = {row.id: row.gateway_id for row in session.scalars(select(PayoutAccount))}
    customers = {row.user_id: row.gateway_id for row in session.scalars(_at_stripe(Customer))}
    things: Things = {gateway_id: (our_id,) for our_id, gateway_id in accounts.items() if gateway_id}
    known = _at_stripe(Customer).where(Customer.gateway_id.is_not(None))
    things |= {str(row.gateway_id): (row.id, row.user_id) for row in session.scalars(known)}
    charges = {}
    for row in session.scalars(_at_stripe(Payment)):
        minor = row.price_minor + row.client_fee_minor
        state = _PAID.get(row.state, row.state)
        things[row.gateway_id or row.id] = (row.id, customers[row.client_id], minor, row.currency, state)
        charges[row.id] = row.charge_id
        if row.charge_id is not None:
            things[row.charge_id] = (row.id, row.gateway_id, minor, row.currency, row.refunded_minor)
    for row in session.scalars(select(Transfer)):
        way = (row.source_charge, accounts[row.account_id])
        things[row.gateway_id or row.id] = (row.id, *way, row.amount_minor, row.currency, row.state)
    for row in session.scalars(select(Reversal)):
        things[row.gateway_id or row.id] = (row.id, row.amount_minor, row.currency, row.state)
    for row in session.scalars(_at_stripe(Chargeback)):
        minor = row.amount_minor
        # A warning is a word about a charge, and no thing of its own.
        if row.kind == "chargeback":
            things[row.gateway_id] = (charges[row.payment_id], minor, row.currency, row.word)
    for row in session.scalars(_at_stripe(Refund)):
        minor = row.held_minor + row.client_fee_minor
        state = _REFUNDS.get(row.state, row.state)
        things[row.gateway_id or row.id] = (row.id, charges[row.payment_id], minor, row.currency, state)
    for row in session.scalars(select(Payout)):
        state = _OURS.get(row.state, row.state)
        things[row.gateway_id or row.id] = (
            row.id,
            accounts[row.account_id],
            row.amount_minor,
            row.currency,
            state,
        )
    # What was given up before Stripe ever had it has nothing to be like.
    return {name: thing for name, thing in things.items() if name != thing[0] or thing[-1] not in _GIVEN_UP}


def _never_answered(session: Session) -> set[str]:
    return {row.id for row in session.scalars(_at_stripe(Customer).where(Customer.gateway_id.is_(None)))}


def _at_stripe(rows: type[Row]) -> Select[tuple[Row]]:
    return select(rows).where(rows.gateway == "stripe")


_GIVEN_UP = {"canceled", "undone", "failed", "taken_back", "refused"}


def _their_things(at_stripe: Json) -> Things:
    owners, platform = at_stripe["owners"], at_stripe["platform"]
    things: Things = {}
    for account in _all(at_stripe, "account"):
        if account["id"] != platform:
            things[account["id"]] = (_our_id(account),)
    for customer in _all(at_stripe, "customer"):
        things[customer["id"]] = (_our_id(customer), customer["metadata"].get("user"))
    for intent in _all(at_stripe, "payment_intent"):
        state = _PAYMENTS.get(intent["status"], "open")
        things[intent["id"]] = (_our_id(intent), intent["customer"], *_amount(intent), state)
    for charge in _all(at_stripe, "charge"):
        # What arrives on a worker's account is the other end of a transfer; what was declined moved nothing.
        if owners[charge["id"]] == platform and charge["status"] != "failed":
            refunded = charge["amount_refunded"]
            things[charge["id"]] = (_our_id(charge), charge["payment_intent"], *_amount(charge), refunded)
    for transfer in _all(at_stripe, "transfer"):
        way = (transfer["source_transaction"], transfer["destination"])
        things[transfer["id"]] = (_our_id(transfer), *way, *_amount(transfer), "sent")
    # On a worker's account it is the other end of a reversal.
    for refund in (each for each in _all(at_stripe, "refund") if owners[each["id"]] == platform):
        things[refund["id"]] = (_our_id(refund), refund["charge"], *_amount(refund), refund["status"])
    for payout in _all(at_stripe, "payout"):
        state = _PAYOUTS.get(payout["status"], payout["status"])
        things[payout["id"]] = (_our_id(payout), owners[payout["id"]], *_amount(payout), state)
    return things | _taken_back(at_stripe)


def _taken_back(at_stripe: Json) -> Things:
    things: Things = {}
    for reversal in _all(at_stripe, "transfer_reversal"):
        things[reversal["id"]] = (_our_id(reversal), *_amount(reversal), "reversed")
    for dispute in _all(at_stripe, "dispute"):
        things[dispute["id"]] = (dispute["charge"], *_amount(dispute), dispute["status"])
    return things


def _all(at_stripe: Json, kind: str) -> list[Json]:
    return [thing for thing in at_stripe["objects"].values() if thing["object"] == kind]


def _our_id(thing: Json) -> str | None:
    return thing["metadata"].get("holdfast_id")


def _amount(thing: Json) -> tuple[int, str]:
    return thing["amount"], thing["currency"].upper()
