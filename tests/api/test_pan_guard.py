"""No card number gets in, by whichever door, in whichever dress; and none gets into a log on its way to be refused."""

from __future__ import annotations

import io
import re

import pytest

from runtime.card_numbers import has_card_number
from tests.api.conftest import problem, registration
from tests.books import nothing_moves

VISA = "4242424242424242"

NUMBERS = [
    VISA,
    "4000056655665556",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "6205500000000000004",
    "4222222222222",
]

DRESSED = [
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4242.4242.4242.4242",
    "4242/4242/4242/4242",
    "4242_4242_4242_4242",
    "4242  4242  4242  4242",
    "4242\t4242\n4242 4242",
    "4242\u00a04242\u20094242\u202f4242",
    "4242\u20134242\u20144242\u22124242",
    "4242\u200b4242\u200b4242\u200b4242",
    "\uff14\uff12" * 8,
    "\u0664\u0662" * 8,
    "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
    "42 42 42 42 42 42 42 42",
    "3782 822463 10005",
    "3782-822463-10005",
    "my card is 4242424242424242, thanks",
    "card4242424242424242please",
    "4242 4242 4242 4242 12/28 123",
    "50 4242 4242 4242 4242",
    "+4242424242424242",
    "4242424242424242 4242424242424242",
]

HARMLESS = [
    "4242424242424243",
    "415-555-0100 415-555-0101",
    "+1 415 555 0100",
    "2026-11-22T23:15:00.000000Z",
    "2026-11-22 23:15",
    "se_01jd8qk3x4n5p6r7s8t9v0w1x2",
    "4242-4242",
    "00000000-0000-7000-8000-000000000000",
    "42424242-4242-4242-8242-424242424242",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-4242424242424242-01",
    "0000000000000000",
    "42424242424242424242424242",
    "Invoice 2026-000123, 3 of 12 hours",
]


@pytest.mark.parametrize("text", NUMBERS + DRESSED)
def test_a_card_number_is_recognised(text):
    assert has_card_number(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_none_is_left_alone(text):
    assert not has_card_number(text)


def test_our_ids_are_never_taken_for_one():
    # All letters of an id may be digits, by chance.
    assert not has_card_number("ms_" + "4" * 26)
    assert not has_card_number("se_04242424242424242" + "4" * 9)


def test_it_is_refused_in_a_field_in_whatever_dress(client):
    with nothing_moves():
        for text in NUMBERS + DRESSED:
            problem(
                client.post("/v1/accounts", json=registration(name=text)), 422, "card_number_refused", "/name"
            )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"a": {"b": [1, {"c": VISA}]}}, "/a/b/1/c"),
        ({"a": int(VISA)}, "/a"),
        ({"a": float(VISA)}, "/a"),
        ({VISA: "x"}, "the body"),
        ([VISA], "/0"),
        (VISA, "the body"),
        ({"cvc": "123"}, "/cvc"),
        ({"CVV": "123"}, "/CVV"),
        ({"card": {"cvc2": None}}, "/card/cvc2"),
        ({"card_security_code": "1"}, "/card_security_code"),
        ({"securityCode": "1"}, "/securityCode"),
    ],
)
def test_it_is_refused_anywhere_in_a_body(client, body, field):
    with nothing_moves():
        problem(client.post("/v1/accounts", json=body), 422, "card_number_refused", field)


@pytest.mark.parametrize(
    ("data", "kind", "field"),
    [
        (f"pan={VISA}", "application/x-www-form-urlencoded", "/pan"),
        ("pan=4242+4242+4242+4242", "application/x-www-form-urlencoded", "/pan"),
        ("cvc=123", "application/x-www-form-urlencoded", "/cvc"),
        (f"my card: {VISA}", "text/plain", "the body"),
        ('{"name": "4242 4242 4242 4242"', "text/plain", "the body"),
        (f"<pan>{VISA}</pan>", "application/xml", "the body"),
    ],
)
def test_it_is_refused_in_bodies_of_other_kinds(client, data, kind, field):
    with nothing_moves():
        response = client.post("/v1/accounts", data=data, content_type=kind)
        problem(response, 422, "card_number_refused", field)


def test_it_is_refused_in_a_file_and_in_its_name(client):
    for name, content in ((f"{VISA}.png", b"x"), ("card.txt", VISA.encode())):
        response = client.post("/v1/accounts", data={"file": (io.BytesIO(content), name)})
        assert response.json["code"] == "card_number_refused"


