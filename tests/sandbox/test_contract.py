"""What the real Stripe would not understand fails the test that sent it."""

import pytest
import stripe

from sandbox.stripe import contract, router, wire_types
from tests.sandbox.playing import connected

ORDER = {"amount": 5_000, "currency": "usd"}


@pytest.fixture
def asks(unchecked_peer, http):
    """Send something wrong; returns Stripe's error and what was noted of it."""
    client = connected(unchecked_peer, http)

    def ask(method, path, **params):
        with pytest.raises(stripe.StripeError) as refused:
            client.raw_request(method, path, **params)
        (violation,) = unchecked_peer.violations()
        return refused.value.error, violation

    return ask


@pytest.mark.parametrize(
    ("call", "params", "code", "param"),
    [
        (
            "post /v1/payment_intents",
            ORDER | {"payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        (
            "post /v1/setup_intents",
            {"payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        ("post /v1/payment_intents", ORDER | {"amout": 1}, "parameter_unknown", "amout"),
        (
            "post /v1/payment_intents",
            ORDER | {"automatic_payment_methods": {"enabled": True, "redirects": "never"}},
            "parameter_unknown",
            "automatic_payment_methods[redirects]",
        ),
        ("post /v1/payment_intents", {"amount": 5_000}, "parameter_missing", "currency"),
        (
            "post /v1/payment_intents",
            ORDER | {"automatic_payment_methods": {"allow_redirects": "never"}},
            "parameter_missing",
            "automatic_payment_methods[enabled]",
        ),
        (
            "post /v1/payment_intents",
            ORDER | {"amount": "50.00"},
            "parameter_invalid_integer",
            "amount",
        ),
        ("post /v1/payment_intents", ORDER | {"currency": ""}, "parameter_invalid_empty", "currency"),
        ("post /v1/payment_intents", ORDER | {"confirm": "yes"}, None, "confirm"),
        ("post /v1/payment_intents", ORDER | {"metadata": "a"}, None, "metadata"),
        ("post /v1/payment_intents", ORDER | {"setup_future_usage": "always"}, None, "setup_future_usage"),
        ("post /v1/payment_intents", ORDER | {"expand": "customer"}, None, "expand"),
        ("get /v1/charges", {"created": {"since": 1}}, "parameter_unknown", "created[since]"),
        (
            "post /v1/accounts",
            {"external_account": {"object": "bank_account", "iban": "x"}},
            "parameter_unknown",
            "external_account[iban]",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_and_noted(asks, call, params, code, param):
    method, path = call.split()
    error, violation = asks(method, path, **params)
    assert (error.type, error.code, error.param) == ("invalid_request_error", code, param)
    assert (violation["operation"], violation["param"]) == (f"{method.upper()} {path}", param)


def test_an_address_stripe_does_not_have_is_refused_and_noted(asks):
    error, violation = asks("post", "/v1/escrows")
    assert error.message.startswith("Unrecognized request URL (POST: /v1/escrows)")
    assert violation["operation"] == "POST /v1/escrows"


def test_a_call_the_peer_does_not_play_says_so(asks):
    error, _ = asks("get", "/v1/invoices")
    assert "the sandbox does not play it" in error.message


def test_a_parameter_the_peer_does_not_play_is_not_silently_ignored(unchecked_peer, http):
    api = connected(unchecked_peer, http).v1
    assert api.payment_intents.create(ORDER | {"on_behalf_of": "acct_1"}).status == "requires_payment_method"
    (violation,) = unchecked_peer.violations()
    assert (violation["param"], violation["message"]) == (
        "on_behalf_of",
        "the sandbox does not play on_behalf_of",
    )


def test_another_api_version_is_noted(unchecked_peer, http):
    api = connected(unchecked_peer, http, stripe_version="2024-06-20").v1
    api.customers.create({"email": "a@example.com"})
    assert "asked for API version 2024-06-20" in unchecked_peer.violations()[0]["message"]


def test_an_ephemeral_key_is_made_in_the_version_of_the_app(api, customer):
    key = api.ephemeral_keys.create({"customer": customer.id}, {"stripe_version": "2022-11-15"})
    assert key.secret.startswith("ek_test_")


def test_a_wrong_key_opens_nothing(unchecked_peer, http):
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided: sk_test_"):
        connected(unchecked_peer, http, key="sk_test_wrong").v1.customers.list()


def test_the_publishable_key_opens_only_what_the_app_needs(unchecked_peer, http):
    with pytest.raises(stripe.AuthenticationError, match="publishable API key"):
        connected(unchecked_peer, http, key=unchecked_peer.publishable_key).v1.customers.list()


def test_a_breach_by_the_app_is_noted_like_any_other(asks):
    _, violation = asks("post", "/v1/payment_intents/pi_1/confirm", payment_methd="pm_card_visa")
    assert violation["param"] == "payment_methd"


def test_every_call_the_peer_plays_is_one_the_sdk_has():
    router.load()
    for played in router.routes():
        assert contract.operation_for(played.method, played.contract) is not None, played


def test_the_whole_contract_can_be_read():
    operations = contract.every_operation()
    assert len(operations) > 450
    seen: set[str] = set()
    for operation in operations:
        _walk(operation.parameters, seen)
    assert len(seen) > 3_000


def _walk(kind, seen):
    match kind:
        case wire_types.Record(name=name):
            if name not in seen:
                seen.add(name)
                for field in kind.fields().values():
                    _walk(field.kind, seen)
        case wire_types.Listing(item=item) | wire_types.Dictionary(item=item):
            _walk(item, seen)
        case wire_types.Choice(options=options):
            for option in options:
                _walk(option, seen)
