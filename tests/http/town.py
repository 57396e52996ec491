"""A town in which everything has happened once: people of every role, and things of theirs in every state."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from api import create_app
from runtime import wiring
from runtime.settings import Settings
from tests.api.conftest import PASSWORD, Person, make_staff, registration
from tests.books import seal_everything
from tests.story.house import House, environment, quickly, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask import Flask, Response
    from werkzeug.test import TestResponse

    import sandbox
    from tests.clock import Clock

Json = dict[str, Any]

PRICE = "100.00"
_REFUSED = 400
# What answers call the secrets that they hand out.
_SECRET = {
    "access_token",
    "refresh_token",
    "client_secret",
    "customerSessionClientSecret",
    "ephemeralKey",
    "paymentIntent",
    "setupIntent",
}
# What was used before, by everybody, for something else.
USED_KEY = "used-before"


@dataclass
class Town:
    """Holdfast as it runs, and who and what is in it.

    Clara is the client and Walt the worker of everything there is. Otto and Wanda are another client and another
    worker, with nothing in common with them; the others are ours.
    """

    app: Flask
    house: House
    people: dict[str, Person] = field(default_factory=dict)
    # One thing of each kind and state, by the name it was asked for: `milestone funded`.
    known: dict[str, Any] = field(default_factory=dict)
    # Every secret that was handed out, and every problem that was answered.
    secrets: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    # How many months somebody has asked for; each is asked for once.
    months: int = 0

    def __getattr__(self, name: str) -> Person:
        """The person of that name: `town.clara`."""
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    def overhear(self, response: Response) -> Response:
        """Remember what must be found nowhere, and where to look for it."""
        if response.status_code >= _REFUSED:
            self.problems.append(response.get_data(as_text=True))
        elif response.is_json:
            self.secrets |= set(_secrets_in(response.get_json()))
        return response

    def one(self, kind: str) -> Any:
        """The thing of this kind that everybody may look at and nobody changes; made when it is first asked for."""
        if kind not in self.known:
            self.known[kind] = self.fresh(kind)
        return self.known[kind]

    def fresh(self, kind: str) -> Any:
        """Another one of this kind: `fresh("milestone submitted")`."""
        made = MAKERS[kind](self)
        self.house.settle()
        return made


def _secrets_in(answer: Any) -> Iterator[str]:
    for name, value in (
        answer.items() if isinstance(answer, dict) else enumerate(answer) if isinstance(answer, list) else ()
    ):
        if name in _SECRET and isinstance(value, str):
            yield value
        yield from _secrets_in(value)


def do(person: Person, path: str, body: Json | None = None, **options: Any) -> Any:
    """Somebody does something, and it is done."""
    headers = {"Idempotency-Key": uuid.uuid4().hex} | options.pop("headers", {})
    return done(person.post(path, json=body or {}, headers=headers, **options))


def done(response: TestResponse) -> Any:
    """The answer to what was carried out."""
    assert response.status_code < 300, response.text
    return response.json


def usd(amount: str) -> Json:
    """An amount of dollars, as it is sent."""
    return {"amount": amount, "currency": "USD"}


@contextmanager
def open_town(
    database_url: str,
    redis_url: str,
    peer: sandbox.Running,
    clock: Clock,
    work: Callable[[str], None] = quickly,
    **changes: str,
) -> Iterator[Town]:
    """Holdfast, running, with its people signed in; the rest comes about when it is asked for."""
    app = create_app(Settings(**environment(database_url, redis_url, peer, clock.path) | changes))
    with serving(app) as address:
        peer.webhooks(url=f"{address}/v1/webhooks/stripe")
        town = Town(app, House(address, peer, redis_url, clock, work, app))
        app.after_request(town.overhear)
        _move_in(town)
        yield town
        peer.clear_faults()
    wiring.wired().database.engine.dispose()


def _move_in(town: Town) -> None:
    for name, role in PEOPLE.items():
        email = f"{name}@example.com"
        if role in {"client", "worker"}:
            body = registration(email=email, name=name.capitalize(), roles=[role])
            done(town.app.test_client().post("/v1/accounts", json=body))
        else:
            make_staff(email, role)
        town.people[name] = signed_in(town, email)


def signed_in(town: Town, email: str) -> Person:
    """Somebody on a device of their own."""
    client = town.app.test_client()
    tokens = done(client.post("/v1/sessions", json={"email": email, "password": PASSWORD}))
    person = Person(client, "", email, tokens)
    person.id = done(person.get("/v1/me"))["id"]
    return person


PEOPLE = {
    "clara": "client",
    "walt": "worker",
    "otto": "client",
    "wanda": "worker",
    "sue": "support",
    "mia": "mediator",
    "fiona": "finance",
    "frank": "finance",
    "ada": "admin",
}


def _offer(town: Town, *prices: str) -> Json:
    body = {
        "worker_id": town.walt.id,
        "title": "A website",
        "description": "With a shop.",
        "currency": "USD",
        "milestones": [
            {"title": f"Part {number}", "price": usd(price)} for number, price in enumerate(prices, 1)
        ],
    }
    return do(town.clara, "/v1/contracts", body)


def _active(town: Town) -> Json:
    return do(town.walt, f"/v1/contracts/{_offer(town, PRICE)['id']}/accept", headers={"If-Match": "*"})


def _cancelled(town: Town) -> Json:
    return do(town.clara, f"/v1/contracts/{_offer(town, PRICE)['id']}/cancel")


def _completed(town: Town) -> Json:
    return done(town.clara.get(f"/v1/contracts/{_released(town)['contract_id']}"))


def _milestone(town: Town, milestone_id: str) -> Json:
    return done(town.clara.get(f"/v1/milestones/{milestone_id}"))


def _draft(town: Town) -> Json:
    return _active(town)["milestones"][0]


def _funding(town: Town) -> Json:
    milestone = _draft(town)["id"]
    do(town.clara, f"/v1/milestones/{milestone}/checkout")
    return _milestone(town, milestone)


def _funded(town: Town, card: str = "pm_card_visa") -> Json:
    milestone = _draft(town)["id"]
    sheet = do(town.clara, f"/v1/milestones/{milestone}/checkout")
    paid = town.house.peer.pay(sheet["paymentIntent"], card)
    assert paid["status"] == "succeeded"
    town.house.settle()
    return _milestone(town, milestone)


def _submitted(town: Town) -> Json:
    return _acted(town, town.walt, _funded(town), "submit", {"note": "Here it is."})


def _released(town: Town) -> Json:
    return _acted(town, town.clara, _funded(town), "release", {"amount": usd(PRICE)})


def _refunded(town: Town) -> Json:
    return _acted(
        town, town.walt, _funded(town), "refund", {"amount": usd(PRICE), "reason": "I cannot do it."}
    )


def _disputed(town: Town) -> Json:
    return _acted(town, town.walt, _submitted(town), "dispute", {"reason": "She does not answer."})


def _split(town: Town) -> Json:
    body = {"to_worker": usd("40.00"), "to_client": usd("60.00"), "decision": "Half of it works."}
    return _acted(town, town.mia, _disputed(town), "settle", body)


def _acted(town: Town, by: Person, on: Json, act: str, body: Json | None = None) -> Json:
    do(by, f"/v1/milestones/{on['id']}/{act}", body)
    return _milestone(town, on["id"])


def _request(town: Town) -> Json:
    body = {"reason": "It is too late.", "amount": usd("10.00")}
    return do(town.clara, f"/v1/milestones/{_funded(town)['id']}/refund-requests", body)


def _answered(town: Town, by: Person, act: str) -> Json:
    request = _request(town)
    do(by, f"/v1/refund-requests/{request['id']}/{act}")
    found = _milestone(town, request["milestone_id"])["refund_requests"]
    return next(each for each in found if each["id"] == request["id"])


def _payment(town: Town) -> Json:
    milestone = _draft(town)["id"]
    sheet = do(town.clara, f"/v1/milestones/{milestone}/checkout")
    return done(town.clara.get(f"/v1/payments/{sheet['payment_id']}"))


def _card(town: Town) -> Json:
    secret = do(town.clara, "/v1/wallet/setup-intent")["setupIntent"]
    saved = town.house.peer.save_card(secret)
    cards = done(town.clara.get("/v1/wallet/payment-methods"))["items"]
    return next(card for card in cards if card["id"] == saved["payment_method"])


def _account(town: Town) -> Json:
    do(town.walt, "/v1/payouts/onboarding-link")
    account = done(town.walt.get("/v1/payouts/account"))
    town.house.peer.complete_onboarding(account["gateway_id"])
    town.house.settle()
    return done(town.walt.get("/v1/payouts/account"))


def _wallet(town: Town) -> Json:
    """Walt can be paid, and there is something to withdraw: this card's money does not wait for two days."""
    _earned(town)
    return done(town.walt.get("/v1/payouts/balance"))


