"""Only PayPal is believed, only about our webhook, and only lately."""

from __future__ import annotations

import json
import threading
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.serving import make_server

from gateways.contract import AnswerNotUnderstood, ObjectKind, RefundOrder, SignatureRefused
from gateways.paypal.client import connect
from gateways.paypal.gateway import PayPalGateway
from kernel.ids import new_id
from kernel.money import Money
from sandbox.paypal import signing
from tests.sandbox.endpoint import Endpoint

EVENT = {
    "id": "WH-2WR32451HC0233532-67976317FL4543714",
    "event_version": "1.0",
    "create_time": "2026-11-22T12:00:00.000Z",
    "resource_type": "capture",
    "event_type": "PAYMENT.CAPTURE.COMPLETED",
    "summary": "Payment completed",
    "resource": {
        "id": "42311647XV020574X",
        "status": "COMPLETED",
        "supplementary_data": {"related_ids": {"order_id": "5O190127TN364715T"}},
    },
}
BODY = json.dumps(EVENT).encode()


@pytest.fixture
def now(paypal_peer):
    return datetime.fromtimestamp(int(paypal_peer.now()), UTC)


def verified(paypal, headers, now, body=BODY):
    (listed,) = paypal.verify_events(body, headers, now=lambda: now)
    return listed


def test_what_paypal_signed_is_believed(paypal, paypal_peer, now):
    listed = verified(paypal, paypal_peer.sign(BODY), now)
    event = listed.event
    assert (event.id, event.type) == (EVENT["id"], "PAYMENT.CAPTURE.COMPLETED")
    assert (event.kind, event.object_id, event.account) == (ObjectKind.PAYMENT, "5O190127TN364715T", None)
    assert (event.created_at, event.livemode) == (datetime(2026, 11, 22, 12, 0, tzinfo=UTC), False)
    assert paypal.read_event(listed.payload) == event


def test_names_of_headers_are_written_as_they_please(paypal, paypal_peer, now):
    headers = {name.upper(): value for name, value in paypal_peer.sign(BODY).items()}
    assert verified(paypal, headers, now).event is not None


