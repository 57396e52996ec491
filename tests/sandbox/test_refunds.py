"""Money on its way back, and everything that can go wrong with it."""

import pytest
import stripe

from tests.sandbox.playing import DAY, funds, paid


@pytest.fixture
def settled(api, peer):
    """A charge of 100.00 USD whose money is available."""
    return paid(api, peer, 10_000, method="pm_card_bypassPending")


def test_a_refund_takes_the_amount_and_not_the_fee_back(api, settled):
    refund = api.refunds.create({"payment_intent": settled.payment_intent, "amount": 4_000})
    assert refund.status == "succeeded"
    assert api.balance_transactions.retrieve(refund.balance_transaction).net == -4_000
    assert funds(api) == (9_680 - 4_000, 0)
    charge = api.charges.retrieve(settled.id)
    assert (charge.amount_refunded, charge.refunded) == (4_000, False)


def test_more_than_is_left_is_refused_and_moves_nothing(api, settled):
    api.refunds.create({"charge": settled.id, "amount": 9_000})
    with pytest.raises(stripe.InvalidRequestError, match=r"\$10\.01\) is greater than unrefunded") as refused:
        api.refunds.create({"charge": settled.id, "amount": 1_001})
    assert refused.value.param == "amount"
    assert funds(api) == (680, 0)


def test_a_charge_is_given_back_in_full_only_once(api, peer, settled):
    paid(api, peer, 10_000, method="pm_card_bypassPending")
    api.refunds.create({"charge": settled.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.refunds.create({"charge": settled.id})
    assert refused.value.code == "charge_already_refunded"
    assert api.charges.retrieve(settled.id).refunded


def test_a_refund_waits_until_the_balance_can_pay_for_it(api, peer, charge):
    refund = api.refunds.create({"charge": charge.id, "amount": 5_000})
    assert (refund.status, refund.pending_reason) == ("pending", "insufficient_funds")
    assert refund.balance_transaction is None
    assert funds(api) == (0, 9_680)
    peer.advance(2 * DAY + 1)
    done = api.refunds.retrieve(refund.id)
    assert (done.status, done.pending_reason) == ("succeeded", None)
    assert funds(api) == (4_680, 0)


def test_waiting_refunds_are_counted_so_that_together_they_are_at_most_the_charge(api, charge):
    api.refunds.create({"charge": charge.id, "amount": 6_000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        api.refunds.create({"charge": charge.id, "amount": 6_000})


def test_a_waiting_refund_can_be_called_back(api, peer, charge):
    refund = api.refunds.create({"charge": charge.id, "amount": 5_000})
    assert api.refunds.cancel(refund.id).status == "canceled"
    peer.advance(3 * DAY)
    assert funds(api) == (9_680, 0)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be canceled"):
        api.refunds.cancel(refund.id)


def test_a_refund_can_fail_weeks_later_and_the_money_returns(api, peer, settled):
    refund = api.refunds.create({"charge": settled.id, "amount": 4_000})
    peer.advance(20 * DAY)
    peer.fail_refund(refund.id)
    failed = api.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (failed.failure_balance_transaction.type, failed.failure_balance_transaction.net) == (
        "refund_failure",
        4_000,
    )
    assert funds(api) == (9_680, 0)
    assert api.charges.retrieve(settled.id).amount_refunded == 0


def test_the_test_cards_for_refunds_do_what_their_names_say(api, peer):
    paid(api, peer, 50_000, method="pm_card_bypassPending")
    failing = api.refunds.create({"charge": paid(api, peer, 1_000, method="pm_card_refundFail").id})
    pending = api.refunds.create({"charge": paid(api, peer, 1_000, method="pm_card_pendingRefund").id})
    assert (failing.status, pending.status) == ("succeeded", "pending")
    peer.advance(DAY + 1)
    assert api.refunds.retrieve(failing.id).status == "failed"
    assert api.refunds.retrieve(pending.id).status == "succeeded"


def test_a_charge_that_the_bank_took_back_is_not_refunded_as_well(api, peer, settled):
    peer.dispute(settled.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.refunds.create({"charge": settled.id})
    assert refused.value.code == "charge_disputed"


def test_a_refund_shows_with_its_charge_when_asked_for(api, settled):
    refund = api.refunds.create({"charge": settled.id, "amount": 100})
    assert not hasattr(api.charges.retrieve(settled.id), "refunds")
    shown = api.charges.retrieve(settled.id, {"expand": ["refunds"]})
    assert [given.id for given in shown.refunds.data] == [refund.id]
    assert api.refunds.list({"payment_intent": settled.payment_intent}).data[0].id == refund.id
