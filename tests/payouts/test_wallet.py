"""The wallet says what can be withdrawn, what waits and why, and adds up to what the ledger says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateways.contract import PayoutState
from kernel.money import Money
from ledger import chart, movements
from ledger.balances import balance as ledger_balance
from ledger.posting import post, reverse
from payouts import history, wallet
from payouts.wallet import WalletNotFound
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal
from tests.escrow.story import FINANCE, OTHER_WORKER, WORKER, usd
from tests.payouts.story import (
    GATEWAY,
    account,
    balance,
    look,
    news,
    order,
    ordered,
    released,
    sent,
    usable,
    withdraw,
)


@pytest.fixture(autouse=True)
def adds_up(books):
    """Whatever the test did, the wallet adds up to the ledger's balance, and what waits to what is pending."""
    yield
    by_the_ledger = reading(ledger_balance, chart.wallet(WORKER.id, "USD"))
    found = balance()
    assert found.available + found.pending + found.reserved == found.balance == by_the_ledger.posted
    assert found.reserved == by_the_ledger.held
    assert sum(part.amount.amount_minor for part in found.waiting) == found.pending.amount_minor


def _amounts():
    found = balance()
    return tuple(
        amount.decimal for amount in (found.available, found.pending, found.reserved, found.in_transit)
    )


def test_what_was_just_released_is_pending_and_on_its_way():
    account()
    released()
    assert _amounts() == ("0.00", "90.00", "0.00", "0.00")
    assert [part.reason for part in balance().waiting] == ["It is on its way to your payout account."]


def test_what_waits_for_the_account_says_so():
    told = released()
    order(told)
    released("200.00")
    assert _amounts() == ("0.00", "270.00", "0.00", "0.00")
    waits, moves = balance().waiting
    assert waits.reason == "Finish your payout account to move $90.00 to it."
    assert waits.milestone_id == told["milestone_id"]
    assert (moves.amount, moves.milestone_id) == (usd("180.00"), None)


def test_what_has_not_settled_says_until_when(clock):
    account()
    transfer = sent(usable_in=timedelta(days=2))
    assert _amounts() == ("0.00", "90.00", "0.00", "0.00")
    day = transfer.available_at
    assert (
        balance().waiting[0].reason
        == f"The client's payment has yet to settle; it can be withdrawn from {day:%B} {day.day}, {day.year} on."
    )
    assert balance().next_available_at == day
    clock.advance(days=2, minutes=1)
    assert _amounts() == ("90.00", "0.00", "0.00", "0.00")
    assert balance().next_available_at is None


def test_a_withdrawal_goes_from_available_to_reserved_to_in_transit_to_the_bank():
    account()
    usable()
    payout = withdraw("50.00")
    assert _amounts() == ("40.00", "0.00", "50.00", "0.00")
    news(payout, PayoutState.PENDING)
    assert _amounts() == ("40.00", "0.00", "0.00", "50.00")
    news(payout, PayoutState.PAID)
    assert _amounts() == ("40.00", "0.00", "0.00", "0.00")


def test_a_payout_that_comes_back_can_be_withdrawn_again():
    account()
    usable()
    payout = withdraw("90.00")
    news(payout, PayoutState.PAID)
    assert _amounts() == ("0.00", "0.00", "0.00", "0.00")
    news(payout, PayoutState.FAILED)
    assert _amounts() == ("90.00", "0.00", "0.00", "0.00")
    assert withdraw("90.00").state == "reserved"


def test_what_was_kept_for_a_debt_cannot_be_withdrawn():
    account()
    usable()
    atomically(_recover, "25.00")
    assert _amounts() == ("65.00", "0.00", "0.00", "0.00")


def test_what_was_kept_for_a_debt_is_taken_from_what_waits_as_well():
    account()
    usable()
    ordered()
    atomically(_recover, "100.00")
    assert _amounts() == ("80.00", "0.00", "0.00", "0.00")
    assert balance().waiting == ()


def test_everybody_sees_their_own_wallet_and_finance_sees_all():
    account()
    usable()
    seen = reading(wallet.wallet, user_id=WORKER.id, gateway=GATEWAY, by=FINANCE)
    assert seen.balances[0].available == usd("90.00")
    assert reading(wallet.wallet, user_id=OTHER_WORKER.id, gateway=GATEWAY, by=OTHER_WORKER).balances == ()
    with expect_refusal(WalletNotFound):
        reading(wallet.wallet, user_id=WORKER.id, gateway=GATEWAY, by=OTHER_WORKER)