def _earned(town: Town) -> Json:
    """What Walt was paid for is his, and with him."""
    town.one("account")
    milestone = _funded(town, "pm_card_bypassPending")
    released = _acted(town, town.clara, milestone, "release", {"amount": usd(PRICE)})
    town.house.settle()
    return released


def _owed(town: Town) -> Json:
    """Walt owes for one thing, and has what he was paid for another."""
    _earned(town)
    return _debt(town)


def _payout(town: Town) -> Json:
    town.one("wallet")
    return do(town.walt, "/v1/payouts", {"amount": usd("1.00")})


def _transfer(town: Town) -> Json:
    town.one("wallet")
    return done(town.ada.get("/v1/transfers?state=sent"))["data"][0]


def _receipt(town: Town) -> Json:
    """What Clara has of the charge, with its proof."""
    money = done(town.clara.get(f"/v1/milestones/{town.one('milestone released')['id']}/money"))
    seal_everything()
    return done(town.clara.get(f"/v1/receipts/{money['steps'][0]['entry_id']}"))


def _failed_transfer(town: Town) -> Json:
    town.one("account")
    fault = {"kind": "status", "status": 400, "method": "POST", "path": "/v1/transfers", "count": None}
    town.house.peer.fault(**fault)
    _released(town)
    town.house.settle()
    town.house.peer.clear_faults()
    return done(town.ada.get("/v1/transfers?state=failed"))["data"][0]


