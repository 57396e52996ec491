"""Registering, signing in and out, and one's own account, over HTTP."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from identity.tables import User, UserSession
from persistence.unit_of_work import reading
from tests.api.conftest import PASSWORD, problem, registration
from tests.books import everything, nothing_moves


def test_a_person_registers_signs_in_and_sees_themselves(client):
    assert client.post("/v1/accounts", json=registration(roles=["client", "worker"])).status_code == 202
    signed_in = client.post("/v1/sessions", json={"email": "ANA@example.com", "password": PASSWORD})
    assert signed_in.status_code == 201
    assert signed_in.json["token_type"] == "Bearer"
    me = client.get("/v1/me", headers={"Authorization": f"Bearer {signed_in.json['access_token']}"})
    assert me.json["email"] == "ana@example.com"
    assert me.json["roles"] == ["client", "worker"]
    assert me.json["time_zone"] == "UTC"
    assert "password" not in me.text


def test_registering_a_known_email_looks_the_same_and_changes_nothing(client):
    first = client.post("/v1/accounts", json=registration())
    accounts = reading(lambda session: session.scalars(select(User.password_hash)).all())
    second = client.post(
        "/v1/accounts", json=registration(email="Ana@EXAMPLE.com", password="quite another one")
    )
    assert (second.status_code, second.data, len(second.headers)) == (
        first.status_code,
        first.data,
        len(first.headers),
    )
    assert reading(lambda session: session.scalars(select(User.password_hash)).all()) == accounts


def test_an_unknown_email_and_a_wrong_password_are_refused_in_the_same_words(client):
    client.post("/v1/accounts", json=registration())
    wrong = problem(
        client.post("/v1/sessions", json=_credentials(password="not that one")), 401, "sign_in_refused"
    )
    unknown = problem(
        client.post("/v1/sessions", json=_credentials(email="bob@example.com")), 401, "sign_in_refused"
    )
    assert {**wrong, "request_id": ""} == {**unknown, "request_id": ""}
    assert reading(lambda session: session.scalar(select(func.count(UserSession.id)))) == 0


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"email": "not an address"}, "email_malformed", "/email"),
        ({"email": "ana@exam ple.com"}, "email_malformed", "/email"),
        ({"email": "ana@-.com"}, "email_malformed", "/email"),
        ({"email": "é@é.com"}, "email_malformed", "/email"),
        ({"password": "too short"}, "password_too_weak", "/password"),
        ({"password": "password1234"}, "password_too_weak", "/password"),
        ({"password": "ANA@example.com"}, "password_too_weak", "/password"),
        ({"password": "x" * 129}, "password_too_weak", "/password"),
        ({"password": "ababababababab"}, "password_too_weak", "/password"),
        ({"country": "XX"}, "country_unknown", "/country"),
        ({"country": "us"}, "country_unknown", "/country"),
        ({"locale": "xx-YY"}, "locale_unknown", "/locale"),
        ({"locale": "../etc"}, "locale_unknown", "/locale"),
        ({"time_zone": "Mars/Olympus"}, "time_zone_unknown", "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone_unknown", "/time_zone"),
        ({"name": " \n "}, "validation_failed", "/name"),
        ({"name": "a\x07b"}, "validation_failed", "/name"),
        ({"name": "\u200b"}, "validation_failed", "/name"),
        ({"name": "\u200b \u2060\ufeff"}, "validation_failed", "/name"),
        ({"name": "\u202e"}, "validation_failed", "/name"),
        ({"name": "\u3164\u115f\u2800"}, "validation_failed", "/name"),
        ({"name": "\u0301"}, "validation_failed", "/name"),
        ({"name": "Ana\u202egro.knab"}, "validation_failed", "/name"),
        ({"name": "\u2067Ana"}, "validation_failed", "/name"),
        ({"name": 7}, "validation_failed", "/name"),
        ({"name": None}, "validation_failed", "/name"),
        ({"roles": []}, "validation_failed", "/roles"),
        ({"roles": ["admin"]}, "validation_failed", "/roles/0"),
        ({"roles": ["system"]}, "validation_failed", "/roles/0"),
        ({"roles": "client"}, "validation_failed", "/roles"),
        ({"is_admin": True}, "validation_failed", "/is_admin"),
        ({"balance": "100.00"}, "validation_failed", "/balance"),
        ({"id": "us_00000000000000000000000000"}, "validation_failed", "/id"),
    ],
)
def test_a_bad_registration_names_its_field_and_writes_nothing(client, change, code, field):
    with nothing_moves():
        problem(client.post("/v1/accounts", json=registration(**change)), 422, code, field)


@pytest.mark.parametrize(
    "name",
    [
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        "Ana \U0001f469\u200d\U0001f4bb",
        "\u0924\u094d\u200d",
        "Zoe\u0308",
        "李",
        "\U0001f3f4\U000e0067\U000e007f",
    ],
)
def test_names_of_every_script_are_taken(client, name):
    assert client.post("/v1/accounts", json=registration(name=name)).status_code == 202


def test_all_mistakes_are_listed_at_once(client):
    document = problem(
        client.post("/v1/accounts", json={"email": 1, "name": "", "surplus": 1}),
        422,
        "validation_failed",
        "/email",
    )
    assert {error["field"] for error in document["errors"]} == {
        "/country",
        "/email",
        "/name",
        "/password",
        "/roles",
        "/surplus",
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "ana@example.com"}, "/password"),
        ({"email": "ana@example.com", "password": None}, "/password"),
        ({"email": ["ana@example.com"], "password": "x"}, "/email"),
        ({"email": "ana@example.com", "password": "x", "role": "admin"}, "/role"),
    ],
)
def test_a_bad_sign_in_names_its_field_and_counts_nothing(client, body, field):
    with nothing_moves():
        problem(client.post("/v1/sessions", json=body), 422, "validation_failed", field)


def test_too_many_attempts_say_when_to_come_back(client, clock):
    for _ in range(5):
        problem(client.post("/v1/sessions", json=_credentials()), 401, "sign_in_refused")
    with nothing_moves():
        refused = client.post("/v1/sessions", json=_credentials())
        document = problem(refused, 429, "too_many_attempts")
    assert refused.headers["Retry-After"] == str(document["details"]["retry_after_seconds"])
    clock.advance(seconds=document["details"]["retry_after_seconds"])
    problem(client.post("/v1/sessions", json=_credentials()), 401, "sign_in_refused")


def test_refreshing_gives_new_tokens_and_uses_the_old_ones_up(sign_up):
    ana = sign_up("client")
    renewed = ana.client.post("/v1/sessions/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    assert renewed.status_code == 200
    assert renewed.json["session"]["id"] == ana.tokens["session"]["id"]
    problem(ana.get("/v1/me"), 401, "not_signed_in", "Authorization")
    ana.tokens = renewed.json
    assert ana.get("/v1/me").status_code == 200


def test_a_phone_that_lost_the_answer_asks_again_and_is_given_it(sign_up):
    ana = sign_up("client")
    old = {"refresh_token": ana.tokens["refresh_token"]}
    lost = ana.client.post("/v1/sessions/refresh", json=old)
    again = ana.client.post("/v1/sessions/refresh", json=old)
    assert (again.status_code, again.json) == (200, lost.json)
    ana.tokens = again.json
    assert ana.get("/v1/me").status_code == 200


def test_using_a_refresh_token_twice_ends_the_session_for_both(sign_up, clock):
    ana = sign_up("client")
    old = ana.tokens["refresh_token"]
    ana.tokens = ana.client.post("/v1/sessions/refresh", json={"refresh_token": old}).json
    clock.advance(seconds=31)
    again = ana.client.post("/v1/sessions/refresh", json={"refresh_token": old})
    problem(again, 401, "refresh_refused", "/refresh_token")
    problem(ana.get("/v1/me"), 401, "not_signed_in", "Authorization")
    with nothing_moves():
        after = ana.client.post("/v1/sessions/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
        problem(after, 401, "refresh_refused", "/refresh_token")


@pytest.mark.parametrize("token", ["hfr_x", "", "hfr_.", "hfr_" + "x" * 200, "Ω", "a.b.c"])
def test_a_made_up_refresh_token_is_refused(client, token):
    with nothing_moves():
        response = client.post("/v1/sessions/refresh", json={"refresh_token": token})
        problem(
            response, *((401, "refresh_refused") if token else (422, "validation_failed")), "/refresh_token"
        )


def test_sessions_are_listed_and_ended_one_by_one(sign_up):
    ana = sign_up("client")
    phone = ana.client.post("/v1/sessions", json={"email": ana.email, "password": PASSWORD}).json
    listed = ana.get("/v1/sessions").json["data"]
    assert [each["id"] for each in listed] == [phone["session"]["id"], ana.tokens["session"]["id"]]
    assert ana.ask("DELETE", f"/v1/sessions/{phone['session']['id']}").data == b""
    lost = ana.client.get("/v1/me", headers={"Authorization": f"Bearer {phone['access_token']}"})
    problem(lost, 401, "not_signed_in", "Authorization")
    assert ana.get("/v1/me").status_code == 200
    with nothing_moves():
        problem(ana.ask("DELETE", f"/v1/sessions/{phone['session']['id']}"), 404, "session_not_found")


def test_nobody_ends_or_sees_the_session_of_somebody_else(sign_up):
    ana, bob = sign_up("client"), sign_up("worker")
    assert [each["id"] for each in bob.get("/v1/sessions").json["data"]] == [bob.tokens["session"]["id"]]
    with nothing_moves():
        theirs = problem(
            bob.ask("DELETE", f"/v1/sessions/{ana.tokens['session']['id']}"), 404, "session_not_found"
        )
        nobodys = problem(
            bob.ask("DELETE", "/v1/sessions/se_01jd8qk3x4n5p6r7s8t9v0w1x2"), 404, "session_not_found"
        )
        assert theirs["detail"] == nobodys["detail"]
        problem(bob.ask("DELETE", "/v1/sessions/us_01jd8qk3x4n5p6r7s8t9v0w1x2"), 404, "not_found")
        problem(bob.ask("DELETE", "/v1/sessions/elsewhere"), 404, "not_found")
    assert ana.get("/v1/me").status_code == 200


def test_signing_out_ends_this_device_only(sign_up):
    ana = sign_up("client")
    other = ana.client.post("/v1/sessions", json={"email": ana.email, "password": PASSWORD}).json
    assert ana.ask("DELETE", "/v1/sessions/current").status_code == 204
    problem(ana.get("/v1/me"), 401, "not_signed_in", "Authorization")
    ana.tokens = other
    assert ana.get("/v1/me").status_code == 200


def test_an_account_is_edited_with_the_etag_that_was_read(sign_up):
    ana = sign_up("client")
    etag = ana.get("/v1/me").headers["ETag"]
    edited = ana.ask(
        "PATCH", "/v1/me", headers={"If-Match": etag}, json={"name": "Ana María", "locale": "es-MX"}
    )
    assert (edited.json["name"], edited.json["locale"], edited.json["time_zone"]) == (
        "Ana María",
        "es-MX",
        "UTC",
    )
    assert edited.headers["ETag"] != etag
    assert ana.get("/v1/me").headers["ETag"] == edited.headers["ETag"]


def test_an_etag_that_a_compressing_proxy_made_weak_is_good_once(sign_up):
    ana = sign_up("client")
    weak = {"If-Match": "W/" + ana.get("/v1/me").headers["ETag"]}
    assert ana.ask("PATCH", "/v1/me", headers=weak, json={"name": "Ana Maria"}).json["name"] == "Ana Maria"
    with nothing_moves():
        again = ana.ask("PATCH", "/v1/me", headers=weak, json={"name": "Somebody else"})
        problem(again, 412, "etag_mismatch", "If-Match")


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        (None, 428, "if_match_required"),
        ('"7"', 412, "etag_mismatch"),
        ('W/"7"', 412, "etag_mismatch"),
        ('w/"1"', 412, "etag_mismatch"),
        ('"1-gzip"', 412, "etag_mismatch"),
        ("1", 412, "etag_mismatch"),
        ('"x"', 412, "etag_mismatch"),
    ],
)
def test_an_edit_without_the_present_etag_is_refused(sign_up, if_match, status, code):
    ana = sign_up("client")
    with nothing_moves():
        headers = {} if if_match is None else {"If-Match": if_match}
        problem(ana.ask("PATCH", "/v1/me", headers=headers, json={"name": "B"}), status, code, "If-Match")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"roles": ["admin"]}, "validation_failed", "/roles"),
        ({"country": "DE"}, "validation_failed", "/country"),
        ({"email": "b@example.com"}, "validation_failed", "/email"),
        ({"version": 9}, "validation_failed", "/version"),
        ({}, "validation_failed", ""),
        ({"name": ""}, "validation_failed", "/name"),
        ({"locale": "zz-ZZ"}, "locale_unknown", "/locale"),
        ({"time_zone": "Mars"}, "time_zone_unknown", "/time_zone"),
    ],
)
def test_what_may_not_be_edited_is_refused_and_nothing_changes(sign_up, change, code, field):
    ana = sign_up("client")
    with nothing_moves():
        problem(ana.ask("PATCH", "/v1/me", headers={"If-Match": "*"}, json=change), 422, code, field)


def test_no_token_and_no_password_is_kept_anywhere(sign_up):
    ana = sign_up("client")
    kept = repr(everything())
    for secret in (PASSWORD, ana.tokens["access_token"], ana.tokens["refresh_token"]):
        assert secret not in kept
        assert secret.removeprefix("hfa_").removeprefix("hfr_") not in kept
        assert secret.rpartition(".")[2] not in kept


def test_nothing_secret_and_nobodys_address_is_logged(capsys, sign_up):
    ana = sign_up("client")
    ana.client.post("/v1/sessions", json={"email": ana.email, "password": "not that one"})
    ana.client.post("/v1/sessions", json={"email": ana.email, "password": PASSWORD, "surplus": "hush"})
    ana.client.post("/v1/sessions/refresh", json={"refresh_token": ana.tokens["refresh_token"]})
    ana.client.get(f"/v1/sessions?cursor={ana.tokens['access_token']}", headers=ana.headers)
    ana.get("/v1/me")
    logged = "".join(capsys.readouterr())
    assert logged.count('"event": "request"') == 8
    for secret in (PASSWORD, "not that one", "hush", ana.email, *ana.tokens.values()):
        assert str(secret) not in logged
    assert ana.id in logged


def _credentials(**changes):
    return {"email": "ana@example.com", "password": PASSWORD} | changes
