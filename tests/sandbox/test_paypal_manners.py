"""The PayPal peer: whom it lets in, what it repeats, its misfortunes, its post and its contract."""

from __future__ import annotations

import base64
import json
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

import sandbox
from tests.sandbox.endpoint import Endpoint
from tests.sandbox.paypal_client import Client, issue

USD_1 = {"currency_code": "USD", "value": "1.00"}


@pytest.fixture
def running(tmp_path):
    started = sandbox.start(clock_file=tmp_path / "clock.json", seed=7, state=tmp_path / "state.json")
    yield started
    started.close()


@pytest.fixture
def peer(running):
    return running.paypal


@pytest.fixture
def paypal(peer):
    return Client(peer)


@pytest.fixture
def endpoint():
    """Where it is, what arrived, and the answers that are given, 200 where none is left."""
    opened = Endpoint()
    yield opened.url, opened.received, opened.answers
    opened.close()


def types(got):
    return [json.loads(body)["event_type"] for body, _ in got]


def test_only_who_shows_a_token_is_let_in(peer, paypal):
    wrong = requests.post(
        f"{peer.api_base}/v1/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=("somebody", "else"),
        timeout=20,
    )
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    peer.forget_tokens()
    refused = paypal.order()
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
    paypal.sign_in()
    assert paypal.order().status_code == 200
    peer.advance(10 * 3_600)
    assert paypal.order().status_code == 401


def test_the_same_request_id_has_its_first_answer(peer, paypal):
    first = paypal.order(key="py_1")
    peer.approve(first.json()["id"])
    again = paypal.order(key="py_1")
    assert again.json() == first.json()
    assert paypal.order(key="py_2").json()["id"] != first.json()["id"]
    assert issue(paypal.order("7.00", key="py_1")) == (422, "DUPLICATE_REQUEST_ID")
    path = f"/v2/checkout/orders/{first.json()['id']}/capture"
    captured = [paypal.post(path, key="py_1.c").json() for _ in range(2)]
    assert captured[0] == captured[1]
    assert paypal.balance() == "96.02"
    peer.advance(7 * 3_600)
    assert paypal.order(key="py_1").json()["id"] != first.json()["id"]


def test_what_was_refused_may_be_asked_again_under_the_same_request_id(peer, paypal):
    made = paypal.order().json()
    path = f"/v2/checkout/orders/{made['id']}/capture"
    assert issue(paypal.post(path, key="c")) == (422, "ORDER_NOT_APPROVED")
    peer.approve(made["id"])
    assert paypal.post(path, key="c").json()["status"] == "COMPLETED"


def test_two_at_once_are_one(peer, paypal):
    fault = peer.fault("hold_in_flight")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(paypal.order, key="py_1")
        peer.wait_held(fault)
        assert issue(paypal.order(key="py_1")) == (409, "PREVIOUS_REQUEST_IN_PROGRESS")
        peer.release(fault)
        made = first.result()
    assert paypal.order(key="py_1").json() == made.json()


@pytest.mark.parametrize(("kind", "made"), [("cut_before_effect", 0), ("cut_after_effect", 1)])
def test_a_connection_is_cut_before_or_after_the_effect(peer, paypal, kind, made):
    peer.fault(kind, path="/v2/checkout/orders")
    with pytest.raises(requests.ConnectionError):
        paypal.order(key="py_1")
    orders = [each for each in peer.state()["objects"].values() if each["object"] == "order"]
    assert len(orders) == made
    assert paypal.order(key="py_1").status_code == 200


@pytest.mark.parametrize(
    ("status", "name"),
    [(429, "RATE_LIMIT_REACHED"), (500, "INTERNAL_SERVER_ERROR"), (503, "SERVICE_UNAVAILABLE")],
)
def test_an_error_is_ordered(peer, paypal, status, name):
    peer.fault("status", status=status, retry_after=7)
    refused = paypal.order()
    assert (refused.status_code, refused.json()["name"], refused.headers["Retry-After"]) == (
        status,
        name,
        "7",
    )
    assert refused.json()["debug_id"] == refused.headers["Paypal-Debug-Id"]
    assert paypal.order().status_code == 200


def test_an_error_may_come_after_the_effect(peer, paypal):
    peer.fault("status", status=500, effect=True)
    assert paypal.order(key="py_1").status_code == 500
    assert len([each for each in peer.state()["objects"].values() if each["object"] == "order"]) == 1


def test_webhooks_are_signed_by_the_certificate_they_name(peer, paypal, endpoint):
    url, got, _answers = endpoint
    peer.webhooks(url=url)
    paypal.paid()
    peer.drain()
    assert types(got) == ["CHECKOUT.ORDER.APPROVED", "PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.COMPLETED"]
    for body, headers in got:
        line = "|".join(
            (
                headers["PayPal-Transmission-Id"],
                headers["PayPal-Transmission-Time"],
                peer.credentials["webhook_id"],
                str(zlib.crc32(body)),
            )
        )
        chain = requests.get(headers["PayPal-Cert-Url"], timeout=20).content
        own, above = x509.load_pem_x509_certificates(chain)
        own.verify_directly_issued_by(above)
        signature = base64.b64decode(headers["PayPal-Transmission-Sig"])
        own.public_key().verify(signature, line.encode(), padding.PKCS1v15(), hashes.SHA256())


