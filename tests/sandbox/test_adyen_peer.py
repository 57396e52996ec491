"""Adyen's peer itself: its documents, its memory, its money and its misfortunes."""

from __future__ import annotations

import threading
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

import sandbox
from sandbox.adyen import contract
from tests.sandbox.adyen_playing import NOW_AND_THEN, Api
from tests.waiting import until

DAY = 86_400


@pytest.fixture
def unchecked(tmp_path):
    running = sandbox.start(clock_file=tmp_path / "clock.json", seed=7)
    yield running.adyen
    running.close()


@pytest.fixture
def peer(unchecked):
    yield unchecked
    assert unchecked.violations() == []


@pytest.fixture
def api(peer):
    return Api(peer)


@pytest.fixture
def rough(unchecked):
    """For what the real Adyen would not understand."""
    return Api(unchecked)


# -- the door and the documents


def test_without_a_key_nothing_is_answered_and_the_error_is_adyens(api):
    status, error = api.ask("GET", "/bcl/v2/accountHolders/AH1", api_key="wrong")
    assert (status, error["errorCode"], error["title"]) == (401, "000", "Unauthorized")
    status, error = api.session()
    assert status == 201
    status, error = api.ask("POST", "/checkout/v72/sessions", {}, api_key="")
    assert (status, error["errorCode"], error["errorType"]) == (401, "000", "security")
    assert error["pspReference"]


def test_each_api_explains_itself_in_its_own_form(api):
    status, error = api.refund("X" * 16)
    assert (status, error["status"], error["errorCode"], error["errorType"]) == (
        422,
        422,
        "167",
        "validation",
    )
    status, error = api.ask("GET", "/btl/v4/transfers/" + "X" * 16)
    assert (status, error["status"], error["errorCode"]) == (422, 422, "30_112")
    assert {"type", "title", "detail", "requestId"} <= set(error)


def test_another_merchants_account_is_not_ours(api):
    status, error = api.session(merchantAccount="Somebody")
    assert (status, error["errorCode"]) == (403, "901")


needs_documents = pytest.mark.skipif(not contract.is_there(), reason=contract.ABSENT)


@needs_documents
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"reference": 7}, '7 is not of type "string" at reference'),
        ({"moon": 1}, "there is no field .moon"),
        ({"lineItems": [{"price": 1}]}, "there is no field .lineItems.price"),
    ],
)
def test_a_request_that_adyens_document_does_not_know_is_a_violation(rough, unchecked, more, message):
    rough.session(**more)
    assert message in [each["message"] for each in unchecked.violations()]


@needs_documents
def test_so_is_a_parameter_or_a_call_that_there_is_not(rough, unchecked):
    rough.ask("GET", "/btl/v4/transfers", balanceAccountId="BA1", moon="1", sortOrder="up", **NOW_AND_THEN)
    rough.ask("GET", "/btl/v4/transactions", balanceAccountId="BA1")
    rough.ask("GET", "/checkout/v72/payments/X")
    messages = [each["message"] for each in unchecked.violations()]
    assert messages == [
        "there is no parameter moon",
        "sortOrder is none of the words it can be",
        "createdSince is required",
        "createdUntil is required",
        "Adyen has no such call",
    ]


@needs_documents
def test_what_the_peer_says_itself_is_held_against_the_documents_as_well(rough, unchecked):
    unchecked.book_line("moonshine", -1)
    (violation,) = unchecked.violations()
    assert violation["operation"] == "balancePlatform.transfer.created"
    assert "data.type" in violation["message"]


def test_whether_anything_is_checked_is_said(peer):
    told = requests.get(f"{peer.base_url}/_sandbox/adyen/contract", timeout=20).json()
    assert told["checked"] is contract.is_there()
    assert told["checked"] or "github.com/Adyen/adyen-openapi" in told["why"]


# -- idempotency


def test_a_key_is_answered_as_it_was_first(api, peer):
    first = api.session(key="k1")
    assert api.session(key="k1") == first
    assert len(peer.state()["shelves"]["session"]) == 1


def test_a_key_with_other_words_or_too_long_is_refused(api):
    api.session(key="k1")
    assert api.session(value=5, key="k1")[1]["errorCode"] == "704"
    assert api.session(key="k" * 65)[1]["errorCode"] == "703"


