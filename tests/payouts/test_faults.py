"""Whatever breaks between us and the gateway, the money moves exactly once and every number says so."""

from __future__ import annotations

from threading import Thread

import pytest

from jobs.subscriptions import SUBSCRIBERS
from jobs.work import perform
from payouts import integrity
from persistence import due, outbox
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.payouts.world import work_off

_CALLS = {"transfer": "/v1/transfers", "payout": "/v1/payouts"}
_CUT_BEFORE = {"kind": "cut_before_effect", "count": 1}
_CUT_AFTER = {"kind": "cut_after_effect", "count": 1}
_BROKEN_BEFORE = {"kind": "status", "status": 500, "count": 1}
_BROKEN_AFTER = {"kind": "status", "status": 500, "effect": True, "count": 1}
_SLOW_DOWN = {"kind": "status", "status": 429, "count": 1}


@pytest.fixture
def act(world, clock):
    """Have the gateway asked for a transfer or a payout, with a misfortune; says how far ours then is."""
    world.onboard()

    def do(call, **fault):
        if call == "payout":
            world.earn()
            world.settle()
            clock.advance(days=3)
            world.settle()
            world.peer.fault(**fault, method="POST", path=_CALLS[call])
            world.withdraw("50.00")
        else:
            world.peer.fault(**fault, method="POST", path=_CALLS[call])
            world.earn()
        work_off()
        return _state_of(world, call)

    return do


def _state_of(world, call):
    if call == "payout":
        return world.get("/v1/payouts").json["data"][0]["state"]
    waiting = world.get("/v1/payouts/balance").json["balances"][0]["waiting"]
    return "unknown" if "has not answered" in waiting[0]["reason"] else waiting[0]["reason"]


def _is_there_once(world, call):
    made = world.made(call)
    assert len(made) == 1
    assert reading(integrity.verify) == []
    if call == "payout":
        assert world.balance()["in_transit"] == "50.00"
        assert _state_of(world, call) == "sent"
    else:
        assert _state_of(world, call).startswith("The client's payment has yet to settle")


@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize(
    "fault", [_CUT_BEFORE, _CUT_AFTER, _BROKEN_AFTER], ids=["before", "after", "broken after"]
)
def test_after_a_broken_call_the_gateway_is_asked_and_the_money_moves_once(world, clock, act, call, fault):
    world.peer.webhooks(drop=1.0)
    assert act(call, **fault) == "unknown"
    sent = world.asked("POST", _CALLS[call])
    clock.advance(minutes=1)
    world.settle()
    _is_there_once(world, call)
    # What the gateway has is found, not sent again.
    assert world.asked("POST", _CALLS[call]) - sent == (1 if fault is _CUT_BEFORE else 0)


@pytest.mark.parametrize("call", _CALLS)
def test_what_the_gateway_keeps_answering_with_its_own_mistake_goes_after_a_day_under_a_new_key(
    world, clock, act, call
):
    assert act(call, **_BROKEN_BEFORE) == "unknown"
    clock.advance(minutes=10)
    world.settle()
    assert _state_of(world, call) == "unknown"
    assert world.made(call) == []
    clock.advance(hours=23)
    world.settle()
    assert len(world.made(call)) == 1
    assert reading(integrity.verify) == []


@pytest.mark.parametrize("call", _CALLS)
def test_a_gateway_that_asks_to_slow_down_is_asked_again_later(world, clock, act, call):
    assert act(call, **_SLOW_DOWN) != "unknown"
    assert world.made(call) == []
    clock.advance(minutes=6)
    world.settle()
    _is_there_once(world, call)


@pytest.mark.parametrize("call", _CALLS)
def test_a_day_later_nothing_is_sent_again_blindly(world, clock, act, call):
    world.peer.webhooks(drop=1.0)
    assert act(call, **_CUT_AFTER) == "unknown"
    sent = world.asked("POST", _CALLS[call])
    # Nobody works for a day; by then the gateway has forgotten our key.
    clock.advance(hours=25)
    world.settle()
    assert world.asked("POST", _CALLS[call]) == sent
    assert len(world.made(call)) == 1
    assert reading(integrity.verify) == []


