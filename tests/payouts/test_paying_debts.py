"""What a worker owes is paid out of other money only when they say so, once, and never beyond what is there."""

from __future__ import annotations

import random

import pytest

from kernel.ids import new_id
from kernel.refusals import Refusal
from payments import debts
from payouts import recovery
from payouts.funds import NotEnoughAvailable
from persistence.unit_of_work import atomically, reading
from runtime import books
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import FINANCE, OTHER_WORKER, WORKER, give_back_after_release, look, usd
from tests.payouts.story import account, balance, released, sent, usable, withdraw
from tests.threads import at_once, succeeded


class _Of:
    """The milestone of a transfer."""

    def __init__(self, transfer):
        self.id = transfer.milestone_id


def claw_back(transfer, amount="100.00", *, by=FINANCE):
    """The client has it back; returns what the worker owes for it."""
    give_back_after_release(_Of(transfer), amount, by=by)
    found = reading(debts.of_worker, worker_id=WORKER.id)
    return found[-1]


def recover(debt):
    return atomically(recovery.recover, debt_id=debt.id, recovery_id=new_id("rc"))


def pay(debt, amount, *, by=WORKER):
    return atomically(recovery.pay, debt_id=debt.id, amount=usd(amount), recovery_id=new_id("rc"), by=by)


@pytest.fixture
def gone():
    """A debt of 90.00, of which nothing is left at the account."""
    account()
    transfer = usable()
    withdraw("90.00")
    debt = claw_back(transfer)
    assert recover(debt).outstanding == usd("90.00")
    return debt


def test_what_was_earned_elsewhere_is_not_touched_by_itself(gone):
    usable()
    with nothing_moves():
        recover(gone)
    assert balance().available == usd("90.00")


def test_it_is_taken_when_the_worker_says_so_and_only_then(gone):
    usable()
    with nothing_moves():
        with expect_refusal(debts.NotOwed):
            pay(gone, "90.01")
        with expect_refusal(debts.DebtNotFound):
            pay(gone, "1.00", by=OTHER_WORKER)
    assert pay(gone, "60.00").outstanding == usd("30.00")
    assert balance().available == usd("30.00")
    assert pay(gone, "30.00").outstanding == usd("0.00")
    with nothing_moves(), expect_refusal(debts.NotOwed):
        pay(gone, "0.01")
    assert reading(books.verify) == []


def test_what_is_not_at_the_account_yet_is_not_used(gone):
    released()
    with nothing_moves(), expect_refusal(NotEnoughAvailable):
        pay(gone, "10.00")


def test_what_a_worker_gave_back_themselves_is_taken_from_anything():
    account()
    first = usable()
    usable()
    withdraw("90.00")
    debt = claw_back(first, by=WORKER)
    assert debt.agreed
    assert recover(debt).outstanding == usd("0.00")
    assert balance().available == usd("0.00")
    assert reading(books.verify) == []


def test_a_debt_is_forgiven_in_parts_and_not_beyond_it(gone):
    said = {"debt_id": gone.id, "reason": "Too little to ask for.", "by": FINANCE.id}
    assert atomically(debts.forgive, amount=usd("40.00"), **said).outstanding == usd("50.00")
    with nothing_moves(), expect_refusal(debts.NotOwed):
        atomically(debts.forgive, amount=usd("50.01"), **said)
    assert atomically(debts.forgive, amount=usd("50.00"), **said).outstanding == usd("0.00")
    assert reading(books.verify) == []
    assert reading(debts.of_worker, worker_id=WORKER.id) == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.mariadb
def test_everybody_at_once_takes_every_cent_once(seed):
    account()
    first, second = sent(), usable()
    debt = claw_back(first, "40.00", by=FINANCE)
    acts = [
        lambda: recover(debt),
        lambda: recover(debt),
        lambda: pay(debt, "20.00"),
        lambda: pay(debt, "16.00"),
        lambda: withdraw("70.00"),
        lambda: withdraw("80.00"),
        lambda: give_back_after_release(_Of(second), "60.00"),
        lambda: give_back_after_release(_Of(first), "60.00"),
        lambda: give_back_after_release(_Of(first), "60.00", by=FINANCE),
    ]
    random.Random(seed).shuffle(acts)
    results = at_once(*acts)
    unfair = [each for each in results if isinstance(each, Exception) and not isinstance(each, Refusal)]
    assert (unfair, len(succeeded(results)) > 0) == ([], True)
    for owed in reading(debts.of_worker, worker_id=WORKER.id):
        recover(owed)
    assert reading(books.verify) == []
    for milestone in (first, second):
        assert look(_Of(milestone)).given_back <= usd("100.00")
