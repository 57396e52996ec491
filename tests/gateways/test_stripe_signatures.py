"""Only Stripe is believed, only lately, and only about the mode our key is of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from stripe import WebhookSignature

from gateways.contract import AnswerNotUnderstood, Listed, ObjectKind, SignatureRefused
from gateways.stripe.client import connect
from gateways.stripe.gateway import StripeGateway

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEW, OLD = "whsec_new", "whsec_old"

SNAPSHOT = {
    "id": "evt_1",
    "object": "event",
    "type": "payout.paid",
    "created": 1795348800,
    "livemode": False,
    "account": "acct_7",
    "data": {"object": {"id": "po_1", "object": "payout", "status": "paid"}},
}
THIN = {
    "id": "evt_2",
    "object": "v2.core.event",
    "type": "v1.payment_intent.succeeded",
    "created": "2026-11-22T12:00:00.000Z",
    "livemode": False,
    "context": "org_3/acct_7",
    "related_object": {"id": "pi_1", "type": "payment_intent", "url": "/v1/payment_intents/pi_1"},
}


@pytest.fixture
def stripe():
    return gateway("sk_test_x", NEW, OLD)


def gateway(key, *secrets):
    return StripeGateway(connect(secret_key=key, publishable_key="pk", webhook_secrets=secrets))


def signed(body, *, secret=NEW, at=NOW):
    signature = WebhookSignature.generate_signature_header(body, secret, int(at.timestamp()))
    return {"Stripe-Signature": signature}


def told(by, body, headers, *, now):
    (one,) = by.verify_events(body, headers, now=now)
    return one.event


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_both_secrets_are_believed_while_one_is_replaced(stripe, secret):
    body = json.dumps(SNAPSHOT)
    event = told(stripe, body.encode(), signed(body, secret=secret), now=lambda: NOW)
    assert (event.id, event.type, event.kind, event.object_id) == (
        "evt_1",
        "payout.paid",
        ObjectKind.PAYOUT,
        "po_1",
    )
    assert (event.account, event.created_at) == ("acct_7", datetime(2026, 11, 22, 12, 0, tzinfo=UTC))


def test_a_thin_event_is_read(stripe):
    body = json.dumps(THIN)
    event = told(stripe, body.encode(), signed(body), now=lambda: NOW)
    assert (event.id, event.kind, event.object_id) == ("evt_2", ObjectKind.PAYMENT, "pi_1")
    assert (event.account, event.created_at) == ("acct_7", NOW)


def test_a_thin_event_about_our_own_account_has_no_account(stripe):
    assert stripe.read_event(json.dumps(THIN | {"context": None}).encode()).account is None


def test_a_thin_event_about_an_account_of_the_second_api_is_about_the_account(stripe):
    related = {"id": "acct_7", "type": "v2.core.account", "url": "/v2/core/accounts/acct_7"}
    thin = THIN | {"type": "v2.core.account[requirements].updated", "related_object": related}
    event = stripe.read_event(json.dumps(thin).encode())
    assert (event.kind, event.object_id) == (ObjectKind.ACCOUNT, "acct_7")


def test_a_thin_event_about_nothing_is_of_no_interest(stripe):
    event = stripe.read_event(json.dumps(THIN | {"related_object": None}).encode())
    assert (event.kind, event.object_id) == (None, None)


@pytest.mark.parametrize("apart", [timedelta(seconds=-300), timedelta(0), timedelta(seconds=300)])
def test_five_minutes_either_way_are_tolerated(stripe, apart):
    body = json.dumps(SNAPSHOT)
    assert told(stripe, body.encode(), signed(body, at=NOW + apart), now=lambda: NOW).id == "evt_1"


@pytest.mark.parametrize("apart", [timedelta(seconds=-301), timedelta(seconds=301), timedelta(days=1)])
def test_an_older_or_a_future_signature_is_refused(stripe, apart):
    body = json.dumps(SNAPSHOT)
    with pytest.raises(SignatureRefused):
        told(stripe, body.encode(), signed(body, at=NOW + apart), now=lambda: NOW)


def test_a_date_beside_the_signed_one_does_not_count(stripe):
    body = json.dumps(SNAPSHOT)
    headers = signed(body, at=NOW - timedelta(days=1))
    headers["Stripe-Signature"] += f",t={int(NOW.timestamp())}"
    with pytest.raises(SignatureRefused):
        told(stripe, body.encode(), headers, now=lambda: NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Stripe-Signature": ""},
        {"Stripe-Signature": "nonsense"},
        {"Stripe-Signature": "t=soon,v1=00"},
        {"Stripe-Signature": f"t={int(NOW.timestamp())}"},
        {"Stripe-Signature": f"t={int(NOW.timestamp())},v1={'0' * 64}"},
        {"Stripe-Signature": f"t={'9' * 40},v1={'0' * 64}"},
        {"Stripe-Signature": f"t={int(NOW.timestamp())},v1=ünmöglich"},
    ],
)
def test_what_is_not_signed_is_refused(stripe, headers):
    with pytest.raises(SignatureRefused):
        told(stripe, json.dumps(SNAPSHOT).encode(), headers, now=lambda: NOW)


def test_a_signature_with_an_impossible_date_is_refused(stripe):
    body = json.dumps(SNAPSHOT)
    signature = WebhookSignature.generate_signature_header(body, NEW, 10**30)
    with pytest.raises(SignatureRefused):
        told(stripe, body.encode(), {"Stripe-Signature": signature}, now=lambda: NOW)


@pytest.mark.parametrize("body", [json.dumps(SNAPSHOT | {"id": "evt_9"}), json.dumps(SNAPSHOT, indent=1)])
def test_a_changed_body_is_refused(stripe, body):
    with pytest.raises(SignatureRefused):
        told(stripe, body.encode(), signed(json.dumps(SNAPSHOT)), now=lambda: NOW)


def test_bytes_that_are_no_text_are_refused(stripe):
    with pytest.raises(SignatureRefused):
        told(stripe, b"\xff\xfe", signed("{}"), now=lambda: NOW)


@pytest.mark.parametrize("secret", ["whsec_other", "pk_test_x"])
def test_another_endpoints_secret_is_refused(stripe, secret):
    body = json.dumps(SNAPSHOT)
    with pytest.raises(SignatureRefused):
        told(stripe, body.encode(), signed(body, secret=secret), now=lambda: NOW)


def test_without_a_secret_nothing_is_believed():
    body = json.dumps(SNAPSHOT)
    with pytest.raises(SignatureRefused):
        told(gateway("sk_test_x"), body.encode(), signed(body), now=lambda: NOW)


@pytest.mark.parametrize(
    ("key", "livemode"), [("sk_test_x", True), ("sk_live_x", False), ("rk_live_x", False)]
)
def test_an_event_of_the_other_mode_is_refused(key, livemode):
    body = json.dumps(SNAPSHOT | {"livemode": livemode})
    with pytest.raises(SignatureRefused):
        told(gateway(key, NEW), body.encode(), signed(body), now=lambda: NOW)


def test_an_event_of_our_mode_is_believed():
    body = json.dumps(SNAPSHOT | {"livemode": True})
    assert told(gateway("sk_live_x", NEW), body.encode(), signed(body), now=lambda: NOW).livemode


@pytest.mark.parametrize(
    "body", ["[]", "null", "{}", '"event"', '{"object": "event"}', '{"object": "charge"}', "not json"]
)
def test_signed_bytes_that_are_no_event_are_not_understood(stripe, body):
    assert stripe.verify_events(body.encode(), signed(body), now=lambda: NOW) == (
        Listed(None, body.encode()),
    )
    with pytest.raises(AnswerNotUnderstood):
        stripe.read_event(body.encode())


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"client_secret": "pi_1_secret_x", "id": "pi_1"}', b'{"client_secret": "hidden", "id": "pi_1"}'),
        (b'{"secret":"ek_test_1"}', b'{"secret":"hidden"}'),
        (b'{"client_secret": null, "secretary": "Ana"}', b'{"client_secret": null, "secretary": "Ana"}'),
    ],
)
def test_what_is_kept_of_an_event_has_no_secrets(stripe, sent, kept):
    (told,) = stripe.verify_events(sent, signed(sent.decode()), now=lambda: NOW)
    assert told.payload == kept


@pytest.mark.parametrize("signature", [None, "", "nonsense", "t=1,v1=0"])
def test_what_nobody_signed_asks_for_no_time(stripe, signature):
    def never():
        raise AssertionError("the clock is in the database, and strangers do not make us ask it")

    headers = {} if signature is None else {"Stripe-Signature": signature}
    with pytest.raises(SignatureRefused):
        told(stripe, json.dumps(SNAPSHOT).encode(), headers, now=never)
