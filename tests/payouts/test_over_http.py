"""A worker's way to their money, over HTTP and against the gateway's peer."""

from __future__ import annotations

import pytest

from kernel.ids import new_id
from tests.escrow.story import ADMIN, CLIENT, FINANCE, OTHER_WORKER, SUPPORT, WORKER
from tests.payouts.world import nothing_is_booked, work_off
from tests.threads import together

_NOTHING = {"available": "0.00", "pending": "0.00", "reserved": "0.00", "in_transit": "0.00"}


@pytest.fixture
def rich(world, clock):
    """90.00 can be withdrawn; the id of the milestone they come from."""
    world.onboard()
    milestone = world.earn()
    world.settle()
    clock.advance(days=3)
    world.settle()
    return milestone


def test_money_waits_for_the_account_and_then_goes_to_the_bank(world, clock):
    milestone = world.earn()
    world.settle()
    assert world.balance() == _NOTHING | {"pending": "90.00"}
    waiting = world.get("/v1/payouts/balance").json["balances"][0]["waiting"]
    assert waiting[0]["reason"] == "Finish your payout account to move $90.00 to it."
    assert world.made("transfer") == []
    world.onboard()
    account = world.get("/v1/payouts/account").json
    assert (account["state"], account["next_step"]["action"]) == ("ready", "none")
    assert [transfer["amount"] for transfer in world.made("transfer")] == [9_000]
    # The client's payment has not settled yet.
    assert world.withdraw("90.00").json["code"] == "not_enough_available"
    clock.advance(days=3)
    world.settle()
    asked = world.withdraw("90.00")
    assert asked.status_code == 201
    assert world.balance() == _NOTHING | {"reserved": "90.00"}
    world.settle()
    sent = world.payout(asked.json["id"])
    assert (sent["state"], sent["parts"][0]["milestone_id"]) == ("sent", milestone)
    assert world.balance() == _NOTHING | {"in_transit": "90.00"}
    clock.advance(days=3)
    world.settle()
    paid = world.payout(asked.json["id"])
    assert (paid["state"], paid["bank_last4"]) == ("paid", account["bank_last4"])
    assert paid["trace_id"] == world.made("payout")[0]["trace_id"]["value"]
    assert world.balance() == _NOTHING
    trail = world.get(f"/v1/milestones/{milestone}/money", by=FINANCE).json
    assert trail["steps"][-1]["bank_reference"] == paid["trace_id"]
    assert trail["balanced"]


def test_a_double_click_pays_once(world, rich):
    def click():
        return world.withdraw("60.00", headers={"Idempotency-Key": "one-click"})

    first, second = together(click, 2)
    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    replayed = [answer.headers.get("Idempotency-Replayed") for answer in (first, second)]
    assert sorted(replayed, key=str) == [None, "true"]
    assert world.balance()["reserved"] == "60.00"
    world.settle()
    assert len(world.made("payout")) == 1


def test_two_clicks_that_are_two_requests_take_only_what_is_there(world, rich):
    answers = together(lambda: world.withdraw("60.00"), 2)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer.json for answer in answers if answer.status_code == 409)
    assert refused["code"] == "not_enough_available"
    assert refused["details"]["available"] == {"amount": "30.00", "currency": "USD"}
    world.settle()
    assert [payout["amount"] for payout in world.made("payout")] == [6_000]


def test_a_preview_shows_what_would_happen_and_books_nothing(world, rich):
    with nothing_is_booked():
        shown = world.withdraw("60.00", query_string={"preview": "true"})
    assert shown.status_code == 200
    assert shown.json["preview"] is True
    assert shown.json["result"]["parts"][0]["milestone_id"] == rich
    assert [entry["movement"] for entry in shown.json["entries"]] == ["payout_reserved"]


_REFUSED = [
    ({"amount": "90.01", "currency": "USD"}, 409, "not_enough_available", "/amount"),
    ({"amount": "1.00", "currency": "EUR"}, 409, "not_enough_available", "/amount"),
    ({"amount": "0.00", "currency": "USD"}, 422, "validation_failed", "/amount/amount"),
    ({"amount": "-1.00", "currency": "USD"}, 422, "validation_failed", "/amount/amount"),
    ({"amount": "1.001", "currency": "USD"}, 422, "validation_failed", "/amount/amount"),
    ({"amount": "1e2", "currency": "USD"}, 422, "validation_failed", "/amount/amount"),
    ({"amount": 1, "currency": "USD"}, 422, "validation_failed", "/amount/amount"),
    ({"amount": "1.00", "currency": "XXX"}, 422, "validation_failed", "/amount/currency"),
    ({"amount": "1.00"}, 422, "validation_failed", "/amount/currency"),
    ({"amount": "99999999999999999.00", "currency": "USD"}, 422, "validation_failed", "/amount/amount"),
    ("1.00", 422, "validation_failed", "/amount"),
    (None, 422, "validation_failed", "/amount"),
]


