"""A worker withdraws: never more than is there, never twice, and every cent can be followed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateways.contract import AccountState, Busy, PayoutState, Rejected, Unknown
from kernel.ids import new_id
from kernel.money import Money
from kernel.time import rfc3339
from ledger.posting import posted_in
from payments.collecting import GatewayDisagrees
from payouts import queries, withdrawals
from payouts.booking import PayoutNotFound
from payouts.withdrawals import NotEnoughAvailable, PayoutAccountNotReady, PayoutAmountNotPositive
from persistence.unit_of_work import atomically, reading, rehearse
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import FINANCE, OTHER_WORKER, WORKER, now, told, usd
from tests.payouts.story import (
    GATEWAY,
    account,
    balance,
    look,
    news,
    news_of_account,
    ordered,
    payout_about_to_send,
    payout_answer,
    places,
    sent,
    usable,
    withdraw,
)
from tests.threads import at_once, succeeded

_NOT_NOW = Rejected("balance_insufficient", "Not now.", temporary=True)


def _record(intent, outcome):
    return atomically(withdrawals.record, intent=intent, outcome=outcome)


def test_what_is_withdrawn_is_held_back_and_told_once():
    account()
    usable()
    payout = withdraw("50.00")
    assert (payout.state, payout.bank_name, payout.bank_last4) == ("reserved", "STRIPE TEST BANK", "6789")
    assert len(payout.entry_ids) == 1
    assert balance().reserved == usd("50.00")
    assert places() == {"connected": "90.00", "wallet": "90.00"}
    assert told()["payout.reserved"] == 1


def test_more_than_is_available_is_refused_and_says_what_is_there():
    account()
    usable()
    with expect_refusal(NotEnoughAvailable) as refused:
        withdraw("90.01")
    assert refused.value.detail == "You can withdraw $90.00 now."
    assert refused.value.details["available"] == usd("90.00")
    assert refused.value.field == "amount"
    assert withdraw("90.00").state == "reserved"


def test_what_is_pending_cannot_be_withdrawn_and_says_until_when():
    account()
    usable()
    waits = sent("200.00", usable_in=timedelta(days=2))
    with expect_refusal(NotEnoughAvailable) as refused:
        withdraw("100.00")
    day = waits.available_at
    assert refused.value.detail == (
        "You can withdraw $90.00 now. $180.00 is not available yet: "
        f"The client's payment has yet to settle; it can be withdrawn from {day:%B} {day.day}, {day.year} on."
    )
    assert refused.value.details["pending"] == usd("180.00")
    assert refused.value.details["available_from"] == rfc3339(day)


def test_what_waits_for_the_account_cannot_be_withdrawn_and_says_why():
    ordered()
    account(can_receive_transfers=False)
    with expect_refusal(NotEnoughAvailable) as refused:
        withdraw("1.00")
    assert "Finish your payout account to move $90.00 to it." in refused.value.detail
    assert refused.value.details["available_from"] is None


def test_an_account_that_cannot_pay_out_says_what_is_missing():
    account()
    usable()
    news_of_account(state=AccountState.INCOMPLETE, can_be_paid_out=False, missing=("external_account",))
    with expect_refusal(PayoutAccountNotReady) as refused:
        withdraw("1.00")
    assert refused.value.details["missing"] == ["A bank account to be paid to"]
    assert refused.value.details["next_step"] == "open_onboarding"


def test_who_has_no_account_is_told_to_set_one_up():
    account()
    usable()
    with expect_refusal(PayoutAccountNotReady) as refused:
        # Without a row of theirs, this one would be made and taken back.
        withdraw("1.00", by=OTHER_WORKER)
    assert "Set up your payout account" in refused.value.detail


@pytest.mark.parametrize("amount", ["0.00", "-5.00"])
def test_nothing_and_less_cannot_be_withdrawn(amount):
    account()
    usable()
    with expect_refusal(PayoutAmountNotPositive):
        withdraw(amount)


def test_another_currency_than_is_there_cannot_be_withdrawn():
    account()
    usable()
    with expect_refusal(NotEnoughAvailable) as refused:
        atomically(
            withdrawals.request_payout,
            payout_id=new_id("po"),
            amount=Money.parse("10.00", "EUR"),
            gateway=GATEWAY,
            by=WORKER,
        )
    assert refused.value.details["available"] == Money.parse("0.00", "EUR")


@pytest.mark.mariadb
@pytest.mark.parametrize("amounts", [("90.00", "90.00"), ("60.00", "31.00")])
def test_two_withdrawals_at_the_same_moment_take_only_what_is_there(amounts):
    account()
    usable()
    results = at_once(*(lambda amount=amount: withdraw(amount) for amount in amounts))
    paid = succeeded(results)
    assert len(paid) == 1
    refusals = [result for result in results if isinstance(result, Exception)]
    assert [type(refusal) for refusal in refusals] == [NotEnoughAvailable]
    assert balance().reserved == paid[0].amount


def test_two_withdrawals_one_after_the_other_take_only_what_is_there():
    account()
    usable()
    withdraw("60.00")
    with expect_refusal(NotEnoughAvailable):
        withdraw("31.00")
    assert withdraw("30.00").state == "reserved"


def test_a_preview_shows_the_entry_and_moves_nothing():
    account()
    usable()

    def looked_at(session):
        payout = withdrawals.request_payout(
            session, payout_id=new_id("po"), amount=usd("50.00"), gateway=GATEWAY, by=WORKER
        )
        return payout, posted_in(session)

    with nothing_moves():
        payout, entries = rehearse(looked_at)
    assert payout.amount == usd("50.00")
    assert [(entry.movement, entry.phase.value) for entry in entries] == [("payout_reserved", "pending")]


def test_what_came_first_goes_first_and_each_cent_can_be_followed():
    account()
    first, second = usable(), usable("200.00")
    payout = withdraw("150.00")
    assert [(part.transfer_id, part.amount.decimal) for part in payout.parts] == [
        (first.id, "90.00"),
        (second.id, "60.00"),
    ]
    rest = withdraw("120.00")
    assert [(part.milestone_id, part.amount.decimal) for part in rest.parts] == [
        (second.milestone_id, "120.00")
    ]
    news(payout, PayoutState.PAID)
    seen = reading(queries.payouts_of, second.milestone_id)
    assert [(part.payout_id, part.amount.decimal, part.state, part.trace_id) for part in seen] == [
        (payout.id, "60.00", "paid", "000000000000042"),
        (rest.id, "120.00", "reserved", None),
    ]
    assert seen[0].entry_id == look(payout).entry_ids[-1]
    assert seen[0].bank_last4 == "6789"


def test_what_a_failed_payout_was_made_of_is_free_again():
    account()
    first, second = usable(), usable("200.00")
    failed = withdraw("100.00")
    _record(payout_about_to_send(failed), Rejected("no_account", "No."))
    again = withdraw("100.00")
    assert [(part.transfer_id, part.amount.decimal) for part in again.parts] == [
        (first.id, "90.00"),
        (second.id, "10.00"),
    ]


def test_what_the_gateway_refuses_is_free_again_with_its_reason():
    account()
    usable()
    payout = withdraw("50.00")
    assert _record(payout_about_to_send(payout), Rejected("no_account", "No.")) is None
    failed = look(payout)
    assert (failed.state, failed.failure_code) == ("failed", "no_account")
    assert failed.reason == "The bank knows no account of this number. Correct it in your payout account."
    assert balance().available == usd("90.00")
    assert atomically(withdrawals.to_send, payout_id=payout.id) is None


def test_what_the_gateway_cannot_do_now_stays_reserved_and_goes_again_under_a_new_key(clock):
    account()
    usable()
    payout = withdraw("50.00")
    first = payout_about_to_send(payout)
    assert _record(first, _NOT_NOW) > now()
    waits = look(payout)
    assert waits.state == "reserved"
    assert waits.reason == (
        "The payment provider has not released the money yet. It is tried again by itself."
    )
    second = payout_about_to_send(payout)
    assert (first.order.key, second.order.key) == (payout.id, f"{payout.id}.2")
    clock.advance(days=3)
    assert _record(second, _NOT_NOW) - now() <= timedelta(hours=1, seconds=1)
    _record(payout_about_to_send(payout), payout_answer(payout))
    assert look(payout).reason is None


def test_after_silence_a_refusal_for_now_leaves_the_key_as_it_is():
    account()
    usable()
    payout = withdraw("50.00")
    first = payout_about_to_send(payout)
    _record(first, Unknown("no answer"))
    assert _record(payout_about_to_send(payout), _NOT_NOW) > now()
    assert look(payout).state == "unknown"
    assert payout_about_to_send(payout).order == first.order


@pytest.mark.parametrize(
    "late", [Rejected("account_closed", "No."), _NOT_NOW, Unknown("no answer"), Busy(3), None]
)
def test_an_answer_to_an_order_that_was_replaced_replaces_nothing(late):
    account()
    usable()
    payout = withdraw("50.00")
    first = payout_about_to_send(payout)
    _record(first, _NOT_NOW)
    with nothing_moves():
        assert _record(first, late) <= now()
    assert payout_about_to_send(payout).order.key == f"{payout.id}.2"


def test_a_busy_gateway_is_left_alone_as_long_as_it_asks():
    account()
    usable()
    payout = withdraw("50.00")
    intent = payout_about_to_send(payout)
    # But for the note that something was about to be sent, and is not.
    with nothing_moves(besides=frozenset({"payouts"})):
        assert _record(intent, Busy(30)) > now() + timedelta(seconds=25)
    again = payout_about_to_send(payout)
    assert (again.order, again.call.ask_first) == (intent.order, False)


def test_silence_is_asked_about_before_the_same_order_goes_again():
    account()
    usable()
    payout = withdraw("50.00")
    first = payout_about_to_send(payout)
    _record(first, Unknown("no answer"))
    assert look(payout).state == "unknown"
    after = payout_about_to_send(payout)
    assert (after.call.ask_first, after.call.may_send, after.order) == (True, True, first.order)
    assert balance().reserved == usd("50.00")


def test_an_order_a_day_old_is_never_sent_again_under_a_key_the_gateway_has_forgotten(clock):
    account()
    usable()
    payout = withdraw("50.00")
    _record(payout_about_to_send(payout), Unknown("no answer"))
    clock.advance(hours=23, minutes=1)
    old = payout_about_to_send(payout)
    assert (old.call.ask_first, old.call.may_send) == (True, False)
    _record(old, None)
    fresh = payout_about_to_send(payout)
    assert (fresh.call.ask_first, fresh.order.key) == (False, f"{payout.id}.2")
    assert look(payout).state == "reserved"


@pytest.mark.parametrize("amount", ["49.99", "50.01"])
def test_a_payout_over_another_amount_is_not_booked(amount):
    account()
    usable()
    payout = withdraw("50.00")
    intent = payout_about_to_send(payout)
    with expect_refusal(GatewayDisagrees):
        _record(intent, payout_answer(payout, amount=amount))


def test_a_payout_is_seen_by_its_worker_and_by_staff_only():
    account()
    usable()
    payout = withdraw("50.00")
    assert reading(queries.payout, payout_id=payout.id, by=WORKER) == payout
    assert reading(queries.payout, payout_id=payout.id, by=FINANCE) == payout
    with expect_refusal(PayoutNotFound) as theirs:
        reading(queries.payout, payout_id=payout.id, by=OTHER_WORKER)
    with expect_refusal(PayoutNotFound) as nobodys:
        reading(queries.payout, payout_id=new_id("po"), by=OTHER_WORKER)
    assert theirs.value.detail == nobodys.value.detail


def test_lists_are_ones_own_and_staff_sees_whom_they_ask_for():
    account()
    usable()
    first, second = withdraw("10.00"), withdraw("20.00")
    asked = {"after": None, "limit": 10}
    assert [found.id for found in reading(queries.payouts, by=WORKER, **asked)] == [second.id, first.id]
    assert [found.id for found in reading(queries.payouts, by=WORKER, after=second.id, limit=10)] == [
        first.id
    ]
    assert reading(queries.payouts, by=OTHER_WORKER, worker_id=WORKER.id, **asked) == []
    assert reading(queries.payouts, by=WORKER, worker_id=OTHER_WORKER.id, **asked) == []
    assert len(reading(queries.payouts, by=FINANCE, **asked)) == 2
    assert len(reading(queries.payouts, by=FINANCE, worker_id=WORKER.id, state="reserved", **asked)) == 2
    assert reading(queries.payouts, by=FINANCE, worker_id=OTHER_WORKER.id, **asked) == []