def test_every_event_of_a_payments_life_is_about_the_right_thing(
    paypal, paypal_peer, paypal_payment, paypal_order
):
    refund = paypal.create_refund(
        RefundOrder(new_id("rf"), paypal_payment.gateway_id, Money(1_000, "USD"))
    ).gateway_id
    dispute = paypal_peer.dispute(paypal_payment.charge.gateway_id)["dispute_id"]
    waiting = paypal.create_payment(replace(paypal_order, payment_id=new_id("py"))).gateway_id
    paypal_peer.approve(waiting, instrument="echeck")
    paypal.capture_payment(waiting, key="echeck")
    paypal_peer.fail_refund(refund)
    found, bodies = [], b""
    for each in paypal_peer.events():
        body, headers = paypal_peer.signed(each["id"])
        listed = verified(paypal, headers, datetime.fromtimestamp(paypal_peer.now(), UTC), body)
        found.append((listed.event.type, listed.event.kind, listed.event.object_id))
        bodies += listed.payload
    order = paypal_payment.gateway_id
    assert found == [
        ("CHECKOUT.ORDER.APPROVED", ObjectKind.PAYMENT, order),
        ("PAYMENT.CAPTURE.COMPLETED", ObjectKind.PAYMENT, order),
        ("CHECKOUT.ORDER.COMPLETED", ObjectKind.PAYMENT, order),
        ("PAYMENT.CAPTURE.REFUNDED", ObjectKind.REFUND, refund),
        ("CUSTOMER.DISPUTE.CREATED", ObjectKind.CHARGEBACK, dispute),
        ("CHECKOUT.ORDER.APPROVED", ObjectKind.PAYMENT, waiting),
        ("PAYMENT.CAPTURE.PENDING", ObjectKind.PAYMENT, waiting),
        ("CHECKOUT.ORDER.COMPLETED", ObjectKind.PAYMENT, waiting),
        ("PAYMENT.REFUND.FAILED", ObjectKind.REFUND, refund),
    ]
    # Who has paid is not kept.
    assert b"payer@example.com" not in bodies


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("po_1", (ObjectKind.PAYOUT_ORDER, "po_1", None)),
        ("po_1.2", (ObjectKind.PAYOUT_ORDER, "po_1", None)),
        ("salaries in May", (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_a_batch_that_is_denied_is_told_of_by_our_name_for_it(paypal, name, about):
    header = {"payout_batch_id": "5UXD2E8A7EBQJ", "sender_batch_header": {"sender_batch_id": name}}
    told = EVENT | {"event_type": "PAYMENT.PAYOUTSBATCH.DENIED", "resource": {"batch_header": header}}
    event = paypal.read_event(json.dumps(told).encode())
    assert (event.kind, event.object_id, event.account) == about


@pytest.mark.parametrize("apart", [timedelta(seconds=-300), timedelta(0), timedelta(seconds=300)])
def test_five_minutes_either_way_are_tolerated(paypal, paypal_peer, now, apart):
    headers = paypal_peer.sign(BODY, at=(now + apart).timestamp())
    assert verified(paypal, headers, now).event is not None


@pytest.mark.parametrize("apart", [timedelta(seconds=-301), timedelta(seconds=301), timedelta(days=1)])
def test_an_older_or_a_future_signature_is_refused(paypal, paypal_peer, now, apart):
    headers = paypal_peer.sign(BODY, at=(now + apart).timestamp())
    with pytest.raises(SignatureRefused, match="these minutes"):
        verified(paypal, headers, now)


def test_what_was_signed_for_another_webhook_is_refused(paypal, paypal_peer, now):
    headers = paypal_peer.sign(BODY, webhook_id="1JE4291016473214C")
    with pytest.raises(SignatureRefused):
        verified(paypal, headers, now)


@pytest.mark.parametrize("body", [BODY.replace(b"WH-2", b"WH-3"), json.dumps(EVENT, indent=1).encode(), b""])
def test_a_changed_body_is_refused(paypal, paypal_peer, now, body):
    with pytest.raises(SignatureRefused):
        verified(paypal, paypal_peer.sign(BODY), now, body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PayPal-Transmission-Id", "another"),
        ("PayPal-Transmission-Sig", "AAAA"),
        ("PayPal-Transmission-Sig", "no base64"),
        ("PayPal-Transmission-Sig", "\u00fc"),
        ("PayPal-Auth-Algo", "none"),
        ("PayPal-Auth-Algo", "SHA1withRSA"),
        ("PayPal-Transmission-Time", "soon"),
        ("PayPal-Transmission-Time", "x" * 2_000),
    ],
)
def test_what_is_not_signed_is_refused_and_asks_for_no_time(paypal, paypal_peer, name, value):
    def never():
        raise AssertionError("the clock is in the database, and strangers do not make us ask it")

    headers = paypal_peer.sign(BODY) | {name: value}
    with pytest.raises(SignatureRefused):
        paypal.verify_events(BODY, headers, now=never)
    del headers[name]
    with pytest.raises(SignatureRefused):
        paypal.verify_events(BODY, headers, now=never)
    with pytest.raises(SignatureRefused):
        paypal.verify_events(BODY, {}, now=never)


@pytest.mark.parametrize(
    "url",
    [
        "{peer}/elsewhere/certs/CERT-1",
        "{peer}@127.0.0.1/v1/notifications/certs/CERT-1",
        "{peer}/v1/notifications/certs/../../../evil",
        "{peer}/v1/notifications/certs/CERT-1?x=1",
        "https://api.paypal.com/v1/notifications/certs/CERT-1",
        "",
    ],
)
def test_a_certificate_from_elsewhere_is_not_even_fetched(shelf, paypal_peer, url):
    believing = PayPalGateway(connect(client_id="x", client_secret="y", webhook_id="z", api_base=shelf.base))
    headers = paypal_peer.sign(BODY, webhook_id="z") | {"PayPal-Cert-Url": url.format(peer=shelf.base)}
    with pytest.raises(SignatureRefused):
        believing.verify_events(BODY, headers, now=lambda: datetime.now(UTC))
    assert shelf.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/notifications/certs/CERT-1",
        "http://api.paypal.com/v1/notifications/certs/CERT-1",
        "https://api.paypal.com.evil.example/v1/notifications/certs/CERT-1",
        "https://api.paypal.com@evil.example/v1/notifications/certs/CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
    ],
)
def test_live_only_paypals_own_address_has_certificates(paypal_peer, url):
    live = PayPalGateway(connect(client_id="x", client_secret="y", webhook_id="z"))
    assert live.connection.certificates.at(url) is None


