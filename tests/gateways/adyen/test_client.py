"""Where the adapter sends its requests, and what it does with answers that no Adyen would give."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest

from gateways.adyen import ids
from gateways.adyen.client import keyed
from gateways.contract import AnswerNotUnderstood, PayoutOrder, TransferOrder, Unknown
from kernel.ids import new_id
from kernel.money import Money

# One call of each of Adyen's APIs, as the SDK names it, and where it goes when it is live.
LIVE = {
    "https://checkout-test.adyen.com/v72/sessions": "https://abc-checkout-live.adyenpayments.com/checkout/v72/sessions",
    "https://balanceplatform-api-test.adyen.com/btl/v4/transfers": (
        "https://balanceplatform-api-live.adyen.com/btl/v4/transfers"
    ),
    "https://balanceplatform-api-test.adyen.com/bcl/v2/balanceAccounts": (
        "https://balanceplatform-api-live.adyen.com/bcl/v2/balanceAccounts"
    ),
    "https://kyc-test.adyen.com/lem/v4/legalEntities": "https://kyc-live.adyen.com/lem/v4/legalEntities",
    "https://ca-test.adyen.com/ca/services/DisputeService/v30/defendDispute": (
        "https://ca-live.adyen.com/ca/services/DisputeService/v30/defendDispute"
    ),
}


@pytest.mark.parametrize("address", LIVE)
def test_live_calls_go_to_adyens_live_addresses_and_test_calls_to_its_test_ones(connected, address):
    live = connected(api_base=None, live_prefix="abc").connection
    test = connected(api_base=None).connection
    assert live.payments._determine_api_url("live", address) == LIVE[address]
    assert test.payments._determine_api_url("test", address) == address
    assert (live.livemode, test.livemode) == (True, False)


def test_each_of_adyens_platforms_has_its_key(connected):
    connection = connected(api_key="a", platform_api_key="b", legal_entity_api_key="c").connection
    assert [each.xapikey for each in (connection.payments, connection.platform, connection.entities)] == [
        "a",
        "b",
        "c",
    ]
    assert connected(api_key="a").connection.entities.xapikey == "a"


def test_a_signing_key_that_is_none_stops_the_start(connected):
    with pytest.raises(ValueError, match="hexadecimal"):
        connected(hmac_keys=["not a key"])


def test_the_app_is_told_what_it_needs_to_speak_to_adyen(connected):
    assert connected().client_settings() == {"client_key": "test_SANDBOX", "environment": "test"}
    assert connected(live_prefix="abc").client_settings()["environment"] == "live"


def test_a_key_that_adyen_would_cut_is_not_sent():
    assert keyed("k" * 64) == "k" * 64
    with pytest.raises(AssertionError):
        keyed("k" * 65)


class Answer:
    """A server that always gives the same answer, and keeps what it was sent."""

    def __init__(self):
        self.status, self.body, self.headers = 200, b"", {}
        self.heard = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.heard.append((self.path, self.headers.get("X-API-Key")))
                self.send_response(outer.status)
                for name, value in (outer.headers | {"Content-Length": str(len(outer.body))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_args):
                """The test reads what arrived."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def orders(payment_order):
    """Orders that may have gone out."""
    usd_10 = Money(1_000, "USD")
    return {
        "find_payment": payment_order,
        "find_transfer": TransferOrder(new_id("tr"), new_id("ms"), usd_10, "BA1", None),
        "find_payout": PayoutOrder(new_id("po"), "BA1", usd_10),
    }


@pytest.fixture
def server():
    opened = Answer()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()
    opened.thread.join()


@pytest.mark.parametrize("status", [200, 400, 404, 422, 500])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"x"', b"7", b"\xff"])
def test_an_answer_that_is_not_adyens_says_nothing(connected, server, status, body):
    server.status, server.body = status, body
    outcome = connected(api_base=server.url).balance("USD")
    assert isinstance(outcome, Unknown)
    assert f"status {status}" in outcome.reason


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_an_error_that_adyen_does_not_explain_says_nothing(connected, server, status):
    server.status, server.body = status, b'{"message": "no such page"}'
    assert isinstance(connected(api_base=server.url).balance("USD"), Unknown)


@pytest.mark.parametrize("name", ["find_payment", "find_transfer", "find_payout"])
def test_a_document_that_is_no_list_does_not_say_that_there_is_nothing(connected, server, orders, name):
    server.body = b"{}"
    with pytest.raises(AnswerNotUnderstood):
        getattr(connected(api_base=server.url), name)(orders[name])
    with pytest.raises(AnswerNotUnderstood):
        connected(api_base=server.url).balance("USD")


def test_our_key_does_not_follow_a_redirect(connected, server):
    server.status, server.headers = 302, {"Location": f"{server.url}/elsewhere"}
    assert isinstance(connected(api_base=server.url).balance("USD"), Unknown)
    assert [path for path, _ in server.heard] == ["/bcl/v2/balanceAccounts/BA00000000000000000000001"]


@pytest.mark.parametrize(
    ("days", "stretches", "found"), [(0, 1, 1), (0, 4, 1), (200, 1, 1), (200, 4, 2), (2_000, 4, 4)]
)
def test_times_are_of_six_months_at_most_and_end_now(days, stretches, found):
    now = datetime.now(UTC) + timedelta(days=days)
    times = ids.listed_times(new_id("py"), now=now, stretches=stretches)
    assert len(times) == found
    assert all(until - since <= timedelta(days=180) for since, until in times)
    assert times[0][0] < datetime.now(UTC)
    assert times[-1][1] <= now + timedelta(hours=1)
    assert all(first[1] == second[0] for first, second in pairwise(times))


def test_an_id_from_a_clock_that_is_ahead_is_looked_for_all_the_same():
    ((since, until),) = ids.listed_times(new_id("py"), now=datetime.now(UTC) - timedelta(days=9), stretches=4)
    assert since == until
