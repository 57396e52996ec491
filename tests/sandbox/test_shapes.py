"""The peer's objects look like Stripe's: field for field as in the official fixtures and in the SDK."""

import gzip
import json
from pathlib import Path

import pytest
import stripe

from sandbox.stripe import shapes
from tests.sandbox.playing import WORKER, paid

FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "stripe" / "stripe-fixtures3-2026-08.json.gz"
# Fields of the fixtures that Stripe sends only sometimes, and why the peer does not.
SENT_ONLY_WHEN = {
    "account.capabilities": "the capability was requested",
    "confirmation_token.payment_method_preview.us_bank_account": "it is a bank account",
    "payment_method.metadata": "the caller gave some",
    "charge.refunds": "it is expanded",
    "account_session.components": "the component is enabled: then its features are those asked for",
    "customer_session.components.customer_sheet.features": "the component is enabled",
    "customer_session.components.payment_element.features": "the component is enabled",
    "identity.verification_session.options.document": "the caller gave some",
    "event.data": "of any kind; each kind has its own comparison",
    "refund.destination_details.card.type": "of another kind of refund",
}
KINDS = (
    "account",
    "account_link",
    "account_session",
    "balance",
    "balance_transaction",
    "bank_account",
    "capability",
    "charge",
    "confirmation_token",
    "customer",
    "customer_session",
    "dispute",
    "ephemeral_key",
    "event",
    "identity.verification_session",
    "payment_intent",
    "payment_method",
    "payout",
    "refund",
    "setup_intent",
    "transfer",
    "transfer_reversal",
)


@pytest.fixture(scope="module")
def official():
    if not FIXTURES.exists():
        pytest.skip("the official fixtures are not beside this checkout")
    with gzip.open(FIXTURES) as packed:
        return json.load(packed)["resources"]


@pytest.fixture
def ours(api, peer, customer, worker):
    """One object of each kind, as the peer sends it."""
    charge = paid(api, peer, 10_000, method="pm_card_bypassPending", customer=customer.id)
    transfer = api.transfers.create(
        {"amount": 9_000, "currency": "usd", "destination": worker.id, "source_transaction": charge.id}
    )
    links = {"refresh_url": "https://app.example/a", "return_url": "https://app.example/b"}
    sheet = {"mobile_payment_element": {"enabled": True, "features": {"payment_method_save": "enabled"}}}
    things = [
        customer,
        charge,
        transfer,
        api.accounts.create(WORKER),
        api.account_links.create({"account": worker.id, "type": "account_onboarding", **links}),
        api.account_sessions.create({"account": worker.id, "components": {"payouts": {"enabled": True}}}),
        api.balance.retrieve(),
        api.balance_transactions.retrieve(charge.balance_transaction),
        api.accounts.retrieve(worker.id).external_accounts.data[0],
        api.accounts.capabilities.retrieve(worker.id, "transfers"),
        api.confirmation_tokens.retrieve(peer.confirmation_token()),
        api.customer_sessions.create({"customer": customer.id, "components": sheet}),
        api.ephemeral_keys.create({"customer": customer.id}, {"stripe_version": stripe.api_version}),
        api.events.list().data[0],
        api.identity.verification_sessions.create({"type": "document"}),
        api.payment_intents.retrieve(charge.payment_intent),
        api.payment_methods.retrieve(charge.payment_method),
        api.payouts.create({"amount": 100, "currency": "usd"}, {"stripe_account": worker.id}),
        api.refunds.create({"charge": charge.id, "amount": 100}),
        api.setup_intents.create({"customer": customer.id, "automatic_payment_methods": {"enabled": True}}),
        api.transfers.reversals.create(transfer.id, {"amount": 100}),
        api.disputes.retrieve(peer.dispute(charge.id)["id"]),
    ]
    return {thing.object: thing.to_dict() for thing in things}


def test_every_field_of_the_official_fixtures_is_there_with_its_type(official, ours):
    assert set(ours) == set(KINDS)
    found = [difference for kind in KINDS for difference in differences(official[kind], ours[kind], kind)]
    assert "\n".join(found) == ""


def test_every_field_is_one_the_sdk_knows_and_none_that_it_needs_is_missing(ours):
    assert {kind: shapes.strangers(thing) for kind, thing in ours.items() if shapes.strangers(thing)} == {}
    assert {kind: shapes.missing(thing) for kind, thing in ours.items() if shapes.missing(thing)} == {}


def test_a_difference_is_seen():
    official = {"a": 1, "b": {"c": "x"}, "d": [{"e": True}]}
    assert differences(official, {"a": "1", "b": {}, "d": [{"e": 1}]}, "thing") == [
        "thing.a: int there, str here",
        "thing.b.c is missing",
        "thing.d[0].e: bool there, int here",
    ]
    assert differences(official, {"a": None, "b": None, "d": [], "more": 1}, "thing") == []


def differences(official, ours, path):
    """Where our object lacks a field of the official one or has it with another type."""
    if path in SENT_ONLY_WHEN or official is None or ours is None:
        return []
    if type(official) is not type(ours):
        return [f"{path}: {type(official).__name__} there, {type(ours).__name__} here"]
    if isinstance(official, list):
        pairs = list(zip(official, ours, strict=False))[:1]
        return [found for one, other in pairs for found in differences(one, other, f"{path}[0]")]
    if not isinstance(official, dict):
        return []
    found = []
    for name, value in official.items():
        if name in ours:
            found += differences(value, ours[name], f"{path}.{name}")
        elif f"{path}.{name}" not in SENT_ONLY_WHEN:
            found.append(f"{path}.{name} is missing")
    return found
