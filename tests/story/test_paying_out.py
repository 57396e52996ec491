"""Withdrawals that do not get to the bank are the worker's again, and so is one that comes back from it."""

from __future__ import annotations

import pytest

from tests.story.agreement import check_agreement

CLOSED = "000111111113"


@pytest.fixture
def paid_worker(people):
    """90.00 in the wallet, settled."""
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    people.release(milestone)
    people.house.pass_time(hours=49)
    return people


def account_of(people):
    return people.worker.get("/v1/payouts/account")["gateway_id"]


def test_g2_a_closed_bank_account_gives_the_money_back_and_another_one_is_paid(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.change_bank_account(account_of(people), account_number=CLOSED)
    first = people.withdraw("90.00")
    check_agreement(peer)
    people.house.pass_time(hours=72)
    assert people.payout(first)["state"] == "failed"
    assert people.payout(first)["failure_code"] == "account_closed"
    assert people.wallet() == {"available": "90.00"}
    check_agreement(peer)
    peer.change_bank_account(account_of(people))
    people.house.settle()
    second = people.withdraw("90.00")
    people.house.pass_time(hours=72)
    assert people.payout(second)["state"] == "paid"
    assert people.wallet() == {}
    check_agreement(peer)


def test_g2_a_payout_that_comes_back_days_after_it_was_paid_is_in_the_wallet_again(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    payout = people.withdraw("50.00")
    people.house.pass_time(hours=72)
    assert people.payout(payout)["state"] == "paid"
    check_agreement(peer)
    people.house.pass_time(hours=72)
    peer.fail_payout(people.payout(payout)["gateway_id"])
    people.house.settle()
    assert people.payout(payout)["state"] == "returned"
    assert people.wallet() == {"available": "90.00"}
    check_agreement(peer)


def test_g1_an_account_that_is_restricted_is_paid_once_it_is_not(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.restrict(account_of(people))
    payout = people.withdraw("90.00")
    people.house.pass_time(hours=5)
    assert people.payout(payout)["state"] == "failed"
    assert people.wallet() == {"available": "90.00"}
    check_agreement(peer)
    peer.complete_onboarding(account_of(people))
    people.house.settle()
    again = people.withdraw("90.00")
    people.house.pass_time(hours=72)
    assert people.payout(again)["state"] == "paid"
    check_agreement(peer)


def test_many_milestones_leave_as_one_withdrawal_and_each_cent_can_be_followed(people):
    milestones = people.agree("10.00", "20.00", "30.00")
    for milestone in milestones:
        people.fund(milestone)
        people.release(milestone)
    people.house.pass_time(hours=49)
    payout = people.withdraw("40.00")
    people.house.pass_time(hours=72)
    parts = {part["milestone_id"]: part["amount"]["amount"] for part in people.payout(payout)["parts"]}
    assert parts == dict(zip(milestones, ["9.00", "18.00", "13.00"], strict=True))
    assert people.where(milestones[2])["bank"] == "13.00"
    assert people.where(milestones[2])["wallet"] == "14.00"
    check_agreement(people.house.peer)