def test_a_key_in_flight_is_refused_until_it_is_answered(api, peer):
    fault = peer.fault("hold_in_flight", path=".*/sessions")
    answers = []
    first = threading.Thread(target=lambda: answers.append(api.session(key="k1")))
    first.start()
    until(lambda: any(each["fault"] for each in peer.journal()))
    assert api.session(key="k1")[1]["errorCode"] == "704"
    peer.clear_faults()
    first.join()
    assert fault
    assert api.session(key="k1") == answers[0]


def test_keys_are_forgotten_after_a_week(api, peer):
    first = api.session(key="k1")
    peer.advance(8 * DAY)
    assert api.session(key="k1")[1]["id"] != first[1]["id"]


def test_what_was_refused_can_be_asked_again_under_its_key(api):
    assert api.refund("X" * 16, key="k1")[0] == 422
    assert api.refund(api.paid()["id"], key="k1")[0] == 201


# -- misfortunes


def test_a_connection_is_cut_after_the_effect(api, peer):
    peer.fault("cut_after_effect", path=".*/sessions")
    with pytest.raises(requests.ConnectionError):
        api.session(key="k1")
    assert len(peer.state()["shelves"]["session"]) == 1
    assert api.session(key="k1")[0] == 201
    assert len(peer.state()["shelves"]["session"]) == 1


@pytest.mark.parametrize(("status", "made"), [(500, 0), (429, 0), (503, 0)])
def test_an_injected_error_has_no_effect(api, peer, status, made):
    peer.fault("status", status=status)
    assert api.session()[0] == status
    assert len(peer.state()["shelves"].get("session", ())) == made


def test_an_injected_error_can_hide_an_effect(api, peer):
    peer.fault("status", status=500, effect=True)
    assert api.session(key="k1")[0] == 500
    assert len(peer.state()["shelves"]["session"]) == 1
    assert api.session(key="k1")[0] == 201


# -- money


def test_splits_must_add_up_and_go_to_accounts_that_there_are(api):
    assert (
        api.session(splits=[{"type": "BalanceAccount", "account": "BA9", "amount": {"value": 10_000}}])[0]
        == 422
    )
    ours = api.ours.balance_account
    short = [{"type": "BalanceAccount", "account": ours, "amount": {"value": 9_999}}]
    assert api.session(splits=short)[1]["errorCode"] == "174"


def test_a_payment_is_on_its_way_for_two_days(api, peer):
    api.paid()
    assert (api.balance()["available"], api.balance()["pending"]) == (0, 9_680)
    peer.advance(2 * DAY)
    assert (api.balance()["available"], api.balance()["pending"]) == (9_680, 0)


def test_a_session_can_be_paid_once_and_for_an_hour(api, peer):
    _, session = api.session()
    peer.pay(session["id"])
    with pytest.raises(sandbox.SandboxRefusedError):
        peer.pay(session["id"])
    _, late = api.session("py_2")
    peer.advance(3_601)
    with pytest.raises(sandbox.SandboxRefusedError):
        peer.pay(late["id"])


def test_only_the_device_with_the_result_is_told_how_a_session_ended(api, peer):
    _, session = api.session()
    path = f"/checkout/v72/sessions/{session['id']}"
    assert api.ask("GET", path, sessionResult="guess")[0] == 422
    peer.pay(session["id"], refuse="No")
    assert api.ask("GET", path, sessionResult=f"result:{session['id']}")[1]["status"] == "refused"


def test_a_card_is_kept_when_the_shopper_wants_it_and_forgotten_again(api, peer):
    _, session = api.session(shopperReference="cu_1", storePaymentMethod=True)
    peer.pay(session["id"])
    about = {"shopperReference": "cu_1", "merchantAccount": api.ours.merchant_account}
    _, found = api.ask("GET", "/checkout/v72/storedPaymentMethods", **about)
    (card,) = found["storedPaymentMethods"]
    assert (card["lastFour"], card["brand"]) == ("1111", "visa")
    assert api.ask("DELETE", f"/checkout/v72/storedPaymentMethods/{card['id']}", **about)[0] == 204
    assert api.ask("GET", "/checkout/v72/storedPaymentMethods", **about)[1]["storedPaymentMethods"] == []


def test_a_refund_is_taken_a_day_later_and_may_come_back(api, peer):
    payment = api.paid()
    peer.advance(3 * DAY)
    assert api.refund(payment["id"])[1]["status"] == "received"
    assert api.balance()["available"] == 9_680
    peer.advance(DAY + 60)
    assert api.balance()["available"] == 8_680
    peer.fail_refund("rf_1")
    assert api.balance()["available"] == 9_680


