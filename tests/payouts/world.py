"""The real adapter, the real peer and the real work in between, without a queue to carry it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import update

from escrow import funding
from gateways.contract import CustomerFound, CustomerOrder, PaymentFound
from identity.sessions import open_session
from jobs.subscriptions import SUBSCRIBERS
from jobs.work import perform
from kernel.ids import new_id
from payments.tables import Customer
from persistence import due, outbox
from persistence.unit_of_work import atomically, reading
from runtime.wiring import gateway
from tests.books import everything
from tests.escrow.story import CLIENT, WORKER, accept, checkout, draft, look, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    import sandbox
    from escrow.views import MilestoneView
    from identity.actors import Actor
    from sandbox.remote import Json
    from tests.books import Everything

_MOST_ROUNDS = 60


@dataclass
class World:
    """Holdfast on one side, the gateway's peer on the other."""

    client: FlaskClient
    peer: sandbox.Running

    def settle(self) -> None:
        """Everything that is due is done, and every webhook that is sent has been handled."""
        for _ in range(_MOST_ROUNDS):
            self.peer.drain()
            if not work_off():
                return
        raise AssertionError("there is always something more to do")

    def earn(self, price: str = "100.00") -> str:
        """A client pays for a milestone with a card and accepts the work; of 100.00 the worker gets 90.00."""
        milestone = self.fund(price)
        accept(look(milestone))
        return milestone.id

    def fund(self, price: str = "100.00") -> MilestoneView:
        """A client pays for a milestone with a card; of 100.00 at a fee of 5.00."""
        milestone = draft(price)
        payment = checkout(milestone.id)
        order = reading(funding.checkout, payment_id=payment.id).order
        made = gateway("stripe").create_payment(order)
        assert isinstance(made, PaymentFound)
        assert made.client_secret is not None
        self.peer.pay(made.client_secret)
        record(payment, gateway("stripe").payment(made.gateway_id))
        return look(milestone)

    def ask(self, method: str, path: str, *, by: Actor = WORKER, **options: Any) -> TestResponse:
        """A request of somebody who is signed in, under a key of its own."""
        signed_in = atomically(open_session, user_id=by.id, user_agent="app")
        headers = {
            "Authorization": f"Bearer {signed_in.access_token}",
            "Idempotency-Key": uuid4().hex,
        } | options.pop("headers", {})
        return self.client.open(path, method=method, headers=headers, **options)

    def get(self, path: str, *, by: Actor = WORKER, **options: Any) -> TestResponse:
        """Ask."""
        return self.ask("GET", path, by=by, **options)

    def post(
        self, path: str, body: Json | None = None, *, by: Actor = WORKER, **options: Any
    ) -> TestResponse:
        """Do."""
        return self.ask("POST", path, by=by, json=body or {}, **options)

    def onboard(self, *, account_number: str | None = None) -> str:
        """The worker opens the link and fills in the gateway's page; what the gateway calls the account."""
        assert self.post("/v1/payouts/onboarding-link").status_code == 200
        account: str = self.get("/v1/payouts/account").json["gateway_id"]
        self.peer.complete_onboarding(account, account_number=account_number)
        self.settle()
        return account

    def withdraw(self, amount: str, **options: Any) -> TestResponse:
        """The worker asks for a withdrawal."""
        return self.post("/v1/payouts", {"amount": {"amount": amount, "currency": "USD"}}, **options)

    def payout(self, payout_id: str) -> Json:
        """The payout as the worker sees it."""
        found: Json = self.get(f"/v1/payouts/{payout_id}").json
        return found

    def balance(self) -> dict[str, str]:
        """The worker's wallet in dollars."""
        found = self.get("/v1/payouts/balance").json["balances"][0]
        return {name: found[name]["amount"] for name in ("available", "pending", "reserved", "in_transit")}

    def made(self, kind: str) -> list[Json]:
        """Everything of a kind that the gateway has made for us: `made("payout")`."""
        found = self.peer.state()["objects"].values()
        ours = (thing for thing in found if thing.get("object") == kind)
        return [thing for thing in ours if "holdfast_id" in (thing.get("metadata") or {})]

    def asked(self, method: str, path: str) -> int:
        """How often the gateway was asked this."""
        return sum(entry["method"] == method and entry["path"] == path for entry in self.peer.journal())


@contextmanager
def nothing_is_booked() -> Iterator[None]:
    """Whatever is asked inside, the journal, the payouts and all else but sign-ins and keys stay as they were."""
    before = _but_sign_ins()
    yield
    assert _but_sign_ins() == before


def _but_sign_ins() -> Everything:
    return {
        name: rows for name, rows in everything().items() if name not in {"user_sessions", "idempotency_keys"}
    }


def work_off() -> int:
    """Do everything that is due now, and what comes of it, until nothing is due; returns how much that was."""
    done = 0
    while True:
        told = atomically(outbox.fan_out, SUBSCRIBERS)
        leased = atomically(due.lease)
        for work in leased:
            perform(work.id)
        if not told and not leased:
            return done
        done += told + len(leased)


def know_client() -> None:
    """The gateway knows the client."""
    made = gateway("stripe").create_customer(CustomerOrder(new_id("cu"), CLIENT.id, "client@example.com"))
    assert isinstance(made, CustomerFound)
    atomically(
        lambda session: session.execute(
            update(Customer).where(Customer.user_id == CLIENT.id).values(gateway_id=made.gateway_id)
        )
    )