def test_a_certificate_is_fetched_once(paypal, paypal_peer, now):
    for _ in range(3):
        verified(paypal, paypal_peer.sign(BODY), now)
    paths = [each["path"] for each in paypal_peer.journal()]
    assert len([path for path in paths if path.startswith("/v1/notifications/certs/")]) == 1


def test_a_certificate_that_cannot_be_had_is_asked_for_again(paypal, paypal_peer, now):
    headers = paypal_peer.sign(BODY)
    elsewhere = headers | {"PayPal-Cert-Url": headers["PayPal-Cert-Url"] + "0"}
    with pytest.raises(SignatureRefused, match="cannot be had"):
        verified(paypal, elsewhere, now)
    paypal_peer.fault("cut_before_effect", path=".*/certs/.*")
    with pytest.raises(SignatureRefused, match="cannot be had"):
        verified(paypal, headers, now)
    assert verified(paypal, headers, now).event is not None


def signed_by(signer, base, *, at):
    return signing.headers(
        BODY, transmission_id="1", sent_at=at.timestamp(), webhook_id="z", base_url=base, by=signer
    )


@dataclass
class Shelf:
    """A server that hands out one chain of certificates at whatever address, and remembers what it was asked."""

    base: str = ""
    chain: bytes = b""
    asked: list[str] = field(default_factory=list)

    def __call__(self, environ, start_response):
        self.asked.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "application/x-pem-file")])
        return [self.chain]


@pytest.fixture
def shelf():
    on = Shelf()
    server = make_server("127.0.0.1", 0, on)
    on.base = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    serving.start()
    yield on
    server.shutdown()
    server.server_close()
    serving.join()


@pytest.fixture
def certified(paypal_peer, shelf):
    """The adapter, and what it is given for any certificate."""
    gateway = PayPalGateway(connect(**paypal_peer.credentials | {"webhook_id": "z", "api_base": shelf.base}))

    def given(chain):
        shelf.chain = chain
        return gateway

    return given


def test_a_forged_signature_is_refused(certified, shelf, now):
    forger = signing.signer("forger.example.com")
    with pytest.raises(SignatureRefused, match="not PayPal's"):
        verified(certified(signing.signer().chain), signed_by(forger, shelf.base, at=now), now)


def test_a_certificate_of_somebody_elses_is_refused(certified, shelf, now):
    forger = signing.signer("forger.example.com")
    with pytest.raises(SignatureRefused, match="does not hold"):
        verified(certified(forger.chain), signed_by(forger, shelf.base, at=now), now)


@pytest.mark.parametrize("days", [-1, 2])
def test_a_certificate_out_of_force_is_refused(certified, shelf, now, days):
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    short = signing.signer(begins=begins, ends=begins + timedelta(days=1))
    at = begins + timedelta(days=days)
    with pytest.raises(SignatureRefused, match="does not hold"):
        verified(certified(short.chain), signed_by(short, shelf.base, at=at), at)


def test_a_certificate_nobody_vouches_for_is_refused(certified, shelf, now):
    own, other = signing.signer(), signing.signer("forger.example.com")
    mixed = own.chain.split(b"-----END CERTIFICATE-----\n")[0] + b"-----END CERTIFICATE-----\n"
    mixed += b"-----BEGIN" + other.chain.split(b"-----BEGIN")[2]
    with pytest.raises(SignatureRefused, match="does not hold"):
        verified(certified(mixed), signed_by(own, shelf.base, at=now), now)


