"""Where the money is, step by step: each step says what its entry says, and nothing waits for what never comes."""

from __future__ import annotations

import pytest

from ledger.statements import entries_about
from persistence.unit_of_work import reading


@pytest.fixture
def milestone(people):
    (agreed,) = people.agree("100.00")
    people.fund(agreed)
    return agreed


def test_the_settled_step_says_what_was_settled(people, milestone):
    # What leaves before the charge settles never settles with us.
    people.release(milestone, "10.00")
    people.house.pass_time(hours=49)
    (settled,) = steps(people, milestone, "settled")
    assert (settled["amount"]["amount"], settled["state"]) == ("92.65", "done")
    assert entry_of(milestone, settled).movement == "funds_settled"
    assert {str(line.amount) for line in entry_of(milestone, settled).postings} == {"92.65 USD"}


def test_a_refund_that_came_back_names_the_entry_that_says_so(people):
    other, milestone = people.agree("500.00", "100.00")
    people.fund(other)
    people.fund(milestone, "pm_card_refundFail")
    people.house.pass_time(hours=49)
    people.refund(milestone, "40.00")
    people.house.pass_time(hours=25)
    for step in steps(people, milestone, "refunded"):
        assert (step["state"], entry_of(milestone, step).movement) == ("failed", "refund_failed")


def test_a_release_of_which_our_fee_takes_everything_waits_for_no_transfer(people, milestone):
    people.release(milestone, "0.04")
    people.release(milestone, "0.01")
    people.house.pass_time(hours=100)
    assert [step["amount"]["amount"] for step in steps(people, milestone, "released")] == ["0.04", "0.01"]
    assert [step["amount"]["amount"] for step in steps(people, milestone, "transferred")] == ["0.04"]
    assert {step["state"] for step in trail(people, milestone)} == {"done"}


def steps(people, milestone, name):
    return [step for step in trail(people, milestone) if step["step"] == name]


def trail(people, milestone):
    return people.finance.get(f"/v1/milestones/{milestone}/money")["steps"]


def entry_of(milestone, step):
    (entry,) = [entry for entry in reading(entries_about, [milestone]) if entry.id == step["entry_id"]]
    return entry