def test_what_cannot_be_withdrawn_is_refused_and_nothing_is_booked(world, rich):
    for amount, status, code, field in _REFUSED:
        with nothing_is_booked():
            answer = world.post("/v1/payouts", {"amount": amount})
        assert (amount, answer.status_code, answer.json["code"], answer.json["field"]) == (
            amount,
            status,
            code,
            field,
        )


def test_an_unknown_field_and_a_missing_key_are_refused(world, rich):
    body = {"amount": {"amount": "1.00", "currency": "USD"}}
    with nothing_is_booked():
        unknown = world.post("/v1/payouts", body | {"bank": "mine"})
        keyless = world.post("/v1/payouts", body, headers={"Idempotency-Key": ""})
    assert (unknown.json["code"], unknown.json["field"]) == ("validation_failed", "/bank")
    assert (keyless.status_code, keyless.json["code"]) == (400, "idempotency_key_missing")


def test_a_worker_sees_nothing_of_another(world, rich):
    payout = world.withdraw("60.00").json["id"]
    for path, nobody in (
        (f"/v1/payouts/{payout}", f"/v1/payouts/{new_id('po')}"),
        (_about("balance", WORKER.id), _about("balance", new_id("us"))),
        (_about("history", WORKER.id), _about("history", new_id("us"))),
        (_about("account", WORKER.id), _about("account", new_id("us"))),
    ):
        theirs, missing = world.get(path, by=OTHER_WORKER), world.get(nobody, by=OTHER_WORKER)
        assert theirs.status_code == missing.status_code == 404
        assert _but_the_request(theirs) == _but_the_request(missing)
    assert world.get("/v1/payouts", by=OTHER_WORKER).json["data"] == []
    assert world.get(_about("", WORKER.id), by=OTHER_WORKER).json["data"] == []


def test_finance_sees_everybodys_and_moves_nothing(world, rich):
    payout = world.withdraw("60.00").json["id"]
    assert world.get(f"/v1/payouts/{payout}", by=FINANCE).json == world.payout(payout)
    assert world.get(_about("balance", WORKER.id), by=FINANCE).json == world.get("/v1/payouts/balance").json
    assert world.get(_about("account", WORKER.id), by=FINANCE).json["state"] == "ready"
    assert len(world.get(_about("history", WORKER.id), by=FINANCE).json["data"]) == 2
    assert [found["id"] for found in world.get("/v1/payouts", by=FINANCE).json["data"]] == [payout]
    with nothing_is_booked():
        assert world.withdraw("1.00", by=FINANCE).json["code"] == "not_permitted"


@pytest.mark.parametrize("actor", [CLIENT, SUPPORT])
def test_who_has_no_wallet_is_told_so(world, actor):
    for path in ("account", "balance", "history", ""):
        assert world.get(f"/v1/payouts/{path}", by=actor).json["code"] == "not_permitted"
    for path in ("onboarding-link", "account-session"):
        assert world.post(f"/v1/payouts/{path}", by=actor).json["code"] == "not_permitted"
    assert world.made("account") == []


def test_the_history_tells_each_line_with_its_milestone_page_by_page(world, rich):
    world.withdraw("60.00")
    first = world.get("/v1/payouts/history?limit=1").json
    rest = world.get("/v1/payouts/history", query_string={"limit": 1, "cursor": first["next_cursor"]}).json
    assert [line["kind"] for line in (*first["data"], *rest["data"])] == [
        "payout_reserved",
        "milestone_released",
    ]
    assert (rest["data"][0]["milestone_id"], rest["data"][0]["milestone_title"]) == (rich, "Part 1")
    assert rest["next_cursor"] is None
    forged = world.get("/v1/payouts/history?cursor=2026-11-22|0|1")
    assert (forged.status_code, forged.json["code"]) == (422, "validation_failed")


def test_the_list_of_payouts_comes_in_pages(world, rich):
    made = [world.withdraw("10.00").json["id"] for _ in range(3)]
    first = world.get("/v1/payouts?limit=2").json
    rest = world.get("/v1/payouts", query_string={"limit": 2, "cursor": first["next_cursor"]}).json
    assert [found["id"] for found in (*first["data"], *rest["data"])] == made[::-1]
    assert world.get("/v1/payouts?state=paid").json["data"] == []
    assert world.get("/v1/payouts?state=gone").json["code"] == "validation_failed"