def test_the_post_is_lost_doubled_late_out_of_order_and_tried_again(peer, paypal, endpoint):
    url, got, answers = endpoint
    peer.webhooks(url=url, duplicate=1.0, types="CHECKOUT.*")
    paypal.order()
    paypal.paid()
    peer.drain()
    assert types(got).count("CHECKOUT.ORDER.APPROVED") == 2
    assert types(got).count("PAYMENT.CAPTURE.COMPLETED") == 1
    same = [headers["PayPal-Transmission-Id"] for body, headers in got if b"ORDER.APPROVED" in body]
    assert same[0] == same[1]
    got.clear()
    peer.webhooks(url=url, drop=1.0)
    paypal.paid()
    peer.drain()
    assert got == []
    peer.webhooks(url=url, delay=1.0, delay_seconds=600)
    paypal.order()
    peer.approve(paypal.order().json()["id"])
    peer.drain()
    assert got == []
    peer.end_webhook_troubles()
    answers.append(500)
    peer.advance(601)
    peer.drain()
    assert len(got) == 1
    peer.advance(6)
    peer.drain()
    assert types(got) == ["CHECKOUT.ORDER.APPROVED"] * 2
    got.clear()
    peer.webhooks(url=url, reorder=1.0, types="CHECKOUT.ORDER.APPROVED")
    paypal.paid()
    peer.advance(2)
    peer.drain()
    assert types(got).index("CHECKOUT.ORDER.APPROVED") > 0


def test_events_are_listed_newest_first_and_sent_again(peer, paypal, endpoint):
    url, got, _answers = endpoint
    paypal.paid()
    listed = paypal.get("/v1/notifications/webhooks-events", page_size=2).json()["events"]
    assert [each["event_type"] for each in listed] == [
        "CHECKOUT.ORDER.COMPLETED",
        "PAYMENT.CAPTURE.COMPLETED",
    ]
    peer.webhooks(url=url)
    sent = paypal.get(f"/v1/notifications/webhooks-events/{listed[0]['id']}").json()
    peer.redeliver(sent["id"])
    peer.drain()
    assert json.loads(got[0][0]) == sent
    assert set(peer.storm(sent["id"], copies=3)) == {200}
    body, headers = peer.signed(sent["id"])
    assert (json.loads(body), headers["PayPal-Auth-Algo"]) == (sent, "SHA256withRSA")


def test_what_paypal_would_not_understand_is_kept_against_whoever_sent_it(peer, paypal):
    if peer.why_unchecked() is not None:
        pytest.skip(peer.why_unchecked())
    unit = {"amount": USD_1, "colour": "blue"}
    paypal.post("/v2/checkout/orders", {"intent": "CAPTURE", "purchase_units": [unit]})
    paypal.get("/v1/reporting/balances", currency="USD")
    paypal.get("/v2/nothing")
    paypal.post("/v2/checkout/orders", {"intent": "capture", "purchase_units": [{"amount": USD_1}]})
    capture = paypal.capture()["id"]
    dispute = peer.dispute(capture)["dispute_id"]
    paypal.evidence(dispute, "x" * 2_001)
    told = [each["message"] for each in peer.violations()]
    assert told[0] == "/purchase_units/0/colour is not known"
    assert told[1] == "query parameter currency is not known"
    assert told[2] == "the sandbox does not play this call"
    assert told[3].startswith("/intent: ")
    assert told[4].startswith("/0/notes: ")
    assert len(told) == 5


def test_without_paypals_documents_the_check_says_why_it_is_left_out(peer, paypal):
    why = peer.why_unchecked()
    assert why is None or "PAYPAL_OPENAPI" in why or "jsonschema_rs" in why


def test_stripe_and_paypal_share_one_clock(running, peer):
    running.advance(3_600)
    assert abs(peer.now() - running.now()) < 2
    peer.advance(3_600)
    assert abs(peer.now() - running.now()) < 2


def test_a_restart_forgets_nothing(tmp_path):
    file, clock = tmp_path / "state.json", tmp_path / "clock.json"
    first = sandbox.start(state=file, clock_file=clock)
    Client(first.paypal).paid()
    first.close()
    second = sandbox.start(state=file, clock_file=clock)
    assert Client(second.paypal).balance() == "96.02"
    second.close()


def test_a_reset_forgets_all(peer, paypal):
    paypal.paid()
    peer.reset(keep_clock=True)
    paypal.sign_in()
    assert paypal.balance() == "0.00"
    assert peer.events() == []
