"""Nobody asks more often than they may, and nobody is held up by a Redis that is away."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from api import create_app
from runtime import wiring
from tests.api.conftest import PASSWORD, Person, problem, registration
from tests.api.work import characters_looked_at


@pytest.fixture
def limited(settings):
    """Makes an application with these limits."""

    def one(**changes):
        return create_app(settings.model_copy(update=changes))

    yield one
    wiring.wired().database.engine.dispose()


def signed_in(app, email="ana@example.com", address="127.0.0.1"):
    client = app.test_client()
    somewhere = [{"REMOTE_ADDR": f"{address}"}, {"REMOTE_ADDR": address.replace("198.51.100", "192.0.2")}]
    client.post("/v1/accounts", json=registration(email=email), environ_base=somewhere[0])
    credentials = {"email": email, "password": PASSWORD}
    tokens = client.post("/v1/sessions", json=credentials, environ_base=somewhere[1])
    return Person(client, "", email, tokens.json)


def test_a_person_who_asks_too_often_is_told_when_to_come_back(limited):
    ana = signed_in(limited(REQUESTS_PER_MINUTE=10))
    answers = [ana.get("/v1/me") for _ in range(12)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 2
    problem(answers[-1], 429, "rate_limited")
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


def test_one_person_does_not_use_up_what_another_has(limited):
    app = limited(REQUESTS_PER_MINUTE=10)
    ana, bob = signed_in(app), signed_in(app, "bob@example.com")
    assert [ana.get("/v1/me").status_code for _ in range(11)][-1] == 429
    assert bob.get("/v1/me").status_code == 200


def test_an_address_may_try_credentials_less_often(limited):
    client = limited(SIGN_INS_PER_MINUTE=3).test_client()
    bodies = [{"email": f"{number}@example.com", "password": "x"} for number in range(4)]
    answers = [client.post("/v1/sessions", json=body) for body in bodies]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    problem(client.post("/v1/accounts", json=registration()), 429, "rate_limited")
    assert client.get("/v1/me").status_code == 401


def test_guesses_at_tokens_are_counted_against_the_address(limited):
    client = limited(REQUESTS_PER_MINUTE=5).test_client()
    answers = [client.get("/v1/me", headers={"Authorization": f"Bearer hfa_{number}"}) for number in range(7)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2


VISA = "4242424242424242"


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", f"/v1/sessions?q={VISA}", {}),
        ("POST", "/v1/contracts", {"data": "{", "content_type": "application/json"}),
        ("POST", "/v1/contracts", {"data": "x" * 300_000, "content_type": "application/json"}),
        ("POST", "/v1/contracts", {"json": {"note": VISA}}),
        ("GET", "/v1/nothing", {}),
        ("GET", f"/nowhere/{VISA}", {}),
        ("PUT", "/v1/me", {}),
        ("GET", "/v1/me", {"headers": {"Authorization": "Bearer hfa_x", "X-Note": VISA}}),
    ],
    ids=[
        "card in query",
        "bad json",
        "huge",
        "card in body",
        "unknown",
        "unknown with card",
        "method",
        "header",
    ],
)
def test_what_is_refused_is_counted_as_well(limited, method, path, sent):
    client = limited(REQUESTS_PER_MINUTE=5).test_client()
    answers = [client.open(path, method=method, **sent) for _ in range(7)]
    assert {answer.status_code for answer in answers[:5]} & {429, 500} == set()
    for answer in answers[5:]:
        problem(answer, 429, "rate_limited")


def test_what_is_over_the_limit_is_not_looked_through(limited):
    client = limited(REQUESTS_PER_MINUTE=1).test_client()
    client.get("/v1/me")
    with characters_looked_at() as work:
        problem(client.post("/v1/contracts", json={"note": "1111 " * 1000}), 429, "rate_limited")
    # But for the id that the caller gave the request.
    assert work.characters < 100


def test_what_one_person_sends_in_vain_uses_up_what_is_theirs_and_not_their_neighbours(limited):
    app = limited(REQUESTS_PER_MINUTE=10)
    ana, bob = signed_in(app), signed_in(app, "bob@example.com")
    assert [ana.get(f"/v1/me?q={VISA}").status_code for _ in range(11)] == [422] * 10 + [429]
    assert bob.get("/v1/me").status_code == 200


def test_all_who_share_an_address_have_twenty_times_what_one_of_them_has(limited):
    app = limited(REQUESTS_PER_MINUTE=1)
    people = [signed_in(app, f"{number}@example.com", address=f"198.51.100.{number}") for number in range(21)]
    shared = {"REMOTE_ADDR": "203.0.113.7"}
    answers = [person.get("/v1/me", environ_base=shared) for person in people]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "address", ["203.0.113.7:4000{}", "2001:db8::{}", "[2001:db8::{}]:443", "198.51.100.{}, 203.0.113.7"]
)
def test_who_changes_what_is_theirs_to_change_is_the_same_caller(limited, address):
    client = limited(SIGN_INS_PER_MINUTE=3, TRUSTED_PROXIES=1).test_client()
    answers = [
        client.post(
            "/v1/sessions",
            json={"email": f"{number}@example.com", "password": "x"},
            headers={"X-Forwarded-For": address.format(number)},
        )
        for number in range(5)
    ]
    assert [answer.status_code for answer in answers] == [401] * 3 + [429] * 2


def test_two_processes_count_together(limited):
    first, second = limited(SIGN_INS_PER_MINUTE=2), limited(SIGN_INS_PER_MINUTE=2)
    body = {"email": "ana@example.com", "password": "x"}
    assert [
        app.test_client().post("/v1/sessions", json=body).status_code for app in (first, second, first)
    ] == [401, 401, 429]


def test_the_address_is_the_proxys_word_only_where_that_is_set(limited):
    trusting, other = limited(SIGN_INS_PER_MINUTE=1, TRUSTED_PROXIES=1), limited(SIGN_INS_PER_MINUTE=2)
    body = {"email": "ana@example.com", "password": "x"}

    def tries(app):
        addresses = [{"X-Forwarded-For": f"203.0.113.{number}"} for number in range(4)]
        return [
            app.test_client().post("/v1/sessions", json=body, headers=each).status_code for each in addresses
        ]

    assert tries(trusting) == [401] * 4
    assert tries(other)[-2:] == [429, 429]


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///nowhere/redis.sock"])
def test_without_redis_each_process_counts_alone_and_goes_on(limited, url):
    app = limited(SIGN_INS_PER_MINUTE=2, REDIS_URL=SecretStr(url))
    body = {"email": "ana@example.com", "password": "x"}
    assert [app.test_client().post("/v1/sessions", json=body).status_code for _ in range(3)] == [
        401,
        401,
        429,
    ]


def test_health_is_asked_as_often_as_one_likes(limited):
    client = limited(REQUESTS_PER_MINUTE=1).test_client()
    assert {client.get("/livez").status_code for _ in range(5)} == {200}