def _failed_refund(town: Town) -> Json:
    """Clara's bank does not take it."""
    # Every one, because one of another day may be sent again before it.
    fault = {"kind": "status", "status": 400, "method": "POST", "path": "/v1/refunds", "count": None}
    town.house.peer.fault(**fault)
    milestone = _refunded(town)
    town.house.settle()
    town.house.peer.clear_faults()
    (refund,) = _milestone(town, milestone["id"])["refunds"]
    assert refund["state"] == "failed"
    return refund


def _charge(town: Town, milestone: Json) -> str:
    steps = done(town.fiona.get(f"/v1/milestones/{milestone['id']}/money"))["steps"]
    return str(steps[0]["gateway_object"])


def _frozen(town: Town) -> Json:
    milestone = _funded(town)
    town.house.peer.dispute(_charge(town, milestone))
    town.house.settle()
    return _milestone(town, milestone["id"])


def _charged_back(town: Town) -> Json:
    milestone = _frozen(town)
    town.house.peer.close_dispute(_chargeback(town, milestone)["gateway_id"], won=False)
    town.house.settle()
    return _milestone(town, milestone["id"])


def _chargeback(town: Town, milestone: Json) -> Json:
    known = done(town.fiona.get("/v1/staff/chargebacks?limit=100"))["data"]
    return next(each for each in known if each["milestone_id"] == milestone["id"])


def _drafted(town: Town) -> Json:
    chargeback = _chargeback(town, _frozen(town))
    path = f"/v1/staff/chargebacks/{chargeback['id']}/evidence"
    draft = {"texts": {"uncategorized_text": "Here."}}
    done(town.mia.client.put(path, json=draft, headers=town.mia.headers))
    return chargeback


def _warned(town: Town) -> Json:
    milestone = _funded(town)
    town.house.peer.warn(_charge(town, milestone))
    town.house.settle()
    return _chargeback(town, milestone)


def _debt(town: Town) -> Json:
    """Walt was paid, the bank took it back, and whether the money has reached him is not known."""
    town.one("account")
    milestone = _funded(town)
    town.house.peer.fault("cut_before_effect", method="POST", path="/v1/transfers", count=None)
    _acted(town, town.clara, milestone, "release", {"amount": usd(PRICE)})
    town.house.settle()
    town.house.peer.dispute(_charge(town, milestone))
    town.house.settle()
    town.house.peer.clear_faults()
    return _chargeback(town, milestone)


def _proposal(town: Town) -> Json:
    town.one("milestone released")
    lines = [("expenses:goodwill", "debit"), (f"liabilities:wallet:{town.walt.id}", "credit")]
    postings = [{"account": account, "side": side, "amount": usd("1.00")} for account, side in lines]
    return {"postings": postings, "reason": "We broke it.", "value_date": None, "carry_over": False}


def _adjustment(town: Town) -> Json:
    return do(town.fiona, "/v1/staff/ledger/adjustments", _proposal(town))


def _posted_adjustment(town: Town) -> Json:
    return do(town.frank, f"/v1/staff/ledger/adjustments/{_adjustment(town)['id']}/approve")


def _entry(town: Town) -> Json:
    return done(town.fiona.get(f"/v1/staff/ledger/entries/{_posted_adjustment(town)['entry_id']}"))


def _reconciliation(town: Town) -> Json:
    # Of a word that nobody knows, so that there is a break as well.
    town.house.peer.book_line("moon_fee", -1)
    run = do(town.fiona, "/v1/staff/reconciliation/runs", {"gateway": "stripe"})
    town.house.settle()
    return done(town.fiona.get(f"/v1/staff/reconciliation/runs/{run['id']}"))


