"""What cannot be read is refused before anybody acts on it, and says what is wrong."""

from __future__ import annotations

import io
import json

import pytest

from api.body import DEEPEST, LARGEST_BYTES, LONGEST_NAME, MOST_VALUES
from tests.api.conftest import problem, registration
from tests.books import nothing_moves

_JSON = "application/json"


def deep(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": -Infinity}',
        '{"email": "a", "email": "b"}',
        '{"a": "\u0001"}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        '{"a": 1} trailing',
        '{"a": ' + "9" * 5000 + "}",
        deep(DEEPEST + 1),
        deep(100_000),
        '{"a":' * 20_000 + "1" + "}" * 20_000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_json_is_refused(client, body):
    with nothing_moves():
        response = client.post("/v1/accounts", data=body, content_type=_JSON)
        if body:
            problem(response, 400, "malformed_json")
        else:
            problem(response, 422, "validation_failed", "/email")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"a": {"b": ["", "\\ud800"]}}', "/a/b/1"),
        ('{"a/b": "\\u0000"}', "/a~1b"),
        ('{"a": {"\\udfff": 1}}', "/a"),
        ('{"\\u0000": 1}', ""),
    ],
)
def test_text_that_is_none_is_refused_where_it_stands(client, body, field):
    with nothing_moves():
        response = client.post("/v1/accounts", data=body, content_type=_JSON)
        problem(response, 400, "malformed_json", field)


@pytest.mark.parametrize("body", ["null", "[]", "1", '"text"', "true", "[[1]]"])
def test_json_that_is_no_object_is_refused(client, body):
    with nothing_moves():
        response = client.post("/v1/accounts", data=body, content_type=_JSON)
        assert problem(response, 422, "validation_failed", "")["errors"] == [
            {"field": "", "detail": "Invalid input type."}
        ]


def test_as_deep_as_it_may_be_is_read(client):
    body = json.dumps(registration(surplus=json.loads(deep(DEEPEST - 1))))
    problem(client.post("/v1/accounts", data=body, content_type=_JSON), 422, "validation_failed", "/surplus")


@pytest.mark.parametrize(
    ("body", "says", "field"),
    [
        ([0] * MOST_VALUES, "more than 10000 values", None),
        ({"a": {"b": [[0] * 100] * 100}}, "more than 10000 values", None),
        ({"a": {"k" * (LONGEST_NAME + 1): 0}}, "more than 256 characters", "/a"),
    ],
    ids=["a list", "lists of lists", "a name"],
)
def test_a_body_of_too_many_parts_or_too_long_names_is_refused(client, body, says, field):
    with nothing_moves():
        response = client.post("/v1/accounts", data=json.dumps(body), content_type=_JSON)
        assert says in problem(response, 400, "malformed_json", field)["detail"]


def test_as_many_parts_as_there_may_be_are_read(client):
    body = json.dumps(registration(**{"k" * LONGEST_NAME: [0] * (MOST_VALUES - 20)}))
    response = client.post("/v1/accounts", data=body, content_type=_JSON)
    problem(response, 422, "validation_failed", "/" + "k" * LONGEST_NAME)


@pytest.mark.parametrize("padding", [" " * LARGEST_BYTES, " " * LARGEST_BYTES + "garbage"])
def test_a_body_in_chunks_is_refused_when_it_is_too_large_and_not_cut(client, padding):
    body = json.dumps(registration()) + padding
    with nothing_moves():
        problem(in_chunks(client, "/v1/accounts", body), 413, "body_too_large")


def test_a_body_in_chunks_is_read_when_it_is_not_too_large(client):
    assert in_chunks(client, "/v1/accounts", json.dumps(registration())).status_code == 202


def test_an_event_in_chunks_that_is_too_large_is_refused_and_not_cut(client):
    with nothing_moves():
        problem(in_chunks(client, "/v1/webhooks/stripe", "{}" + " " * 512 * 1024), 413, "body_too_large")


def test_a_large_body_where_none_is_read_is_refused(client):
    for method, path in (("GET", "/livez"), ("DELETE", "/v1/sessions/current"), ("POST", "/nowhere")):
        response = client.open(path, method=method, data=" " * 4097, content_type="text/plain")
        problem(response, 413, "body_too_large")


def in_chunks(client, path, body):
    """As a server hands on what comes without a length."""
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    return client.post(
        path, input_stream=io.BytesIO(body.encode()), content_type=_JSON, environ_overrides=chunked
    )


def test_a_huge_body_is_refused_unread(client):
    with nothing_moves():
        problem(
            client.post("/v1/accounts", data="x" * (LARGEST_BYTES + 1), content_type=_JSON),
            413,
            "body_too_large",
        )


def test_a_body_of_the_largest_size_is_read(client):
    body = json.dumps(registration(surplus="x" * (LARGEST_BYTES - 200)))
    assert len(body) <= LARGEST_BYTES
    problem(client.post("/v1/accounts", data=body, content_type=_JSON), 422, "validation_failed", "/surplus")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "nonsense"]
)
def test_a_body_of_another_kind_is_refused(client, kind):
    with nothing_moves():
        response = client.post(
            "/v1/accounts", data=json.dumps(registration()), headers={"Content-Type": kind}
        )
        problem(response, 415, "unsupported_media_type", "Content-Type")


@pytest.mark.parametrize(
    ("body", "field"), [('{"amount": "5.00"}', "/amount"), ("[]", ""), ("null", ""), ("0", ""), ("false", "")]
)
def test_a_body_where_none_is_read_is_refused(client, sign_up, body, field):
    ana = sign_up("client")
    with nothing_moves():
        response = ana.ask("DELETE", "/v1/sessions/current", data=body, content_type=_JSON)
        problem(response, 422, "validation_failed", field)
    assert ana.ask("DELETE", "/v1/sessions/current", json={}).status_code == 204


def test_a_parameter_that_is_said_twice_is_refused(sign_up):
    problem(sign_up("client").get("/v1/sessions?limit=1&limit=2"), 422, "validation_failed", "limit")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.holdfast+json"])
def test_json_by_its_other_names_is_read(client, kind):
    response = client.post("/v1/accounts", data=json.dumps(registration()), headers={"Content-Type": kind})
    assert response.status_code == 202


def test_a_field_may_be_named_like_a_path(client):
    document = problem(
        client.post("/v1/accounts", json=registration(**{"a/b~c": 1})), 422, "validation_failed", "/a~1b~0c"
    )
    assert document["errors"] == [{"field": "/a~1b~0c", "detail": "Unknown field."}]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=1.5", "limit=", "limit=-1", "limit=true"]
)
def test_a_page_of_an_impossible_size_is_refused(sign_up, query):
    problem(sign_up("client").get(f"/v1/sessions?{query}"), 422, "validation_failed", "limit")


def test_an_unknown_parameter_is_refused_on_every_kind_of_route(sign_up):
    ana = sign_up("client")
    with nothing_moves():
        problem(ana.get("/v1/sessions?page=2"), 422, "validation_failed", "page")
        problem(ana.get("/v1/me?verbose=1"), 422, "validation_failed", "verbose")
        problem(ana.ask("DELETE", "/v1/sessions/current?dry_run=true"), 422, "validation_failed", "dry_run")
