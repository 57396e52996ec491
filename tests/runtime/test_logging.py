"""What is logged can be read by anybody who reads logs, and tells them nothing they must not know."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from runtime.logging import configure, redact, redacted

SECRETS = [
    "hfa_sAjO6_RB2sfUb6k0t1s7XfXliN6IRgIxrMYS57iJ9NA",
    "hfr_bmp0QaSOZoXSG8nm4jEJMA.7D9Mv_isIzvfYp_ZRPkmlFGMpZ9aLP67t1MKDHwwAoc",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "whsec_BxIOlQCfiNn5yVpneqfenB24ONLP4VrJ",
    "pi_3N9_secret_kXoH3cZ",
    "seti_1Q_secret_abcDEF",
    "cuss_secret_9Z",
    "ek_test_YWNjdF8xU",
    "Bearer abc.def.ghi",
    "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$aGFzaA",
    "078-05-1120",
    "12-3456789",
    "4242424242424242",
    "4242 4242 4242 4242",
    "3782-822463-10005",
]


@pytest.fixture
def logs(capsys):
    """Configures, and gives what has been written since."""
    configure("DEBUG")
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_hidden_wherever_it_stands(logs, secret):
    log = structlog.get_logger("holdfast.test")
    log.info(secret)
    log.info("event", note=f"<{secret}>", deep={"a": [{"b": (secret,)}]}, **{"as": {secret: 1}})
    log.info("told by %s", secret)
    logging.getLogger("some.library").warning("with %s inside", secret)
    try:
        int(secret + "x")
    except ValueError:
        log.exception("failed")
        logging.getLogger("some.library").exception("failed as well")
    found = logs()
    assert len(found) == 6
    assert secret not in json.dumps(found)
    assert secret not in json.dumps(found, ensure_ascii=False)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "old_password",
        "token",
        "access_token",
        "refresh_token",
        "Authorization",
        "cookie",
        "client_secret",
        "SECRET_KEY",
        "STRIPE_SECRET_KEY",
        "ssn",
        "tax_id",
        "tin",
        "ein",
        "cvc",
        "card_number",
        "api_key",
    ],
)
def test_what_is_called_like_a_secret_is_one(logs, name):
    structlog.get_logger("holdfast.test").info(
        "event", **{name: "plain words", "nested": {name: ["more words"]}}
    )
    [line] = logs()
    assert line[name] == "[hidden]"
    assert line["nested"] == {name: "[hidden]"}


def test_an_email_is_cut_to_its_first_letter_and_domain():
    assert redacted("from ana.maria+jobs@mail.example.com to bob@example.org") == (
        "from a***@mail.example.com to b***@example.org"
    )


def test_the_password_in_an_address_is_hidden():
    assert redacted("mysql+pymysql://root:hunter2@db:3306/books") == "mysql+pymysql://[hidden]@db:3306/books"
    assert redacted("redis://u:p@ss@cache/0 and a@b.example") == "redis://[hidden]@cache/0 and a***@b.example"


def test_what_is_needed_to_find_something_stays(logs):
    structlog.get_logger("holdfast.test").info(
        "request",
        request_id="rq_01m82twnvpegbba60bxrcczt0s",
        actor="us_01m82txp70ena8xe4jx0nxbwer",
        status=200,
        milliseconds=1.25,
        amount="1234.50 USD",
        at="2026-11-22T23:15:00.000000Z",
        gateway_id="pi_3N9xYz",
        replayed=True,
        nothing=None,
    )
    [line] = logs()
    assert line["request_id"] == "rq_01m82twnvpegbba60bxrcczt0s"
    assert line["actor"] == "us_01m82txp70ena8xe4jx0nxbwer"
    assert (line["status"], line["milliseconds"], line["amount"]) == (200, 1.25, "1234.50 USD")
    assert (line["at"], line["gateway_id"]) == ("2026-11-22T23:15:00.000000Z", "pi_3N9xYz")
    assert (line["replayed"], line["nothing"]) == (True, None)
    assert (line["level"], line["logger"], line["event"]) == ("info", "holdfast.test", "request")


def test_a_number_that_is_a_card_is_hidden_as_a_number_too():
    assert redact(None, "info", {"event": "x", "n": 4242424242424242, "small": 7}) == {
        "event": "x",
        "n": "[hidden]",
        "small": 7,
    }


def test_one_line_is_one_object_whatever_is_in_it(logs):
    structlog.get_logger("holdfast.test").info("two\nlines", note='a "quote" and \u2028 more')
    assert [line["event"] for line in logs()] == ["two\nlines"]


def test_the_level_is_respected(capsys):
    configure("WARNING")
    structlog.get_logger("holdfast.test").info("quiet")
    structlog.get_logger("holdfast.test").warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["loud"]


def test_servers_that_write_addresses_are_kept_quiet(logs):
    for name in ("werkzeug", "granian.access", "gunicorn.access"):
        logging.getLogger(name).info("GET /v1/sessions/4111 HTTP/1.1")
    assert logs() == []
