"""The worker's account: made once, known as the gateway last told, and said in plain words."""

from __future__ import annotations

import pytest

from gateways.contract import AccountState, Rejected, Unknown
from kernel.ids import new_id
from payouts import account_news, accounts
from payouts.account_news import PayoutAccountUnmatched, Watched
from payouts.accounts import PayoutAccountMissing, PayoutAccountNotFound
from persistence.unit_of_work import atomically, reading
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import FINANCE, OTHER_WORKER, WORKER, told
from tests.payouts.story import GATEWAY, account, account_answer, look_at_account, news_of_account
from tests.threads import together


def _order():
    return atomically(accounts.order_account, user_id=WORKER.id, gateway=GATEWAY)


def test_without_an_account_the_next_step_is_to_set_one_up():
    with nothing_moves():
        found = look_at_account()
    assert (found.state, found.next_step.action) == ("none", "open_onboarding")
    with expect_refusal(PayoutAccountMissing):
        reading(accounts.account_at_gateway, user_id=WORKER.id, gateway=GATEWAY)


def test_the_same_order_goes_to_the_gateway_until_it_has_answered():
    first = _order()
    assert first.order.email == "person1@example.com"
    assert first.order.country == "US"
    with nothing_moves(besides=frozenset({"payout_accounts"})):
        atomically(account_news.record_account, intent=first, outcome=Unknown("no answer"))
        assert _order().order == first.order
    assert look_at_account().state == "none"
    atomically(account_news.record_account, intent=first, outcome=account_answer(first.order.account_id))
    with nothing_moves():
        assert _order() is None
        assert reading(accounts.account_at_gateway, user_id=WORKER.id, gateway=GATEWAY) == "acct_walt"


@pytest.mark.mariadb
def test_eight_first_visits_at_once_order_one_account():
    orders = together(_order, 8)
    assert len({order.order.account_id for order in orders}) == 1


def test_what_is_missing_is_said_once_and_in_plain_words():
    found = account(
        state=AccountState.INCOMPLETE,
        can_be_paid_out=False,
        missing=("individual.dob.day", "individual.dob.month", "external_account", "settings.new_thing"),
    )
    assert [lack.text for lack in found.missing] == [
        "Your date of birth",
        "A bank account to be paid to",
        "New thing",
    ]
    assert found.next_step.action == "open_onboarding"
    assert found.next_step.text == "Complete your payout account. Missing: Your date of birth, and 2 more."


@pytest.mark.parametrize(
    ("state", "missing", "action"),
    [
        (AccountState.READY, (), "none"),
        (AccountState.IN_REVIEW, (), "wait"),
        (AccountState.INCOMPLETE, (), "open_onboarding"),
        (AccountState.RESTRICTED, ("individual.id_number",), "open_onboarding"),
        (AccountState.RESTRICTED, (), "contact_support"),
    ],
)
def test_there_is_one_thing_to_do_next(state, missing, action):
    assert account(state=state, missing=missing).next_step.action == action


def test_a_change_is_told_and_the_same_again_is_not():
    account(state=AccountState.INCOMPLETE)
    news_of_account()
    news_of_account()
    assert told()["payout_account.ready"] == 1
    assert look_at_account().bank_last4 == "6789"


def test_an_answer_that_was_overtaken_is_asked_for_again():
    account(state=AccountState.INCOMPLETE, can_receive_transfers=False)
    watched = Watched(GATEWAY, "acct_walt", look_at_account().id, version=2)
    ready = account_answer(watched.account_id)
    assert atomically(account_news.record_news, intent=watched, outcome=ready)
    incomplete = account_answer(watched.account_id, state=AccountState.INCOMPLETE)
    with nothing_moves():
        assert not atomically(account_news.record_news, intent=watched, outcome=incomplete)
    assert look_at_account().state == "ready"


def test_an_account_that_has_left_us_takes_nothing_and_pays_nothing():
    account()
    watched = Watched(GATEWAY, "acct_walt", look_at_account().id, version=2)
    gone = Rejected("account_invalid", "No such account.")
    assert atomically(account_news.record_news, intent=watched, outcome=gone)
    found = look_at_account()
    assert (found.can_receive_transfers, found.can_be_paid_out) == (False, False)
    assert (found.state, found.next_step.action) == ("left", "open_onboarding")
    assert found.disabled_reason == "Your payout account was closed, or is no longer connected to Holdfast."


def test_news_before_our_own_answer_is_found_by_our_id():
    order = _order()
    news = Watched(GATEWAY, "acct_walt", None, None)
    assert atomically(account_news.record_news, intent=news, outcome=account_answer(order.order.account_id))
    assert look_at_account().state == "ready"
    with nothing_moves():
        atomically(account_news.record_account, intent=order, outcome=account_answer(order.order.account_id))


def test_news_of_somebody_elses_account_changes_nothing():
    account()
    with nothing_moves():
        for stranger in (None, look_at_account().id):
            news = Watched(GATEWAY, "acct_mallory", None, None)
            answer = account_answer(stranger, gateway_id="acct_mallory", state=AccountState.RESTRICTED)
            assert atomically(account_news.record_news, intent=news, outcome=answer)
    with expect_refusal(PayoutAccountUnmatched):
        atomically(account_news.record_news, intent=news, outcome=account_answer(new_id("ac")))


def test_an_account_is_seen_by_its_worker_and_by_staff_only():
    account()
    assert reading(accounts.account_of, user_id=WORKER.id, gateway=GATEWAY, by=FINANCE).state == "ready"
    with expect_refusal(PayoutAccountNotFound):
        reading(accounts.account_of, user_id=WORKER.id, gateway=GATEWAY, by=OTHER_WORKER)
