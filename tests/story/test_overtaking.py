"""Stripe's event arrives and is handled before Stripe has answered the call that caused it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.story.agreement import check_agreement


@pytest.fixture
def aside():
    """Somebody else who does something meanwhile."""
    with ThreadPoolExecutor(1) as somebody:
        yield somebody


def test_a_payment_is_booked_by_the_event_and_once(people, aside):
    (milestone,) = people.agree("100.00")
    people.client.post("/v1/wallet/customer-session")
    peer = people.house.peer
    held = peer.fault("hold_after_effect", method="POST", path="/v1/payment_intents/[^/]+/confirm")
    token = peer.confirmation_token()
    order = {"milestone_id": milestone, "confirmation_token": token}
    checkout = aside.submit(people.client.post, "/v1/checkout/confirm", order)
    peer.wait_held(held)
    people.house.settle()
    assert people.where(milestone, people.worker) == {"held": "100.00"}
    peer.release(held)
    assert checkout.result()["state"] == "succeeded"
    assert people.where(milestone) == {"held": "100.00", "client_fee": "5.00"}
    check_agreement(peer)


@pytest.mark.parametrize("verdict", ["continue", "cut"])
@pytest.mark.parametrize("path", ["/v1/refunds", "/v1/transfers", "/v1/payouts"])
def test_work_whose_event_was_first_changes_nothing_more(people, aside, path, verdict):
    peer = people.house.peer
    other, part = people.agree("500.00", "100.00")
    people.fund(other)
    people.fund(part)
    people.release(other)
    people.house.pass_time(hours=49)
    held = peer.fault("hold_after_effect", method="POST", path=path)
    act = {
        "/v1/refunds": lambda: people.refund(part, "10.00"),
        "/v1/transfers": lambda: people.release(part, "10.00"),
        "/v1/payouts": lambda: people.withdraw("10.00"),
    }[path]
    acting = aside.submit(act)
    peer.wait_held(held)
    peer.drain()
    people.house.settle()
    peer.release(held, verdict=verdict)
    acting.result()
    people.house.pass_time(seconds=61)
    check_agreement(peer)
    people.house.pass_time(hours=72)
    check_agreement(peer)
