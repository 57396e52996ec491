"""What holds after every act of every life, for everybody who looks."""

from __future__ import annotations

import os
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from jobs.reconciling import begin, carry_on
from kernel.money import Money
from ledger import journal
from ledger.tables import entries
from persistence import due
from persistence.unit_of_work import reading
from runtime import books
from sandbox.people import Refused
from tests.story.agreement import check_agreement
from tests.story.agreement_elsewhere import check_agreement_elsewhere
from tests.story.misfortunes import GATEWAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.people import Person
    from tests.story.plot import Cast

_UNAVAILABLE = 503
# What costs us, brings us in, or is owed to us: what is held for others is held whatever becomes of that.
_OURS_TO_LOSE = ("income:", "expenses:", "assets:receivable:")


def check(people: Cast, clients: Mapping[str, Person]) -> None:
    """The books are right, every milestone's money adds up for each of three people, and the wallet to both.

    `clients` says whose the milestones are.
    """
    assert reading(books.verify) == []
    in_wallets: Counter[str] = Counter()
    for milestone, client in clients.items():
        seen = people.finance.get(f"/v1/milestones/{milestone}")
        in_wallets += _money_adds_up(people, client, seen)
    for shown in people.worker.get("/v1/payouts/balance")["balances"]:
        _wallet_adds_up(people.worker, shown, in_wallets[shown["currency"]])


def check_the_end(people: Cast, clients: Mapping[str, Person]) -> None:
    """Nothing waits for anybody, each gateway has what we have and no line more, and every step has its receipt."""
    assert reading(due.parked) == []
    check_agreement(people.house.peer)
    check_agreement_elsewhere(people.house.peer)
    _no_line_is_unexplained(people.finance)
    for milestone, client in clients.items():
        assert people.finance.get(f"/v1/milestones/{milestone}")["state"] != "submitted"
        assert not people.where(milestone).keys() & {"settling", "to_bank", "refunding"}
        for who in (client, people.worker, people.finance):
            for step in who.get(f"/v1/milestones/{milestone}/money")["steps"]:
                if step["entry_id"]:
                    assert who.get(f"/v1/receipts/{step['entry_id']}")


def _no_line_is_unexplained(finance: Person) -> None:
    """Every gateway's list is the books', and what is held is there, less what the books say that we lost ourselves."""
    for gateway in GATEWAYS:
        assert carry_on(begin(gateway, by="test").id)
    assert finance.get("/v1/staff/reconciliation/breaks", state="open")["data"] == []
    lost: Counter[str] = Counter()
    for line in finance.get("/v1/staff/ledger/trial-balance")["lines"]:
        if line["account"].startswith(_OURS_TO_LOSE):
            currency = line["debit"]["currency"]
            lost[currency] += Money.parse(line["debit"]["amount"], currency).amount_minor
            lost[currency] -= Money.parse(line["credit"]["amount"], currency).amount_minor
    stated = finance.get("/v1/staff/reconciliation/statements", limit="50")["data"]
    # The newest come first.
    short = {line["currency"]: line["shortfall"]["amount"] for line in reversed(stated)}
    assert short == {currency: Money(max(lost[currency], 0), currency).decimal for currency in short}


def done_as_foreseen(who: Person, path: str, body: dict[str, Any] | None) -> None:
    """Look at the act and then do it: it posts what was foreseen, or is refused as foreseen and posts nothing."""
    before = _entry_ids()
    foreseen = _answer(who, path, body, preview="true")
    assert _entry_ids() == before, "looking at it moved money"
    done = _answer(who, path, body)
    posted = _entry_ids()[len(before) :]
    if isinstance(done, Refused):
        assert posted == []
        # Only who has the gateway asked can be told that it does not answer.
        same = isinstance(foreseen, Refused) and foreseen.problem["code"] == done.problem["code"]
        assert same or done.status == _UNAVAILABLE, (foreseen, done)
        raise done
    assert not isinstance(foreseen, Refused), foreseen
    assert [_lines(entry_id) for entry_id in posted] == [_foreseen(entry) for entry in foreseen["entries"]]


def _answer(who: Person, path: str, body: dict[str, Any] | None, **query: str) -> Any:
    try:
        return who.post(path, body, **query)
    except Refused as refused:
        return refused


def _entry_ids() -> list[str]:
    in_order = select(entries.c.id).order_by(entries.c.recorded_at, entries.c.id)
    return reading(lambda session: list(session.scalars(in_order)))


def _lines(entry_id: str) -> tuple[str, list[tuple[str, str, str]]]:
    stored = reading(lambda session: journal.entry_by_id(session.connection(), entry_id))
    assert stored is not None
    return stored.movement, sorted(
        (line.account.code, line.side.value, line.amount.decimal) for line in stored.postings
    )


def _foreseen(entry: Any) -> tuple[str, list[tuple[str, str, str]]]:
    return entry["movement"], sorted(
        (line["account"], line["side"], line["amount"]["amount"]) for line in entry["postings"]
    )


def _money_adds_up(people: Cast, client: Person, seen: Any) -> Counter[str]:
    """What the milestone has in the worker's wallet, by currency."""
    price = Money.parse(seen["price"]["amount"], seen["price"]["currency"])
    fee = _fee_on(price)
    funded = seen["state"] not in {"draft", "funding"}
    for who in (client, people.worker, people.finance):
        trail = who.get(f"/v1/milestones/{seen['id']}/money")
        expected = price if who is people.worker else price + fee
        amounts = [Decimal(place["amount"]["amount"]) for place in trail["now"]]
        assert trail["balanced"]
        assert (
            sum(amounts) == Decimal(trail["total"]["amount"]) == (Decimal(expected.decimal) if funded else 0)
        )
        assert all(amount > 0 for amount in amounts), trail["now"]
    # Finance was the last to look.
    where = {place["place"]: Decimal(place["amount"]["amount"]) for place in trail["now"]}
    return Counter({price.currency: where.get("wallet", Decimal(0)) + where.get("settling", Decimal(0))})


def _fee_on(price: Money) -> Money:
    """The client's fee as somebody else would work it out: a fraction of the price, half a step rounded up."""
    rate = Fraction(int(os.environ["CLIENT_FEE_BASIS_POINTS"]), 10_000)
    steps = floor(price.amount_minor * rate / price.step + Fraction(1, 2))
    return Money(steps * price.step, price.currency)


def _wallet_adds_up(worker: Person, shown: Any, by_milestones: Decimal) -> None:
    names = ("balance", "available", "pending", "reserved", "in_transit")
    has = {name: Decimal(shown[name]["amount"]) for name in names}
    assert min(has.values()) >= 0
    assert has["available"] + has["pending"] + has["reserved"] == has["balance"]
    assert sum(Decimal(part["amount"]["amount"]) for part in shown["waiting"]) == has["pending"]
    assert by_milestones == has["available"] + has["pending"]
    lines = _history(worker, shown["currency"])
    assert sum(Decimal(line["change"]["amount"]) for line in lines) == has["balance"]
    if lines:
        assert Decimal(lines[0]["balance"]["amount"]) == has["balance"]


def _history(worker: Person, currency: str) -> list[Any]:
    lines: list[Any] = []
    asked = {"currency": currency, "limit": "7"}
    while True:
        page = worker.get("/v1/payouts/history", **asked)
        lines += page["data"]
        if page["next_cursor"] is None:
            return lines
        asked["cursor"] = page["next_cursor"]