def test_the_event_may_come_before_the_answer_to_our_own_call(world, clock):
    world.onboard()
    world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    payout = world.withdraw("50.00").json["id"]
    held = world.peer.fault("hold_after_effect", method="POST", path="/v1/payouts")
    atomically(outbox.fan_out, SUBSCRIBERS)
    (work,) = [work for work in atomically(due.lease) if work.kind == "send_payout"]
    sending = Thread(target=perform, args=(work.id,))
    sending.start()
    world.peer.wait_held(held)
    world.settle()
    told = world.payout(payout)
    assert told["state"] == "sent"
    world.peer.release(held)
    sending.join()
    assert world.payout(payout) == told
    assert reading(lambda session: session.get_one(DueWork, work.id).state) == "done"


def test_a_payout_that_is_paid_and_then_sent_back_is_in_the_wallet_again(world, clock):
    payout = _paid(world, clock)
    assert world.balance()["available"] == "40.00"
    world.peer.fail_payout(payout["gateway_id"], failure_code="no_account")
    world.settle()
    returned = world.payout(payout["id"])
    assert (returned["state"], returned["failure_code"]) == ("returned", "no_account")
    assert world.balance()["available"] == "90.00"
    line = world.get("/v1/payouts/history").json["data"][0]
    assert line["reason"].startswith("The bank sent a withdrawal to the bank account ending in 6789 back.")


def test_a_payout_to_an_account_that_does_not_exist_is_in_the_wallet_again(world, clock):
    world.onboard(account_number="000111111116")
    world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    payout = world.withdraw("50.00").json["id"]
    world.settle()
    clock.advance(days=3)
    world.settle()
    failed = world.payout(payout)
    assert (failed["state"], failed["failure_code"]) == ("failed", "no_account")
    assert world.balance()["available"] == "90.00"
    # The gateway pays nothing more out to that bank account, until there is another.
    assert world.withdraw("50.00").json["code"] == "payout_account_not_ready"
    world.peer.change_bank_account(world.get("/v1/payouts/account").json["gateway_id"])
    world.settle()
    assert world.withdraw("50.00").status_code == 201


@pytest.mark.parametrize("seed", [1, 2])
def test_events_that_come_twice_and_in_any_order_end_in_the_same_place(world, clock, seed):
    world.peer.webhooks(duplicate=0.7, reorder=0.7, delay=0.4, seed=seed)
    payout = _paid(world, clock)
    world.peer.fail_payout(payout["gateway_id"])
    world.settle()
    clock.advance(minutes=5)
    world.settle()
    assert world.payout(payout["id"])["state"] == "returned"
    assert world.balance()["available"] == "90.00"
    assert len(world.payout(payout["id"])["entry_ids"]) == 4


def test_when_every_event_is_lost_the_gateway_is_asked_and_all_is_repaired(world, clock):
    world.peer.webhooks(drop=1.0)
    world.post("/v1/payouts/onboarding-link")
    account = world.get("/v1/payouts/account").json["gateway_id"]
    world.peer.complete_onboarding(account)
    clock.advance(hours=1, minutes=1)
    world.settle()
    assert world.get("/v1/payouts/account").json["state"] == "ready"
    payout = _paid(world, clock)
    world.peer.fail_payout(payout["gateway_id"])
    clock.advance(days=9)
    world.settle()
    assert world.payout(payout["id"])["state"] == "returned"


def test_a_gateway_that_is_busy_for_a_day_is_waited_for(world, clock):
    world.onboard()
    world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    world.peer.fault("status", method="POST", path="/v1/payouts", status=429, count=None)
    payout = world.withdraw("50.00").json["id"]
    world.settle()
    clock.advance(hours=30)
    world.settle()
    assert world.payout(payout)["state"] == "reserved"
    world.peer.clear_faults()
    clock.advance(minutes=10)
    world.settle()
    assert world.payout(payout)["state"] == "sent"


def _paid(world, clock):
    if world.get("/v1/payouts/account").json["state"] != "ready":
        world.onboard()
    world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    payout = world.withdraw("50.00").json["id"]
    world.settle()
    clock.advance(days=3, hours=2)
    world.settle()
    paid = world.payout(payout)
    assert paid["state"] == "paid"
    return paid
