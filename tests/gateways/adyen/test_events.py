"""Only Adyen is believed, item by item, only lately, and only about the mode our key is of."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from gateways.adyen.client import connect
from gateways.adyen.events import _last_change
from gateways.adyen.gateway import AdyenGateway
from gateways.contract import AnswerNotUnderstood, ObjectKind, RefundOrder, SignatureRefused
from kernel.ids import new_id
from kernel.money import Money
from sandbox.adyen.news import item_signature
from sandbox.adyen.state import signature

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEW, OLD = "A1" * 32, "B2" * 32
PAYMENT, PSP = "py_06f3k8m2n4p6r8t0v2w4y6z8a0", "QFQTPCQ8HXSKGK82"
ITEM = {
    "additionalData": {
        "cardSummary": "1111",
        "cardHolderName": "Ana Client",
        "expiryDate": "03/2030",
        "shopperEmail": "ana@example.com",
    },
    "amount": {"currency": "USD", "value": 10000},
    "eventCode": "AUTHORISATION",
    "eventDate": "2026-11-22T13:00:00+01:00",
    "merchantAccountCode": "HoldfastMarketplace",
    "merchantReference": PAYMENT,
    "paymentMethod": "visa",
    "pspReference": PSP,
    "reason": "012345:1111:03/2030",
    "success": "true",
}


def gateway(*keys, live_prefix=None, platform=(NEW, OLD)):
    return AdyenGateway(
        connect(
            api_key="k",
            client_key="c",
            merchant_account="HoldfastMarketplace",
            balance_platform="HoldfastPlatform",
            balance_account="BA00000000000000000000001",
            hmac_keys=keys,
            platform_hmac_keys=platform,
            return_url="holdfast://paid",
            now=lambda: NOW,
            live_prefix=live_prefix,
        )
    )


@pytest.fixture
def adyen():
    return gateway(NEW, OLD)


def signed(item, key=NEW):
    made = copy.deepcopy(item)
    made.setdefault("additionalData", {})["hmacSignature"] = item_signature(made, key=key)
    return made


def body(*items, live="false"):
    whole = {"live": live, "notificationItems": [{"NotificationRequestItem": each} for each in items]}
    return json.dumps(whole).encode()


def verify(adyen, payload, headers=None, at=NOW):
    return adyen.verify_events(payload, headers or {}, now=lambda: at)


@pytest.mark.parametrize("key", [NEW, OLD])
def test_both_keys_are_believed_while_one_is_replaced(adyen, key):
    (listed,) = verify(adyen, body(signed(ITEM, key)))
    event = listed.event
    assert (event.id, event.type, event.kind) == (
        f"{PSP}.AUTHORISATION.true",
        "AUTHORISATION",
        ObjectKind.PAYMENT,
    )
    assert (event.object_id, event.account, event.livemode) == (f"ay_{PAYMENT}.10000USD", None, False)
    assert event.created_at == NOW


def test_what_is_kept_has_no_card_and_can_be_read_again(adyen):
    (listed,) = verify(adyen, body(signed(ITEM)))
    assert adyen.read_event(listed.payload) == listed.event
    for secret in (b"1111", b"Ana", b"2030", b"ana@example.com", b"hmacSignature", b"012345"):
        assert secret not in listed.payload


def test_news_of_a_payment_name_our_own_id_of_it(adyen):
    canceled = ITEM | {"eventCode": "CANCELLATION", "amount": {"currency": "USD", "value": 0}}
    (listed,) = verify(adyen, body(signed(canceled)))
    assert (listed.event.object_id, listed.event.ours) == (f"ay_{PAYMENT}", PAYMENT)
    refund = ITEM | {"eventCode": "REFUND", "merchantReference": PAYMENT.replace("py_", "rf_")}
    assert verify(adyen, body(signed(refund)))[0].event.ours is None


def test_one_post_carries_several(adyen):
    refund = ITEM | {
        "eventCode": "REFUND",
        "merchantReference": PAYMENT.replace("py_", "rf_"),
        "success": "false",
    }
    chargeback = ITEM | {"eventCode": "CHARGEBACK", "pspReference": "D" * 16, "originalReference": PSP}
    found = verify(adyen, body(*(signed(each) for each in (ITEM, refund, chargeback))))
    assert [(each.event.kind, each.event.object_id) for each in found] == [
        (ObjectKind.PAYMENT, f"ay_{PAYMENT}.10000USD"),
        (ObjectKind.REFUND, f"ay_{PAYMENT.replace('py_', 'rf_')}.10000USD"),
        (ObjectKind.CHARGEBACK, f"ay_{PAYMENT}.{'D' * 16}"),
    ]
    assert [adyen.read_event(each.payload) for each in found] == [each.event for each in found]


FORGED = {
    "changed": lambda item: item | {"success": "false"},
    "another amount": lambda item: item | {"amount": {"currency": "USD", "value": 99}},
    "another payment": lambda item: item | {"merchantReference": new_id("py")},
    "no signature": lambda item: item | {"additionalData": {}},
    "empty signature": lambda item: item | {"additionalData": {"hmacSignature": ""}},
    "no text": lambda item: item | {"additionalData": {"hmacSignature": 7}},
    "not ascii": lambda item: item | {"additionalData": {"hmacSignature": "ü"}},
    "nothing more": lambda item: {name: item[name] for name in item if name != "additionalData"},
    "more is no object": lambda item: item | {"additionalData": "hmacSignature"},
    "no amount": lambda item: {name: item[name] for name in item if name != "amount"},
    "no object": lambda _: "item",
    "another's key": lambda item: signed(item, "C3" * 32),
    # The SDK looks for a signed item inside, and would answer for that one.
    "a signed one inside": lambda item: (
        item
        | {
            "merchantReference": new_id("py"),
            "notificationItems": [{"NotificationRequestItem": item}],
        }
    ),
}


@pytest.mark.parametrize("how", FORGED)
def test_one_forged_item_refuses_all_of_them(adyen, how):
    genuine = signed(ITEM)
    forged = FORGED[how](copy.deepcopy(genuine))
    for items in ((forged,), (genuine, forged), (forged, genuine)):
        with pytest.raises(SignatureRefused):
            verify(adyen, body(*items))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        b'"x"',
        b"\xff\xfe",
        b'{"notificationItems": []}',
        b'{"notificationItems": [1]}',
    ],
)
def test_what_is_no_notification_is_refused(adyen, payload):
    with pytest.raises(SignatureRefused):
        verify(adyen, payload)


def test_without_keys_nothing_is_believed():
    with pytest.raises(SignatureRefused):
        verify(gateway(), body(signed(ITEM)))
    with pytest.raises(SignatureRefused):
        verify(gateway(platform=()), TRANSFER, headed(TRANSFER))


def test_what_nobody_signed_asks_for_no_time(adyen):
    def never():
        raise AssertionError("the clock is in the database, and strangers do not make us ask it")

    for headers in ({}, {"HmacSignature": "nonsense"}, {"HmacSignature": "ünmöglich"}):
        with pytest.raises(SignatureRefused):
            adyen.verify_events(body(ITEM), headers, now=never)


@pytest.mark.parametrize(
    "apart", [timedelta(days=-29), timedelta(days=-3), timedelta(0), timedelta(minutes=50)]
)
def test_adyen_tries_for_days_and_is_still_believed(adyen, apart):
    item = signed(ITEM | {"eventDate": (NOW + apart).isoformat()})
    assert verify(adyen, body(item))[0].event.created_at == NOW + apart


@pytest.mark.parametrize("apart", [timedelta(days=-31), timedelta(hours=2), timedelta(days=400)])
def test_what_is_too_old_or_of_the_future_is_refused(adyen, apart):
    item = signed(ITEM | {"eventDate": (NOW + apart).isoformat()})
    with pytest.raises(SignatureRefused):
        verify(adyen, body(item))


def test_a_replay_under_another_date_is_the_same_event(adyen):
    again = ITEM | {"eventDate": (NOW - timedelta(days=1)).isoformat()}
    ids = {verify(adyen, body(signed(item)))[0].event.id for item in (ITEM, again)}
    assert len(ids) == 1


def test_a_word_of_a_dispute_is_another_event_at_another_time(adyen):
    word = ITEM | {"eventCode": "DISPUTE_DEFENSE_PERIOD_ENDED"}
    dates = ("2026-11-20T10:00:00+00:00", "2026-11-20T11:30:00+01:00", "2026-11-22T10:00:00+00:00")
    ids = [verify(adyen, body(signed(word | {"eventDate": date})))[0].event.id for date in dates]
    assert ids == [
        f"{PSP}.DISPUTE_DEFENSE_PERIOD_ENDED.true.2026112010",
        f"{PSP}.DISPUTE_DEFENSE_PERIOD_ENDED.true.2026112010",
        f"{PSP}.DISPUTE_DEFENSE_PERIOD_ENDED.true.2026112210",
    ]


@pytest.mark.parametrize(("live", "prefix"), [("true", None), ("false", "abc"), ("maybe", None)])
def test_a_notification_of_the_other_mode_is_refused(live, prefix):
    with pytest.raises(SignatureRefused):
        verify(gateway(NEW, live_prefix=prefix), body(signed(ITEM), live=live))


def test_a_notification_of_our_mode_is_believed():
    assert verify(gateway(NEW, live_prefix="abc"), body(signed(ITEM), live="true"))[0].event.livemode


ODD = {
    "a word of later": {"eventCode": "MOON_CHARGEBACK"},
    "made by hand": {"merchantReference": "order 17"},
    "of another merchant": {"merchantAccountCode": "Somebody"},
    "a report": {"eventCode": "REPORT_AVAILABLE", "merchantReference": ""},
    "a refund by hand": {"eventCode": "REFUND"},
}


@pytest.mark.parametrize("how", ODD)
def test_what_is_none_of_our_business_is_an_event_about_nothing(adyen, how):
    (listed,) = verify(adyen, body(signed(ITEM | ODD[how])))
    assert (listed.event.kind, listed.event.object_id) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"eventDate": "yesterday"},
        {"eventDate": "2026-11-22T13:00:00"},
        {"success": "perhaps"},
        {"eventCode": "x" * 200},
    ],
)
def test_what_is_signed_and_not_understood_is_kept(adyen, change):
    (listed,) = verify(adyen, body(signed(ITEM | change)))
    assert listed.event is None
    with pytest.raises(AnswerNotUnderstood):
        adyen.read_event(listed.payload)


@pytest.mark.parametrize("payload", [b"[]", b"null", b"{}", b"not json", b'{"notificationItems": [1, 2]}'])
def test_bytes_that_are_no_event_are_not_understood(adyen, payload):
    with pytest.raises(AnswerNotUnderstood):
        adyen.read_event(payload)


# -- the balance platform


def platform(**changes):
    whole = {
        "data": {
            "accountHolder": {"id": "AH1", "description": "Ana Worker"},
            "amount": {"currency": "USD", "value": 1000},
            "balanceAccount": {"id": "BA0000000000000000000007"},
            "category": "bank",
            "categoryData": {"priority": "regular", "type": "bank"},
            "counterparty": {"bankAccount": {"accountIdentification": {"accountNumber": "123456789"}}},
            "creationDate": "2026-11-22T12:00:00+00:00",
            "direction": "outgoing",
            "id": "6JKRLZ8LOT47J7RY",
            "reason": "approved",
            "reference": PAYMENT.replace("py_", "po_"),
            "sequenceNumber": 3,
            "status": "booked",
            "type": "bankTransfer",
        },
        "environment": "test",
        "timestamp": "2026-11-22T12:00:01+00:00",
        "type": "balancePlatform.transfer.updated",
    }
    return json.dumps(whole | changes).encode()


TRANSFER = platform()


def headed(payload, key=NEW):
    return {"HmacSignature": signature(payload, key=key), "Protocol": "HmacSHA256"}


@pytest.mark.parametrize("key", [NEW, OLD])
def test_a_payout_is_told_of_the_workers_account(adyen, key):
    (listed,) = verify(adyen, TRANSFER, headed(TRANSFER, key))
    event = listed.event
    assert (event.kind, event.object_id, event.account) == (
        ObjectKind.PAYOUT,
        "6JKRLZ8LOT47J7RY",
        "BA0000000000000000000007",
    )
    assert (event.id, event.type) == (
        "6JKRLZ8LOT47J7RY.3",
        "balancePlatform.transfer.updated:bankTransfer:booked",
    )
    assert adyen.read_event(listed.payload) == event
    for secret in (b"123456789", b"Ana"):
        assert secret not in listed.payload


def test_an_account_is_told_by_its_balance_account(adyen):
    holder = {
        "accountHolder": {"id": "AH1", "primaryBalanceAccount": "BA7", "contactDetails": {"email": "a@b.c"}}
    }
    payload = platform(type="balancePlatform.accountHolder.updated", data=holder)
    (listed,) = verify(adyen, payload, headed(payload))
    assert (listed.event.kind, listed.event.object_id) == (ObjectKind.ACCOUNT, "BA7")
    assert b"a@b.c" not in listed.payload
    assert adyen.read_event(listed.payload) == listed.event


def test_other_news_of_the_platform_are_about_nothing(adyen):
    payload = platform(type="balancePlatform.score.triggered", data={"score": 1})
    (listed,) = verify(adyen, payload, headed(payload))
    assert (listed.event.kind, listed.event.type) == (None, "balancePlatform.score.triggered")


def test_a_changed_body_is_refused(adyen):
    with pytest.raises(SignatureRefused):
        verify(adyen, TRANSFER + b" ", headed(TRANSFER))
    with pytest.raises(SignatureRefused):
        verify(adyen, TRANSFER)


@pytest.mark.parametrize(
    "changes",
    [{"environment": "live"}, {"timestamp": "2026-10-01T00:00:00Z"}, {"timestamp": "2026-11-22T14:00:00Z"}],
)
def test_platform_news_of_another_mode_or_time_are_refused(adyen, changes):
    payload = platform(**changes)
    with pytest.raises(SignatureRefused):
        verify(adyen, payload, headed(payload))


@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b"{}", b"not json", b"\xff", platform(data={}), platform(type=7)]
)
def test_signed_bytes_that_nobody_understands_are_kept(adyen, payload):
    (listed,) = verify(adyen, payload, headed(payload))
    assert listed.event is None


IBAN = {"bankAccount": {"accountHolder": {"fullName": "Ana Worker"}, "iban": "NL13TEST0123456789"}}


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (
            platform(data={"id": "T1", "counterparty": IBAN}),
            {"type": "balancePlatform.transfer.updated", "id": "T1"},
        ),
        (platform(data=[IBAN]), {"type": "balancePlatform.transfer.updated"}),
        (platform(data={"id": IBAN}), {"type": "balancePlatform.transfer.updated"}),
        (b'["NL13TEST0123456789", "Ana"]', {}),
    ],
)
def test_of_what_nobody_understands_no_name_is_kept(adyen, payload, named):
    (listed,) = verify(adyen, payload, headed(payload))
    kept = json.loads(listed.payload)["not_understood"]
    assert kept.pop("sha256") == sha256(payload).hexdigest()
    kept.pop("timestamp", None)
    assert (listed.event, kept) == (None, named)
    with pytest.raises(AnswerNotUnderstood):
        adyen.read_event(listed.payload)


@pytest.mark.parametrize("changes", [{"environment": "live"}, {"timestamp": "2001-01-01T00:00:00Z"}])
def test_what_nobody_understands_is_refused_when_it_is_of_another_mode_or_time(adyen, changes):
    payload = platform(data={"id": "T1"}, **changes)
    with pytest.raises(SignatureRefused):
        verify(adyen, payload, headed(payload))


# -- what never came


@pytest.fixture
def real(connected):
    return connected()


def sweep(real, clock, **about):
    events, after = [], None
    while True:
        page = real.events(
            since=clock.now() - timedelta(hours=2),
            until=clock.now() + timedelta(hours=1),
            after=after,
            **about,
        )
        events += page.events
        after = page.after
        if after is None:
            return events


def test_what_moved_is_found_though_nobody_was_told(real, adyen_peer, payment_order, inbox, clock):
    made = real.create_payment(payment_order)
    adyen_peer.pay(made.client_secret)
    found = sweep(real, clock)
    assert {each.event.object_id for each in found} == {f"ay_{payment_order.payment_id}"}
    assert {each.event.kind for each in found} == {ObjectKind.PAYMENT}
    told = {event.id for event in inbox.hear(real)}
    # What came is known by the same id as what is found.
    assert {each.event.id for each in found} <= told
    assert all(real.read_event(each.payload) == each.event for each in found)


def test_what_changed_later_is_found_by_when_it_changed(real, adyen_peer, payment_order, clock):
    made = real.create_payment(payment_order)
    adyen_peer.pay(made.client_secret)
    order = RefundOrder(new_id("rf"), made.gateway_id, Money(1_000, "USD"))
    real.create_refund(order)
    clock.advance(days=2)
    assert sweep(real, clock) == []
    adyen_peer.fail_refund(order.refund_id)
    (found,) = sweep(real, clock)
    assert (found.event.kind, found.event.object_id) == (ObjectKind.REFUND, f"ay_{order.refund_id}.1000USD")


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ({}, "2026-11-22T12:00:00Z"),
        ({"updatedAt": "2026-11-22T13:00:00Z"}, "2026-11-22T13:00:00Z"),
        ({"events": [{"bookingDate": "2026-11-23T01:00:00Z"}, {"id": "x"}]}, "2026-11-23T01:00:00Z"),
        ({"events": [{"updateDate": "2026-11-24T01:00:00Z"}]}, "2026-11-24T01:00:00Z"),
    ],
)
def test_a_transfer_changed_when_its_last_step_was_taken(said, changed):
    transfer = {"creationDate": "2026-11-22T12:00:00Z"} | said
    assert _last_change(transfer) == datetime.fromisoformat(changed)


def test_pages_follow_each_other(real, adyen_peer, clock):
    for _ in range(230):
        adyen_peer.book_line("internalTransfer", -1)
    clock.advance(minutes=1)
    adyen_peer.book_line("internalTransfer", -1)
    ids = [each.event.object_id for each in sweep(real, clock)]
    assert (len(ids), len(set(ids))) == (231, 231)


def test_a_workers_payouts_are_in_the_list_of_their_account(connected, adyen_peer, clock):
    real = connected()
    transfer = adyen_peer.book_line("internalTransfer", 500)
    assert sweep(real, clock, account="BA00000000000000000000009") == []
    assert [each.event.object_id for each in sweep(real, clock)] == [transfer["id"]]


@pytest.mark.parametrize("without", [("creationDate",), ("createdAt", "updatedAt"), ("balanceAccount",)])
def test_what_adyen_does_not_promise_is_not_missed(real, adyen_peer, clock, without):
    bare, whole = (adyen_peer.book_line("internalTransfer", -1)["id"] for _ in range(2))
    adyen_peer.leave_out(bare, *without)
    found = sweep(real, clock)
    assert {(each.event.kind, each.event.object_id, each.event.account) for each in found} == {
        (ObjectKind.TRANSFER, bare, None),
        (ObjectKind.TRANSFER, whole, None),
    }


def test_one_that_nobody_understands_stops_no_other(real, adyen_peer, clock):
    strange, whole = (adyen_peer.book_line("internalTransfer", -1)["id"] for _ in range(2))
    adyen_peer.leave_out(strange, "type", "updatedAt", "createdAt", "creationDate")
    one, other = sorted(sweep(real, clock), key=lambda each: each.event is None)
    assert (one.event.object_id, other.event) == (whole, None)
    assert json.loads(other.payload)["not_understood"]["id"] == strange
