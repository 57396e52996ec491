"""Of what PayPal tells nothing is kept that is about people, and all that is needed to read it again."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gateways.contract import ObjectKind

PERSON = {
    "name": {"given_name": "Ada", "surname": "Lovelace", "full_name": "Ada Lovelace"},
    "email_address": "ada@example.org",
    "phone": {"country_code": "1", "national_number": "5551234"},
    "address": {"address_line_1": "5 Main St", "postal_code": "95131"},
}
SAID = ("Ada", "Lovelace", "ada@", "5551234", "Main", "95131", "at home")


def told(event_type, resource):
    return {
        "id": "WH-1",
        "event_type": event_type,
        "create_time": "2026-12-01T00:00:00Z",
        "summary": "Ada Lovelace paid",
        "resource": resource,
    }


def kept(paypal, peer, event):
    body = json.dumps(event).encode()
    now = datetime.fromtimestamp(peer.now(), UTC)
    (listed,) = paypal.verify_events(body, peer.sign(body), now=lambda: now)
    return listed


@pytest.mark.parametrize(
    ("event_type", "resource", "about"),
    [
        (
            "PAYMENT.PAYOUTS-ITEM.SUCCEEDED",
            {
                "payout_item_id": "8AELMXH8UB2P8",
                "payout_item": {
                    "receiver": "worker@example.com",
                    "recipient_name": PERSON["name"],
                    "note": "See you at home",
                    "alternate_notification_method": PERSON,
                },
            },
            (ObjectKind.PAYOUT, "8AELMXH8UB2P8", "worker@example.com"),
        ),
        (
            "CUSTOMER.DISPUTE.CREATED",
            {
                "dispute_id": "PP-D-1",
                "messages": [{"posted_by": "BUYER", "content": "I was not at home, call 5551234"}],
                "extensions": {"merchandize_dispute_properties": {"return_address": PERSON["address"]}},
                "communication_details": {"email": "ada@example.org", "note": "at home"},
                "disputed_transactions": [{"seller_transaction_id": "3BC", "buyer": PERSON}],
            },
            (ObjectKind.CHARGEBACK, "PP-D-1", None),
        ),
        (
            "CHECKOUT.ORDER.APPROVED",
            {
                "id": "5O190127TN364715T",
                "payer": PERSON,
                "purchase_units": [{"shipping": PERSON, "description": "A doll for Ada"}],
            },
            (ObjectKind.PAYMENT, "5O190127TN364715T", None),
        ),
        (
            "INVOICING.INVOICE.PAID",
            {"invoice": {"primary_recipients": [{"billing_info": PERSON}], "detail": {"note": "at home"}}},
            (None, None, None),
        ),
    ],
)
def test_what_is_about_people_is_not_kept_and_the_rest_is_read_again(
    paypal, paypal_peer, event_type, resource, about
):
    listed = kept(paypal, paypal_peer, told(event_type, resource))
    assert [word for word in SAID if word.encode() in listed.payload] == []
    event = paypal.read_event(listed.payload)
    assert event == listed.event
    assert (event.kind, event.object_id, event.account) == about


def test_every_event_of_the_peers_is_read_as_before_it_was_made_fit_to_be_kept(
    paypal, paypal_peer, paypal_payment
):
    dispute = paypal_peer.dispute(paypal_payment.charge.gateway_id)["dispute_id"]
    paypal_peer.resolve_dispute(dispute, outcome="RESOLVED_BUYER_FAVOUR")
    for each in paypal_peer.events():
        listed = kept(paypal, paypal_peer, each)
        assert (
            paypal.read_event(json.dumps(each).encode()) == listed.event == paypal.read_event(listed.payload)
        )
