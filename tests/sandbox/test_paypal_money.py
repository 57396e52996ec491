"""The PayPal peer: what it does with money, and what it refuses, in PayPal's words."""

from __future__ import annotations

import pytest
import requests

import sandbox
from tests.sandbox.paypal_client import Client, issue

DAY = 86_400


@pytest.fixture
def unchecked(tmp_path):
    running = sandbox.start(clock_file=tmp_path / "clock.json", seed=7)
    yield running.paypal
    running.close()


@pytest.fixture
def peer(unchecked):
    yield unchecked
    assert unchecked.violations() == []


@pytest.fixture
def paypal(peer):
    return Client(peer)


def test_an_order_is_approved_by_its_payer_and_captured_by_us(paypal, peer):
    made = paypal.order("100.00", custom_id="py_1").json()
    assert made["status"] == "PAYER_ACTION_REQUIRED"
    path = f"/v2/checkout/orders/{made['id']}"
    assert issue(paypal.post(f"{path}/capture")) == (422, "ORDER_NOT_APPROVED")
    peer.approve(made["id"])
    assert paypal.get(path).json()["status"] == "APPROVED"
    captured = paypal.post(f"{path}/capture").json()
    (capture,) = captured["purchase_units"][0]["payments"]["captures"]
    assert (captured["status"], capture["status"], capture["custom_id"]) == ("COMPLETED", "COMPLETED", "py_1")
    assert capture["seller_receivable_breakdown"]["paypal_fee"]["value"] == "3.98"
    assert issue(paypal.post(f"{path}/capture")) == (422, "ORDER_ALREADY_CAPTURED")
    assert paypal.codes() == [("T0006", "100.00")]
    assert paypal.balance() == "96.02"


def test_an_order_nobody_approves_is_gone_and_one_that_is_approved_is_not(paypal, peer):
    made, agreed = paypal.order().json()["id"], paypal.order().json()["id"]
    peer.approve(agreed)
    peer.advance(3 * 3_600 + 60)
    assert issue(paypal.get(f"/v2/checkout/orders/{made}")) == (404, "INVALID_RESOURCE_ID")
    assert paypal.get(f"/v2/checkout/orders/{agreed}").json()["status"] == "APPROVED"


def test_the_payer_agrees_on_paypals_page(paypal, peer):
    made = paypal.order().json()
    page = next(link["href"] for link in made["links"] if link["rel"] == "payer-action")
    assert "100.00 USD" in requests.get(page, timeout=20).text
    button = page.replace("checkoutnow?", "checkoutnow/approve?")
    assert "has arrived" in requests.post(button, timeout=20).text
    assert paypal.get(f"/v2/checkout/orders/{made['id']}").json()["status"] == "APPROVED"
    nowhere = requests.get(page.replace("token=", "token=X"), timeout=20)
    assert nowhere.status_code == 404


def test_an_instrument_that_is_declined_leaves_the_payer_to_choose_another(paypal, peer):
    made = paypal.order().json()
    peer.approve(made["id"], instrument="declined")
    declined = paypal.post(f"/v2/checkout/orders/{made['id']}/capture")
    assert issue(declined) == (422, "INSTRUMENT_DECLINED")
    assert declined.json()["links"][0]["rel"] == "redirect"
    peer.approve(made["id"])
    assert paypal.post(f"/v2/checkout/orders/{made['id']}/capture").json()["status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("arrives", "status", "balance"), [(True, "COMPLETED", "96.02"), (False, "DECLINED", "0.00")]
)
def test_an_echeck_takes_its_time(paypal, peer, arrives, status, balance):
    capture = paypal.capture(instrument="echeck")
    assert (capture["status"], capture["status_details"]["reason"]) == ("PENDING", "ECHECK")
    assert paypal.balance() == "0.00"
    (peer.complete_capture if arrives else peer.deny_capture)(capture["id"])
    assert paypal.get(f"/v2/payments/captures/{capture['id']}").json()["status"] == status
    assert paypal.balance() == balance


@pytest.mark.parametrize(
    ("value", "currency", "says"),
    [
        ("1.5", "JPY", "DECIMALS_NOT_SUPPORTED"),
        ("1.505", "USD", "DECIMAL_PRECISION"),
        ("0.00", "USD", "CANNOT_BE_ZERO_OR_NEGATIVE"),
        ("1", "KRW", "CURRENCY_NOT_SUPPORTED"),
    ],
)
def test_an_amount_paypal_cannot_write_is_refused(paypal, value, currency, says):
    assert issue(paypal.order(value, currency=currency)) == (422, says)


