"""What a client's bank took back is taken back from the worker: once, of that milestone, and not what is paid out."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from gateways.contract import (
    AccountState,
    Busy,
    ChargebackState,
    PayoutState,
    Rejected,
    ReversalFound,
    Unknown,
)
from kernel.ids import new_id
from ledger import chart
from payments import chargebacks
from payments.collecting import GatewayDisagrees
from payouts import history, recovery, transfers, withdrawals
from payouts.states import REVERSAL
from payouts.tables import Reversal
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow import story as escrow_story
from tests.escrow.story import WORKER, usd
from tests.escrow.story import look as look_at_milestone
from tests.payouts.story import (
    about_to_send,
    account,
    balance,
    look_at_transfer,
    news,
    news_of_account,
    ordered,
    ours,
    payout_about_to_send,
    payout_answer,
    places,
    sent,
    transfer_answer,
    usable,
    withdraw,
)
from tests.threads import at_once, succeeded

TAKEN = ChargebackState.NEEDS_RESPONSE
_NOT_NOW = Rejected("balance_insufficient", "Not now.", temporary=True)
_NO = Rejected("resource_missing", "No.")


class _Milestone:
    """The milestone of a transfer, as far as a chargeback asks."""

    def __init__(self, transfer):
        self.id = transfer.milestone_id
        self.price = usd("100.00")


def charged_back(transfer, *amounts, state=TAKEN):
    seen = escrow_story.charge_back(_Milestone(transfer), state, *(amounts or ("105.00",)))
    return recover(seen)


def recover(chargeback):
    return atomically(recovery.recover, debt_id=chargeback.id, recovery_id=new_id("rc"))


def reversals():
    return reading(lambda session: list(session.scalars(select(Reversal).order_by(Reversal.id))))


def reverse(outcome=None):
    (row,) = reversals()
    intent = atomically(recovery.to_send, reversal_id=row.id)
    if intent is None:
        return None
    answer = outcome or ReversalFound(f"trr_{row.id}", usd(f"{row.amount_minor / 100:.2f}"), row.id)
    return atomically(recovery.record, intent=intent, outcome=answer)


def test_what_was_moved_is_taken_out_of_the_wallet_and_reversed_once():
    account()
    seen = charged_back(sent())
    assert (seen.outstanding, seen.recovered) == (usd("0.00"), usd("90.00"))
    assert places() == {"connected": "90.00"}
    reverse()
    with nothing_moves():
        reverse()
        recover(seen)
    assert places() == {}
    assert ours(chart.gateway_pending) == "101.65"
    assert [row.state for row in reversals()] == ["reversed"]


def test_what_was_not_moved_is_not_moved_any_more():
    transfer = ordered()
    charged_back(transfer)
    assert look_at_transfer(transfer).state == "taken_back"
    account()
    with nothing_moves():
        assert atomically(transfers.to_send, transfer_id=transfer.id) is None
    assert places() == {}


def test_of_what_was_not_moved_the_rest_is():
    transfer = ordered()
    charged_back(transfer, "52.50")
    account()
    intent = about_to_send(transfer)
    assert intent.order.amount == usd("45.00")
    atomically(transfers.record, intent=intent, outcome=transfer_answer(look_at_transfer(transfer)))
    assert places() == {"wallet": "45.00", "connected": "45.00"}


@pytest.mark.parametrize("state", ["waiting", "ordered", "failed"])
def test_it_is_taken_from_every_state_in_which_nothing_is_out(state):
    if state != "waiting":
        account()
    transfer = ordered()
    if state == "failed":
        atomically(transfers.record, intent=about_to_send(transfer), outcome=_NO)
    assert look_at_transfer(transfer).state == state
    charged_back(transfer)
    assert look_at_transfer(transfer).state == "taken_back"


def test_what_may_be_out_is_waited_for():
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    atomically(transfers.record, intent=intent, outcome=Unknown("no answer"))
    seen = charged_back(transfer)
    assert seen.outstanding == usd("90.00")
    atomically(transfers.record, intent=intent, outcome=transfer_answer(transfer))
    assert recover(seen).outstanding == usd("0.00")
    reverse()
    assert places() == {}


def test_what_is_on_its_way_to_the_bank_is_owed_and_taken_when_it_comes_back():
    account()
    transfer = usable()
    payout = withdraw("60.00")
    atomically(withdrawals.record, intent=payout_about_to_send(payout), outcome=payout_answer(payout))
    seen = charged_back(transfer)
    assert (seen.recovered, seen.outstanding) == (usd("30.00"), usd("60.00"))
    with nothing_moves():
        recover(seen)
    news(payout, PayoutState.FAILED)
    assert recover(seen).outstanding == usd("0.00")
    assert "wallet" not in places()


def test_the_money_of_another_milestone_is_the_workers():
    account()
    other = usable()
    seen = charged_back(ordered())
    assert seen.outstanding == usd("0.00")
    assert balance().available == usd("90.00")
    assert look_at_transfer(other).amount == usd("90.00")


def test_withdrawn_and_taken_back_at_once_it_goes_one_way_only():
    account()
    transfer = usable()
    seen = escrow_story.charge_back(_Milestone(transfer), TAKEN, "105.00")
    results = at_once(lambda: withdraw("90.00"), lambda: recover(seen), lambda: recover(seen))
    now = atomically(chargebacks.find, seen.id)
    withdrew = any(type(result).__name__ == "PayoutView" for result in succeeded(results))
    assert (now.recovered, now.outstanding) == (
        (usd("0.00"), usd("90.00")) if withdrew else (usd("90.00"), usd("0.00"))
    )


def test_a_reversal_is_tried_again_until_the_account_has_the_money(clock):
    account()
    charged_back(sent())
    assert reverse(_NOT_NOW) is not None
    assert reverse(Busy(7)) is not None
    assert [row.state for row in reversals()] == ["ordered"]
    reverse()
    assert places() == {}


def test_a_lost_answer_is_asked_for_and_every_step_of_the_table_is_taken(clock):
    account()
    charged_back(sent())
    walked = []

    def step(act, outcome):
        before = reversals()[0].state
        reverse(outcome)
        walked.append((before, act))
        assert reversals()[0].state == REVERSAL.table[before, act].to

    step("lose_answer", Unknown("no answer"))
    clock.advance(minutes=11)
    step("put_off", _NO)
    step("put_off", _NO)
    step("lose_answer", Unknown("no answer"))
    (row,) = reversals()
    with expect_refusal(GatewayDisagrees):
        atomically(_found, row.id, usd("1.00"))
    atomically(_found, row.id, usd("90.00"))
    assert reversals()[0].state == "reversed"
    assert places() == {}
    # Only what lies at an account that has left us can be refused: tests/payouts/test_accounts_that_left.py.
    left = {step for step in REVERSAL.table if step[1] == "refuse" or step[0] == "refused"}
    rest = {("ordered", "reverse"), ("unknown", "reverse")}
    assert set(REVERSAL.table) - set(walked) == left | rest


def _found(session, reversal_id, amount):
    intent = recovery.ReversalToSend("stripe", recovery.ReversalOrder(reversal_id, "tr_1", amount), None)
    recovery.record(session, intent=intent, outcome=ReversalFound("trr_1", amount, reversal_id))


def test_when_the_bank_gives_it_back_the_worker_has_it_again():
    account()
    transfer = sent()
    charged_back(transfer)
    reverse()
    seen = charged_back(transfer, "105.00", "-105.00", state=ChargebackState.WON)
    assert (seen.recovered, seen.outstanding) == (usd("0.00"), usd("0.00"))
    assert places() == {"wallet": "90.00"}
    assert look_at_milestone(_Milestone(transfer)).state == "released"


def test_the_history_of_the_wallet_says_what_was_taken_and_given_again():
    account()
    transfer = sent()
    charged_back(transfer)
    charged_back(transfer, "105.00", "-105.00", state=ChargebackState.WON)
    asked = {"user_id": WORKER.id, "currency": "USD", "after": None, "limit": 5, "by": WORKER}
    lines = reading(history.history, **asked).items
    assert [(line.reason, line.change.decimal, line.gross) for line in reversed(lines)] == [
        ("Milestone paid: $100.00 less our fee of $10.00.", "90.00", usd("100.00")),
        ("Kept for what you owe, because a client has that money back.", "-90.00", None),
        ("Paid back: the client's bank decided for us.", "90.00", None),
    ]
    assert {line.milestone_id for line in lines} == {transfer.milestone_id}


def test_an_account_that_can_take_nothing_changes_nothing_about_it():
    account()
    transfer = sent()
    news_of_account(state=AccountState.RESTRICTED, can_receive_transfers=False, can_be_paid_out=False)
    assert charged_back(transfer).outstanding == usd("0.00")
