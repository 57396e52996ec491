"""Chargebacks."""

import pytest
import stripe

from tests.sandbox.playing import funds, paid


@pytest.fixture
def settled(api, peer):
    return paid(api, peer, 10_000, method="pm_card_bypassPending")


def test_a_chargeback_takes_the_amount_and_a_fee(api, peer, settled):
    dispute = peer.dispute(settled.id)
    assert funds(api) == (9_680 - 10_000 - 1_500, 0)
    found = api.disputes.retrieve(dispute["id"])
    assert (found.status, found.payment_intent) == ("needs_response", settled.payment_intent)
    assert api.charges.retrieve(settled.id).disputed
    assert [event.type for event in api.events.list({"types": ["charge.dispute.*"]}).data] == [
        "charge.dispute.funds_withdrawn",
        "charge.dispute.created",
    ]


def test_a_chargeback_that_is_won_brings_the_amount_back_but_not_the_fee(api, peer, settled):
    dispute = peer.dispute(settled.id)
    submitted = api.disputes.update(
        dispute["id"], {"evidence": {"uncategorized_text": "Here."}, "submit": True}
    )
    assert submitted.status == "under_review"
    peer.close_dispute(dispute["id"], won=True)
    assert funds(api) == (9_680 - 1_500, 0)
    assert api.disputes.retrieve(dispute["id"]).status == "won"


def test_a_chargeback_that_is_lost_stays_lost(api, peer, settled):
    dispute = peer.dispute(settled.id)
    assert api.disputes.close(dispute["id"]).status == "lost"
    assert funds(api) == (9_680 - 11_500, 0)
    with pytest.raises(stripe.InvalidRequestError, match="already lost"):
        api.disputes.close(dispute["id"])


def test_the_disputed_test_card_is_charged_back_at_once(api, peer):
    charge = paid(api, peer, 10_000, method="pm_card_createDispute")
    assert api.disputes.list({"charge": charge.id}).data[0].reason == "fraudulent"


def test_an_inquiry_takes_nothing_until_it_becomes_a_chargeback(api, peer, settled):
    dispute = peer.dispute(settled.id, inquiry=True)
    assert (dispute["status"], funds(api)) == ("warning_needs_response", (9_680, 0))
    peer.move_dispute(dispute["id"], status="needs_response")
    assert funds(api) == (9_680 - 11_500, 0)
    other = peer.dispute(paid(api, peer, 1_000, method="pm_card_bypassPending").id, inquiry=True)
    peer.close_dispute(other["id"], won=True)
    assert api.disputes.retrieve(other["id"]).status == "warning_closed"


def test_what_is_won_may_be_refunded_and_what_is_lost_may_not(api, peer):
    won, lost = (paid(api, peer, 1_000, method="pm_card_bypassPending") for _ in range(2))
    peer.close_dispute(peer.dispute(won.id)["id"], won=True)
    peer.close_dispute(peer.dispute(lost.id)["id"], won=False)
    assert api.refunds.create({"charge": won.id, "amount": 100}).amount == 100
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        api.refunds.create({"charge": lost.id})


def test_a_refund_that_waits_fails_when_the_bank_takes_the_charge_back(api, peer):
    charge = paid(api, peer, 10_000)
    refund = api.refunds.create({"charge": charge.id, "amount": 4_000})
    assert refund.status == "pending"
    peer.dispute(charge.id)
    failed = api.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "charge_for_pending_refund_disputed")


def test_a_warning_is_over_once_the_charge_is_given_or_taken_back(api, peer, settled):
    warning = peer.warn(settled.id)
    assert api.radar.early_fraud_warnings.retrieve(warning["id"]).actionable
    peer.dispute(settled.id)
    assert not api.radar.early_fraud_warnings.retrieve(warning["id"]).actionable
    assert [each.id for each in api.radar.early_fraud_warnings.list({"charge": settled.id}).data] == [
        warning["id"]
    ]
