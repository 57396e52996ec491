"""Money moved to workers, and taken back from them."""

import pytest
import stripe

from tests.sandbox.playing import DAY, WORKER, funds, paid


def send(api, worker, amount, **params):
    return api.transfers.create({"amount": amount, "currency": "usd", "destination": worker.id, **params})


def test_without_a_source_a_transfer_needs_available_money(api, peer, worker, charge):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(api, worker, 1_000)
    assert refused.value.code == "balance_insufficient"
    assert funds(api) == (0, 9_680)
    peer.advance(2 * DAY + 1)
    send(api, worker, 1_000)
    assert funds(api) == (8_680, 0)
    assert funds(api, worker.id) == (1_000, 0)


def test_all_transfers_from_one_charge_are_at_most_the_charge(api, worker, charge):
    send(api, worker, 6_000, source_transaction=charge.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(api, worker, 4_001, source_transaction=charge.id)
    assert refused.value.param == "amount"
    send(api, worker, 4_000, source_transaction=charge.id)
    assert funds(api, worker.id) == (0, 10_000)


def test_transferred_money_is_available_exactly_when_the_charge_is(api, peer, worker, charge):
    peer.advance(DAY)
    transfer = send(api, worker, 9_000, source_transaction=charge.id)
    payment = api.charges.retrieve(transfer.destination_payment, None, {"stripe_account": worker.id})
    arrived = api.balance_transactions.retrieve(
        payment.balance_transaction, None, {"stripe_account": worker.id}
    )
    source = api.balance_transactions.retrieve(charge.balance_transaction)
    assert arrived.available_on == source.available_on
    assert (payment.source_transfer, arrived.type, arrived.status) == (transfer.id, "payment", "pending")


def test_an_account_that_is_not_onboarded_is_sent_nothing(api, charge):
    account = api.accounts.create(WORKER)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        send(api, account, 1_000, source_transaction=charge.id)
    assert refused.value.code == "insufficient_capabilities_for_transfer"
    assert funds(api) == (0, 9_680)


def test_a_charge_without_a_group_gets_one_from_its_first_transfer(api, peer, worker):
    charge = paid(api, peer, 5_000)
    transfer = send(api, worker, 1_000, source_transaction=charge.id)
    assert transfer.transfer_group == api.charges.retrieve(charge.id).transfer_group
    assert [found.id for found in api.transfers.list({"transfer_group": transfer.transfer_group}).data] == [
        transfer.id
    ]


def test_a_reversal_brings_the_money_back(api, peer, worker, charge):
    transfer = send(api, worker, 9_000, source_transaction=charge.id)
    peer.advance(2 * DAY + 1)
    reversal = api.transfers.reversals.create(transfer.id, {"amount": 2_000, "metadata": {"why": "dispute"}})
    assert reversal.transfer == transfer.id
    assert funds(api) == (680 + 2_000, 0)
    assert funds(api, worker.id) == (7_000, 0)
    after = api.transfers.retrieve(transfer.id)
    assert (after.amount_reversed, after.reversed) == (2_000, False)
    assert [found.id for found in after.reversals.data] == [reversal.id]


def test_pending_money_is_reversed_as_pending_money(api, worker, charge):
    transfer = send(api, worker, 9_000, source_transaction=charge.id)
    api.transfers.reversals.create(transfer.id)
    assert funds(api) == (0, 9_680)
    assert funds(api, worker.id) == (0, 0)
    assert api.transfers.retrieve(transfer.id).reversed


def test_what_the_worker_has_been_paid_out_cannot_be_reversed(api, peer, worker, charge):
    transfer = send(api, worker, 9_000, source_transaction=charge.id)
    peer.advance(2 * DAY + 1)
    api.payouts.create({"amount": 8_000, "currency": "usd"}, {"stripe_account": worker.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.transfers.reversals.create(transfer.id, {"amount": 1_001})
    assert refused.value.code == "balance_insufficient"
    assert funds(api, worker.id) == (1_000, 0)


def test_more_than_was_transferred_cannot_be_reversed(api, worker, charge):
    transfer = send(api, worker, 1_000, source_transaction=charge.id)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed"):
        api.transfers.reversals.create(transfer.id, {"amount": 1_001})


def test_a_transfer_to_nobody_is_refused(api, charge):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.transfers.create(
            {
                "amount": 1,
                "currency": "usd",
                "destination": "acct_nobody",
                "source_transaction": charge.id,
            }
        )
    assert (refused.value.code, refused.value.param) == ("resource_missing", "destination")
