"""What the tests of the peer do again and again."""

from __future__ import annotations

import stripe

DAY = 86_400

WORKER = {
    "country": "US",
    "email": "worker@example.com",
    "controller": {
        "fees": {"payer": "application"},
        "losses": {"payments": "application"},
        "stripe_dashboard": {"type": "express"},
    },
    "capabilities": {"transfers": {"requested": True}},
    "settings": {"payouts": {"schedule": {"interval": "manual"}}},
}


def connected(peer, http, **options):
    return stripe.StripeClient(
        options.pop("key", peer.secret_key),
        base_addresses={"api": peer.base_url},
        max_network_retries=0,
        http_client=http,
        **options,
    )


def paid(api, peer, amount, *, method="pm_card_visa", **params):
    intent = api.payment_intents.create(
        {"amount": amount, "currency": "usd", "automatic_payment_methods": {"enabled": True}, **params}
    )
    assert peer.pay(intent.client_secret, method)["status"] in {"succeeded", "processing"}
    return api.charges.retrieve(api.payment_intents.retrieve(intent.id).latest_charge)


def funds(api, account=None):
    """(available, pending) in cents of US dollars."""
    balance = api.balance.retrieve(None, {"stripe_account": account} if account else {})
    return (balance.available[0].amount, balance.pending[0].amount)
