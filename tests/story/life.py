"""A whole life of contracts, by dice: whatever people, banks and Stripe may do, in any order; `always` looks on."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from identity.permissions import Role
from kernel.money import Money
from ledger.tables import entries
from persistence.unit_of_work import reading
from sandbox.people import Refused
from sandbox.remote import SandboxRefusedError
from tests.story import always
from tests.story.plot import Cast, cast, hired

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from sandbox.people import Person
    from tests.story.house import House

CARDS = (
    *["pm_card_visa"] * 3,
    *["pm_card_bypassPending"] * 2,
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_chargeDeclined",
)
ROADS: tuple[dict[str, float], ...] = (
    {},
    {"duplicate": 1.0},
    {"drop": 1.0},
    {"drop": 0.3, "duplicate": 0.3, "reorder": 0.3, "delay": 0.3},
)
# The least that anything costs, in minor units.
_LEAST = {"USD": 100, "EUR": 100, "JPY": 100, "KWD": 500}
_CLOSED = "000111111113"


@dataclass
class Life:
    """The people, the dice, and what has happened so far."""

    house: House
    dice: random.Random
    people: Cast
    mediator: Person
    currencies: list[str]
    milestones: list[str] = field(default_factory=list)
    sheets: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    misfortunes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def begin(cls, house: House, dice: random.Random) -> Life:
        """New people; in half of all lives Stripe and the roads to it are not well."""
        life = cls(house, dice, cast(house), hired(house, Role.MEDIATOR), dice.sample(sorted(_LEAST), k=2))
        if dice.random() < 0.8:
            life.people.set_up_payouts()
        if dice.random() < 0.5:
            for kind in ("cut_before_effect", "cut_after_effect"):
                seed = dice.randrange(99)
                house.peer.fault(kind, path="/v1/(?!.*confirm).*", count=None, probability=0.12, seed=seed)
            house.peer.webhooks(seed=dice.randrange(99), **dice.choice(ROADS))
        return life

    def go_on(self, acts: int) -> None:
        """So many acts, after each of which what always holds is looked at."""
        self.agree()
        for _ in range(acts):
            act = self.dice.choice(ACTS)
            self.acts[act.__name__] += 1
            with suppress(Refused):
                act(self)
            if self.dice.random() < 0.6:
                self.house.settle()
            always.check(self.people, self.milestones)

    def end(self) -> None:
        """All troubles end, money comes in for what waits for it, and time passes until nothing is left to do."""
        peer, worker = self.house.peer, self.people.worker
        for fault in peer.faults():
            self.misfortunes[fault["kind"]] += fault["struck"]
        peer.clear_faults()
        peer.end_webhook_troubles()
        if self._account() is None:
            self.people.insist(worker, "/v1/payouts/onboarding-link")
        peer.complete_onboarding(self._account())
        peer.change_bank_account(self._account())
        for dispute in self._disputes():
            peer.close_dispute(dispute["id"], won=self.dice.random() < 0.5)
        for currency in self.currencies:
            (milestone,) = self.people.agree(Money(500_000, currency).decimal, currency=currency)
            self.milestones.append(milestone)
            self.people.fund(milestone)
        for hours in [6] * 12 + [100] * 10:
            self.house.pass_time(hours=hours)
        self._sign_in_again()
        always.check(self.people, self.milestones)
        always.check_the_end(self.people, self.milestones)

    def counted(self) -> dict[str, Any]:
        """How often what was done and befell whom, and how many entries came of it."""
        return {
            "acts": self.acts,
            "misfortunes": self.misfortunes,
            "entries": reading(lambda session: session.scalar(select(func.count()).select_from(entries))),
        }

    # --- what may happen ------------------------------------------------------------------------------------------

    def agree(self) -> None:
        """Some milestones, the last of which is funded at once."""
        currency = self.dice.choice(self.currencies)
        least, step = _LEAST[currency], Money.zero(currency).step
        prices = [
            Money(self.dice.choice([least, self.dice.randrange(least, 20_000, step)]), currency).decimal
            for _ in range(self.dice.choice([1, 2, 3]))
        ]
        self._say("agree on", *prices, currency)
        self.milestones += self.people.agree(*prices, currency=currency)
        with suppress(Refused):
            self._pay_for(self.milestones[-1])

    def fund(self) -> None:
        self._pay_for(self._one("draft", "funding"))

    def give_up(self) -> None:
        self.people.client.post(f"/v1/milestones/{self._one('funding')}/give-up-funding")

    def pay_an_old_sheet(self) -> None:
        if self.sheets:
            milestone, secret = self.dice.choice(sorted(self.sheets.items()))
            self._say("pay the old sheet of", milestone)
            self.house.peer.pay(secret)

    def submit(self) -> None:
        self._do(self.people.worker, self._one("funded"), "submit", {"note": "Here."})

    def request_changes(self) -> None:
        self._do(self.people.client, self._one("submitted"), "request-changes", {"what": "Bigger."})

    def release(self) -> None:
        milestone = self._one("funded", "submitted")
        self._do(self.people.client, milestone, "release", {"amount": self._part(milestone)})

    def refund(self) -> None:
        milestone = self._one("funded")
        self._do(self.people.worker, milestone, "refund", {"amount": self._part(milestone), "reason": "No."})

    def give_back(self) -> None:
        milestone = self._one("released", "split", "refunded")
        seen = self.people.client.get(f"/v1/milestones/{milestone}")
        released, given = (
            Money.parse(seen[name]["amount"], seen[name]["currency"]) for name in ("released", "given_back")
        )
        left = released - given
        minor = self._steps(left, least=left.step) if left and self.dice.random() < 0.6 else left.amount_minor
        amount = _written(Money(minor or left.step, left.currency))
        who = self.dice.choice([self.people.worker, self.people.worker, self.people.finance])
        self._do(who, milestone, "give-back", {"amount": amount, "reason": "It was not right."})

    def pay_a_debt(self) -> None:
        for debt in self.people.worker.get("/v1/payouts/debts")["data"]:
            owed = Money.parse(debt["outstanding"]["amount"], debt["outstanding"]["currency"])
            amount = _written(Money(self._steps(owed, least=owed.step), owed.currency))
            self._act(self.people.worker, f"/v1/payouts/debts/{debt['id']}/pay", {"amount": amount})
            return

    def ask_back(self) -> None:
        milestone = self._one("funded")
        body = {"amount": self._part(milestone), "reason": "Too late."}
        self._do(self.people.client, milestone, "refund-requests", body)

    def answer_a_request(self) -> None:
        for request in self._all("refund_requests", "open"):
            answer = self.dice.choice(["agree", "agree", "decline", "withdraw"])
            who = self.people.client if answer == "withdraw" else self.people.worker
            self._act(who, f"/v1/refund-requests/{request['id']}/{answer}", None)
            return

    def dispute(self) -> None:
        who = self.dice.choice([self.people.client, self.people.worker])
        self._do(who, self._one("funded", "submitted"), "dispute", {"reason": "This is not it."})

    def settle_a_dispute(self) -> None:
        milestone = self._one("disputed")
        held = self._held(milestone)
        worker = self.dice.choice([0, held.amount_minor, self._steps(held, least=0)])
        shares = {"to_worker": worker, "to_client": held.amount_minor - worker}
        body = {side: _written(Money(minor, held.currency)) for side, minor in shares.items()}
        self._do(self.mediator, milestone, "settle", body | {"decision": "So be it."})

    def withdraw(self) -> None:
        for shown in self.people.worker.get("/v1/payouts/balance")["balances"]:
            available = Money.parse(shown["available"]["amount"], shown["currency"])
            if available and self.dice.random() < 0.7:
                some = Money(self._steps(available, least=available.step), available.currency)
                order = {"amount": _written(self.dice.choice([available, some]))}
                if self.dice.random() < 0.3:
                    order["method"] = "instant"
                self._act(self.people.worker, "/v1/payouts", order)

    def choose_a_day(self) -> None:
        interval = self.dice.choice(["on_demand", "daily", "weekly"])
        schedule = {"interval": interval} | ({"weekday": "tuesday"} if interval == "weekly" else {})
        self._act(self.people.worker, "/v1/payouts/schedule", schedule)

    def see_to_the_payout_account(self) -> None:
        peer, account = self.house.peer, self._account()
        if account is None:
            self._say("fill in Stripe's form")
            self.people.insist(self.people.worker, "/v1/payouts/onboarding-link")
            peer.complete_onboarding(self._account())
            return
        name, act = self.dice.choice(
            [
                ("close the bank account", lambda: peer.change_bank_account(account, account_number=_CLOSED)),
                ("give another bank account", lambda: peer.change_bank_account(account)),
                ("be asked for more by Stripe", lambda: peer.restrict(account)),
                ("give it", lambda: peer.complete_onboarding(account)),
            ]
        )
        self._say(name)
        act()

    def bank_returns_a_payout(self) -> None:
        for payout in self.people.worker.get("/v1/payouts")["data"]:
            if payout["state"] in {"paid", "sent"} and payout["gateway_id"]:
                self._say("the bank returns", payout["id"])
                with suppress(SandboxRefusedError):
                    self.house.peer.fail_payout(payout["gateway_id"])
                return

    def bank_returns_a_refund(self) -> None:
        ours = {
            (thing.get("metadata") or {}).get("holdfast_id"): thing["id"]
            for thing in self.house.peer.state()["objects"].values()
            if thing.get("object") == "refund"
        }
        for refund in self._all("refunds", "succeeded"):
            if refund["id"] in ours and self.dice.random() < 0.5:
                self._say("the card's bank returns", refund["id"])
                with suppress(SandboxRefusedError):
                    self.house.peer.fail_refund(ours[refund["id"]])
                return

    def bank_takes_a_payment_back(self) -> None:
        charges = [
            thing
            for thing in self.house.peer.state()["objects"].values()
            if thing.get("object") == "charge"
            and thing.get("payment_intent")
            and thing["status"] == "succeeded"
        ]
        if charges:
            charge = self.dice.choice(charges)
            money = Money(charge["amount"] - charge["amount_refunded"], charge["currency"].upper())
            if money and not charge["disputed"]:
                minor = self.dice.choice([money.amount_minor, self._steps(money, least=money.step)])
                about = self.dice.choice(
                    [{"amount": minor}, {"amount": minor}, {"amount": minor, "inquiry": True}]
                )
                self._say("the card's bank takes back", charge["id"], about)
                self.house.peer.dispute(charge["id"], **about)

    def bank_goes_on(self) -> None:
        for dispute in self._disputes():
            status = self.dice.choice(["needs_response", "under_review", "won", "lost"])
            self._say("the card's bank decides", dispute["id"], status)
            with suppress(SandboxRefusedError):
                if status in {"won", "lost"}:
                    self.house.peer.close_dispute(dispute["id"], won=status == "won")
                elif dispute["status"] != "under_review":
                    self.house.peer.move_dispute(dispute["id"], status=status)
            return

    def _disputes(self) -> list[Any]:
        objects = self.house.peer.state()["objects"].values()
        return [
            thing
            for thing in objects
            if thing.get("object") == "dispute"
            and thing["status"] in {"warning_needs_response", "needs_response", "under_review"}
        ]

    def order_a_refund_again(self) -> None:
        for refund in self._all("refunds", "failed"):
            who = self.dice.choice([self.people.client, self.people.finance])
            self._act(who, f"/v1/refunds/{refund['id']}/order-again", None)
            return

    def let_time_pass(self) -> None:
        hours = self.dice.choice([1, 5, 24, 26, 49, 72, 73, 200])
        self._say("let", hours, "hours pass")
        self.house.pass_time(hours=hours)
        self._sign_in_again()

    def cancel(self) -> None:
        milestone = self.dice.choice(self.milestones)
        contract = self.people.client.get(f"/v1/milestones/{milestone}")["contract_id"]
        if self.dice.random() < 0.3:
            self._act(self.people.worker, f"/v1/contracts/{contract}/cancel", None)

    # --- how ------------------------------------------------------------------------------------------------------

    def _pay_for(self, milestone: str) -> None:
        card, client = self.dice.choice(CARDS), self.people.client
        self._say("pay for", milestone, "with", card)
        if self.dice.random() < 0.3:
            token = self.house.peer.confirmation_token(card)
            client.post("/v1/checkout/confirm", {"milestone_id": milestone, "confirmation_token": token})
            return
        sheet = client.post(f"/v1/milestones/{milestone}/checkout")
        self.sheets[milestone] = sheet["paymentIntent"]
        if self.dice.random() < 0.85:
            self.house.peer.pay(sheet["paymentIntent"], card)

    def _do(self, who: Person, milestone: str, act: str, body: dict[str, Any]) -> None:
        self._act(who, f"/v1/milestones/{milestone}/{act}", body)

    def _act(self, who: Person, path: str, body: dict[str, Any] | None) -> None:
        self._say(who.email, path, body or "")
        always.done_as_foreseen(who, path, body)

    def _one(self, *states: str) -> str:
        """A milestone in one of these states, mostly; nobody always does what can be done."""
        fitting = [each for each in self.milestones if self.people.state(each) in states]
        return self.dice.choice(fitting if fitting and self.dice.random() < 0.95 else self.milestones)

    def _all(self, kind: str, state: str) -> list[Any]:
        found = (self.people.client.get(f"/v1/milestones/{each}")[kind] for each in self.milestones)
        return [thing for things in found for thing in things if thing["state"] == state]

    def _held(self, milestone: str) -> Money:
        held = self.people.client.get(f"/v1/milestones/{milestone}")["held"]
        return Money.parse(held["amount"], held["currency"])

    def _part(self, milestone: str) -> dict[str, str]:
        held = self._held(milestone)
        if self.dice.random() < 0.4 or held.amount_minor <= held.step:
            return _written(held)
        return _written(Money(self._steps(held, least=held.step), held.currency))

    def _steps(self, money: Money, *, least: int) -> int:
        return self.dice.randrange(least, money.amount_minor + money.step, money.step)

    def _account(self) -> Any:
        return self.people.worker.get("/v1/payouts/account")["gateway_id"]

    def _sign_in_again(self) -> None:
        for who in (self.people.client, self.people.worker, self.people.finance, self.mediator):
            who.sign_in()

    def _say(self, *words: object) -> None:
        self.told.append(" ".join(map(str, words)))


def _written(money: Money) -> dict[str, str]:
    return {"amount": money.decimal, "currency": money.currency}


_MONEY = (Life.fund, Life.release, Life.withdraw, Life.let_time_pass)
ACTS: list[Callable[[Life], None]] = [
    *_MONEY * 3,
    *[Life.submit, Life.refund, Life.settle_a_dispute, Life.give_back] * 2,
    Life.agree,
    Life.pay_a_debt,
    Life.give_up,
    Life.pay_an_old_sheet,
    Life.request_changes,
    Life.ask_back,
    Life.answer_a_request,
    Life.dispute,
    Life.see_to_the_payout_account,
    Life.choose_a_day,
    Life.bank_returns_a_payout,
    Life.bank_returns_a_refund,
    Life.order_a_refund_again,
    Life.bank_takes_a_payment_back,
    Life.bank_goes_on,
    Life.cancel,
]
