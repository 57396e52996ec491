"""Whoever dies, overlaps or answers late: of every order the gateway carries out one, and ours comes to say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from gateways.contract import Rejected
from jobs import payments_jobs
from jobs.subscriptions import SUBSCRIBERS
from jobs.work import perform
from payments import refunds
from payouts import queries, transfers, withdrawals
from persistence import due, outbox
from persistence.unit_of_work import atomically, examining, reading
from runtime import books
from runtime.wiring import gateway
from tests.books import seal_everything
from tests.escrow.story import give_back, look, refunds_of

_LATER = Rejected("balance_insufficient", "Not now.", temporary=True)
_NEVER = Rejected("account_closed", "No.")

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Order:
    """One order to the gateway, and the parts of the work that sends it."""

    kind: str
    path: str
    done: tuple[str, ...]
    begin: Callable[[], Any]
    call: Callable[[Any], Any]
    record: Callable[[Any, Any], Any]
    state: Callable[[], str]


@pytest.fixture(params=["transfer", "payout", "refund"])
def order(request, world, clock):
    """An order that nobody has begun to send: 90.00 to a worker's account, 50.00 to their bank, 42.00 to a card."""
    world.onboard()
    return {"transfer": _transfer, "payout": _payout, "refund": _refund}[request.param](world, clock)


def _transfer(world, _clock):
    milestone = world.earn()
    (transfer,) = _told_of("order_transfer", lambda: reading(queries.transfers_of, milestone))
    return Order(
        "transfer",
        "/v1/transfers",
        ("sent",),
        begin=lambda: atomically(transfers.to_send, transfer_id=transfer.id),
        call=lambda intent: transfers.send(intent, through=gateway("stripe")),
        record=lambda intent, outcome: atomically(transfers.record, intent=intent, outcome=outcome),
        state=lambda: reading(queries.transfers_of, milestone)[0].state,
    )


def _payout(world, clock):
    world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    payout = world.withdraw("50.00").json["id"]
    return Order(
        "payout",
        "/v1/payouts",
        ("sent", "paid"),
        begin=lambda: atomically(withdrawals.to_send, payout_id=payout),
        call=lambda intent: withdrawals.send(intent, through=gateway("stripe")),
        record=lambda intent, outcome: atomically(withdrawals.record, intent=intent, outcome=outcome),
        state=lambda: world.payout(payout)["state"],
    )


def _refund(world, clock):
    milestone = world.fund()
    world.fund("500.00")
    world.settle()
    clock.advance(days=3)
    world.settle()
    refund = give_back(look(milestone), "40.00")
    return Order(
        "refund",
        "/v1/refunds",
        ("succeeded",),
        begin=lambda: atomically(refunds.refund_to_send, refund_id=refund.id),
        call=lambda intent: refunds.send_refund(intent, through=gateway("stripe")),
        record=lambda intent, outcome: atomically(
            payments_jobs._record_refund, intent=intent, outcome=outcome
        ),
        state=lambda: refunds_of(look(milestone))[0].state,
    )


def _told_of(kind, look_for):
    """Have only this kind of work done, so that what it orders has not been sent yet."""
    atomically(outbox.fan_out, SUBSCRIBERS)
    for work in atomically(due.lease):
        if work.kind == kind:
            perform(work.id)
    return look_for()


def _is_done_once(world, order):
    assert len(world.made(order.kind)) == 1
    assert order.state() in order.done
    seal_everything()
    assert examining(books.verify) == []
    assert reading(due.parked) == []


_WEATHER = {
    "well": None,
    "key refused": {"kind": "status", "status": 401},
    "slow down": {"kind": "status", "status": 429},
    "broken": {"kind": "status", "status": 500, "saved": False},
    "cut after": {"kind": "cut_after_effect"},
}


@pytest.mark.parametrize("weather", _WEATHER)
def test_what_was_carried_out_before_a_worker_died_is_not_ordered_again(world, clock, order, weather):
    world.peer.webhooks(drop=1.0)
    order.call(order.begin())
    # The worker has died. The next ones meet this, for as long as it lasts.
    if _WEATHER[weather]:
        world.peer.fault(**_WEATHER[weather], method="POST", path=order.path, count=None)
    clock.advance(minutes=2)
    world.settle()
    world.peer.clear_faults()
    clock.advance(hours=3)
    world.settle()
    _is_done_once(world, order)


@pytest.mark.parametrize("weather", ["key refused", "slow down"])
def test_nothing_is_ordered_twice_when_the_gateway_can_not_even_be_asked_for_days(
    world, clock, order, weather
):
    world.peer.webhooks(drop=1.0)
    order.call(order.begin())
    world.peer.fault(**_WEATHER[weather], method="(GET|POST)", path=f"{order.path}.*", count=None)
    for _ in range(6):
        clock.advance(hours=8)
        world.settle()
    assert order.state() == "unknown" if weather == "key refused" else len(world.made(order.kind)) == 1
    world.peer.clear_faults()
    clock.advance(hours=2)
    world.settle()
    _is_done_once(world, order)


@pytest.mark.parametrize(("second", "answers"), [("before", (1, 0)), ("after", (0, 1))])
def test_two_workers_who_overlap_order_once(world, clock, order, second, answers):
    world.peer.webhooks(drop=1.0)
    calls = [order.begin()]
    if second == "before":
        calls.append(order.begin())
    heard = [order.call(calls[0])]
    if second == "after":
        calls.append(order.begin())
    heard.append(order.call(calls[1]))
    for which in answers:
        order.record(calls[which], heard[which])
    world.settle()
    _is_done_once(world, order)


@pytest.mark.parametrize("late", [_LATER, _NEVER], ids=["later", "never"])
def test_an_answer_that_is_told_twice_never_sends_the_next_attempt_unasked(world, clock, order, late):
    world.peer.webhooks(drop=1.0)
    first, same = order.begin(), order.begin()
    order.record(first, _LATER)
    again = order.begin()
    order.call(again)
    # The worker dies with it, and the other one still tells what it heard of the first.
    order.record(same, late)
    for _ in range(3):
        clock.advance(minutes=15)
        world.settle()
    _is_done_once(world, order)


def test_a_transfer_that_was_sent_is_asked_about_before_it_waits_for_its_account(world, clock):
    account = world.onboard()
    order = _transfer(world, clock)
    order.call(order.begin())
    world.peer.restrict(account)
    world.settle()
    clock.advance(minutes=2)
    world.settle()
    _is_done_once(world, order)
    assert world.balance()["pending"] == "90.00"


def test_a_transfer_that_never_arrived_waits_and_goes_once_the_account_is_mended(world, clock):
    account = world.onboard()
    order = _transfer(world, clock)
    order.begin()
    # The worker died before its call.
    world.peer.restrict(account)
    world.settle()
    clock.advance(minutes=2)
    world.settle()
    assert (order.state(), world.made("transfer")) == ("waiting", [])
    clock.advance(hours=30)
    world.peer.complete_onboarding(account)
    world.settle()
    _is_done_once(world, order)