def _lines(**asked):
    page = reading(
        history.history,
        user_id=WORKER.id,
        by=WORKER,
        **({"currency": "USD", "after": None, "limit": 50} | asked),
    )
    return page.items


def test_every_line_of_the_history_has_its_reason():
    account()
    transfer = usable()
    gone = withdraw("30.00")
    news(gone, PayoutState.PAID)
    failed = withdraw("60.00")
    news(failed, PayoutState.PENDING)
    news(failed, PayoutState.FAILED)
    news(gone, PayoutState.FAILED)
    bank = "the bank account ending in 6789"
    closed = "The bank account is closed. Add another one to your payout account."
    told = [(line.reason, line.change.decimal, line.balance.decimal) for line in reversed(_lines())]
    assert told == [
        ("Milestone paid: $100.00 less our fee of $10.00.", "90.00", "90.00"),
        (f"Withdrawal to {bank}: held back until it is sent.", "0.00", "90.00"),
        (f"Withdrawal to {bank}: sent.", "-30.00", "60.00"),
        (f"Withdrawal to {bank}: held back until it is sent.", "0.00", "60.00"),
        (f"Withdrawal to {bank}: sent.", "-60.00", "0.00"),
        (
            f"Withdrawal to {bank} did not arrive; the money is back. {closed}",
            "60.00",
            "60.00",
        ),
        (f"The bank sent a withdrawal to {bank} back. {closed}", "30.00", "90.00"),
    ]
    first = _lines()[-1]
    assert (first.milestone_id, first.gross, first.fee) == (
        transfer.milestone_id,
        usd("100.00"),
        usd("10.00"),
    )
    assert {line.payout_id for line in _lines()[:-1]} == {gone.id, failed.id}


def test_the_history_comes_in_pages_that_miss_nothing():
    account()
    for price in ("10.00", "20.00", "30.00"):
        usable(price)
    asked = {"user_id": WORKER.id, "currency": "USD", "by": WORKER, "limit": 2}
    first = reading(history.history, after=None, **asked)
    rest = reading(history.history, after=first.next_after, **asked)
    assert [line.change.decimal for line in (*first.items, *rest.items)] == ["27.00", "18.00", "9.00"]
    assert rest.next_after is None


def test_what_is_kept_for_a_debt_says_so_in_the_history():
    account()
    usable()
    atomically(_recover, "25.00")
    assert _lines()[0].reason == "Kept for what you owe, because a client has that money back."


def test_a_payouts_entry_that_was_taken_back_is_a_line_like_any_other():
    account()
    usable()
    payout = withdraw("50.00")
    news(payout, PayoutState.FAILED)
    failed = look(payout).entry_ids[-1]
    atomically(
        reverse, failed, key="taken back", actor=FINANCE.id, reason="The bank had paid it out all the same."
    )
    line = _lines()[0]
    assert line.reason == "The bank had paid it out all the same."
    assert (line.payout_id, line.change, line.balance) == (payout.id, usd("-50.00"), usd("40.00"))
    # The books of payouts know nothing of it, and say so; it is taken back for the checks at the end.
    atomically(
        post,
        movements.payout_failed(WORKER.id, amount=usd("50.00")),
        key="again",
        reference=payout.id,
        actor="stripe",
    )


def test_a_history_is_nobody_elses():
    account()
    usable()
    with expect_refusal(WalletNotFound):
        reading(history.history, user_id=WORKER.id, currency="USD", after=None, limit=5, by=OTHER_WORKER)


def _recover(session, amount):
    """The worker owed this much after a chargeback, and paid it out of the wallet."""
    owed = Money.parse(amount, "USD")
    post(
        session,
        movements.chargeback_withdrawn(GATEWAY, fee=usd("15.00"), owed=(WORKER.id, owed)),
        key=f"chargeback:{amount}",
        reference="ch_1",
        actor=GATEWAY,
    )
    post(
        session,
        movements.recovered_from_wallet(WORKER.id, amount=owed),
        key=f"recovered:{amount}",
        reference="ch_1",
        actor="system",
    )
