"""Released money on its way to the worker's account: ordered once, sent once, waiting where it must."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateways.contract import AccountState, Busy, Rejected, Unknown
from kernel.ids import new_id
from ledger import chart
from payments import charges
from payments.collecting import GatewayDisagrees
from payouts import transfers
from payouts.states import TRANSFER
from payouts.transfers import TransferNotFailed, TransferNotFound
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import now, told
from tests.payouts.story import (
    about_to_send,
    account,
    look_at_transfer,
    news_of_account,
    order,
    ordered,
    ours,
    places,
    released,
    sent,
    transfer_answer,
)
from tests.threads import together

_NO = Rejected("account_closed", "No.")
_NOT_NOW = Rejected("balance_insufficient", "Not now.", temporary=True)


def _record(intent, outcome):
    return atomically(transfers.record, intent=intent, outcome=outcome)


def test_a_release_is_ordered_once_however_often_it_is_told():
    account()
    released_once = released()
    first = order(released_once)
    with nothing_moves():
        again = order(released_once)
    assert again.id == first.id
    assert first.state == "ordered"
    assert first.amount.decimal == "90.00"


def test_a_release_told_by_four_at_once_is_ordered_once():
    account()
    released_once = released()
    made = together(lambda: order(released_once), 4)
    assert len({transfer.id for transfer in made}) == 1
    assert told()["transfer.ordered"] == 1


def test_without_an_account_the_money_waits_and_says_for_what():
    transfer = ordered()
    assert transfer.state == "waiting"
    assert transfer.reason == "Finish your payout account to move $90.00 to it."
    with nothing_moves():
        assert atomically(transfers.to_send, transfer_id=transfer.id) is None


def test_once_the_account_can_take_money_all_that_waited_goes():
    first, second = ordered(), ordered("200.00")
    account(state=AccountState.INCOMPLETE, can_receive_transfers=False, can_be_paid_out=False)
    assert {look_at_transfer(first).state, look_at_transfer(second).state} == {"waiting"}
    news_of_account()
    assert {look_at_transfer(first).state, look_at_transfer(second).state} == {"ordered"}
    assert told()["transfer.ordered"] == 2


def test_an_account_that_can_take_nothing_any_more_lets_the_money_wait_again():
    account()
    transfer = ordered()
    news_of_account(state=AccountState.RESTRICTED, can_receive_transfers=False)
    assert atomically(transfers.to_send, transfer_id=transfer.id) is None
    assert look_at_transfer(transfer).state == "waiting"
    news_of_account()
    assert look_at_transfer(transfer).state == "ordered"


def test_what_was_moved_out_of_a_pending_charge_is_taken_from_what_is_pending():
    account()
    transfer = ordered()
    # 105.00 were charged, and the gateway kept 3.35.
    assert ours(chart.gateway_pending) == "101.65"
    _record(about_to_send(transfer), transfer_answer(transfer))
    assert ours(chart.gateway_pending) == "11.65"
    transfer = look_at_transfer(transfer)
    assert places() == {"wallet": "90.00", "connected": "90.00"}
    assert transfer.state == "sent"
    assert transfer.reason is None
    assert transfer.entry_id is not None
    assert not transfer.usable


def test_what_was_moved_out_of_a_settled_charge_is_taken_from_what_is_available():
    account()
    told_of = released()
    atomically(charges.settle, payment_id=told_of["payment_id"])
    assert ours(chart.gateway_available) == "101.65"
    transfer = order(told_of)
    _record(about_to_send(transfer), transfer_answer(transfer))
    assert ours(chart.gateway_available) == "11.65"


def test_it_can_be_used_from_the_day_the_gateway_says(clock):
    account()
    transfer = sent(usable_in=timedelta(days=2))
    clock.advance(days=1)
    assert not look_at_transfer(transfer).usable
    clock.advance(days=1, minutes=1)
    assert look_at_transfer(transfer).usable


def test_the_same_answer_twice_is_booked_once():
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    assert _record(intent, transfer_answer(transfer)) is None
    with nothing_moves():
        assert _record(intent, transfer_answer(transfer)) is None
        assert atomically(transfers.to_send, transfer_id=transfer.id) is None


@pytest.mark.parametrize("late", [_NO, _NOT_NOW, Unknown("no answer"), Busy(3), None])
def test_no_later_answer_changes_what_was_sent(late):
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    _record(intent, transfer_answer(transfer))
    with nothing_moves():
        assert _record(intent, late) is None


def test_silence_is_asked_about_before_the_same_order_goes_again():
    account()
    transfer = ordered()
    first = about_to_send(transfer)
    assert not first.call.ask_first
    again_at = _record(first, Unknown("no answer"))
    assert again_at is not None
    assert now() < again_at < now() + timedelta(minutes=1)
    after = about_to_send(transfer)
    assert (after.call.ask_first, after.call.may_send) == (True, True)
    assert after.order == first.order
    unknown = look_at_transfer(transfer)
    assert unknown.state == "unknown"
    assert "nothing is sent twice" in unknown.reason
    assert places() == {"wallet": "90.00"}


def test_silence_after_silence_is_told_once_and_waited_out_ever_longer(clock):
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    soon = _record(intent, Unknown("no answer"))
    clock.advance(minutes=20)
    later = _record(intent, Unknown("no answer"))
    assert later - soon > timedelta(minutes=35)
    assert told()["transfer.unknown"] == 1
    clock.advance(days=1)
    assert _record(intent, Unknown("no answer")) - now() <= timedelta(hours=1, seconds=1)


def test_an_order_a_day_old_is_never_sent_again_under_a_key_the_gateway_has_forgotten(clock):
    account()
    transfer = ordered()
    _record(about_to_send(transfer), Unknown("no answer"))
    clock.advance(hours=23, minutes=1)
    old = about_to_send(transfer)
    assert (old.call.ask_first, old.call.may_send) == (True, False)
    # The gateway has no such transfer: it becomes a new order, from now.
    assert _record(old, None) <= now()
    fresh = about_to_send(transfer)
    assert (fresh.call.ask_first, fresh.call.may_send) == (False, True)
    assert fresh.order.key == f"{transfer.id}.2"
    assert old.order.key == transfer.id


def test_what_the_gateway_cannot_do_now_goes_again_under_a_new_key():
    account()
    transfer = ordered()
    first = about_to_send(transfer)
    assert _record(first, _NOT_NOW) > now()
    second = about_to_send(transfer)
    assert second.order.key != first.order.key
    assert look_at_transfer(transfer).state == "ordered"
    assert "tried again by itself" in look_at_transfer(transfer).reason
    _record(second, transfer_answer(transfer))
    assert places() == {"wallet": "90.00", "connected": "90.00"}


def test_after_silence_a_refusal_for_now_leaves_the_key_as_it_is():
    account()
    transfer = ordered()
    first = about_to_send(transfer)
    _record(first, Unknown("no answer"))
    assert _record(about_to_send(transfer), _NOT_NOW) > now()
    # What was not answered could still be carried out.
    assert look_at_transfer(transfer).state == "unknown"
    assert about_to_send(transfer).order == first.order


@pytest.mark.parametrize(
    "late", [Rejected("account_closed", "No."), _NOT_NOW, Unknown("no answer"), Busy(3), None]
)
def test_an_answer_to_an_order_that_was_replaced_replaces_nothing(late):
    account()
    transfer = ordered()
    first = about_to_send(transfer)
    _record(first, _NOT_NOW)
    with nothing_moves():
        assert _record(first, late) <= now()
    assert about_to_send(transfer).order.key == f"{transfer.id}.2"


def test_a_busy_gateway_is_left_alone_as_long_as_it_asks():
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    before = now()
    assert before + timedelta(seconds=30) <= _record(intent, Busy(30)) <= now() + timedelta(seconds=30)
    assert look_at_transfer(transfer).state == "ordered"
    assert about_to_send(transfer).order == intent.order


def test_what_the_gateway_refuses_fails_with_a_reason_and_can_be_ordered_again():
    account()
    transfer = ordered()
    assert _record(about_to_send(transfer), _NO) is None
    failed = look_at_transfer(transfer)
    assert (failed.state, failed.failure_code) == ("failed", "account_closed")
    assert "Support" in failed.reason
    assert places() == {"wallet": "90.00"}
    atomically(transfers.order_again, transfer_id=transfer.id)
    again = about_to_send(transfer)
    assert again.order.key == f"{transfer.id}.2"
    _record(again, transfer_answer(transfer))
    assert places() == {"wallet": "90.00", "connected": "90.00"}


def test_only_what_failed_is_ordered_again():
    account()
    transfer = sent()
    with expect_refusal(TransferNotFailed):
        atomically(transfers.order_again, transfer_id=transfer.id)
    with expect_refusal(TransferNotFound):
        atomically(transfers.order_again, transfer_id=new_id("tr"))


def test_a_transfer_over_another_amount_is_not_booked():
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    with expect_refusal(GatewayDisagrees):
        _record(intent, transfer_answer(transfer, amount="900.00"))


def test_the_answer_of_a_slow_call_is_booked_though_the_transfer_waits_meanwhile():
    account()
    transfer = ordered()
    slow = about_to_send(transfer)
    news_of_account(state=AccountState.RESTRICTED, can_receive_transfers=False)
    only_asks = about_to_send(transfer)
    assert (only_asks.call.ask_first, only_asks.call.may_send) == (True, False)
    _record(only_asks, None)
    assert look_at_transfer(transfer).state == "waiting"
    _record(slow, transfer_answer(transfer))
    assert look_at_transfer(transfer).state == "sent"
    assert places() == {"wallet": "90.00", "connected": "90.00"}


def test_a_transfer_the_gateway_has_twice_is_looked_at_by_a_person():
    account()
    transfer = ordered()
    intent = about_to_send(transfer)
    _record(intent, transfer_answer(transfer))
    with nothing_moves(), expect_refusal(GatewayDisagrees):
        _record(intent, replace(transfer_answer(transfer), gateway_id="tr_another"))


def test_once_no_call_can_be_out_any_more_a_refusal_is_the_answer(clock):
    account()
    transfer = ordered()
    _record(about_to_send(transfer), Unknown("no answer"))
    clock.advance(minutes=11)
    again = about_to_send(transfer)
    assert again.order.key == transfer.id
    _record(again, _NOT_NOW)
    assert about_to_send(transfer).order.key == f"{transfer.id}.2"


def test_every_step_of_the_table_is_taken_somewhere_here(clock):
    account()
    transfer = ordered()
    walked = set()

    def step(act, do):
        before = look_at_transfer(transfer).state
        do()
        after = look_at_transfer(transfer).state
        assert TRANSFER.table[before, act].to == after
        walked.add((before, act))

    def heard(outcome):
        return lambda: _record(about_to_send(transfer), outcome)

    def cannot_go():
        intent = atomically(transfers.to_send, transfer_id=transfer.id)
        if intent is not None:
            _record(intent, None)

    def again():
        atomically(transfers.order_again, transfer_id=transfer.id)

    step("put_off", heard(_NOT_NOW))
    step("lose_answer", heard(Unknown("no answer")))
    clock.advance(hours=24)
    step("put_off", heard(None))
    news_of_account(can_receive_transfers=False)
    step("wait", cannot_go)
    step("order", news_of_account)
    step("refuse", heard(_NO))
    step("order_again", again)
    step("lose_answer", heard(Unknown("no answer")))
    clock.advance(minutes=11)
    step("refuse", heard(_NO))
    step("order_again", again)
    step("lose_answer", heard(Unknown("no answer")))
    step("send", heard(transfer_answer(transfer)))
    for before in ("ordered", "waiting", "failed"):
        transfer = ordered()
        late = about_to_send(transfer)
        if before == "waiting":
            _record(late, Unknown("no answer"))
            news_of_account(can_receive_transfers=False)
            step("wait", cannot_go)
        elif before == "failed":
            _record(late, _NO)
        assert look_at_transfer(transfer).state == before
        step("send", lambda late=late, transfer=transfer: _record(late, transfer_answer(transfer)))
        news_of_account()
    # What a client's bank takes back before it is moved is not moved: tests/payouts/test_recovery.py. What failed goes
    # to another account once its own has left: tests/payouts/test_accounts_that_left.py.
    elsewhere = {step for step in TRANSFER.table if step[1] == "take_back"} | {("failed", "wait")}
    assert walked == set(TRANSFER.table) - elsewhere
    assert reading(lambda _: places()) == {"wallet": "360.00", "connected": "360.00"}
