"""What a process is at when it dies, and what everybody finds once it has been done after all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from identity.permissions import Role
from tests.story.plot import hired, joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.people import Person
    from tests.story.plot import Cast

HELD = {"held": "10.00", "client_fee": "0.50"}
RELEASED = {"settling": "9.00", "worker_fee": "1.00", "client_fee": "0.50"}
REFUNDED = {"refunded": "10.50"}


@dataclass(frozen=True)
class Asked:
    """A request that can be sent again word for word, and what is found when it was answered."""

    who: Person
    path: str
    body: dict[str, Any]
    check: Callable[[Any], None]


# --- requests -------------------------------------------------------------------------------------------------------


def checkout(people: Cast) -> Asked:
    """The first payment of a client whom Stripe does not know yet."""
    people = replace(people, client=joined(people.house, "client"))
    milestone = _agreed(people)

    def check(sheet: Any) -> None:
        people.house.peer.pay(sheet["paymentIntent"])
        people.house.settle()
        assert people.where(milestone) == HELD

    return Asked(people.client, f"/v1/milestones/{milestone}/checkout", {}, check)


def confirm(people: Cast) -> Asked:
    """A payment that the server confirms: the card is charged while it waits for Stripe's answer."""
    milestone = _agreed(people)
    body = {"milestone_id": milestone, "confirmation_token": people.house.peer.confirmation_token()}

    def check(sheet: Any) -> None:
        assert sheet["state"] == "succeeded"
        assert people.where(milestone) == HELD

    return Asked(people.client, "/v1/checkout/confirm", body, check)


def give_up(people: Cast) -> Asked:
    """The client does not pay after all."""
    milestone = _agreed(people)
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout")

    def check(payment: Any) -> None:
        assert payment["state"] == "canceled"
        assert people.state(milestone) == "draft"
        assert "error" in people.house.peer.pay(sheet["paymentIntent"])

    return Asked(people.client, f"/v1/milestones/{milestone}/give-up-funding", {}, check)


def submit(people: Cast) -> Asked:
    """The worker hands in."""
    milestone = _funded(people)

    def check(_answer: Any) -> None:
        assert people.state(milestone) == "submitted"
        assert len(_details(people, milestone)["submissions"]) == 1

    return Asked(people.worker, f"/v1/milestones/{milestone}/submit", {"note": "Here."}, check)


def release(people: Cast) -> Asked:
    """The client accepts the work."""
    milestone = _funded(people)

    def check(_answer: Any) -> None:
        assert people.state(milestone) == "released"
        assert people.where(milestone) == RELEASED

    return Asked(people.client, f"/v1/milestones/{milestone}/release", {"amount": _usd("10.00")}, check)


def release_a_part(people: Cast) -> Asked:
    """The client pays a part: done twice, it would be another part."""
    milestone = _funded(people)

    def check(_answer: Any) -> None:
        assert people.state(milestone) == "funded"
        assert people.where(milestone)["held"] == "6.67"
        assert len(_details(people, milestone)["releases"]) == 1

    return Asked(people.client, f"/v1/milestones/{milestone}/release", {"amount": _usd("3.33")}, check)


def refund(people: Cast) -> Asked:
    """The worker gives a part back: done twice, it would be another part."""
    milestone = _funded(people)

    def check(_answer: Any) -> None:
        assert people.where(milestone) == {"held": "6.67", "refunded": "3.49", "client_fee": "0.34"}

    body = {"amount": _usd("3.33"), "reason": "Not all of it."}
    return Asked(people.worker, f"/v1/milestones/{milestone}/refund", body, check)


def settle_a_dispute(people: Cast) -> Asked:
    """A mediator splits what is held."""
    milestone = _funded(people)
    people.client.post(f"/v1/milestones/{milestone}/dispute", {"reason": "This is not it."})

    def check(_answer: Any) -> None:
        assert people.state(milestone) == "split"
        assert people.where(milestone) == {
            "settling": "5.40",
            "worker_fee": "0.60",
            "client_fee": "0.30",
            "refunded": "4.20",
        }

    body = {"to_worker": _usd("6.00"), "to_client": _usd("4.00"), "decision": "Most of it is there."}
    return Asked(hired(people.house, Role.MEDIATOR), f"/v1/milestones/{milestone}/settle", body, check)


def withdraw(people: Cast) -> Asked:
    """The worker withdraws."""
    before = _payouts(people)

    def check(payout: Any) -> None:
        assert _payouts(people) == [payout["id"], *before]
        assert people.payout(payout["id"])["state"] == "sent"

    return Asked(people.worker, "/v1/payouts", {"amount": _usd("1.00")}, check)


