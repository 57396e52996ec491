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