def test_json_that_cannot_be_read_is_refused_without_repeating_it(client):
    response = client.post("/v1/accounts", data=f'{{"name": "{VISA}"', content_type="application/json")
    assert VISA not in response.text
    assert response.status_code in (400, 422)


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"/v1/sessions?cursor={VISA}", "cursor"),
        (f"/v1/sessions?{VISA}=1", "the query"),
        ("/v1/sessions?cursor=4242%204242%204242%204242", "cursor"),
        ("/v1/sessions?cursor=4242+4242+4242+4242", "cursor"),
        ("/v1/sessions?cvc=123", "cvc"),
        (f"/v1/sessions/{VISA}", "the path"),
        (f"/{VISA}", "the path"),
        ("/v1/4242-4242-4242-4242/x", "the path"),
        ("/v1/%34%32%34%32424242424242", "the path"),
    ],
)
def test_it_is_refused_in_an_address(client, path, field):
    problem(client.get(path), 422, "card_number_refused", field)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("User-Agent", f"card {VISA}", "User-Agent"),
        ("Idempotency-Key", VISA, "Idempotency-Key"),
        ("Request-Id", VISA, "Request-Id"),
        ("Authorization", f"Bearer {VISA}", "Authorization"),
        ("If-Match", f'"{VISA}"', "If-Match"),
        ("X-Anything", "4242 4242 4242 4242", "X-Anything"),
        ("X-Cvc", "123", "X-Cvc"),
    ],
)
def test_it_is_refused_in_a_header(client, name, value, field):
    refused = client.get("/v1/me", headers={name: value})
    problem(refused, 422, "card_number_refused", field)
    assert VISA not in refused.text
    assert VISA not in str(refused.headers)


def test_it_is_refused_in_a_cookie(client):
    client.set_cookie("pan", VISA)
    problem(client.get("/v1/me"), 422, "card_number_refused", "Cookie")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Request-Start", "t=1763850000005"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-4242424242424242-01"),
        ("X-Forwarded-For", "203.0.113.195, 70.41.3.18, 150.172.238.178"),
        ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"),
    ],
)
def test_what_proxies_add_is_not_taken_for_one(client, name, value):
    assert client.get("/livez", headers={name: value}).status_code == 200


def test_every_route_refuses_it_before_anything_else(app, client):
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "x", rule.rule)
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            in_query = client.open(f"{path}?q={VISA}", method=method)
            assert (in_query.status_code, in_query.json["code"]) == (422, "card_number_refused"), rule
            in_header = client.open(path, method=method, headers={"X-Note": VISA})
            assert (in_header.status_code, in_header.json["code"]) == (422, "card_number_refused"), rule
            if not hasattr(app.view_functions[rule.endpoint], "raw_bytes_because"):
                in_body = client.open(path, method=method, json={"note": {"deep": [VISA]}})
                assert (in_body.status_code, in_body.json["code"]) == (422, "card_number_refused"), rule


def test_every_place_in_an_address_refuses_it(app, client):
    for rule in app.url_map.iter_rules():
        if rule.arguments:
            path = re.sub(r"<[^>]+>", VISA, rule.rule)
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                assert client.open(path, method=method).json["code"] == "card_number_refused", rule


def test_no_door_writes_it_into_a_log(capsys, client):
    spaced = "4242 4242 4242 4242"
    client.post("/v1/accounts", json=registration(name=VISA))
    client.post("/v1/accounts", json={spaced: VISA, "cvc": "987"})
    client.post("/v1/accounts", data=f'{{"name": "{VISA}"', content_type="application/json")
    client.get(f"/v1/sessions?cursor={VISA}", headers={"User-Agent": spaced, "Request-Id": VISA})
    client.get(f"/v1/sessions/{VISA}")
    client.get(f"/nowhere/{VISA}")
    client.post(
        "/v1/webhooks/stripe", data=f'{{"number": "{VISA}"}}', headers={"Stripe-Signature": "t=1,v1=x"}
    )
    logged = capsys.readouterr()
    assert logged.out.count('"event": "request"') == 7
    for text in (logged.out, logged.err):
        assert VISA not in text
        assert spaced not in text
        # As a word: in the microseconds of an instant the same digits mean nothing.
        assert re.search(r"\b987\b", text) is None
