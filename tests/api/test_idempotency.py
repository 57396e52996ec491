"""One key is one movement of money, however often, however many at once, and whatever goes wrong."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import func, select

from ledger.tables import entries
from persistence import unit_of_work
from persistence.tables import IdempotencyKey
from persistence.unit_of_work import reading
from tests.api.conftest import problem
from tests.api.planted import BROKE, BROKEN, NEVER, application  # noqa: F401 - a fixture
from tests.books import nothing_moves
from tests.threads import together

KEY = "3f0e1f7c-7d1c-4b53-9a51-3a8f0f5f2a10"
PATH = "/v1/planted/deposits"


@pytest.fixture
def ana(sign_up):
    return sign_up("client")


@pytest.fixture
def bob(sign_up):
    return sign_up("client")


def test_a_repeated_request_moves_money_once_and_is_answered_alike(ana):
    first = deposit(ana)
    again = deposit(ana)
    assert (first.status_code, first.json["amount"]) == (201, {"amount": "50.00", "currency": "USD"})
    assert (again.status_code, again.data, again.headers["ETag"]) == (201, first.data, first.headers["ETag"])
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert entries_posted() == 1


def test_sixteen_at_once_with_one_key_move_money_once(ana):
    answers = together(lambda: deposit(ana), 16)
    carried_out = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.data for answer in carried_out}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in carried_out) == 1
    assert entries_posted() == 1


def test_another_key_is_another_deposit(ana):
    assert deposit(ana).json["id"] != deposit(ana, key="another").json["id"]
    assert entries_posted() == 2


def test_two_people_may_use_the_same_key(ana, bob):
    assert deposit(ana).json["id"] != deposit(bob).json["id"]
    assert entries_posted() == 2


@pytest.mark.parametrize(
    "change",
    [
        {"amount": {"amount": "50.01", "currency": "USD"}},
        {"amount": {"amount": "50.00", "currency": "EUR"}},
        {"note": "x"},
    ],
)
def test_a_key_used_for_another_body_is_refused(ana, change):
    deposit(ana)
    with nothing_moves():
        problem(deposit(ana, body=change), 422, "idempotency_key_reused", "Idempotency-Key")


def test_a_key_used_for_another_route_is_refused(ana):
    deposit(ana)
    with nothing_moves():
        response = ana.post("/v1/planted/x/secrets", json=order("50.00"), headers={"Idempotency-Key": KEY})
        problem(response, 422, "idempotency_key_reused", "Idempotency-Key")


def test_the_same_body_in_another_spelling_is_the_same_request(ana):
    first = deposit(ana)
    body = json.dumps(order("50.00"), indent=4, sort_keys=True)
    headers = {"Idempotency-Key": KEY, "Content-Type": "application/json"}
    assert ana.post(PATH, data=body, headers=headers).data == first.data


@pytest.mark.parametrize("key", [None, "", "  "])
def test_no_key_is_refused_before_anything_is_done(ana, key):
    with nothing_moves():
        problem(deposit(ana, key=key), 400, "idempotency_key_missing", "Idempotency-Key")


@pytest.mark.parametrize(
    "key", ["a b", "x" * 256, '"', '""', '"a', 'a"b"c d', '"a"b"', "\u00e4", "a\tb", '"' + "x" * 256 + '"']
)
def test_a_key_that_is_none_is_refused(ana, key):
    with nothing_moves():
        problem(deposit(ana, key=key), 400, "idempotency_key_malformed", "Idempotency-Key")


@pytest.mark.parametrize("key", ["x", "x" * 255, "!#$%&'()*+,-./:;<=>?@[]^_`{|}~", 'a"b'])
def test_any_visible_ascii_is_a_key(ana, key):
    assert deposit(ana, key=key).data == deposit(ana, key=key).data
    assert entries_posted() == 1


def test_a_quoted_key_is_the_same_as_a_bare_one(ana):
    assert deposit(ana, key=f'"{KEY}"').data == deposit(ana).data
    assert entries_posted() == 1


def test_a_refusal_for_good_is_repeated_word_for_word_and_nothing_moved(ana):
    first = deposit(ana, amount=NEVER)
    document = problem(first, 422, "planted_never_allowed", "/amount")
    assert document["details"] == {"tried": {"amount": NEVER, "currency": "USD"}}
    again = deposit(ana, amount=NEVER)
    assert (again.status_code, again.data, again.content_type) == (
        422,
        first.data,
        "application/problem+json",
    )
    assert again.headers["Idempotency-Replayed"] == "true"
    assert entries_posted() == 0


def test_a_refusal_that_time_may_cure_is_not_kept(ana):
    with nothing_moves():
        problem(deposit(ana, amount=BROKE), 409, "planted_not_now", "/amount")
        assert "Idempotency-Replayed" not in deposit(ana, amount=BROKE).headers


def test_an_accident_is_not_kept_and_moves_nothing(ana, capsys):
    with nothing_moves():
        broken = problem(deposit(ana, amount=BROKEN), 500, "internal_error")
        assert "hunter2" not in json.dumps(broken)


def test_a_bad_body_does_not_use_the_key_up(ana):
    with nothing_moves():
        problem(deposit(ana, amount="-1.00"), 422, "validation_failed", "/amount/amount")
    assert deposit(ana).status_code == 201


@pytest.mark.parametrize(
    ("amount", "field"),
    [
        ("0.00", "/amount/amount"),
        ("-5.00", "/amount/amount"),
        ("1.234", "/amount/amount"),
        ("1e3", "/amount/amount"),
        ("1,000.00", "/amount/amount"),
        (" 1.00", "/amount/amount"),
        ("01.00", "/amount/amount"),
        ("", "/amount/amount"),
        ("NaN", "/amount/amount"),
        ("9" * 17, "/amount/amount"),
        ("\u0661.00", "/amount/amount"),
        (12.5, "/amount/amount"),
        (12, "/amount/amount"),
        (None, "/amount/amount"),
        (["1.00"], "/amount/amount"),
    ],
)
def test_an_amount_that_is_none_is_refused(ana, amount, field):
    with nothing_moves():
        problem(deposit(ana, amount=amount), 422, "validation_failed", field)


@pytest.mark.parametrize("currency", ["XXX", "usd", "", None, 840, "US"])
def test_a_currency_that_nobody_holds_is_refused(ana, currency):
    with nothing_moves():
        body = {"amount": {"amount": "1.00", "currency": currency}}
        problem(deposit(ana, body=body), 422, "validation_failed", "/amount/currency")


def test_yen_have_no_decimals(ana):
    with nothing_moves():
        body = {"amount": {"amount": "1.00", "currency": "JPY"}}
        problem(deposit(ana, body=body), 422, "validation_failed", "/amount/amount")
    assert deposit(ana, body={"amount": {"amount": "100", "currency": "JPY"}}).status_code == 201


def test_what_is_begun_once_goes_on_each_time_and_keeps_no_secret(ana):
    first, again = (secret(ana) for _ in range(2))
    assert first.json["id"].partition("_secret_")[0] == again.json["id"].partition("_secret_")[0]
    assert first.json["id"] != again.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert entries_posted() == 1
    kept = reading(lambda session: session.execute(select(IdempotencyKey.response_body)).scalars().all())
    assert kept == [None]


def test_what_is_begun_once_begins_once_for_sixteen_at_once(ana):
    answers = [answer for answer in together(lambda: secret(ana), 16) if answer.status_code == 200]
    assert len({answer.json["id"].partition("_secret_")[0] for answer in answers}) == 1
    assert entries_posted() == 1


_writers = []


def _take_the_database(stage, name):
    if (stage, name) == ("committed", "persistence.idempotency._begin_once"):
        for writer in _writers:
            writer.execute("BEGIN IMMEDIATE")


unit_of_work.observe(_take_the_database)


def test_an_answer_stands_though_its_key_cannot_be_closed_and_the_key_goes_on_after_a_minute(ana, clock):
    with unit_of_work.database().engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    with closing(sqlite3.connect(unit_of_work.database().engine.url.database)) as writer:
        _writers.append(writer)
        first = secret(ana)
        _writers.clear()
    assert first.status_code == 200
    problem(secret(ana), 409, "request_in_progress")
    clock.advance(seconds=61)
    again = secret(ana)
    assert again.status_code == 200
    assert again.json["id"].partition("_secret_")[0] == first.json["id"].partition("_secret_")[0]
    assert entries_posted() == 1


def test_a_refusal_for_good_is_repeated_for_what_is_begun_too(ana):
    first = secret(ana, amount=NEVER)
    problem(first, 422, "planted_never_allowed", "/amount")
    again = secret(ana, amount=NEVER)
    assert (again.data, again.headers["Idempotency-Replayed"]) == (first.data, "true")
    assert entries_posted() == 0


def test_a_preview_shows_the_entries_and_changes_nothing(ana):
    with nothing_moves():
        shown = ana.post(f"{PATH}?preview=true", json=order("50.00"))
    assert shown.status_code == 200
    assert shown.json["preview"] is True
    assert shown.json["result"]["amount"] == {"amount": "50.00", "currency": "USD"}
    [entry] = shown.json["entries"]
    assert entry["movement"] == "milestone_funded"
    assert [
        (line["account"].rpartition(":")[0], line["side"], line["amount"]["amount"])
        for line in entry["postings"]
    ] == [
        ("assets:gateway:stripe", "debit", "50.00"),
        ("liabilities:escrow", "credit", "50.00"),
    ]


def test_a_preview_uses_no_key_up(ana):
    headers = {"Idempotency-Key": KEY}
    with nothing_moves():
        ana.post(f"{PATH}?preview=true", json=order("50.00"), headers=headers)
    assert "Idempotency-Replayed" not in deposit(ana).headers


def test_a_preview_meets_the_same_refusals(ana):
    with nothing_moves():
        problem(ana.post(f"{PATH}?preview=true", json=order(NEVER)), 422, "planted_never_allowed", "/amount")
        problem(ana.post(f"{PATH}?preview=true", json=order(BROKE)), 409, "planted_not_now", "/amount")


@pytest.mark.parametrize(
    "query", ["preview=yes", "preview=1", "preview=", "preview=True", "preview=true&preview=false"]
)
def test_a_preview_that_is_not_understood_is_not_carried_out(ana, query):
    with nothing_moves():
        response = ana.post(f"{PATH}?{query}", json=order("50.00"), headers={"Idempotency-Key": KEY})
        problem(response, 422, "preview_malformed", "preview")


def test_preview_on_a_route_without_one_is_not_carried_out(ana):
    with nothing_moves():
        response = ana.post(
            "/v1/planted/x/secrets?preview=true", json=order("50.00"), headers={"Idempotency-Key": KEY}
        )
        problem(response, 422, "validation_failed", "preview")


def test_a_misspelt_preview_is_not_carried_out(ana):
    with nothing_moves():
        response = ana.post(f"{PATH}?previw=true", json=order("50.00"), headers={"Idempotency-Key": KEY})
        problem(response, 422, "validation_failed", "previw")


def test_no_preview_is_carried_out(ana):
    response = ana.post(f"{PATH}?preview=false", json=order("50.00"), headers={"Idempotency-Key": KEY})
    assert response.status_code == 201
    assert entries_posted() == 1


def order(amount):
    return {"amount": {"amount": amount, "currency": "USD"}}


def deposit(person, *, amount="50.00", key=KEY, body=None):
    headers = {} if key is None else {"Idempotency-Key": key}
    return person.post(PATH, json=order(amount) | (body or {}), headers=headers)


def secret(person, *, amount="50.00"):
    return person.post("/v1/planted/x/secrets", json=order(amount), headers={"Idempotency-Key": KEY})


def entries_posted():
    return reading(lambda session: session.scalar(select(func.count()).select_from(entries)))