@pytest.mark.parametrize("chain", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_refused(certified, shelf, now, chain):
    with pytest.raises(SignatureRefused):
        verified(certified(chain), signed_by(signing.signer(), shelf.base, at=now), now)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe",
        b"[" * 5_000,
        json.dumps(EVENT | {"id": 7}).encode(),
        json.dumps(EVENT | {"id": "WH/../x"}).encode(),
        json.dumps(EVENT | {"create_time": "soon"}).encode(),
        json.dumps(EVENT | {"create_time": "2026-11-22T12:00:00"}).encode(),
        json.dumps(EVENT | {"resource": None}).encode(),
        json.dumps(EVENT | {"event_type": "CUSTOMER.DISPUTE.CREATED", "resource": {}}).encode(),
        json.dumps(EVENT | {"event_type": "CHECKOUT.ORDER.APPROVED", "resource": {"id": "a/b"}}).encode(),
    ],
)
def test_what_is_signed_and_not_understood_is_kept_for_later(certified, shelf, now, body):
    paypal, signer = certified(signing.signer().chain), signing.signer()
    headers = signing.headers(
        body, transmission_id="1", sent_at=now.timestamp(), webhook_id="z", base_url=shelf.base, by=signer
    )
    listed = verified(paypal, headers, now, body)
    assert listed.event is None
    assert listed.payload
    with pytest.raises(AnswerNotUnderstood):
        paypal.read_event(listed.payload)


@pytest.mark.parametrize(
    ("type_", "resource", "kind", "object_id"),
    [
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": "O1"}, ObjectKind.PAYMENT, "O1"),
        ("PAYMENT.CAPTURE.REVERSED", {"id": "R1"}, None, None),
        ("PAYMENT.CAPTURE.DENIED", {"id": "C1"}, None, None),
        (
            "PAYMENT.CAPTURE.DENIED",
            {"links": [{"rel": "up", "href": "https://api.paypal.com/v2/checkout/orders/O2"}]},
            ObjectKind.PAYMENT,
            "O2",
        ),
        ("PAYMENT.REFUND.PENDING", {"id": "R1"}, ObjectKind.REFUND, "R1"),
        ("RISK.DISPUTE.CREATED", {"dispute_id": "PP-1"}, ObjectKind.CHARGEBACK, "PP-1"),
        ("VAULT.PAYMENT-TOKEN.CREATED", {"id": "t"}, None, None),
        ("BILLING.SUBSCRIPTION.CREATED", {"id": "I-1"}, None, None),
    ],
)
def test_what_an_event_is_about(paypal, type_, resource, kind, object_id):
    event = paypal.read_event(json.dumps(EVENT | {"event_type": type_, "resource": resource}).encode())
    assert (event.type, event.kind, event.object_id) == (type_, kind, object_id)


def test_a_payouts_news_names_whose_it_is(paypal):
    resource = {"payout_item_id": "8AELMXH8UB2P8", "payout_item": {"receiver": "worker@example.com"}}
    event = paypal.read_event(
        json.dumps(EVENT | {"event_type": "PAYMENT.PAYOUTS-ITEM.UNCLAIMED", "resource": resource}).encode()
    )
    assert (event.kind, event.object_id, event.account) == (
        ObjectKind.PAYOUT,
        "8AELMXH8UB2P8",
        "worker@example.com",
    )


def test_the_checksum_is_of_the_very_bytes(paypal, paypal_peer, now):
    # Two bodies of the same meaning and other bytes.
    spaced = BODY.replace(b": ", b":")
    assert zlib.crc32(spaced) != zlib.crc32(BODY)
    assert verified(paypal, paypal_peer.sign(spaced), now, spaced).event is not None


