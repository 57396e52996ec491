"""No card number gets in, by whichever door, in whichever dress; and none gets into a log on its way to be refused."""

from __future__ import annotations

import io
import json
import random
import re

import pytest

from runtime import card_numbers
from runtime.card_numbers import has_card_number
from tests.api.conftest import problem, registration
from tests.api.work import characters_looked_at, lines_of
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
    "4222 222 222 222",
    "8171999927660000",
    "6759649826438453",
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
    "4242 - 4242 - 4242 - 4242",
    "4242, 4242, 4242, 4242",
    "4242:4242:4242:4242",
    "(4242)(4242)(4242)(4242)",
    "4242 | 4242 | 4242 | 4242",
    "42424242 42424242 12/27 123",
    "4242 4242 42424242 123",
    "4242 424242424242",
    "424242 4242424242",
    "00004242424242424242",
    "0000 4242 4242 4242 4242",
    "on 2026-11-22, 4242 4242 4242 4242 on the card",
    "4242424242424242=27121011234567890",
    "%B4242424242424242^ANA/MARIA^27121011234567890?",
    "\u2463\u2461\u2463\u2461" * 4,
    "4\ufe0f\u20e32\ufe0f\u20e3" * 8,
    "+1 415 555 0100 4242 4242 4242 4242",
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
    "Invoice 20261103-075614",
    "See PXL_20260705_145916414.jpg",
    "See IMG_20260520_095759.jpg",
    "DE05 9084 1963 4794 2045 57",
    "DE05908419634794204557",
    "pay to DE05 9084 1963 4794 2045 57 NOW",
    "Call +49 1550 8344178",
    "+4915508344178",
    "4155550100 4155550101",
    "415-555-0100 2026-11-22",
    "z5338422348917432107@example.com",
    "5338422348917432107",
    "62.4.16.8, 51.158.166.12",
    "1763850000005 1763850000005123456",
    "7992739871355555",
]


@pytest.mark.parametrize("text", NUMBERS + DRESSED)
def test_a_card_number_is_recognised(text):
    assert has_card_number(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_none_is_left_alone(text):
    assert not has_card_number(text)


@pytest.mark.parametrize(
    ("makes", "most_percent"),
    [
        (lambda dice: f"+4915{digits(dice, 9)}", 0),
        (lambda dice: f"{american(dice)} {american(dice)}", 0),
        (
            lambda dice: f"2026{dice.randint(1, 12):02}{dice.randint(1, 28):02}-{dice.randint(0, 235959):06}",
            0,
        ),
        (lambda dice: f"PXL_20260705_{dice.randint(0, 235959):06}{digits(dice, 3)}.jpg", 0),
        (lambda dice: iban(digits(dice, 18)), 0),
        (lambda dice: " ".join(fours(iban(digits(dice, 18)))), 0),
        # Nothing tells these from a card but the check that every tenth number passes.
        (lambda dice: digits(dice, 16), 5),
        (lambda dice: str(dice.randint(1, 2**63)), 4),
    ],
    ids=["phone", "two phones", "key", "picture", "iban", "iban in fours", "16 digits", "64 bits"],
)
def test_what_people_write_every_day_is_hardly_ever_taken_for_one(makes, most_percent):
    dice = random.Random(20261122)
    taken = [text for text in (makes(dice) for _ in range(2000)) if has_card_number(text)]
    assert len(taken) <= 2000 * most_percent / 100, taken[:5]


@pytest.mark.parametrize(
    "hostile",
    [
        "1111 ",
        "4111 ",
        "4",
        "4-",
        "0",
        "\uff14 ",
        "\ufdfa",
        "DE05 9084 1963 4794 2045 56 ",
        "4, ",
        "+49",
        "5.5.5.5.",
    ],
)
def test_a_text_twice_as_long_is_twice_the_work(hostile):
    short, long = (work_of_looking(hostile * times) for times in (500, 1000))
    assert short > 0
    # Each of the two ends somewhere.
    assert long <= 2.1 * short


def work_of_looking(text):
    with lines_of(card_numbers.__file__) as work:
        assert not has_card_number(text)
    return work.lines


def digits(dice, number):
    return "".join(dice.choice("0123456789") for _ in range(number))


def american(dice):
    return f"{dice.randint(2, 9)}{digits(dice, 2)}{dice.randint(2, 9)}{digits(dice, 6)}"


def iban(account):
    # D is 13 and E is 14.
    return f"DE{98 - int(f'{account}131400') % 97:02}{account}"


def fours(text):
    return [text[at : at + 4] for at in range(0, len(text), 4)]


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
    "body",
    [
        # A path to each value would be 2 MB of names to look through.
        json.dumps({"k" * 256: [0] * 9_000}),
        json.dumps({"k" * 256: {"l" * 256: {"m" * 256: [[0] * 8] * 500}}}),
        json.dumps({"note": "1111 " * 4_000}),
        json.dumps([0] * 9_000),
    ],
    ids=["a list under a long name", "lists under long names", "one long text", "a list"],
)
def test_each_character_of_a_body_is_looked_at_once(client, body):
    with characters_looked_at() as least:
        client.post("/v1/sessions", data="{}", content_type="application/json")
    with characters_looked_at() as work:
        response = client.post("/v1/sessions", data=body, content_type="application/json")
    problem(response, 422, "validation_failed", response.json["field"])
    assert 0 < work.characters - least.characters <= len(body)


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
        ("X-Cloud-Trace-Context", "19fe580a8c9649c08bec81cbc240e7d5/4242424242424242;o=1"),
        ("x-datadog-trace-id", "4242424242424242"),
        ("x-datadog-parent-id", "4242424242424242"),
        ("Forwarded", "for=62.4.16.8, for=51.158.166.12"),
        ("Idempotency-Key", "20261103-075614"),
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