def test_a_reversal_cancels_what_is_not_captured_and_gives_the_rest_back(api, peer):
    peer.prices(capture_seconds=600)
    asked = {"merchantAccount": api.ours.merchant_account, "reference": "rv_1"}
    early, late = api.paid("py_1"), api.paid("py_2")
    api.ask("POST", f"/checkout/v72/payments/{early['id']}/reversals", asked)
    peer.advance(600)
    api.ask("POST", f"/checkout/v72/payments/{late['id']}/reversals", asked)
    peer.advance(3 * DAY)
    assert api.balance() | {"currency": "USD"} == {
        "available": -320,
        "balance": -320,
        "currency": "USD",
        "pending": 0,
        "reserved": 0,
    }


def test_a_transfer_needs_the_money_and_arrives_at_once(api, peer):
    worker, *_ = api.worker()
    assert api.transfer(1_000, {"balanceAccountId": worker})[1]["reason"] == "notEnoughBalance"
    api.paid()
    peer.advance(3 * DAY)
    status, made = api.transfer(1_000, {"balanceAccountId": worker}, reference="tr_1")
    assert (status, made["status"]) == (202, "received")
    _, now = api.ask("GET", f"/btl/v4/transfers/{made['id']}")
    assert [each["status"] for each in now["events"]] == ["received", "authorised", "booked"]
    assert (api.balance()["available"], api.balance(worker)["available"]) == (8_680, 1_000)


def test_an_internal_transfer_is_returned(api, peer):
    worker, *_ = api.worker()
    api.paid()
    peer.advance(3 * DAY)
    api.transfer(1_000, {"balanceAccountId": worker}, reference="tr_1")
    arrived = next(
        each
        for each in peer.state()["objects"].values()
        if each.get("reference") == "tr_1" and each["direction"] == "incoming"
    )
    asked = {"amount": {"value": 400, "currency": "USD"}, "reference": "rv_1"}
    assert api.ask("POST", f"/btl/v4/transfers/{arrived['id']}/returns", asked)[1]["status"] == "Authorised"
    assert api.balance(worker)["available"] == 600
    asked["amount"]["value"] = 700
    assert api.ask("POST", f"/btl/v4/transfers/{arrived['id']}/returns", asked)[1]["status"] == "Declined"


@pytest.fixture
def paid_worker(api, peer):
    """A worker with 10.00 USD and a bank account."""
    worker, _, entity = api.worker()
    api.paid()
    peer.advance(3 * DAY)
    api.transfer(1_000, {"balanceAccountId": worker})
    _, found = api.ask("GET", f"/lem/v4/legalEntities/{entity}")
    return worker, {"transferInstrumentId": found["transferInstruments"][0]["id"]}


def test_a_payout_is_reserved_then_booked_then_credited_and_may_come_back(api, peer, paid_worker):
    worker, bank = paid_worker
    _, made = api.transfer(600, bank, source=worker, category="bank", priority="regular", reference="po_1")
    assert (api.balance(worker)["available"], api.balance(worker)["reserved"]) == (400, 600)
    seen = []
    for seconds in (3_600, 2 * DAY):
        peer.advance(seconds)
        _, now = api.ask("GET", f"/btl/v4/transfers/{made['id']}")
        seen.append((now["status"], now.get("tracking", {}).get("status")))
    assert seen == [("booked", None), ("booked", "credited")]
    peer.fail_transfer("po_1")
    assert api.ask("GET", f"/btl/v4/transfers/{made['id']}")[1]["status"] == "returned"
    assert (api.balance(worker)["available"], api.balance(worker)["reserved"]) == (1_000, 0)


def test_a_payout_fails_before_it_is_booked(api, peer, paid_worker):
    worker, bank = paid_worker
    _, made = api.transfer(600, bank, source=worker, category="bank", priority="instant", reference="po_1")
    peer.fail_transfer("po_1", reason="counterpartyAccountBlocked")
    _, now = api.ask("GET", f"/btl/v4/transfers/{made['id']}")
    assert (now["status"], now["reason"]) == ("failed", "counterpartyAccountBlocked")
    assert api.balance(worker)["available"] == 1_000


