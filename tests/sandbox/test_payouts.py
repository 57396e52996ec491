"""Money on its way to a worker's bank."""

import pytest
import stripe

from tests.sandbox.playing import DAY, WORKER, funds, paid

NUMBER_OF_A_CLOSED_ACCOUNT = "000111111113"


@pytest.fixture
def rich(api, peer, worker):
    """A worker with 90.00 USD available."""
    return endowed(api, peer, worker)


def endowed(api, peer, worker):
    charge = paid(api, peer, 10_000, method="pm_card_bypassPending")
    api.transfers.create(
        {"amount": 9_000, "currency": "usd", "destination": worker.id, "source_transaction": charge.id}
    )
    return worker


def pay_out(api, worker, amount, **params):
    return api.payouts.create({"amount": amount, "currency": "usd", **params}, {"stripe_account": worker.id})


def look(api, worker, payout):
    return api.payouts.retrieve(payout.id, None, {"stripe_account": worker.id})


def test_more_than_is_available_is_not_paid_out(api, rich):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay_out(api, rich, 9_001)
    assert refused.value.code == "balance_insufficient"
    assert funds(api, rich.id) == (9_000, 0)


def test_pending_money_is_not_paid_out(api, worker, charge):
    api.transfers.create(
        {"amount": 9_000, "currency": "usd", "destination": worker.id, "source_transaction": charge.id}
    )
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay_out(api, worker, 1)
    assert refused.value.code == "balance_insufficient"


def test_a_payout_arrives_at_midnight_within_two_days(api, peer, rich):
    payout = pay_out(api, rich, 9_000)
    assert payout.arrival_date % DAY == 0
    assert DAY < payout.arrival_date - payout.created <= 2 * DAY
    peer.advance(payout.arrival_date - peer.now() - 60)
    assert look(api, rich, payout).status == "in_transit"
    peer.advance(120)
    assert look(api, rich, payout).status == "paid"


def test_only_a_pending_payout_can_be_called_back(api, peer, rich):
    payout = pay_out(api, rich, 4_000)
    other = pay_out(api, rich, 5_000)
    cancelled = api.payouts.cancel(payout.id, None, {"stripe_account": rich.id})
    assert cancelled.status == "canceled"
    assert funds(api, rich.id) == (4_000, 0)
    peer.advance(3_601)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payouts.cancel(other.id, None, {"stripe_account": rich.id})
    assert refused.value.code == "payout_not_cancelable"


def test_a_payout_to_a_closed_account_fails_and_the_money_returns(api, peer):
    worker = api.accounts.create(WORKER)
    peer.complete_onboarding(worker.id, account_number=NUMBER_OF_A_CLOSED_ACCOUNT)
    payout = pay_out(api, endowed(api, peer, worker), 9_000)
    assert funds(api, worker.id) == (0, 0)
    peer.advance(2 * DAY)
    failed = look(api, worker, payout)
    assert (failed.status, failed.failure_code) == ("failed", "account_closed")
    assert failed.failure_balance_transaction.startswith("txn_")
    assert funds(api, worker.id) == (9_000, 0)


def test_a_paid_payout_can_still_come_back(api, peer, rich):
    payout = pay_out(api, rich, 9_000)
    peer.advance(2 * DAY)
    assert look(api, rich, payout).status == "paid"
    peer.advance(3 * DAY)
    peer.fail_payout(payout.id)
    assert look(api, rich, payout).status == "failed"
    assert funds(api, rich.id) == (9_000, 0)


def test_after_a_failure_nothing_is_paid_out_until_the_worker_gives_another_account(api, peer, rich):
    peer.fail_payout(pay_out(api, rich, 1_000).id)
    account = api.accounts.retrieve(rich.id)
    assert account.external_accounts.data[0].status == "errored"
    assert not account.payouts_enabled
    assert account.requirements.currently_due == ["external_account"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        pay_out(api, rich, 1_000)
    assert refused.value.code == "payouts_not_allowed"
    peer.change_bank_account(rich.id)
    assert api.accounts.retrieve(rich.id).payouts_enabled
    assert pay_out(api, rich, 1_000).status == "pending"


def test_an_account_that_owes_stripe_something_is_not_paid_out(api, peer, rich):
    peer.restrict(rich.id, "individual.verification.document")
    with pytest.raises(stripe.InvalidRequestError, match=r"individual\.verification\.document") as refused:
        pay_out(api, rich, 1_000)
    assert refused.value.code == "payouts_not_allowed"


def test_an_instant_payout_arrives_within_the_hour(api, peer, rich):
    payout = pay_out(api, rich, 1_000, method="instant")
    peer.advance(1_801)
    assert look(api, rich, payout).status == "paid"


def test_a_worker_sees_only_what_is_their_own(api, peer, rich):
    payout = pay_out(api, rich, 1_000)
    other = api.accounts.create(WORKER)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        look(api, other, payout)
    assert refused.value.code == "resource_missing"
    assert api.payouts.list(None, {"stripe_account": other.id}).data == []
    assert [found.id for found in api.payouts.list(None, {"stripe_account": rich.id}).data] == [payout.id]


def test_the_lines_of_a_payout_are_the_payout_and_its_return(api, peer, rich):
    payout = pay_out(api, rich, 1_000)
    peer.fail_payout(payout.id)
    lines = api.balance_transactions.list({"payout": payout.id}, {"stripe_account": rich.id}).data
    assert [(line.type, line.net) for line in lines] == [("payout_failure", 1_000), ("payout", -1_000)]