def test_events_are_listed_newest_first_page_by_page(paypal, paypal_peer, paypal_payment):
    since = datetime.fromtimestamp(paypal_peer.now(), UTC) - timedelta(minutes=1)
    for _ in range(13):
        paypal_peer.advance(1)
        for _ in range(11):
            paypal_peer.dispute(paypal_payment.charge.gateway_id, stage="INQUIRY")
    until = datetime.fromtimestamp(paypal_peer.now(), UTC) + timedelta(seconds=1)
    found, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page = paypal.events(since=since, until=until, after=after)
        found += [listed.event for listed in page.events]
        after, pages = page.after, pages + 1
    assert pages == 2
    assert {event.id for event in found} == {each["id"] for each in paypal_peer.events()}
    assert [event.created_at for event in found] == sorted(
        (event.created_at for event in found), reverse=True
    )
    assert paypal.events(since=since, until=until, account="worker@example.com").events == ()
    nothing = paypal.events(since=since - timedelta(days=2), until=since)
    assert (nothing.events, nothing.after) == ((), None)


def test_more_events_of_one_moment_than_a_page_holds_are_all_listed(paypal, paypal_peer, paypal_payment):
    since = datetime.fromtimestamp(paypal_peer.now(), UTC) - timedelta(minutes=1)
    template, capture = paypal_peer.events()[0], paypal_payment.charge.gateway_id
    moment = datetime.fromisoformat(template["create_time"])
    told = [paypal_peer.dispute(capture, stage="INQUIRY")["dispute_id"] for _ in range(230)]
    for each in paypal_peer.events():
        body = each | {"create_time": template["create_time"]}
        paypal_peer.change(each["id"], body=body, at=int(moment.timestamp()))
    until = moment + timedelta(hours=1)
    found, after, pages = set(), None, 0
    while pages == 0 or (after is not None and pages < 10):
        page = paypal.events(since=since, until=until, after=after)
        found |= {listed.event.object_id for listed in page.events}
        after, pages = page.after, pages + 1
    assert after is None
    assert set(told) <= found


def test_what_nobody_understands_is_listed_all_the_same(paypal, paypal_peer, paypal_payment):
    first = paypal_peer.events()[0]
    paypal_peer.change(first["id"], body=first | {"resource": None})
    since = datetime.fromtimestamp(paypal_peer.now(), UTC) - timedelta(minutes=1)
    page = paypal.events(since=since, until=since + timedelta(minutes=2))
    assert [listed.event is None for listed in page.events] == [False, False, True]


def test_an_event_is_the_same_however_often_and_late_it_is_delivered(paypal, paypal_peer, paypal_payment):
    told = paypal_peer.events()[-1]["id"]
    found = set()
    for _ in range(3):
        body, headers = paypal_peer.signed(told)
        now = datetime.fromtimestamp(paypal_peer.now(), UTC)
        found.add((verified(paypal, headers, now, body).event, headers["PayPal-Transmission-Time"]))
        paypal_peer.advance(3_600)
    assert len(found) == 3
    assert {event.id for event, _ in found} == {told}
    assert len({event for event, _ in found}) == 1


def test_what_is_delivered_twice_late_and_out_of_order_is_each_event_once(paypal, paypal_peer, paypal_order):
    endpoint = Endpoint()
    endpoint.answers += [503, 503]
    paypal_peer.webhooks(url=endpoint.url, duplicate=0.7, reorder=0.5, delay=0.3, delay_seconds=600, seed=5)
    for _ in range(4):
        made = paypal.create_payment(replace(paypal_order, payment_id=new_id("py")))
        paypal_peer.approve(made.gateway_id)
        paypal.capture_payment(made.gateway_id, key=made.payment_id)
    for _ in range(3):
        paypal_peer.drain()
        paypal_peer.advance(601)
    paypal_peer.drain()
    endpoint.close()
    ids = [paypal.read_event(body).id for body, _ in endpoint.received]
    told = [each["id"] for each in paypal_peer.events()]
    assert set(ids) == set(told)
    assert len(ids) > len(told)
    assert list(dict.fromkeys(ids)) != told
    for body, headers in endpoint.received:
        sent_at = datetime.fromisoformat(headers["PayPal-Transmission-Time"])
        assert verified(paypal, headers, sent_at, body).event is not None
