"""What happens between a client and a worker, act by act; each act ends when everything it caused has ended."""

from __future__ import annotations

import itertools
import re
import uuid
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from identity import accounts, passwords
from identity.permissions import Role
from kernel.ids import new_id
from persistence.unit_of_work import atomically
from sandbox.people import Person, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.story.house import House

_numbers = itertools.count(1)
_PASSWORD = "a lighthouse on a quiet coast"
_UNAVAILABLE = 503
# Stripe remembers a broken answer for a day, so a person may have to come back on the next.
_PATIENCE_SECONDS = (5, 60, 120, 600, 3_600, 3_600 * 6, 3_600 * 12, 3_600 * 12)


@dataclass
class Cast:
    """A client, a worker who can be paid, and somebody who sees all the money; and the house they are in."""

    house: House
    client: Person
    worker: Person
    finance: Person

    def agree(self, *prices: str, currency: str = "USD") -> list[str]:
        """The client offers milestones at these prices, the worker accepts; returns their ids."""
        priced = [
            {"title": f"Part {number}", "price": {"amount": price, "currency": currency}}
            for number, price in enumerate(prices, start=1)
        ]
        worker_id = self.worker.get("/v1/me")["id"]
        offer = {"worker_id": worker_id, "title": "A logo", "currency": currency, "milestones": priced}
        contract = self.client.post("/v1/contracts", offer)
        self.worker.post(f"/v1/contracts/{contract['id']}/accept", version=contract["version"])
        return [milestone["id"] for milestone in contract["milestones"]]

    def fund(self, milestone: str, card: str = "pm_card_visa") -> Any:
        """The client opens the payment sheet and pays with this card; returns what Stripe tells the app."""
        sheet = self.insist(self.client, f"/v1/milestones/{milestone}/checkout")
        paid = self.house.peer.pay(sheet["paymentIntent"], card)
        self.house.settle()
        return paid

    def fund_with_token(self, milestone: str, card: str = "pm_card_visa") -> Any:
        """The client's app collected the card before; the server confirms. Returns the checkout."""
        token = self.house.peer.confirmation_token(card)
        order = {"milestone_id": milestone, "confirmation_token": token}
        sheet = self.insist(self.client, "/v1/checkout/confirm", order)
        self.house.settle()
        return sheet

    def submit(self, milestone: str) -> Any:
        """The worker hands in."""
        return self.worker.post(f"/v1/milestones/{milestone}/submit", {"note": "Here it is."})

    def release(self, milestone: str, amount: str | None = None, currency: str = "USD") -> Any:
        """The client accepts all, or pays a part."""
        body = {"amount": self._of_the_hold(milestone, amount, currency)}
        released = self.client.post(f"/v1/milestones/{milestone}/release", body)
        self.house.settle()
        return released

    def refund(self, milestone: str, amount: str | None = None, currency: str = "USD") -> Any:
        """The worker gives all of the hold back, or a part."""
        body = {"reason": "I cannot do it.", "amount": self._of_the_hold(milestone, amount, currency)}
        refunded = self.worker.post(f"/v1/milestones/{milestone}/refund", body)
        self.house.settle()
        return refunded

    def _of_the_hold(self, milestone: str, amount: str | None, currency: str) -> Any:
        if amount is None:
            return self.client.get(f"/v1/milestones/{milestone}")["held"]
        return {"amount": amount, "currency": currency}

    def withdraw(self, amount: str, currency: str = "USD") -> str:
        """The worker withdraws; returns the payout's id."""
        order = {"amount": {"amount": amount, "currency": currency}}
        payout = self.worker.post("/v1/payouts", order)
        self.house.settle()
        return str(payout["id"])

    def state(self, milestone: str) -> str:
        """The milestone's state, as the client sees it."""
        return str(self.client.get(f"/v1/milestones/{milestone}")["state"])

    def where(self, milestone: str, who: Person | None = None) -> dict[str, str]:
        """Where each cent of the milestone is, as its places are shown; to finance if to nobody else."""
        trail = (who or self.finance).get(f"/v1/milestones/{milestone}/money")
        assert trail["balanced"]
        return {place["place"]: place["amount"]["amount"] for place in trail["now"]}

    def wallet(self, currency: str = "USD") -> dict[str, str]:
        """What the worker's wallet shows, without what is zero."""
        names = ("available", "pending", "reserved", "in_transit")
        shown = self.worker.get("/v1/payouts/balance")["balances"]
        (line,) = [line for line in shown if line["currency"] == currency] or [{}]
        return {name: line[name]["amount"] for name in names if line and float(line[name]["amount"])}

    def payout(self, payout_id: str) -> Any:
        """How far a withdrawal is."""
        return self.worker.get(f"/v1/payouts/{payout_id}")

    def insist(self, who: Person, path: str, body: dict[str, Any] | None = None) -> Any:
        """Do something, and again under the same key while Stripe is not to be had, as an app does."""
        key = uuid.uuid4().hex
        for seconds in _PATIENCE_SECONDS:
            try:
                return who.post(path, body, key=key)
            except Refused as refused:
                if refused.status != _UNAVAILABLE:
                    raise
            self.house.pass_time(seconds=seconds)
        return who.post(path, body, key=key)

    def wait_for(self, arrived: Callable[[], bool]) -> None:
        """Let time pass, ever more of it, until something has come about."""
        for seconds in _PATIENCE_SECONDS:
            if arrived():
                return
            self.house.pass_time(seconds=seconds)
        assert arrived()

    def books(self, currency: str = "USD") -> dict[str, str]:
        """The trial balance in one currency, credits with a minus, with the accounts of one kind taken together."""
        lines = self.finance.get("/v1/staff/ledger/trial-balance")["lines"]
        sums: Counter[str] = Counter()
        for line in lines:
            if line["debit"]["currency"] != currency:
                continue
            kind = re.sub(r":(us|ms)_[0-9a-z]{26}", "", line["account"])
            sums[kind] += Decimal(line["debit"]["amount"]) - Decimal(line["credit"]["amount"])
        return {kind: str(amount) for kind, amount in sums.items() if amount}

    def set_up_payouts(self) -> None:
        """The worker fills in Stripe's form."""
        self.insist(self.worker, "/v1/payouts/onboarding-link")
        account = self.worker.get("/v1/payouts/account")["gateway_id"]
        self.house.peer.complete_onboarding(account)
        self.house.settle()


def cast(house: House) -> Cast:
    """A new client, a new worker and somebody from finance, all signed in."""
    return Cast(house, joined(house, "client"), joined(house, "worker"), hired(house, Role.FINANCE))


def joined(house: House, role: str, *, country: str = "US") -> Person:
    """A new client or worker, signed in."""
    person = _person(house, role)
    person.register(role=role, name=role.title(), country=country)
    return person.sign_in()


def hired(house: House, role: Role) -> Person:
    """Somebody of our own, signed in; nobody becomes staff over HTTP."""
    person = _person(house, role.value)
    atomically(
        accounts.create_staff,
        user_id=new_id("us"),
        email=person.email,
        password_hash=passwords.hashed(_PASSWORD),
        name=role.value.title(),
        roles=[role],
    )
    return person.sign_in()


def _person(house: House, name: str) -> Person:
    return Person(house.web, f"{name}{next(_numbers)}@example.com", _PASSWORD)