def test_an_invoice_is_paid_once(paypal, peer):
    paypal.paid(invoice_id="py_1")
    second = paypal.order(invoice_id="py_1").json()
    peer.approve(second["id"])
    again = paypal.post(f"/v2/checkout/orders/{second['id']}/capture")
    assert issue(again) == (422, "DUPLICATE_INVOICE_ID")


def test_a_refund_leaves_the_fee_with_paypal(paypal):
    capture = paypal.capture()["id"]
    # There is only 96.02 left of it.
    assert issue(paypal.refund(capture)) == (422, "REFUND_FAILED_INSUFFICIENT_FUNDS")
    refund = paypal.refund(capture, "40.00").json()
    assert (refund["status"], refund["amount"]["value"]) == ("COMPLETED", "40.00")
    assert paypal.get(f"/v2/payments/captures/{capture}").json()["status"] == "PARTIALLY_REFUNDED"
    assert paypal.balance() == "56.02"
    assert issue(paypal.refund(capture, "60.01")) == (422, "REFUND_AMOUNT_EXCEEDED")
    paypal.capture()
    assert paypal.refund(capture, "60.00").json()["status"] == "COMPLETED"
    assert issue(paypal.refund(capture)) == (422, "CAPTURE_FULLY_REFUNDED")
    assert paypal.get(f"/v2/payments/captures/{capture}").json()["status"] == "REFUNDED"


def test_a_refund_may_wait_and_may_fail(paypal, peer):
    capture = paypal.capture()["id"]
    peer.prices(refunds_pending=1)
    first, second = (paypal.refund(capture, "10.00").json()["id"] for _ in range(2))
    assert paypal.balance() == "96.02"
    peer.complete_refund(first)
    assert paypal.balance() == "86.02"
    peer.fail_refund(second)
    peer.fail_refund(first)
    assert [paypal.get(f"/v2/payments/refunds/{each}").json()["status"] for each in (first, second)] == [
        "FAILED",
        "FAILED",
    ]
    assert paypal.balance() == "96.02"
    assert paypal.get(f"/v2/payments/captures/{capture}").json()["status"] == "COMPLETED"


def test_an_account_is_kept_while_paying_and_forgotten_when_asked(paypal):
    paypal.paid(save=True)
    (token,) = paypal.get("/v3/vault/payment-tokens", customer_id="client_7").json()["payment_tokens"]
    assert token["payment_source"]["paypal"]["email_address"] == "payer@example.com"
    assert paypal.delete(f"/v3/vault/payment-tokens/{token['id']}").status_code == 204
    gone = paypal.get("/v3/vault/payment-tokens", customer_id="client_7")
    assert issue(gone) == (404, "INVALID_RESOURCE_ID")


@pytest.mark.parametrize(
    ("channel", "outcome", "codes"),
    [
        ("INTERNAL", "RESOLVED_SELLER_FAVOUR", [("T1110", "-100.00"), ("T1111", "100.00")]),
        (
            "INTERNAL",
            "RESOLVED_BUYER_FAVOUR",
            [("T1110", "-100.00"), ("T1111", "100.00"), ("T1106", "-100.00")],
        ),
        (
            "EXTERNAL",
            "RESOLVED_SELLER_FAVOUR",
            [("T1201", "-100.00"), ("T0106", "-20.00"), ("T1202", "100.00")],
        ),
        ("EXTERNAL", "RESOLVED_BUYER_FAVOUR", [("T1201", "-100.00"), ("T0106", "-20.00")]),
    ],
)
def test_a_dispute_takes_the_money_and_may_give_it_back(paypal, peer, channel, outcome, codes):
    capture = paypal.capture()["id"]
    dispute = peer.dispute(capture, channel=channel)["dispute_id"]
    assert paypal.get(f"/v1/customer/disputes/{dispute}").json()["status"] == "WAITING_FOR_SELLER_RESPONSE"
    assert issue(paypal.refund(capture, "1.00")) == (422, "TRANSACTION_DISPUTED")
    assert paypal.evidence(dispute, "Delivered.").status_code == 200
    assert issue(paypal.evidence(dispute, "Again."))[0] == 422
    peer.resolve_dispute(dispute, outcome=outcome)
    found = paypal.get(f"/v1/customer/disputes/{dispute}").json()
    assert (found["status"], found["dispute_outcome"]["outcome_code"]) == ("RESOLVED", outcome)
    assert [evidence["notes"] for evidence in found["evidences"]] == ["Delivered."]
    assert paypal.codes()[1:] == codes
    (listed,) = paypal.get("/v1/customer/disputes", disputed_transaction_id=capture).json()["items"]
    assert listed["dispute_id"] == dispute