def test_a_worker_of_whom_more_is_asked_is_not_paid_out(api, peer, paid_worker):
    worker, bank = paid_worker
    peer.restrict(worker)
    _, made = api.transfer(600, bank, source=worker, category="bank", priority="regular")
    assert (made["status"], made["reason"]) == ("refused", "accountHierarchyNotActive")


def test_lists_are_of_six_months_at_most_and_come_page_by_page(api, peer):
    for amount in range(1, 26):
        peer.book_line("fee", -amount)
    ours = {"balanceAccountId": api.ours.balance_account}
    far = {"createdSince": "2026-01-01T00:00:00Z", "createdUntil": "2027-01-01T00:00:00Z"}
    assert api.ask("GET", "/btl/v4/transfers", **ours, **far)[1]["errorCode"] == "29_004"
    found, about = [], {**ours, **far, "limit": "10"}
    while about is not None:
        _, page = api.ask("GET", "/btl/v4/transactions", **about)
        found += page["data"]
        following = page["_links"].get("next")
        about = None if following is None else dict(parse_qsl(urlsplit(following["href"]).query))
    assert [each["amount"]["value"] for each in found] == [-amount for amount in range(1, 26)]


def test_sums_of_what_was_booked_are_the_balance(api, peer):
    payment = api.paid()
    dispute = peer.dispute("py_1")
    peer.move_dispute(dispute["id"], "CHARGEBACK_REVERSED")
    peer.advance(DAY)
    api.refund(payment["id"])
    peer.advance(3 * DAY)
    booked = [
        each["amount"]["value"]
        for each in peer.state()["objects"].values()
        if "bookingDate" in each and "valueDate" in each
    ]
    balance = api.balance()
    assert sum(booked) == balance["balance"] + balance["pending"]


# -- people and persistence


def test_the_pages_do_what_their_buttons_say(api, peer):
    _, session = api.session()
    page = f"{peer.api_base}/hosted/sessions/{session['id']}"
    assert "Pay by card" in requests.get(page, timeout=20).text
    assert "went through" in requests.post(f"{page}/pay", timeout=20).text
    assert requests.get(page, timeout=20).status_code == 400
    account, holder, entity = api.worker(onboarded=False)
    path = f"/lem/v4/legalEntities/{entity}/onboardingLinks"
    _, link = api.ask("POST", path, {"redirectUrl": "https://example.com/back"})
    assert "Fill in everything" in requests.get(link["url"], timeout=20).text
    assert "https://example.com/back" in requests.post(f"{link['url']}/complete", timeout=20).text
    assert requests.get(link["url"], timeout=20).status_code == 404
    _, told = api.ask("GET", f"/bcl/v2/accountHolders/{holder}")
    assert told["capabilities"]["sendToTransferInstrument"]["allowed"] is True
    assert account


def test_holders_and_their_accounts_are_listed(api):
    account, holder, _ = api.worker()
    platform = api.ours.balance_platform
    _, page = api.ask("GET", f"/bcl/v2/balancePlatforms/{platform}/accountHolders", limit="1", offset="1")
    assert ([each["id"] for each in page["accountHolders"]], page["hasNext"], page["hasPrevious"]) == (
        [holder],
        False,
        True,
    )
    _, page = api.ask("GET", f"/bcl/v2/accountHolders/{holder}/balanceAccounts")
    assert [each["id"] for each in page["balanceAccounts"]] == [account]


def test_the_state_is_there_after_a_restart(tmp_path):
    settings = {"clock_file": tmp_path / "clock.json", "state": tmp_path / "state.json"}
    first = sandbox.start(**settings)
    Api(first.adyen).paid()
    first.close()
    second = sandbox.start(**settings)
    assert Api(second.adyen).balance()["pending"] == 9_680
    second.close()


def test_a_reset_forgets_everything(api, peer):
    api.paid()
    requests.post(f"{peer.base_url}/_sandbox/adyen/reset", json={}, timeout=20)
    assert api.balance()["pending"] == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [("payments/none/dispute", 404), ("sessions/none/pay", 409), ("nothing", 404), ("prices", 400)],
)
def test_what_cannot_be_done_is_said(peer, path, status):
    response = requests.post(f"{peer.base_url}/_sandbox/adyen/{path}", json={"moon": 1}, timeout=20)
    assert (response.status_code, "error" in response.json()) == (status, True)