# --- work -----------------------------------------------------------------------------------------------------------


def fund(people: Cast) -> Callable[[], None]:
    """Stripe has told that a card was charged."""
    milestone = _agreed(people)
    sheet = people.client.post(f"/v1/milestones/{milestone}/checkout")
    people.house.peer.pay(sheet["paymentIntent"])
    people.house.peer.drain()
    return lambda: _shown(people, milestone, HELD)


def release_by_time(people: Cast) -> Callable[[], None]:
    """72 hours have passed, for nobody else at the same moment: those would be released together."""
    people.house.pass_time(hours=73)
    milestone = _funded(people)
    people.submit(milestone)
    people.house.pass_time(hours=71)
    people.house.clock.advance(hours=1.1)
    return lambda: _shown(people, milestone, {"wallet": "9.00", "worker_fee": "1.00", "client_fee": "0.50"})


def transfer(people: Cast) -> Callable[[], None]:
    """The client has accepted, and the money is to be moved to the worker's account."""
    milestone = _funded(people)
    people.client.post(f"/v1/milestones/{milestone}/release", {"amount": _usd("10.00")})
    return lambda: _shown(people, milestone, RELEASED)


def refund_at_stripe(people: Cast) -> Callable[[], None]:
    """The worker has given the money back, and Stripe is to do it."""
    milestone = _funded(people)
    people.worker.post(
        f"/v1/milestones/{milestone}/refund", {"amount": _usd("10.00"), "reason": "I cannot do it."}
    )
    return lambda: _shown(people, milestone, REFUNDED)


def pay_out(people: Cast) -> Callable[[], None]:
    """The worker has asked for money, and Stripe is to send it."""
    payout = people.worker.post("/v1/payouts", {"amount": _usd("1.00")})["id"]
    return lambda: _at_the_bank(people, payout)


def hear_of_a_payout(people: Cast) -> Callable[[], None]:
    """The money has arrived at the worker's bank, and nobody here has looked."""
    payout = people.withdraw("1.00")
    people.house.clock.advance(hours=72)
    people.house.peer.drain()
    return lambda: _at_the_bank(people, payout)


def settle_a_charge(people: Cast) -> Callable[[], None]:
    """A charge is available at Stripe."""
    milestone = _funded(people)
    people.house.pass_time(hours=47)
    people.house.clock.advance(hours=1.1)

    def check() -> None:
        steps = people.finance.get(f"/v1/milestones/{milestone}/money")["steps"]
        assert {step["step"]: step["state"] for step in steps}["settled"] == "done"

    return check


def hear_of_an_account(people: Cast) -> Callable[[], None]:
    """A worker who is owed money has filled in Stripe's form."""
    people = replace(people, worker=joined(people.house, "worker"))
    milestone = _funded(people)
    people.release(milestone)
    people.worker.post("/v1/payouts/onboarding-link")
    people.house.settle()
    people.house.peer.complete_onboarding(people.worker.get("/v1/payouts/account")["gateway_id"])
    people.house.peer.drain()

    def check() -> None:
        assert people.worker.get("/v1/payouts/account")["can_be_paid_out"]
        people.house.pass_time(hours=48)
        assert people.wallet() == {"available": "9.00"}

    return check


def _agreed(people: Cast) -> str:
    (milestone,) = people.agree("10.00")
    return milestone


def _funded(people: Cast) -> str:
    milestone = _agreed(people)
    people.fund_with_token(milestone)
    return milestone


def _shown(people: Cast, milestone: str, places: dict[str, str]) -> None:
    assert people.where(milestone) == places


def _at_the_bank(people: Cast, payout: str) -> None:
    people.house.pass_time(hours=72)
    assert people.payout(payout)["state"] == "paid"


def _details(people: Cast, milestone: str) -> Any:
    return people.client.get(f"/v1/milestones/{milestone}")


def _payouts(people: Cast) -> list[str]:
    return [payout["id"] for payout in people.worker.get("/v1/payouts", limit="100")["data"]]


def _usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


REQUESTS = {
    "checkout": checkout,
    "confirm": confirm,
    "give_up": give_up,
    "submit": submit,
    "release": release,
    "release_a_part": release_a_part,
    "refund": refund,
    "settle_a_dispute": settle_a_dispute,
    "withdraw": withdraw,
}
WORK = {
    "fund": fund,
    "release_by_time": release_by_time,
    "transfer": transfer,
    "refund": refund_at_stripe,
    "pay_out": pay_out,
    "hear_of_a_payout": hear_of_a_payout,
    "settle_a_charge": settle_a_charge,
    "hear_of_an_account": hear_of_an_account,
}