def test_an_inquiry_takes_nothing_and_a_claim_that_is_accepted_does(paypal, peer):
    capture = paypal.capture()["id"]
    dispute = peer.dispute(capture, stage="INQUIRY")["dispute_id"]
    assert paypal.balance() == "96.02"
    peer.move_dispute(dispute, stage="CHARGEBACK")
    assert paypal.balance() == "-3.98"
    assert paypal.post(f"/v1/customer/disputes/{dispute}/accept-claim").status_code == 200
    assert paypal.get(f"/v1/customer/disputes/{dispute}").json()["status"] == "RESOLVED"
    assert paypal.balance() == "-3.98"


def test_a_batch_is_sent_once_however_often_it_is_asked_for(paypal, peer):
    paypal.paid()
    first = paypal.payout().json()["batch_header"]
    assert (first["batch_status"], paypal.balance()) == ("PENDING", "75.77")
    again = paypal.payout()
    assert (again.status_code, again.json()["name"]) == (400, "USER_BUSINESS_ERROR")
    (detail,) = again.json()["details"]
    assert detail["link"][0]["href"].endswith(f"/v1/payments/payouts/{first['payout_batch_id']}")
    peer.advance(60)
    item = paypal.payout_item(first["payout_batch_id"])
    assert (item["transaction_status"], item["payout_item"]["sender_item_id"]) == ("SUCCESS", "po_1")
    assert paypal.balance() == "75.77"


@pytest.mark.parametrize(
    ("receiver", "status", "balance"),
    [
        ("nobody@example.com", "UNCLAIMED", "75.77"),
        ("closed@example.com", "FAILED", "96.02"),
        ("blocked@example.com", "BLOCKED", "96.02"),
    ],
)
def test_what_becomes_of_an_item_is_told_by_whom_it_is_for(paypal, peer, receiver, status, balance):
    paypal.paid()
    batch = paypal.payout(receiver=receiver).json()["batch_header"]["payout_batch_id"]
    peer.advance(60)
    assert paypal.payout_item(batch)["transaction_status"] == status
    assert paypal.balance() == balance


def test_what_nobody_claims_comes_back(paypal, peer):
    paypal.paid()
    batches = [paypal.payout(each, "nobody@example.com").json()["batch_header"] for each in ("a", "b")]
    peer.advance(60)
    first, second = (paypal.payout_item(each["payout_batch_id"])["payout_item_id"] for each in batches)
    assert paypal.post(f"/v1/payments/payouts-item/{first}/cancel").json()["transaction_status"] == "RETURNED"
    peer.advance(31 * DAY)
    paypal.sign_in()
    found = paypal.get(f"/v1/payments/payouts-item/{second}").json()
    assert found["transaction_status"] == "RETURNED"
    assert paypal.balance() == "95.52"


def test_more_than_there_is_is_not_sent(paypal):
    refused = paypal.payout(value="0.01")
    assert (refused.status_code, refused.json()["name"]) == (422, "INSUFFICIENT_FUNDS")


def test_reports_are_in_pages_of_31_days_and_late(paypal, peer):
    for _ in range(3):
        paypal.paid("10.00")
    assert len(paypal.lines(page_size=2)) == 2
    assert len(paypal.lines(page_size=2, page=2)) == 1
    far = paypal.get(
        "/v1/reporting/transactions", start_date="2026-01-01T00:00:00Z", end_date="2026-03-01T00:00:00Z"
    )
    assert far.status_code == 400
    peer.prices(report_delay_seconds=3_600)
    assert paypal.lines() == []
    peer.advance(3_700)
    assert len(paypal.lines()) == 3
    assert sum(float(line["transaction_amount"]["value"]) for line in paypal.lines()) == 30.0
