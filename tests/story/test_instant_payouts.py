"""Instant withdrawals: the fee is shown first, taken once and fetched; who cannot have one is told why."""

from __future__ import annotations

import pytest

from sandbox.people import Refused
from tests.books import nothing_moves
from tests.story.agreement import check_agreement

# Of which a request leaves nothing but that it was made.
_REQUESTS = frozenset({"idempotency_keys", "user_sessions"})


@pytest.fixture
def paid_worker(people):
    """90.00 in the wallet, settled."""
    (milestone,) = people.agree("100.00")
    people.fund(milestone)
    people.release(milestone)
    people.house.pass_time(hours=49)
    people.milestone = milestone
    return people


def account_of(people):
    return people.worker.get("/v1/payouts/account")["gateway_id"]


def balance_of(people):
    (shown,) = people.worker.get("/v1/payouts/balance")["balances"]
    return shown


def instantly(people, amount, **options):
    order = {"amount": {"amount": amount, "currency": "USD"}, "method": "instant"}
    return people.worker.post("/v1/payouts", order, **options)


def sent(people, amount):
    """An instant payout that the gateway has; its id."""
    payout = instantly(people, amount)["id"]
    people.house.settle()
    return payout


def refused(people, amount):
    with nothing_moves(besides=_REQUESTS), pytest.raises(Refused) as caught:
        instantly(people, amount)
    return caught.value


