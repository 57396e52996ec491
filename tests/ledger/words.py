"""The people, places and amounts of the ledger's tests."""

from __future__ import annotations

from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, movements
from ledger.posting import hold, post
from persistence.unit_of_work import atomically

STRIPE = "stripe"


def usd(amount):
    return Money.parse(amount, "USD")


def jpy(amount):
    return Money.parse(amount, "JPY")


def kwd(amount):
    return Money.parse(amount, "KWD")


def funded(milestone, price="100.00", client_fee="5.00"):
    return movements.milestone_funded(STRIPE, milestone, price=usd(price), client_fee=usd(client_fee))


def released(milestone, worker, gross="100.00", worker_fee="10.00"):
    return movements.milestone_released(milestone, worker, gross=usd(gross), worker_fee=usd(worker_fee))


def posted(entry, key=None, reference="ms_reference", actor="system", **said):
    """Post the entry in a transaction of its own."""
    return atomically(post, entry, key=key or new_id("key"), reference=reference, actor=actor, **said)


def held(entry, key=None, reference="po_reference", actor="system", **said):
    """Hold the entry in a transaction of its own."""
    return atomically(hold, entry, key=key or new_id("key"), reference=reference, actor=actor, **said)


def earned(worker, amount):
    """Put `amount` into the wallet of the worker, by a tip."""
    return posted(movements.tip_paid(STRIPE, worker, amount=usd(amount)))


def wallet(worker):
    return chart.wallet(worker, "USD")


def escrow(milestone):
    return chart.escrow(milestone, "USD")
