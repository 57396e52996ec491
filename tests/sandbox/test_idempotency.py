"""Asking twice does it once."""

import threading

import pytest
import stripe

from tests.sandbox.playing import DAY, connected, funds

ORDER = {"amount": 5_000, "currency": "usd"}
KEY = {"idempotency_key": "py_1"}


def test_the_same_request_is_answered_again_and_not_carried_out_again(api):
    first = api.payment_intents.create(ORDER, KEY)
    again = api.payment_intents.create(ORDER, KEY)
    assert again.id == first.id
    assert first.last_response.headers.get("Idempotent-Replayed") is None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(api.payment_intents.list().data) == 1


def test_other_parameters_under_the_same_key_are_refused(api):
    api.payment_intents.create(ORDER, KEY)
    with pytest.raises(stripe.IdempotencyError) as refused:
        api.payment_intents.create(ORDER | {"amount": 5_001}, KEY)
    assert refused.value.http_status == 400
    assert len(api.payment_intents.list().data) == 1


def test_another_call_under_the_same_key_is_refused(api):
    api.payment_intents.create(ORDER, KEY)
    with pytest.raises(stripe.IdempotencyError):
        api.customers.create({"email": "a@example.com"}, KEY)


def test_a_decline_is_remembered_as_well(api):
    paying = ORDER | {
        "confirm": True,
        "payment_method": "pm_card_chargeDeclined",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            api.payment_intents.create(paying, KEY)
    assert len(api.charges.list().data) == 1


def test_what_stripe_did_not_understand_is_not_remembered(unchecked_peer, http):
    api = connected(unchecked_peer, http).v1
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.create({"amount": 5_000}, KEY)
    assert api.payment_intents.create(ORDER, KEY).amount == 5_000


def test_a_key_is_forgotten_after_a_day(api, peer):
    first = api.payment_intents.create(ORDER, KEY)
    peer.advance(DAY - 60)
    assert api.payment_intents.create(ORDER, KEY).id == first.id
    peer.advance(120)
    assert api.payment_intents.create(ORDER, KEY).id != first.id


def test_each_account_has_keys_of_its_own(api, peer, worker):
    ours = api.customers.create({"email": "a@example.com"}, KEY)
    theirs = api.customers.create({"email": "a@example.com"}, KEY | {"stripe_account": worker.id})
    assert ours.id != theirs.id


def test_while_the_first_is_under_way_the_second_is_told_to_wait(api, peer):
    fault = peer.fault("hold_in_flight", path="/v1/payment_intents")
    made = []
    first = threading.Thread(target=lambda: made.append(api.payment_intents.create(ORDER, KEY)))
    first.start()
    peer.wait_held(fault)
    with pytest.raises(stripe.APIError) as refused:
        api.payment_intents.create(ORDER, KEY)
    assert (refused.value.http_status, refused.value.error.code) == (409, "idempotency_key_in_use")
    peer.release(fault)
    first.join()
    assert api.payment_intents.create(ORDER, KEY).id == made[0].id


def test_twenty_at_once_with_one_key_are_one(api, peer, http, worker, charge):
    send = {"amount": 9_000, "currency": "usd", "destination": worker.id, "source_transaction": charge.id}
    patient = stripe.StripeClient(
        peer.secret_key, base_addresses={"api": peer.base_url}, max_network_retries=5, http_client=http
    )
    made = []
    threads = [
        threading.Thread(target=lambda: made.append(patient.v1.transfers.create(send, KEY).id))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 20
    assert len(set(made)) == 1
    assert funds(api, worker.id) == (0, 9_000)
