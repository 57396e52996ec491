"""What the adapter says when the road to PayPal, or PayPal itself, is bad: unknown where nothing tells."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from gateways.contract import Busy, EvidenceOrder, RefundOrder, Rejected, Unknown
from gateways.reaching import UNREACHABLE
from kernel.ids import new_id
from kernel.money import Money

USD_10 = Money(1_000, "USD")
A_DAY_AGO = datetime.now(UTC) - timedelta(days=1)

# Every order: how it is placed.
ORDERS = {
    "create_payment": lambda world: (world["order"],),
    "capture_payment": lambda world: (world["approved"],),
    "create_refund": lambda world: (RefundOrder(new_id("rf"), world["paid"], USD_10),),
    "submit_evidence": lambda world: (EvidenceOrder(new_id("ce"), world["dispute"], {"a": "b"}),),
}
QUESTIONS = {
    "payment": lambda world: (world["paid"],),
    "cancel_payment": lambda world: (world["paid"],),
    "refund": lambda _: ("NOPE",),
    "find_refund": lambda world: (RefundOrder(new_id("rf"), world["paid"], USD_10),),
    "chargeback": lambda world: (world["dispute"],),
    "find_evidence": lambda world: (EvidenceOrder(new_id("ce"), world["dispute"], {"a": "b"}),),
    "balance": lambda _: ("USD",),
    "balance_lines": lambda _: (),
    "events": lambda _: (),
}
NAMED = {
    "capture_payment": {"key": "py_1.capture"},
    "balance_lines": {"since": A_DAY_AGO, "after": None},
    "events": {"since": A_DAY_AGO, "until": A_DAY_AGO + timedelta(days=2)},
}
CALLS = ORDERS | QUESTIONS
# Where PayPal is asked that has the effect; before it, some look something up.
EFFECTS = {
    "create_payment": ".*/orders",
    "capture_payment": ".*/capture",
    "create_refund": ".*/refund",
    "submit_evidence": ".*/provide-evidence",
}


class World:
    """One of everything the calls are about, made when a call asks for it."""

    def __init__(self, paypal, peer, order):
        self._paypal, self._peer, self._template = paypal, peer, order
        self._made = {}

    def __getitem__(self, name):
        if name not in self._made:
            self._made[name] = getattr(self, f"_{name}")()
        return self._made[name]

    def _order(self):
        return replace(self._template, payment_id=new_id("py"))

    def _approved(self):
        made = self._paypal.create_payment(self._order()).gateway_id
        self._peer.approve(made)
        return made

    def _paid(self):
        return self._charged().gateway_id

    def _dispute(self):
        capture = self._charged().charge.gateway_id
        return self._peer.dispute(capture, channel="EXTERNAL")["dispute_id"]

    def _charged(self):
        approved = self._approved()
        return self._paypal.capture_payment(approved, key=approved)


@pytest.fixture
def world(paypal, paypal_peer, paypal_order):
    """One of everything the calls are about."""
    return World(paypal, paypal_peer, paypal_order)


def call(paypal, name, arguments):
    return getattr(paypal, name)(*arguments, **NAMED.get(name, {}))


@pytest.mark.parametrize("kind", ["cut_before_effect", "cut_after_effect"])
@pytest.mark.parametrize("name", CALLS)
def test_without_an_answer_the_outcome_is_unknown(paypal, paypal_peer, world, name, kind):
    arguments = CALLS[name](world)
    paypal_peer.fault(kind)
    assert call(paypal, name, arguments) == Unknown("no answer: ConnectionError")


@pytest.mark.parametrize("name", CALLS)
def test_too_slow_an_answer_is_none(paypal_connected, paypal_peer, world, name):
    arguments = CALLS[name](world)
    impatient = paypal_connected(answer_seconds=0.2)
    impatient.balance("USD")
    paypal_peer.fault("hold_before_effect")
    outcome = call(impatient, name, arguments)
    paypal_peer.clear_faults()
    assert outcome == Unknown("no answer: ReadTimeout")


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("status", [500, 409])
def test_an_answer_that_tells_nothing_is_unknown(paypal, paypal_peer, world, name, status):
    arguments = CALLS[name](world)
    paypal_peer.fault("status", status=status)
    outcome = call(paypal, name, arguments)
    assert isinstance(outcome, Unknown)
    assert f"status {status}" in outcome.reason


@pytest.mark.parametrize("name", CALLS)
def test_paypal_asking_to_slow_down_is_no_failure(paypal, paypal_peer, world, name):
    arguments = CALLS[name](world)
    paypal_peer.fault("status", status=429)
    assert call(paypal, name, arguments) == Busy(5)


@pytest.mark.parametrize(("asked", "waits"), [(7, 7), (0, 1), (9_999, 300)])
def test_how_long_to_wait_is_for_paypal_to_say_within_reason(paypal, paypal_peer, asked, waits):
    paypal_peer.fault("status", status=429, retry_after=asked)
    assert paypal.balance("USD") == Busy(waits)


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("kind", ["cut_before_effect", "cut_after_effect"])
def test_the_same_order_again_has_its_effect_once(paypal, paypal_peer, world, name, kind):
    arguments = ORDERS[name](world)
    paypal_peer.fault(kind, path=EFFECTS[name])
    assert isinstance(call(paypal, name, arguments), Unknown)
    again = call(paypal, name, arguments)
    assert not isinstance(again, Rejected | Busy | Unknown)
    before = paypal.balance("USD")
    assert call(paypal, name, arguments).gateway_id == again.gateway_id
    assert paypal.balance("USD") == before
    if name == "submit_evidence":
        assert again.answers == 1


@pytest.mark.parametrize(
    ("placed", "found"), [("create_refund", "find_refund"), ("submit_evidence", "find_evidence")]
)
def test_an_order_whose_answer_was_lost_is_found_if_it_had_its_effect(
    paypal, paypal_peer, world, placed, found
):
    arguments = ORDERS[placed](world)
    paypal_peer.fault("cut_before_effect", path=EFFECTS[placed])
    assert isinstance(call(paypal, placed, arguments), Unknown)
    assert call(paypal, found, arguments) is None
    paypal_peer.fault("cut_after_effect", path=EFFECTS[placed])
    assert isinstance(call(paypal, placed, arguments), Unknown)
    effect = call(paypal, found, arguments)
    assert effect is not None
    assert call(paypal, placed, arguments) == effect


def test_a_capture_whose_answer_was_lost_is_seen_at_the_payment(paypal, paypal_peer, world):
    approved = world["approved"]
    paypal_peer.fault("cut_after_effect", path=".*/capture")
    assert isinstance(paypal.capture_payment(approved, key="c"), Unknown)
    seen = paypal.payment(world["approved"])
    assert seen.charge is not None
    assert paypal.capture_payment(world["approved"], key="another") == seen


@pytest.mark.parametrize("name", ORDERS)
def test_one_order_is_one_request_so_that_its_answer_is_about_all_that_was_sent(
    paypal, paypal_peer, world, name
):
    arguments = ORDERS[name](world)
    paypal_peer.fault("cut_after_effect", path=EFFECTS[name])
    assert call(paypal, name, arguments) == Unknown("no answer: ConnectionError")
    posts = [each for each in paypal_peer.journal() if each["fault"] == "cut_after_effect"]
    assert len(posts) == 1
    assert paypal_peer.journal()[-1] == posts[0]


@pytest.mark.parametrize("name", ["create_payment", "capture_payment", "create_refund"])
def test_every_order_bears_its_own_key(paypal, paypal_peer, world, name):
    arguments = ORDERS[name](world)
    call(paypal, name, arguments)
    key = NAMED.get(name, {}).get("key") or arguments[0].key
    assert paypal_peer.journal()[-1]["idempotency_key"] == key


@pytest.mark.parametrize("name", CALLS)
def test_refused_credentials_fail_no_order(paypal_connected, world, name, caplog):
    arguments = CALLS[name](world)
    outcome = call(paypal_connected(client_secret="stolen-secret"), name, arguments)
    refused = Rejected(
        "credentials_refused", "The payment provider is not available.", temporary=True, at_the_door=True
    )
    if name.startswith("find_") or name == "submit_evidence":
        # The order that is looked for was not refused; whether it stands is still not known.
        assert outcome == Unknown("could not be looked up: credentials_refused")
    else:
        assert outcome == refused
    assert any(record.levelname == "CRITICAL" for record in caplog.records)
    assert "stolen-secret" not in caplog.text


@pytest.mark.parametrize("name", CALLS)
def test_a_token_that_ended_is_fetched_anew_once(paypal, paypal_peer, world, name):
    arguments = CALLS[name](world)
    paypal_peer.forget_tokens()
    before = len(paypal_peer.journal())
    outcome = call(paypal, name, arguments)
    assert not isinstance(outcome, Busy | Unknown)
    after = [each["path"] for each in paypal_peer.journal()[before:]]
    assert after.count("/v1/oauth2/token") == 1


def test_a_token_that_is_refused_again_and_again_is_fetched_no_more_than_once(
    paypal, paypal_peer, world, caplog
):
    paid = world["paid"]
    paypal_peer.fault("status", status=401, count=None, path="/v2/.*")
    before = len(paypal_peer.journal())
    assert paypal.payment(paid).code == "credentials_refused"
    assert [each["path"] for each in paypal_peer.journal()[before:]] == [
        f"/v2/checkout/orders/{paid}",
        "/v1/oauth2/token",
        f"/v2/checkout/orders/{paid}",
    ]
    assert any(record.levelname == "CRITICAL" for record in caplog.records)


def test_a_permission_that_is_missing_stops_work_and_fails_no_order(paypal, paypal_peer, caplog):
    paypal_peer.fault("status", status=403)
    refused = paypal.balance("USD")
    assert (refused.code, refused.temporary, refused.at_the_door) == ("credentials_refused", True, True)
    assert any(record.levelname == "CRITICAL" for record in caplog.records)


@pytest.mark.parametrize(
    ("how", "outcome"),
    [
        ({"kind": "cut_before_effect"}, Unknown("no answer: ConnectionError")),
        ({"kind": "status", "status": 429, "retry_after": 9}, Busy(9)),
        ({"kind": "status", "status": 500}, Unknown("no access token: status 500")),
    ],
)
def test_without_a_token_nothing_is_sent(paypal, paypal_peer, paypal_order, how, outcome):
    paypal_peer.fault(path="/v1/oauth2/token", **how)
    assert paypal.create_payment(paypal_order) == outcome
    assert [each["path"] for each in paypal_peer.journal()] == ["/v1/oauth2/token"]


def test_one_token_serves_many_calls(paypal_connected, paypal_peer, world):
    paid, paypal, before = world["paid"], paypal_connected(), len(paypal_peer.journal())
    for _ in range(3):
        paypal.payment(paid)
        paypal.balance("USD")
    paths = [each["path"] for each in paypal_peer.journal()[before:]]
    assert paths.count("/v1/oauth2/token") == 1


def test_another_order_under_the_same_key_says_nothing_of_the_first_and_is_a_bug(paypal, world, caplog):
    paypal.create_payment(world["order"])
    answer = paypal.create_payment(replace(world["order"], amount=USD_10))
    assert isinstance(answer, Unknown)
    assert "another order" in answer.reason
    assert any(record.levelname == "CRITICAL" for record in caplog.records)


def test_a_question_that_is_refused_says_nothing_of_the_order_it_was_about(paypal, world):
    answer = paypal.find_refund(RefundOrder(new_id("rf"), "NOPE", USD_10))
    assert answer == Unknown("could not be looked up: INVALID_RESOURCE_ID")
    answer = paypal.find_evidence(EvidenceOrder(new_id("ce"), "NOPE", {}))
    assert answer == Unknown("could not be looked up: INVALID_RESOURCE_ID")


def test_nobody_listens(paypal_connected, paypal_order):
    silent = paypal_connected(api_base="http://127.0.0.1:9")
    for outcome in (silent.payment("NOPE"), silent.create_payment(paypal_order)):
        assert outcome == UNREACHABLE
    found = silent.find_refund(RefundOrder(new_id("rf"), "NOPE", USD_10))
    assert found == Unknown("could not be looked up: unreachable")


def test_what_was_handed_in_is_not_refused_because_it_cannot_be_looked_at(paypal, paypal_peer, world):
    order = EvidenceOrder(new_id("ce"), world["dispute"], {"a": "b"})
    # Asked for before it is handed in, and after.
    paypal_peer.fault("status", status=403, method="GET", path="/v1/customer/disputes/.*", nth=2)
    assert paypal.submit_evidence(order) == Unknown("could not be looked up: credentials_refused")
    assert paypal.submit_evidence(order).answers == 1
    approved = world["approved"]
    paypal.capture_payment(approved, key="first")
    paypal_peer.fault("status", status=403, method="GET", path="/v2/checkout/orders/.*")
    again = paypal.capture_payment(approved, key="second")
    assert again == Unknown("could not be looked up: credentials_refused")


def test_what_is_logged_names_codes_and_nobody(paypal, world, caplog):
    with caplog.at_level("DEBUG"):
        assert isinstance(world["paid"], str)
        paypal.create_refund(RefundOrder(new_id("rf"), world["paid"], Money(9_999_999, "USD")))
        paypal.capture_payment(world["paid"], key="again")
    ours = [each.getMessage() for each in caplog.records if each.name.startswith("gateways.")]
    assert any("REFUND_AMOUNT_EXCEEDED" in said for said in ours)
    everything = "\n".join(record.getMessage() for record in caplog.records)
    for secret in ("payer@example.com", "Bearer", "A21", "EKsandbox"):
        assert secret not in everything


@pytest.fixture
def strange():
    """A server that answers everything but the token as it is told."""
    told = {"status": 200, "body": "", "headers": {}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = json.dumps({"access_token": "t", "expires_in": 3_600})
            is_token = self.path == "/v1/oauth2/token"
            body = (token if is_token else told["body"]).encode()
            self.send_response(200 if is_token else told["status"])
            for name, value in ({} if is_token else told["headers"]).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.do_GET()

        def log_message(self, *_args):
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    told["url"] = f"http://127.0.0.1:{server.server_port}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>Hello</html>"),
        (200, ""),
        (200, "[]"),
        (201, "null"),
        (400, "<html>Bad request</html>"),
        (422, "{}"),
        (404, ""),
        (302, "{}"),
        (200, '{"py/object": "os.system", "id": "X"}'),
        (200, '{"links": [{"py/reduce": []}]}'),
        (422, "py/ <html>"),
    ],
)
@pytest.mark.parametrize("name", ["payment", "capture_payment", "balance"])
def test_an_answer_that_is_no_document_of_paypals_is_unknown(paypal_connected, strange, name, status, body):
    strange |= {"status": status, "body": body}
    paypal = paypal_connected(api_base=strange["url"])
    arguments = ("USD",) if name == "balance" else ("5O190127TN364715T",)
    assert isinstance(call(paypal, name, arguments), Unknown)


def test_nobody_is_followed_elsewhere_with_our_token(paypal_connected, paypal_peer, strange):
    strange |= {"status": 307, "headers": {"Location": f"{paypal_peer.api_base}/v1/reporting/balances"}}
    before = len(paypal_peer.journal())
    assert isinstance(paypal_connected(api_base=strange["url"]).balance("USD"), Unknown)
    assert len(paypal_peer.journal()) == before


@pytest.mark.parametrize(
    ("status", "document", "refused"),
    [
        (
            422,
            {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "PAYEE_ACCOUNT_RESTRICTED"}]},
            Rejected("PAYEE_ACCOUNT_RESTRICTED", "The payment provider is not available.", temporary=True),
        ),
        (
            422,
            {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": "PAYER_CANNOT_PAY_TWICE"}]},
            Rejected("PAYER_CANNOT_PAY_TWICE", "The payment provider refused."),
        ),
        (
            400,
            {"name": "VALIDATION_ERROR", "details": [{"issue": "A sentence about somebody@example.com."}]},
            Rejected("VALIDATION_ERROR", "The payment provider refused."),
        ),
        (
            400,
            {"name": "a sentence", "details": "none"},
            Rejected("refused", "The payment provider refused."),
        ),
        (403, {"name": "SOMETHING_ELSE"}, Rejected("SOMETHING_ELSE", "The payment provider refused.")),
    ],
)
def test_a_refusal_is_told_by_its_code_and_in_our_own_words(  # noqa: PLR0917 - a table
    paypal_connected, strange, status, document, refused, caplog
):
    strange |= {"status": status, "body": json.dumps(document | {"message": "for somebody@example.com"})}
    with caplog.at_level("INFO"):
        assert paypal_connected(api_base=strange["url"]).payment("X") == refused
    assert "somebody" not in caplog.text
    ours = [each for each in caplog.records if each.name.startswith("gateways.")]
    about_us = refused.code == "PAYEE_ACCOUNT_RESTRICTED"
    assert [each.levelname for each in ours] == ["CRITICAL" if about_us else "INFO"]