def _own_payout(town: Town) -> Json:
    _earned(town)
    # What this town has lost is made up for out of our own bank, so that something is ours.
    town.house.peer.book_line("topup", 100_000)
    lines = [("assets:gateway:stripe:available", "debit"), ("assets:bank:arrived", "credit")]
    postings = [{"account": account, "side": side, "amount": usd("1000.00")} for account, side in lines]
    topped_up = do(town.fiona, "/v1/staff/ledger/adjustments", {"postings": postings, "reason": "A top-up."})
    do(town.frank, f"/v1/staff/ledger/adjustments/{topped_up['id']}/approve")
    _reconciliation(town)
    asked = {"gateway": "stripe", "amount": usd("1.00"), "reason": "The rent."}
    return do(town.fiona, "/v1/staff/own-payouts", asked)


def _break(town: Town) -> Json:
    _reconciliation(town)
    found = done(town.fiona.get("/v1/staff/reconciliation/breaks?state=open&kind=unknown_type"))
    newest: Json = found["data"][0]
    return newest


def _open_period(town: Town) -> Json:
    town.months += 1
    years, month = divmod(town.months, 12)
    return done(town.fiona.get(f"/v1/staff/ledger/periods/{2000 + years}-{month + 1:02}"))


def _closed_period(town: Town) -> Json:
    return do(town.fiona, f"/v1/staff/ledger/periods/{_open_period(town)['period']}/close")


def _reopening_period(town: Town) -> Json:
    period = _closed_period(town)["period"]
    return do(town.fiona, f"/v1/staff/ledger/periods/{period}/ask-to-reopen", {"reason": "An invoice."})


def _session(town: Town) -> Json:
    return signed_in(town, town.clara.email).tokens


def _used_key(town: Town) -> str:
    """A key under which each of those who can has asked for something before."""
    headers = {"Idempotency-Key": USED_KEY}
    milestone, submitted, dispute = _funded(town)["id"], _submitted(town)["id"], _disputed(town)["id"]
    transfer = _failed_transfer(town)["id"]
    do(town.clara, f"/v1/milestones/{milestone}/dispute", {"reason": "It does not work."}, headers=headers)
    body = {"to_worker": usd("40.00"), "to_client": usd("60.00"), "decision": "Half of it works."}
    do(town.walt, f"/v1/milestones/{submitted}/dispute", {"reason": "She is not there."}, headers=headers)
    do(town.mia, f"/v1/milestones/{dispute}/settle", body, headers=headers)
    do(town.ada, f"/v1/transfers/{transfer}/order-again", headers=headers)
    before = _proposal(town) | {"reason": "Something else."}
    for person in (town.fiona, town.frank):
        do(person, "/v1/staff/ledger/adjustments", before, headers=headers)
    return USED_KEY


MAKERS: dict[str, Callable[[Town], Any]] = {
    "contract offered": lambda town: _offer(town, PRICE),
    "contract active": _active,
    "contract cancelled": _cancelled,
    "contract completed": _completed,
    "milestone draft": _draft,
    "milestone funding": _funding,
    "milestone funded": _funded,
    "milestone submitted": _submitted,
    "milestone released": _released,
    "milestone refunded": _refunded,
    "milestone disputed": _disputed,
    "milestone split": _split,
    "milestone frozen": _frozen,
    "milestone charged_back": _charged_back,
    "milestone earned": _earned,
    "debt": _owed,
    "chargeback": lambda town: _chargeback(town, _frozen(town)),
    "chargeback drafted": _drafted,
    "chargeback warned": _warned,
    "chargeback owed": _debt,
    "refund_request open": _request,
    "refund_request agreed": lambda town: _answered(town, town.walt, "agree"),
    "refund_request declined": lambda town: _answered(town, town.walt, "decline"),
    "refund_request withdrawn": lambda town: _answered(town, town.clara, "withdraw"),
    "payment": _payment,
    "card": _card,
    "account": _account,
    "wallet": _wallet,
    "payout": _payout,
    "transfer": _transfer,
    "transfer failed": _failed_transfer,
    "refund failed": _failed_refund,
    "receipt": _receipt,
    "proposal": _proposal,
    "adjustment": _adjustment,
    "adjustment posted": _posted_adjustment,
    "entry": _entry,
    "reconciliation": _reconciliation,
    "break": _break,
    "own payout": _own_payout,
    "period open": _open_period,
    "period closed": _closed_period,
    "period reopening": _reopening_period,
    "session": _session,
    "used key": _used_key,
}