def test_g3_an_instant_payout_shows_its_fee_first_and_the_fee_comes_to_us(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    offered = balance_of(people)["instant"]
    assert offered["possible"]
    assert (offered["at_most"]["amount"], offered["fee"]["amount"]) == ("89.11", "0.89")
    with nothing_moves(besides=_REQUESTS):
        shown = instantly(people, "80.00", preview="true")
    assert shown["preview"]
    assert [shown["result"][name]["amount"] for name in ("amount", "fee", "total")] == [
        "80.00",
        "0.80",
        "80.80",
    ]
    assert shown["result"]["method"] == "instant"
    assert shown["result"]["expected_at"] is not None
    assert [entry["movement"] for entry in shown["entries"]] == ["instant_payout_reserved"]
    payout = instantly(people, "80.00")["id"]
    assert people.wallet() == {"available": "9.20", "reserved": "80.80"}
    people.house.settle()
    check_agreement(peer)
    assert people.wallet() == {"available": "9.20", "in_transit": "80.00"}
    people.house.pass_time(hours=1)
    assert people.payout(payout)["state"] == "paid"
    assert people.books()["income:fees:payout"] == "-0.80"
    assert people.where(people.milestone, people.worker) == {
        "bank": "80.00",
        "payout_fee": "0.80",
        "wallet": "9.20",
        "worker_fee": "10.00",
    }
    (account,) = [
        amount for kind, amount in people.books().items() if kind == "assets:gateway:stripe:connected"
    ]
    assert account == "9.20"
    check_agreement(peer)


def test_g3_everything_can_leave_instantly_and_the_last_cent_is_the_fee(paid_worker):
    people = paid_worker
    sent(people, balance_of(people)["instant"]["at_most"]["amount"])
    people.house.pass_time(hours=1)
    assert people.wallet() == {}
    assert people.books()["income:fees:payout"] == "-0.89"
    check_agreement(people.house.peer)


def test_g3_a_small_instant_payout_costs_the_least_fee(paid_worker):
    payout = instantly(paid_worker, "10.00")
    paid_worker.house.settle()
    assert (payout["fee"]["amount"], payout["total"]["amount"]) == ("0.50", "10.50")
    paid_worker.house.pass_time(hours=1)
    check_agreement(paid_worker.house.peer)


def test_g3_more_than_the_fee_leaves_room_for_is_refused_and_the_most_is_named(paid_worker):
    problem = refused(paid_worker, "89.12").problem
    assert (problem["code"], problem["field"]) == ("instant_payout_not_covered", "/amount")
    assert problem["details"]["at_most"] == {"amount": "89.11", "currency": "USD"}
    check_agreement(paid_worker.house.peer)


def test_g3_a_bank_that_takes_no_instant_payouts_is_named_and_standard_offered(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.change_bank_account(account_of(people), takes_instant=False)
    people.house.settle()
    offered = balance_of(people)["instant"]
    assert (offered["possible"], offered["reason"]) == (False, "bank_takes_none")
    assert offered["why_not"] == "Your bank account takes no instant payouts."
    problem = refused(people, "10.00").problem
    assert (problem["code"], problem["field"]) == ("instant_payout_not_possible", "/method")
    assert "You can make a standard withdrawal instead, which is free." in problem["detail"]
    payout = people.withdraw("10.00")
    people.house.pass_time(hours=96)
    assert people.payout(payout)["state"] == "paid"
    check_agreement(peer)


def test_g3_a_limit_that_is_reached_gives_money_and_fee_back_and_standard_goes(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.prices(instant_limit_minor=4_000)
    payout = sent(people, "50.00")
    seen = people.payout(payout)
    assert (seen["state"], seen["failure_code"]) == ("failed", "instant_payouts_limit_exceeded")
    assert "standard" in seen["reason"]
    assert people.wallet() == {"available": "90.00"}
    assert "income:fees:payout" not in people.books()
    check_agreement(peer)
    people.withdraw("90.00")
    people.house.pass_time(hours=96)
    check_agreement(peer)


def test_g3_an_instant_payout_the_bank_refuses_gives_the_fee_back(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.change_bank_account(account_of(people), account_number="000111111113")
    people.house.settle()
    payout = sent(people, "80.00")
    assert people.books()["income:fees:payout"] == "-0.80"
    people.house.pass_time(hours=1)
    assert people.payout(payout)["state"] == "failed"
    assert people.wallet() == {"available": "90.00"}
    assert "income:fees:payout" not in people.books()
    lines = people.worker.get("/v1/payouts/history")["data"]
    assert [line["kind"] for line in lines[:3]] == [
        "instant_payout_failed",
        "instant_payout_sent",
        "instant_payout_reserved",
    ]
    check_agreement(peer)


def test_g3_a_payout_that_comes_back_after_it_was_paid_keeps_its_fee(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    payout = sent(people, "80.00")
    people.house.pass_time(hours=1)
    peer.fail_payout(people.payout(payout)["gateway_id"])
    people.house.settle()
    assert people.payout(payout)["state"] == "returned"
    assert people.wallet() == {"available": "89.20"}
    assert people.books()["income:fees:payout"] == "-0.80"
    assert people.where(people.milestone, people.worker)["payout_fee"] == "0.80"
    check_agreement(peer)


def test_g3_news_that_comes_twice_and_late_takes_the_fee_once(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.webhooks(hold=True)
    payout = sent(people, "80.00")
    people.house.pass_time(hours=3)
    peer.end_webhook_troubles()
    for _ in range(2):
        peer.redeliver(types=r"payout\..*")
    people.house.settle()
    assert people.payout(payout)["state"] == "paid"
    assert people.books()["income:fees:payout"] == "-0.80"
    check_agreement(peer)


@pytest.mark.parametrize("fault", ["cut_before_effect", "cut_after_effect"])
@pytest.mark.parametrize("path", ["/v1/payouts", "/v1/transfers/.*/reversals"])
def test_g3_an_answer_that_is_lost_pays_and_charges_once(paid_worker, fault, path):
    people, peer = paid_worker, paid_worker.house.peer
    peer.fault(fault, method="POST", path=path, count=1)
    payout = sent(people, "80.00")
    people.house.pass_time(hours=3)
    people.house.pass_time(hours=3)
    assert people.payout(payout)["state"] == "paid"
    assert people.wallet() == {"available": "9.20"}
    assert people.books()["income:fees:payout"] == "-0.80"
    check_agreement(peer)


def test_g3_while_the_gateway_is_silent_the_wallet_is_shown_and_nothing_is_ordered(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.fault("cut_before_effect", method="GET", path="/v1/balance", count=None)
    shown = balance_of(people)
    assert (shown["available"]["amount"], shown["instant"]["reason"]) == ("90.00", "not_known")
    assert refused(people, "10.00").status == 503
    peer.clear_faults()
    check_agreement(peer)


def test_g6_below_zero_is_shown_stops_instant_payouts_and_ends_by_itself(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.book_line("moon_fee", -10_000, account=account_of(people))
    shown = balance_of(people)
    assert shown["instant"]["reason"] == "negative_balance"
    (notice,) = shown["notices"]
    assert notice["code"] == "negative_balance"
    assert notice["text"].startswith("Your account at the payment provider is $10.00 below zero.")
    problem = refused(people, "10.00").problem
    assert (problem["code"], problem["details"]["reason"]) == (
        "instant_payout_not_possible",
        "negative_balance",
    )
    people.house.pass_time(hours=25)
    peer.fault("cut_before_effect", method="GET", path="/v1/balance", count=None)
    # By the daily look, where the gateway does not say it now.
    assert [each["code"] for each in balance_of(people)["notices"]] == ["negative_balance"]
    peer.clear_faults()
    peer.book_line("moon_fee", 10_000, account=account_of(people))
    assert balance_of(people)["notices"] == []
    people.house.pass_time(hours=25)
    check_agreement(peer)


def test_g4_less_than_the_bank_is_sent_is_said_and_goes_with_what_comes_next(people):
    peer = people.house.peer
    first, second = people.agree("1.00", "10.00")
    people.fund(first, "pm_card_bypassPending")
    people.release(first)
    shown = balance_of(people)
    assert shown["minimum"] == {"amount": "1.00", "currency": "USD"}
    (notice,) = shown["notices"]
    assert notice["code"] == "below_minimum"
    assert notice["text"].startswith("$0.90 is less than the $1.00 at which payments to your bank start.")
    with nothing_moves(besides=_REQUESTS), pytest.raises(Refused) as caught:
        people.withdraw("0.90")
    assert (caught.value.problem["code"], caught.value.problem["field"]) == (
        "payout_below_minimum",
        "/amount",
    )
    people.fund(second, "pm_card_bypassPending")
    people.release(second)
    assert balance_of(people)["notices"] == []
    people.withdraw("9.90")
    people.house.pass_time(hours=96)
    assert people.wallet() == {}
    check_agreement(peer)


def test_g3_a_chargeback_takes_what_is_left_and_never_the_fee_twice(paid_worker):
    people, peer = paid_worker, paid_worker.house.peer
    peer.fault("cut_before_effect", method="POST", path="/v1/transfers/.*/reversals", count=1)
    sent(people, "80.00")
    people.house.pass_time(hours=1)
    steps = people.finance.get(f"/v1/milestones/{people.milestone}/money")["steps"]
    peer.dispute(steps[0]["gateway_object"])
    people.house.settle()
    people.house.pass_time(hours=3)
    assert people.wallet() == {}
    assert people.books()["assets:receivable"] == "80.80"
    assert people.books()["income:fees:payout"] == "-0.80"
    assert "assets:gateway:stripe:connected" not in people.books()
    assert people.where(people.milestone) == {"charged_back": "105.00"}
    check_agreement(peer)
