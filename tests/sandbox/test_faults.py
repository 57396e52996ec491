"""Misfortunes a test can order, each with and without its effect."""

import threading

import pytest
import stripe

from tests.sandbox.playing import connected

ORDER = {"amount": 5_000, "currency": "usd"}
KEY = {"idempotency_key": "py_1"}
CREATE = {"method": "POST", "path": "/v1/payment_intents"}


def count(api):
    return len(api.payment_intents.list({"limit": 100}).data)


def test_a_connection_cut_before_the_effect_leaves_nothing(api, peer):
    peer.fault("cut_before_effect", **CREATE)
    with pytest.raises(stripe.APIConnectionError):
        api.payment_intents.create(ORDER, KEY)
    assert count(api) == 0
    api.payment_intents.create(ORDER, KEY)
    assert count(api) == 1


def test_a_connection_cut_after_the_effect_leaves_the_effect_and_the_answer(api, peer):
    peer.fault("cut_after_effect", **CREATE)
    with pytest.raises(stripe.APIConnectionError):
        api.payment_intents.create(ORDER, KEY)
    made = api.payment_intents.list().data
    assert len(made) == 1
    answered = api.payment_intents.create(ORDER, KEY)
    assert answered.id == made[0].id
    assert answered.last_response.headers["Idempotent-Replayed"] == "true"


def test_the_sdk_survives_a_cut_by_itself_and_acts_once(api, peer, http):
    peer.fault("cut_after_effect", **CREATE)
    patient = stripe.StripeClient(
        peer.secret_key, base_addresses={"api": peer.base_url}, max_network_retries=1, http_client=http
    )
    patient.v1.payment_intents.create(ORDER, KEY)
    assert count(api) == 1


def test_too_many_requests_does_nothing_and_is_not_remembered(api, peer):
    peer.fault("status", status=429, **CREATE)
    with pytest.raises(stripe.RateLimitError):
        api.payment_intents.create(ORDER, KEY)
    assert count(api) == 0
    assert api.payment_intents.create(ORDER, KEY).amount == 5_000


def test_a_500_is_what_every_repetition_is_told(api, peer):
    peer.fault("status", status=500, **CREATE)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as broken:
            api.payment_intents.create(ORDER, KEY)
        assert broken.value.http_status == 500
    assert count(api) == 0


def test_a_500_may_hide_an_effect(api, peer):
    peer.fault("status", status=500, effect=True, **CREATE)
    with pytest.raises(stripe.APIError):
        api.payment_intents.create(ORDER, KEY)
    assert count(api) == 1


def test_a_500_that_is_not_remembered_passes(api, peer):
    peer.fault("status", status=503, saved=False, **CREATE)
    with pytest.raises(stripe.APIError):
        api.payment_intents.create(ORDER, KEY)
    assert api.payment_intents.create(ORDER, KEY).amount == 5_000


@pytest.mark.parametrize(
    ("kind", "verdict", "effects"),
    [
        ("hold_before_effect", "continue", 1),
        ("hold_before_effect", "cut", 0),
        ("hold_in_flight", "continue", 1),
        ("hold_in_flight", "cut", 0),
        ("hold_after_effect", "continue", 1),
        ("hold_after_effect", "cut", 1),
    ],
)
def test_a_call_is_held_until_it_is_released(api, peer, kind, verdict, effects):
    fault = peer.fault(kind, **CREATE)
    outcomes = []

    def order():
        try:
            outcomes.append(api.payment_intents.create(ORDER, KEY).object)
        except stripe.APIConnectionError:
            outcomes.append("cut")

    caller = threading.Thread(target=order)
    caller.start()
    peer.wait_held(fault)
    assert count(api) == (1 if kind == "hold_after_effect" else 0)
    peer.release(fault, verdict=verdict)
    caller.join()
    assert outcomes == ["payment_intent" if verdict == "continue" else "cut"]
    assert count(api) == effects


def test_a_held_call_is_carried_out_even_when_its_caller_is_gone(peer, api):
    hasty = stripe.RequestsClient(timeout=0.2)
    fault = peer.fault("hold_in_flight", **CREATE)
    with pytest.raises(stripe.APIConnectionError):
        connected(peer, hasty).v1.payment_intents.create(ORDER, KEY)
    hasty.close()
    peer.release(fault)
    assert api.payment_intents.create(ORDER, KEY).object == "payment_intent"
    assert count(api) == 1


def test_the_third_request_suffers_and_then_two_more(api, peer):
    peer.fault("status", status=429, nth=3, count=2, **CREATE)
    assert [_survives(api) for _ in range(6)] == [True, True, False, False, True, True]


def test_the_same_seed_strikes_the_same_requests(api, peer):
    runs = []
    for _ in range(2):
        peer.clear_faults()
        peer.fault("status", status=429, probability=0.5, count=None, seed=3, **CREATE)
        runs.append([_survives(api) for _ in range(12)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {True, False}


def test_a_slow_answer_comes_too_late_for_the_hasty(peer, api):
    hasty = stripe.RequestsClient(timeout=0.2)
    peer.fault("slow", seconds=0.5, **CREATE)
    with pytest.raises(stripe.APIConnectionError):
        connected(peer, hasty).v1.payment_intents.create(ORDER, KEY)
    hasty.close()


def test_faults_strike_only_what_they_name(api, peer):
    peer.fault("cut_before_effect", method="POST", path="/v1/transfers")
    assert api.customers.create({"email": "a@example.com"}).object == "customer"
    assert peer.faults()[0]["seen"] == 0


def test_the_journal_tells_what_befell_each_request(api, peer):
    peer.fault("cut_after_effect", **CREATE)
    with pytest.raises(stripe.APIConnectionError):
        api.payment_intents.create(ORDER, KEY)
    api.payment_intents.create(ORDER, KEY)
    cut, replayed = [entry for entry in peer.journal() if entry["path"] == "/v1/payment_intents"]
    assert (cut["status"], cut["fault"], cut["idempotency_key"]) == (None, "cut_after_effect", "py_1")
    assert (replayed["status"], replayed["replayed"], replayed["parameters"]) == (
        200,
        True,
        {"amount": "5000", "currency": "usd"},
    )


def _survives(api):
    try:
        api.payment_intents.create(ORDER)
    except stripe.RateLimitError:
        return False
    return True
