"""The whole path of a milestone's money, told with the real SDK."""

from tests.sandbox.playing import DAY, funds


def test_a_milestone_is_paid_settles_moves_to_the_worker_and_reaches_the_bank(api, peer, customer, worker):
    saving = api.setup_intents.create(
        {"customer": customer.id, "usage": "off_session", "automatic_payment_methods": {"enabled": True}}
    )
    assert peer.save_card(saving.client_secret)["status"] == "succeeded"
    card = api.customers.payment_methods.list(customer.id).data[0]
    api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})

    intent = api.payment_intents.create(
        {
            "amount": 10_000,
            "currency": "usd",
            "customer": customer.id,
            "automatic_payment_methods": {"enabled": True},
            "transfer_group": "ms_1",
            "metadata": {"milestone": "ms_1"},
        }
    )
    assert peer.pay(intent.client_secret, card.id)["status"] == "succeeded"
    paid = api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    transaction = paid.latest_charge.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (10_000, 320, 9_680)
    assert transaction.available_on == transaction.created + 2 * DAY
    assert funds(api) == (0, 9_680)

    transfer = api.transfers.create(
        {
            "amount": 9_000,
            "currency": "usd",
            "destination": worker.id,
            "source_transaction": paid.latest_charge.id,
        }
    )
    assert transfer.transfer_group == "ms_1"
    assert funds(api) == (0, 680)
    assert funds(api, worker.id) == (0, 9_000)

    peer.advance(2 * DAY + 5)
    assert funds(api) == (680, 0)
    assert funds(api, worker.id) == (9_000, 0)

    on_account = {"stripe_account": worker.id}
    payout = api.payouts.create({"amount": 9_000, "currency": "usd"}, on_account)
    assert (payout.status, payout.trace_id.status) == ("pending", "pending")
    assert funds(api, worker.id) == (0, 0)
    peer.advance(3_600)
    assert api.payouts.retrieve(payout.id, None, on_account).status == "in_transit"
    peer.advance(2 * DAY)
    arrived = api.payouts.retrieve(payout.id, None, on_account)
    assert (arrived.status, arrived.trace_id.status) == ("paid", "supported")
    assert arrived.trace_id.value.isdigit()
    _everybody_was_told(api, worker)


def test_every_cent_of_a_balance_is_the_sum_of_its_transactions(api, peer, worker, charge):
    api.refunds.create({"charge": charge.id, "amount": 1_000})
    api.transfers.create(
        {"amount": 8_000, "currency": "usd", "destination": worker.id, "source_transaction": charge.id}
    )
    peer.advance(3 * DAY)
    for account in (None, worker.id):
        options = {"stripe_account": account} if account else {}
        lines = list(api.balance_transactions.list({"limit": 100}, options).auto_paging_iter())
        available = sum(line.net for line in lines if line.status == "available")
        pending = sum(line.net for line in lines if line.status == "pending")
        assert funds(api, account) == (available, pending)


def _told(api, account=None):
    options = {"stripe_account": account} if account else {}
    return {event.type for event in api.events.list({"limit": 100}, options).data}


def _everybody_was_told(api, worker):
    assert _told(api) >= {
        "customer.created",
        "setup_intent.created",
        "setup_intent.succeeded",
        "payment_method.attached",
        "payment_intent.created",
        "payment_intent.succeeded",
        "charge.succeeded",
        "charge.updated",
        "transfer.created",
        "balance.available",
    }
    assert _told(api, worker.id) >= {
        "account.updated",
        "capability.updated",
        "balance.available",
        "payout.created",
        "payout.updated",
        "payout.paid",
    }
