"""Adyen's notifications on a bad road: signed, several to a POST, twice, late, lost and tried again."""

from __future__ import annotations

import json

import pytest
from Adyen.util import is_valid_hmac_notification, is_valid_hmac_payload

import sandbox
from tests.sandbox.adyen_playing import Api, NewsEndpoint
from tests.waiting import until


@pytest.fixture
def endpoint():
    opened = NewsEndpoint()
    yield opened
    opened.close()


@pytest.fixture
def peer(tmp_path, endpoint):
    running = sandbox.start(clock_file=tmp_path / "clock.json", seed=7)
    running.adyen.webhooks(url=endpoint.url)
    yield running.adyen
    violations = running.adyen.violations()
    running.close()
    assert violations == []


@pytest.fixture
def api(peer):
    return Api(peer)


def test_adyens_own_sdk_believes_every_signature(api, peer, endpoint):
    api.paid()
    peer.dispute("py_1")
    peer.drain()
    for body, headers in endpoint.received:
        notification = json.loads(body)
        if "notificationItems" not in notification:
            assert is_valid_hmac_payload(headers["HmacSignature"], api.ours.platform_hmac_key, body)
            continue
        for wrapped in notification["notificationItems"]:
            assert is_valid_hmac_notification(wrapped["NotificationRequestItem"], api.ours.hmac_key) is True


def test_a_chargeback_is_two_items_of_one_post(api, peer, endpoint):
    api.paid()
    peer.dispute("py_1")
    peer.drain()
    assert ["NOTIFICATION_OF_CHARGEBACK", "CHARGEBACK"] in endpoint.codes


def test_a_payment_is_told_step_by_step(api, peer, endpoint):
    api.paid()
    peer.drain()
    assert endpoint.codes[0] == ["AUTHORISATION"]
    assert endpoint.codes[1:].count("balancePlatform.transfer.created") == 2
    bodies = [json.loads(body) for body, _ in endpoint.received[1:]]
    told = [(each["data"]["id"], each["data"]["sequenceNumber"], each["data"]["status"]) for each in bodies]
    first = [(number, status) for thing, number, status in told if thing == told[0][0]]
    assert first == [(1, "received"), (2, "authorised"), (3, "captured")]


@pytest.mark.parametrize("success", [True, False])
def test_what_becomes_of_a_refund_is_told_later(api, peer, endpoint, success):
    payment = api.paid()
    api.refund(payment["id"], 1_000 if success else 10_001)
    peer.drain()
    before = len(endpoint.received)
    peer.advance(60)
    peer.drain()
    items = [
        wrapped["NotificationRequestItem"]
        for body, _ in endpoint.received[before:]
        for wrapped in json.loads(body).get("notificationItems", ())
    ]
    assert [(each["eventCode"], each["success"], each["merchantReference"]) for each in items] == [
        ("REFUND", "true" if success else "false", "rf_1")
    ]


def test_a_refund_that_comes_back_is_told_by_another_name(api, peer, endpoint):
    payment = api.paid()
    api.refund(payment["id"], reference="rf_1")
    api.refund(payment["id"], reference="rf_2")
    peer.advance(60)
    peer.fail_refund("rf_1")
    peer.advance(2 * 86_400)
    peer.fail_refund("rf_2")
    peer.drain()
    assert ["REFUND_FAILED"] in endpoint.codes
    assert ["REFUNDED_REVERSED"] in endpoint.codes


def test_news_come_twice(api, peer, endpoint):
    peer.webhooks(duplicate=1.0, types="AUTHORISATION")
    api.paid()
    peer.drain()
    assert endpoint.codes.count(["AUTHORISATION"]) == 2
    twice = [body for body, _ in endpoint.received if b"AUTHORISATION" in body]
    assert twice[0] == twice[1]


def test_news_are_lost(api, peer, endpoint):
    peer.webhooks(drop=1.0)
    api.paid()
    peer.drain()
    assert endpoint.received == []
    assert {each["status"] for each in peer.deliveries()} == {"dropped"}


def test_what_was_lost_is_sent_again_some_kinds_of_it_or_all(api, peer, endpoint):
    peer.webhooks(drop=1.0)
    api.paid()
    peer.end_webhook_troubles()
    peer.redeliver(types="AUTHORISATION|REFUND")
    peer.drain()
    assert endpoint.codes == [["AUTHORISATION"]]
    peer.redeliver()
    peer.drain()
    assert len(endpoint.received) == 1 + len(peer.news())


def test_news_are_late(api, peer, endpoint):
    peer.webhooks(delay=1.0, delay_seconds=3_600, types="AUTHORISATION")
    api.session()
    api.paid("py_2")
    until(lambda: endpoint.received)
    assert ["AUTHORISATION"] not in endpoint.codes
    peer.advance(3_601)
    peer.drain()
    assert ["AUTHORISATION"] in endpoint.codes


def test_what_was_not_taken_is_tried_again_as_it_was(api, peer, endpoint):
    endpoint.answers = [500]
    peer.warn(api.paid()["id"])
    peer.drain()
    first = endpoint.received[0]
    assert endpoint.codes.count(["AUTHORISATION"]) == 1
    peer.advance(10)
    until(lambda: endpoint.codes.count(["AUTHORISATION"]) == 2)
    again = next(body for body, _ in reversed(endpoint.received) if b"AUTHORISATION" in body)
    # Adyen leaves the date as it was.
    assert again == first[0]


def test_news_of_an_account_say_what_is_missing(api, peer, endpoint):
    worker, holder, _ = api.worker()
    peer.restrict(worker)
    peer.drain()
    told = json.loads(endpoint.received[-1][0])
    assert (told["type"], told["data"]["accountHolder"]["id"]) == (
        "balancePlatform.accountHolder.updated",
        holder,
    )
    sending = told["data"]["accountHolder"]["capabilities"]["sendToTransferInstrument"]
    assert (sending["allowed"], sending["verificationStatus"]) == (False, "invalid")
