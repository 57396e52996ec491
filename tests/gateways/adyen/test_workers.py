"""Workers' accounts, what is moved to them and what they are paid out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateways.contract import (
    AccountOrder,
    AccountState,
    PayoutMethod,
    PayoutOrder,
    PayoutState,
    ReversalOrder,
    Unknown,
)
from kernel.ids import new_id
from kernel.money import Money

USD_10, USD_90 = Money(1_000, "USD"), Money(9_000, "USD")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def account_order() -> AccountOrder:
    """A worker in the United States."""
    return AccountOrder(new_id("ac"), new_id("us"), "worker@example.com", "US")


def test_a_new_account_is_incomplete_and_says_what_is_missing(adyen, account_order):
    made = adyen.create_account(account_order)
    assert (made.state, made.missing, made.account_id) == (
        AccountState.INCOMPLETE,
        ("bank_account",),
        account_order.account_id,
    )
    assert not made.can_receive_transfers
    assert not made.can_be_paid_out
    assert made.gateway_id.startswith("BA")
    assert adyen.account(made.gateway_id) == made


def test_the_same_order_again_opens_one_account(adyen, account_order):
    made = adyen.create_account(account_order)
    assert adyen.create_account(account_order) == made
    assert adyen.find_account(account_order, since=LONG_AGO) == made


@pytest.mark.parametrize("path", [".*legalEntities", ".*accountHolders", ".*balanceAccounts"])
def test_an_account_that_was_cut_off_half_way_is_opened_once(adyen, adyen_peer, account_order, path):
    adyen_peer.fault("cut_after_effect", method="POST", path=path)
    assert isinstance(adyen.create_account(account_order), Unknown)
    made = adyen.create_account(account_order)
    found = adyen.find_account(account_order, since=LONG_AGO)
    assert found.gateway_id == made.gateway_id
    shelves = adyen_peer.state()["shelves"]
    assert (len(shelves["legalEntity"]), len(shelves["accountHolder"]), len(shelves["balanceAccount"])) == (
        1,
        2,
        2,
    )


def test_an_account_among_many_is_found_and_one_that_was_never_made_is_not(adyen, account_order):
    others = [adyen.create_account(replace(account_order, account_id=new_id("ac"))) for _ in range(3)]
    assert len({each.gateway_id for each in others}) == 3
    assert adyen.find_account(account_order, since=LONG_AGO) is None


def test_a_worker_who_told_everything_is_ready(adyen, account):
    found = adyen.account(account)
    assert (found.state, found.missing, found.disabled_reason) == (AccountState.READY, (), None)
    assert (found.can_receive_transfers, found.can_be_paid_out) == (True, True)
    assert (found.bank_last4, found.bank_name, found.takes_instant) == ("6789", None, True)


def test_adyen_asks_for_more(adyen, adyen_peer, account):
    adyen_peer.restrict(account)
    found = adyen.account(account)
    assert (found.state, found.missing) == (AccountState.INCOMPLETE, ("2_8036",))
    assert (found.can_receive_transfers, found.can_be_paid_out) == (True, False)


def test_adyen_says_no_for_good(adyen, adyen_peer, account):
    adyen_peer.restrict(account, status="rejected")
    found = adyen.account(account)
    assert (found.state, found.disabled_reason) == (
        AccountState.RESTRICTED,
        "sendToTransferInstrument.rejected",
    )


def test_news_may_name_the_holder_instead_of_the_account(adyen, adyen_peer, account):
    holder = adyen_peer.state()["objects"][account]["accountHolderId"]
    assert adyen.account(holder) == adyen.account(account)


def test_the_worker_is_sent_to_adyens_page_and_comes_back_ready(adyen, adyen_peer, account_order):
    made = adyen.create_account(account_order)
    link = adyen.onboarding_link(
        made.gateway_id, return_url="https://example.com/back", refresh_url="https://example.com/again"
    )
    assert link.url.startswith(f"{adyen_peer.api_base}/hosted/onboarding/")
    assert adyen.account_session(made.gateway_id).code == "not_offered"


@pytest.mark.parametrize("account_id", ["..", "", "a/b", "BA?x"])
def test_what_is_no_account_leads_to_no_other_address(adyen, adyen_peer, account_id):
    assert adyen.account(account_id).code == "resource_missing"
    link = adyen.onboarding_link(account_id, return_url="https://a.example", refresh_url="https://b.example")
    assert link.code == "resource_missing"
    assert adyen.payout(account_id, "X").code == "resource_missing"
    assert adyen_peer.journal() == []


def test_an_account_that_adyen_does_not_have_is_refused(adyen):
    assert adyen.account("BA00000000000000000000009").code == "30_112"


# -- moving


def test_released_money_is_moved_and_can_be_used_at_once(adyen, transfer_order, transfer, account):
    assert (transfer.amount, transfer.transfer_id) == (USD_90, transfer_order.transfer_id)
    assert adyen.balance("USD", account=account).available == USD_90
    assert adyen.balance("USD").available == Money(680, "USD")
    assert adyen.create_transfer(transfer_order) == transfer
    assert adyen.find_transfer(transfer_order) == transfer
    assert adyen.balance("USD", account=account).available == USD_90


def test_what_has_not_settled_cannot_be_moved_yet(adyen, payment, payment_order, account, transfer_order):
    more = replace(transfer_order, transfer_id=new_id("tr"), amount=Money(20_000, "USD"))
    refused = adyen.create_transfer(more)
    assert (refused.code, refused.temporary) == ("notEnoughBalance", True)
    assert adyen.find_transfer(more) is None
    assert adyen.balance("USD", account=account).available == Money(0, "USD")


def test_a_refused_transfer_goes_again_under_a_new_key(adyen, adyen_peer, transfer_order, account):
    more = replace(transfer_order, amount=Money(20_000, "USD"))
    assert adyen.create_transfer(more).code == "notEnoughBalance"
    adyen_peer.book_line("fee", 50_000)
    assert adyen.create_transfer(more).code == "notEnoughBalance"
    again = replace(more, attempt=2)
    moved = adyen.create_transfer(again)
    assert (moved.amount, adyen.find_transfer(again)) == (Money(20_000, "USD"), moved)


def test_what_was_moved_is_taken_back(adyen, transfer, account):
    order = ReversalOrder(new_id("rv"), transfer.gateway_id, USD_10)
    assert adyen.find_reversal(order) is None
    taken = adyen.create_reversal(order)
    assert (taken.amount, taken.reversal_id) == (USD_10, order.reversal_id)
    assert adyen.create_reversal(order) == taken
    assert adyen.find_reversal(order) == taken
    assert adyen.balance("USD", account=account).available == Money(8_000, "USD")


def test_what_has_left_the_worker_cannot_be_taken_back(adyen, transfer, account):
    adyen.create_payout(PayoutOrder(new_id("po"), account, USD_90))
    refused = adyen.create_reversal(ReversalOrder(new_id("rv"), transfer.gateway_id, USD_10))
    assert (refused.code, refused.temporary) == ("notEnoughBalance", True)


def test_of_a_transfer_that_adyen_does_not_have_nothing_is_taken_back(adyen):
    assert adyen.create_reversal(ReversalOrder(new_id("rv"), "../x", USD_10)).code == "resource_missing"
    assert isinstance(adyen.find_reversal(ReversalOrder(new_id("rv"), "X" * 16, USD_10)), Unknown)


# -- paying out


@pytest.fixture
def payout_order(transfer, account) -> PayoutOrder:
    """10.00 USD of it to the bank."""
    return PayoutOrder(new_id("po"), account, USD_10)


def test_a_payout_is_on_its_way_and_then_paid(adyen, payout_order, account, clock):
    made = adyen.create_payout(payout_order)
    assert (made.state, made.amount, made.payout_id) == (PayoutState.PENDING, USD_10, payout_order.payout_id)
    assert adyen.payout(account, made.gateway_id).state is PayoutState.IN_TRANSIT
    assert adyen.find_payout(payout_order).gateway_id == made.gateway_id
    assert adyen.balance("USD", account=account).available == Money(8_000, "USD")
    clock.advance(hours=1)
    paid = adyen.payout(account, made.gateway_id)
    assert (paid.state, paid.failure_code) == (PayoutState.PAID, None)
    clock.advance(days=2)
    assert adyen.payout(account, made.gateway_id).state is PayoutState.PAID


@pytest.mark.parametrize(
    ("method", "priority"), [(PayoutMethod.STANDARD, "regular"), (PayoutMethod.INSTANT, "instant")]
)
def test_how_fast_it_goes_is_said_to_adyen(adyen, adyen_peer, payout_order, method, priority):
    adyen.create_payout(replace(payout_order, method=method))
    asked = adyen_peer.journal()[-1]
    assert (asked["parameters"]["priority"], asked["idempotency_key"]) == (priority, payout_order.key)


@pytest.mark.parametrize("after_hours", [0, 30])
def test_a_payout_that_the_bank_does_not_take_has_failed_even_after_it_was_paid(  # noqa: PLR0917 - all that it is about
    adyen, adyen_peer, payout_order, account, clock, after_hours
):
    made = adyen.create_payout(payout_order)
    clock.advance(hours=after_hours)
    adyen_peer.fail_transfer(payout_order.payout_id)
    failed = adyen.payout(account, made.gateway_id)
    assert (failed.state, failed.failure_code, failed.failure_message) == (
        PayoutState.FAILED,
        "counterpartyAccountClosed",
        "The bank account is closed.",
    )
    assert adyen.find_payout(payout_order) == failed
    assert adyen.balance("USD", account=account).available == USD_90


def test_more_than_there_is_is_refused(adyen, payout_order):
    more = replace(payout_order, amount=Money(9_001, "USD"))
    refused = adyen.create_payout(more)
    assert (refused.code, refused.temporary) == ("notEnoughBalance", True)
    assert adyen.find_payout(more) is None


def test_a_bank_that_takes_no_instant_payouts_refuses_one(adyen, adyen_peer, account_order, transfer_order):
    worker = adyen.create_account(account_order).gateway_id
    adyen_peer.complete_onboarding(worker, takes_instant=False)
    adyen.create_transfer(replace(transfer_order, destination=worker, amount=USD_10))
    assert adyen.account(worker).takes_instant is False
    order = PayoutOrder(new_id("po"), worker, USD_10, method=PayoutMethod.INSTANT)
    refused = adyen.create_payout(order)
    assert (refused.code, refused.temporary) == ("routeNotFound", False)


def test_without_a_bank_account_nothing_is_sent(adyen, adyen_peer, account_order):
    made = adyen.create_account(account_order)
    refused = adyen.create_payout(PayoutOrder(new_id("po"), made.gateway_id, USD_10))
    assert (refused.code, refused.temporary, refused.at_the_door) == ("no_bank_account", True, True)
    assert not any(each["path"].endswith("/transfers") for each in adyen_peer.journal())


def test_a_payout_of_another_account_is_not_shown(adyen, payout_order, account):
    made = adyen.create_payout(payout_order)
    assert adyen.payout("BA00000000000000000000001", made.gateway_id).code == "resource_missing"


def test_without_numbers_each_change_of_a_payout_is_news(adyen, adyen_peer, account, transfer, clock):
    payout = adyen.create_payout(PayoutOrder(new_id("po"), account, USD_10)).gateway_id
    adyen_peer.leave_out(payout, "sequenceNumber")
    seen = set()
    for step in ({"minutes": 1}, {"hours": 2}, {"days": 3}):
        clock.advance(**step)
        found = adyen.events(since=clock.now() - timedelta(days=9), until=clock.now(), account=account)
        news = {each.event.id for each in found.events if each.event.object_id == payout}
        assert len(news) == 1
        assert not news & seen
        seen |= news
