"""A whole life of contracts, by dice: whatever people, banks and gateways may do, in any order; `always` looks on."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from identity.permissions import Role
from kernel.money import Money
from ledger.tables import entries
from payments.states import PAID
from payments.tables import Chargeback, Payment, Refund
from persistence.unit_of_work import reading
from sandbox.people import Refused
from tests.story import always, banks, misfortunes, paying
from tests.story.plot import Cast, cast, hired, joined

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from sandbox.people import Person
    from tests.story.house import House
    from tests.story.paying import Sheet

# The least that anything costs, in minor units.
_LEAST = {"USD": 100, "EUR": 100, "JPY": 100, "KWD": 500}
_CLOSED = "000111111113"


@dataclass
class Life:
    """The people, the dice, and what has happened so far."""

    house: House
    dice: random.Random
    people: Cast
    abroad: Person
    mediator: Person
    currencies: list[str]
    milestones: list[str] = field(default_factory=list)
    # Whose each is, those too that only bring money and with which nothing more is done.
    clients: dict[str, Person] = field(default_factory=dict)
    sheets: dict[str, Sheet] = field(default_factory=dict)
    disputed_at_adyen: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    misfortunes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def begin(cls, house: House, dice: random.Random) -> Life:
        """New people; what is paid elsewhere waits for money at Stripe, where in half of all lives there is enough."""
        currencies = dice.sample(sorted(_LEAST), k=2)
        people = cast(house)
        life = cls(
            house,
            dice,
            people,
            joined(house, "client", country="DE"),
            hired(house, Role.MEDIATOR),
            currencies,
        )
        banks.set_habits(life)
        if dice.random() < 0.8:
            people.set_up_payouts()
        if dice.random() < 0.5:
            for currency in currencies:
                life.bring_money(currency, people.client, "card")
            life.say("there is enough money at Stripe")
        misfortunes.begin(house, dice)
        return life

    def go_on(self, acts: int) -> None:
        """So many acts, after each of which what always holds is looked at."""
        for client in (self.people.client, self.abroad):
            self.agree(client)
        for _ in range(acts):
            act = self.dice.choice(ACTS)
            self.acts[act.__name__] += 1
            try:
                act(self)
            except Refused as refused:
                self.say("which is refused:", refused.problem.get("code"))
            if self.dice.random() < 0.6:
                self.house.settle()
            always.check(self.people, self.clients)

    def end(self) -> None:
        """All troubles end, money comes in for what waits for it, and time passes until nothing is left to do."""
        peer, worker = self.house.peer, self.people.worker
        self.misfortunes += misfortunes.end(self.house)
        # A gateway that did not answer is passed over for a minute.
        self.house.pass_time(hours=1)
        self._sign_in_again()
        if self.account() is None:
            self.people.insist(worker, "/v1/payouts/onboarding-link")
        peer.complete_onboarding(self.account())
        peer.change_bank_account(self.account())
        banks.end(self)
        for currency in self.currencies:
            self.bring_money(currency, self.people.client, "card")
            self.bring_money(currency, self.abroad, "card")
            if currency in paying.AT_PAYPAL:
                self.bring_money(currency, self.abroad, "paypal")
        for hours in [12] * 6 + [100] * 8:
            self.house.pass_time(hours=hours)
        self._sign_in_again()
        always.check(self.people, self.clients)
        always.check_the_end(self.people, self.clients)

    def bring_money(self, currency: str, client: Person, method: str) -> None:
        """A large milestone is paid and left alone."""
        milestones = self._agreed(client, Money(500_000, currency).decimal, currency=currency)
        paying.pay_at(self, milestones[0], method)

    def counted(self) -> dict[str, Any]:
        """How often what was done and befell whom, and how many entries came of it."""
        return {"acts": self.acts, "misfortunes": self.misfortunes, **reading(_counted)}

    # --- what may happen ------------------------------------------------------------------------------------------

    def agree(self, client: Person | None = None) -> None:
        """Some milestones, for which the client pays at once as far as that goes."""
        currency = self.dice.choice(self.currencies)
        least, step = _LEAST[currency], Money.zero(currency).step
        prices = [
            Money(self.dice.choice([least, self.dice.randrange(least, 20_000, step)]), currency).decimal
            for _ in range(self.dice.choice([1, 2, 3]))
        ]
        client = client or self.dice.choice([self.people.client, self.abroad])
        self.say(client.email, "agrees on", *prices, currency)
        made = self._agreed(client, *prices, currency=currency)
        self.milestones += made
        for milestone in made:
            with suppress(Refused):
                paying.pay_for(self, milestone)

    def fund(self) -> None:
        paying.pay_for(self, self._one("draft", "funding"))

    def give_up(self) -> None:
        milestone = self._one("funding")
        self.say("give up to pay for", milestone)
        self.clients[milestone].post(f"/v1/milestones/{milestone}/give-up-funding")

    def pay_an_old_sheet(self) -> None:
        if self.sheets:
            milestone, sheet = self.dice.choice(sorted(self.sheets.items()))
            self.say("with the old sheet of", milestone)
            paying.use(self, sheet)

    def submit(self) -> None:
        self._do(self.people.worker, self._one("funded"), "submit", {"note": "Here."})

    def request_changes(self) -> None:
        milestone = self._one("submitted")
        self._do(self.clients[milestone], milestone, "request-changes", {"what": "Bigger."})

    def release(self) -> None:
        milestone = self._one("funded", "submitted")
        self._do(self.clients[milestone], milestone, "release", {"amount": self._part(milestone)})

    def refund(self) -> None:
        milestone = self._one("funded")
        self._do(self.people.worker, milestone, "refund", {"amount": self._part(milestone), "reason": "No."})

    def give_back(self) -> None:
        milestone = self._one("released", "split", "refunded")
        seen = self._seen(milestone)
        released, given = (
            Money.parse(seen[name]["amount"], seen[name]["currency"]) for name in ("released", "given_back")
        )
        left = released - given
        minor = self.steps(left, least=left.step) if left and self.dice.random() < 0.6 else left.amount_minor
        amount = _written(Money(minor or left.step, left.currency))
        who = self.dice.choice([self.people.worker, self.people.worker, self.people.finance])
        self._do(who, milestone, "give-back", {"amount": amount, "reason": "It was not right."})

    def pay_a_debt(self) -> None:
        for debt in self.people.worker.get("/v1/payouts/debts")["data"]:
            owed = Money.parse(debt["outstanding"]["amount"], debt["outstanding"]["currency"])
            amount = _written(Money(self.steps(owed, least=owed.step), owed.currency))
            self._act(self.people.worker, f"/v1/payouts/debts/{debt['id']}/pay", {"amount": amount})
            return

    def ask_back(self) -> None:
        milestone = self._one("funded")
        body = {"amount": self._part(milestone), "reason": "Too late."}
        self._do(self.clients[milestone], milestone, "refund-requests", body)

    def answer_a_request(self) -> None:
        for milestone, request in self.all("refund_requests", "open"):
            answer = self.dice.choice(["agree", "agree", "decline", "withdraw"])
            who = self.clients[milestone] if answer == "withdraw" else self.people.worker
            self._act(who, f"/v1/refund-requests/{request['id']}/{answer}", None)
            return

    def dispute(self) -> None:
        milestone = self._one("funded", "submitted")
        who = self.dice.choice([self.clients[milestone], self.people.worker])
        self._do(who, milestone, "dispute", {"reason": "This is not it."})

    def settle_a_dispute(self) -> None:
        milestone = self._one("disputed")
        held = self._held(milestone)
        worker = self.dice.choice([0, held.amount_minor, self.steps(held, least=0)])
        shares = {"to_worker": worker, "to_client": held.amount_minor - worker}
        body = {side: _written(Money(minor, held.currency)) for side, minor in shares.items()}
        self._do(self.mediator, milestone, "settle", body | {"decision": "So be it."})

    def withdraw(self) -> None:
        for shown in self.people.worker.get("/v1/payouts/balance")["balances"]:
            available = Money.parse(shown["available"]["amount"], shown["currency"])
            if available and self.dice.random() < 0.7:
                some = Money(self.steps(available, least=available.step), available.currency)
                order = {"amount": _written(self.dice.choice([available, some]))}
                if self.dice.random() < 0.3:
                    order["method"] = "instant"
                self._act(self.people.worker, "/v1/payouts", order)

    def choose_a_day(self) -> None:
        interval = self.dice.choice(["on_demand", "daily", "weekly"])
        schedule = {"interval": interval} | ({"weekday": "tuesday"} if interval == "weekly" else {})
        self._act(self.people.worker, "/v1/payouts/schedule", schedule)

    def see_to_the_payout_account(self) -> None:
        peer, account = self.house.peer, self.account()
        if account is None:
            self.say("fill in Stripe's form")
            self.people.insist(self.people.worker, "/v1/payouts/onboarding-link")
            peer.complete_onboarding(self.account())
            return
        name, act = self.dice.choice(
            [
                ("close the bank account", lambda: peer.change_bank_account(account, account_number=_CLOSED)),
                ("give another bank account", lambda: peer.change_bank_account(account)),
                ("be asked for more by Stripe", lambda: peer.restrict(account)),
                ("give it", lambda: peer.complete_onboarding(account)),
            ]
        )
        self.say(name)
        act()

    def order_a_refund_again(self) -> None:
        for milestone, refund in self.all("refunds", "failed"):
            who = self.dice.choice([self.clients[milestone], self.people.finance])
            self._act(who, f"/v1/refunds/{refund['id']}/order-again", None)
            return

    def let_time_pass(self) -> None:
        hours = self.dice.choice([1, 5, 24, 26, 49, 72, 73, 200])
        self.say("let", hours, "hours pass")
        self.house.pass_time(hours=hours)
        self._sign_in_again()

    def cancel(self) -> None:
        milestone = self.dice.choice(self.milestones)
        contract = self._seen(milestone)["contract_id"]
        if self.dice.random() < 0.3:
            self._act(self.people.worker, f"/v1/contracts/{contract}/cancel", None)

    # --- how ------------------------------------------------------------------------------------------------------

    def _do(self, who: Person, milestone: str, act: str, body: dict[str, Any]) -> None:
        self._act(who, f"/v1/milestones/{milestone}/{act}", body)

    def _act(self, who: Person, path: str, body: dict[str, Any] | None) -> None:
        self.say(who.email, path, body or "")
        always.done_as_foreseen(who, path, body)

    def _one(self, *states: str) -> str:
        """A milestone in one of these states, mostly; nobody always does what can be done."""
        fitting = [each for each in self.milestones if self._seen(each)["state"] in states]
        return self.dice.choice(fitting if fitting and self.dice.random() < 0.95 else self.milestones)

    def all(self, kind: str, *states: str) -> list[tuple[str, Any]]:
        """All things of a kind that are in one of these states, each with its milestone."""
        found = ((each, self._seen(each)[kind]) for each in self.milestones)
        return [(of, thing) for of, things in found for thing in things if thing["state"] in states]

    def _seen(self, milestone: str) -> Any:
        return self.clients[milestone].get(f"/v1/milestones/{milestone}")

    def _agreed(self, client: Person, *prices: str, currency: str) -> list[str]:
        made = replace(self.people, client=client).agree(*prices, currency=currency)
        self.clients |= dict.fromkeys(made, client)
        return made

    def _held(self, milestone: str) -> Money:
        held = self._seen(milestone)["held"]
        return Money.parse(held["amount"], held["currency"])

    def _part(self, milestone: str) -> dict[str, str]:
        held = self._held(milestone)
        if self.dice.random() < 0.4 or held.amount_minor <= held.step:
            return _written(held)
        return _written(Money(self.steps(held, least=held.step), held.currency))

    def steps(self, money: Money, *, least: int) -> int:
        return self.dice.randrange(least, money.amount_minor + money.step, money.step)

    def account(self) -> Any:
        return self.people.worker.get("/v1/payouts/account")["gateway_id"]

    def _sign_in_again(self) -> None:
        for who in (self.people.client, self.abroad, self.people.worker, self.people.finance, self.mediator):
            who.sign_in()

    def say(self, *words: object) -> None:
        self.told.append(" ".join(map(str, words)))


def _counted(session: Session) -> dict[str, Any]:
    def by_gateway(rows: type[Payment | Refund | Chargeback], *which: ColumnElement[bool]) -> dict[str, int]:
        found = session.execute(
            select(rows.gateway, func.count().label("times")).where(*which).group_by(rows.gateway)
        )
        return {row.gateway: row.times for row in found}

    return {
        "paid": by_gateway(Payment, Payment.state.in_(PAID)),
        "given_back": by_gateway(Refund),
        "taken_back": by_gateway(Chargeback),
        "entries": session.scalar(select(func.count()).select_from(entries)),
    }


def _written(money: Money) -> dict[str, str]:
    return {"amount": money.decimal, "currency": money.currency}


_MONEY = (Life.fund, Life.release, Life.withdraw, Life.let_time_pass)
ACTS: list[Callable[[Life], None]] = [
    *_MONEY * 3,
    *[Life.submit, Life.refund, Life.settle_a_dispute, Life.give_back] * 2,
    *[banks.bank_takes_a_payment_back, banks.bank_goes_on, banks.bank_returns_a_refund] * 2,
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
    banks.bank_returns_a_payout,
    Life.order_a_refund_again,
    banks.what_was_pending_is_decided,
    Life.cancel,
]