def test_an_onboarding_link_makes_one_account_and_opens_it(world):
    first, second = (world.post("/v1/payouts/onboarding-link") for _ in range(2))
    assert first.headers["Cache-Control"] == "no-store"
    assert first.json["url"] != second.json["url"]
    assert first.json["expires_at"].endswith("Z")
    (account,) = world.made("account")
    assert account["metadata"]["user"] == WORKER.id
    assert account["settings"]["payouts"]["schedule"]["interval"] == "manual"


def test_what_is_missing_is_said_in_plain_words(world):
    world.post("/v1/payouts/onboarding-link")
    account = world.get("/v1/payouts/account").json
    assert (account["state"], account["can_be_paid_out"]) == ("incomplete", False)
    assert "Your date of birth" in [lack["text"] for lack in account["missing"]]
    assert account["next_step"]["action"] == "open_onboarding"
    assert account["next_step"]["text"].startswith("Complete your payout account. Missing: ")


def test_what_the_gateway_asks_for_later_is_known_by_its_event(world, rich):
    world.peer.restrict(world.get("/v1/payouts/account").json["gateway_id"], "individual.id_number")
    world.settle()
    account = world.get("/v1/payouts/account").json
    assert account["can_be_paid_out"] is False
    assert [lack["text"] for lack in account["missing"]] == ["Your tax or identity number"]
    refused = world.withdraw("1.00")
    assert refused.json["code"] == "payout_account_not_ready"
    assert refused.json["details"]["missing"] == ["Your tax or identity number"]


def test_an_account_session_is_for_the_device_alone(world):
    session = world.post("/v1/payouts/account-session")
    assert session.headers["Cache-Control"] == "no-store"
    assert session.json["client_secret"]
    assert session.json["publishable_key"] == world.peer.publishable_key


@pytest.mark.parametrize("fault", ["cut_before_effect", "cut_after_effect"])
def test_a_gateway_that_does_not_answer_makes_one_account_all_the_same(world, fault):
    world.peer.fault(fault, method="POST", path="/v1/accounts", count=1)
    silent = world.post("/v1/payouts/onboarding-link")
    assert (silent.status_code, silent.json["code"]) == (503, "gateway_unavailable")
    assert int(silent.headers["Retry-After"]) > 0
    assert world.post("/v1/payouts/onboarding-link").status_code == 200
    assert len(world.made("account")) == 1


def test_the_pages_after_onboarding_lead_back_to_the_app(world):
    for page in ("finished", "expired"):
        answer = world.client.get(f"/v1/payouts/onboarding/{page}")
        assert answer.status_code == 200
        assert "app" in answer.json["message"]


def test_a_refused_transfer_is_seen_by_finance_and_ordered_again_by_an_operator(world):
    world.onboard()
    world.peer.fault("status", status=400, method="POST", path="/v1/transfers")
    world.earn()
    world.settle()
    (failed,) = world.get("/v1/transfers?state=failed", by=FINANCE).json["data"]
    assert (failed["failure_code"], failed["worker_id"]) == ("api_error", WORKER.id)
    again = f"/v1/transfers/{failed['id']}/order-again"
    assert world.post(again, by=FINANCE).json["code"] == "not_permitted"
    assert world.get("/v1/transfers").json["code"] == "not_permitted"
    foreseen = world.post(f"{again}?preview=true", by=ADMIN).json
    assert (foreseen["result"]["state"], foreseen["entries"]) == ("ordered", [])
    assert world.post(again, by=ADMIN).json["state"] == "ordered"
    assert world.post(again, by=ADMIN).json["code"] == "transfer_not_failed"
    work_off()
    assert len(world.made("transfer")) == 1
    assert world.get(f"/v1/transfers?worker_id={WORKER.id}", by=FINANCE).json["data"][0]["state"] == "sent"


def test_the_process_is_served_as_it_runs(world):
    served = world.client.get("/v1/processes/payout").json
    assert {"act": "return", "from": "paid", "to": "returned"}.items() <= next(
        step for step in served["transitions"] if step["from"] == "paid"
    ).items()


def _about(what, person):
    return f"/v1/payouts/{what}?worker_id={person}".replace("/?", "?")


def _but_the_request(answer):
    return {name: value for name, value in answer.json.items() if name != "request_id"}
