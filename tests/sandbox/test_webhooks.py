"""Events on their way to the service: signed, repeated, late, lost."""

import json

import pytest
import stripe

from tests.sandbox.playing import DAY

SECRET = "whsec_of_this_test"


@pytest.fixture
def told(peer, endpoint):
    """The endpoint, which is told everything from now on."""
    peer.webhooks(url=endpoint.url, secret=SECRET)
    return endpoint


def test_events_arrive_in_order_with_a_signature_of_the_sandbox_clock(api, peer, told):
    peer.advance(3 * DAY)
    customer = api.customers.create({"email": "a@example.com"}, {"idempotency_key": "cu_1"})
    api.customers.update(customer.id, {"name": "A"})
    peer.drain()
    assert told.types == ["customer.created", "customer.updated"]
    body, signature = told.received[0]
    stamp = int(dict(part.split("=") for part in signature.split(","))["t"])
    assert abs(stamp - peer.now()) < 5
    event = stripe.Webhook.construct_event(body, signature, SECRET, tolerance=4 * DAY)
    assert (event.type, event.data.object.id, event.livemode) == ("customer.created", customer.id, False)
    assert event.api_version == stripe.api_version
    assert event.request.idempotency_key == "cu_1"
    assert event.request.id == customer.last_response.request_id
    assert abs(event.created - peer.now()) < 5


def test_another_secret_does_not_verify(api, peer, told):
    api.customers.create({"email": "a@example.com"})
    peer.drain()
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(*told.received[0], "whsec_another", tolerance=4 * DAY)


def test_what_happens_by_itself_has_no_request(api, peer, told, charge):
    peer.advance(2 * DAY + 1)
    peer.drain()
    settled = next(event for event in told.events if event.type == "balance.available")
    assert (settled.request.id, settled.request.idempotency_key) == (None, None)
    assert settled.created == charge.created + 2 * DAY


def test_events_of_connected_accounts_name_the_account(api, peer, told, worker):
    peer.drain()
    updated = [event for event in told.events if event.type == "account.updated"]
    assert {event.account for event in updated} == {worker.id}


def test_an_endpoint_that_fails_is_tried_again_by_the_clock(api, peer, told):
    told.answers += [500, 302]
    api.customers.create({"email": "a@example.com"})
    peer.drain()
    assert len(told.received) == 1
    peer.advance(6)
    peer.drain()
    assert len(told.received) == 2
    assert api.events.list().data[0].pending_webhooks == 1
    peer.advance(61)
    peer.drain()
    assert [len(told.received), api.events.list().data[0].pending_webhooks] == [3, 0]
    assert len({body for body, _ in told.received}) == 1
    peer.advance(3 * DAY)
    peer.drain()
    assert len(told.received) == 3


def test_after_three_days_nothing_more_is_tried(api, peer, told):
    told.answers += [500] * 50
    api.customers.create({"email": "a@example.com"})
    for _ in range(10):
        peer.drain()
        peer.advance(DAY / 2)
    peer.drain()
    (delivery,) = peer.deliveries()
    assert delivery["status"] == "given_up"
    assert len(told.received) == len(delivery["attempts"]) < 12


def test_an_endpoint_that_is_down_gets_everything_later(api, peer, endpoint):
    peer.webhooks(url="http://127.0.0.1:9/webhooks")
    api.customers.create({"email": "a@example.com"})
    peer.drain()
    peer.webhooks(url=endpoint.url)
    peer.advance(6)
    peer.drain()
    assert endpoint.types == ["customer.created"]


def test_every_event_can_come_twice(api, peer, told):
    peer.webhooks(duplicate=1.0)
    api.customers.create({"email": "a@example.com"})
    peer.drain()
    first, second = told.events
    assert first.id == second.id


def test_dropped_events_stay_in_the_log(api, peer, told):
    peer.webhooks(drop=1.0, types=r"customer\..*")
    api.customers.create({"email": "a@example.com"})
    api.payment_intents.create({"amount": 500, "currency": "usd"})
    peer.drain()
    assert told.types == ["payment_intent.created"]
    assert [event.type for event in api.events.list().data] == ["payment_intent.created", "customer.created"]


def test_delayed_events_come_when_the_clock_has_moved(api, peer, told):
    peer.webhooks(delay=1.0, delay_seconds=600)
    api.customers.create({"email": "a@example.com"})
    peer.drain()
    assert told.received == []
    peer.advance(601)
    peer.drain()
    assert told.types == ["customer.created"]


def test_events_can_overtake_each_other(api, peer, told):
    peer.webhooks(reorder=1.0, types=r"customer\.created")
    customer = api.customers.create({"email": "a@example.com"})
    api.customers.update(customer.id, {"name": "A"})
    peer.drain()
    peer.advance(2)
    peer.drain()
    assert told.types == ["customer.updated", "customer.created"]


def test_held_events_wait_for_permission(api, peer, told):
    peer.webhooks(hold=True)
    api.customers.create({"email": "a@example.com"})
    peer.drain()
    assert told.received == []
    peer.end_webhook_troubles()
    peer.drain()
    assert told.types == ["customer.created"]


def test_the_same_seed_loses_the_same_events(api, peer, told):
    lost = []
    for _ in range(2):
        told.received.clear()
        peer.webhooks(drop=0.5, seed=11)
        for number in range(12):
            api.customers.create({"name": str(number)})
        peer.drain()
        lost.append([event.data.object.name for event in told.events])
    assert lost[0] == lost[1]
    assert 0 < len(lost[0]) < 12


def test_an_event_can_be_delivered_many_times_at_once(api, peer, told):
    api.customers.create({"email": "a@example.com"})
    peer.drain()
    event = api.events.list().data[0]
    assert peer.storm(event.id, copies=8) == [200] * 8
    assert [found.id for found in told.events] == [event.id] * 9


def test_events_can_be_sent_again(api, peer, told):
    api.customers.create({"email": "a@example.com"})
    api.payment_intents.create({"amount": 500, "currency": "usd"})
    peer.drain()
    peer.redeliver(types=r"customer\..*")
    peer.drain()
    peer.redeliver(told.events[1].id)
    peer.drain()
    assert told.types == [
        "customer.created",
        "payment_intent.created",
        "customer.created",
        "payment_intent.created",
    ]


def test_the_bytes_of_an_event_can_be_had_without_a_delivery(api, peer):
    api.customers.create({"email": "a@example.com"})
    event = api.events.list().data[0]
    body, signature = peer.signed(event.id)
    parsed = stripe.Webhook.construct_event(body, signature, peer.webhook_secret)
    assert parsed.id == event.id
    assert json.loads(body)["data"]["object"]["object"] == "customer"
