"""What the adapter says when the road to Adyen, or Adyen itself, is bad: unknown where nothing tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateways import orders
from gateways.adyen.outcomes import answered
from gateways.contract import (
    AccountOrder,
    AnswerNotUnderstood,
    Busy,
    EvidenceOrder,
    PayoutOrder,
    RefundOrder,
    Rejected,
    ReversalOrder,
    Unknown,
)
from gateways.orders import Verdict
from gateways.reaching import UNREACHABLE
from kernel.ids import new_id
from kernel.money import Money

USD_10 = Money(1_000, "USD")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

# Every order: how it is placed, and the call that carries it out.
ORDERS = {
    "create_payment": (lambda world: world["payment_order"], ".*/sessions"),
    "create_refund": (lambda world: world["refund_order"], ".*/refunds"),
    "create_account": (lambda world: world["account_order"], ".*/balanceAccounts"),
    "create_transfer": (lambda world: world["transfer_order"], ".*/transfers"),
    "create_reversal": (lambda world: world["reversal_order"], ".*/transfers"),
    "create_payout": (lambda world: world["payout_order"], ".*/transfers"),
}
FOUND_BY = {
    "create_transfer": "find_transfer",
    "create_reversal": "find_reversal",
    "create_payout": "find_payout",
}
QUESTIONS = {
    "payment": lambda world: (world["payment"],),
    "find_payment": lambda world: (world["payment_order"],),
    "cancel_payment": lambda world: (world["begun"],),
    "refund": lambda _: (f"ay_{new_id('rf')}.1000USD",),
    "find_refund": lambda world: (world["refund_order"],),
    "chargeback": lambda world: (world["dispute"],),
    "account": lambda world: (world["account"],),
    "find_account": lambda world: (world["account_order"],),
    "onboarding_link": lambda world: (world["account"],),
    "find_transfer": lambda world: (world["transfer_order"],),
    "find_reversal": lambda world: (world["reversal_order"],),
    "payout": lambda world: (world["account"], "P" * 16),
    "find_payout": lambda world: (world["payout_order"],),
    "balance": lambda _: ("USD",),
    "balance_lines": lambda _: (),
    "events": lambda _: (),
}
NAMED = {
    "find_account": {"since": LONG_AGO},
    "onboarding_link": {"return_url": "https://example.com/a", "refresh_url": "https://example.com/b"},
    "balance_lines": {"since": None, "after": None},
    "events": {"since": LONG_AGO, "until": datetime(2026, 3, 1, tzinfo=UTC)},
}
CALLS = {name: lambda world, made=made: (made(world),) for name, (made, _) in ORDERS.items()} | QUESTIONS
SEARCHES = [name for name in QUESTIONS if name.startswith("find_")]


class Row:
    """What an order keeps of its sending."""

    attempt, calls, calls_over, out_since, called_at = 1, 0, 0, None, None


class World(dict):
    """One of everything the calls are about, made when it is first named."""

    def __init__(self, request):
        super().__init__()
        self.request = request

    def fixture(self, name):
        return self.request.getfixturevalue(name)

    def another_payment(self):
        return replace(self.fixture("payment_order"), payment_id=new_id("py"))

    def __missing__(self, name):
        self[name] = MADE[name](self)
        return self[name]


def disputed(world):
    adyen, peer, order = world.fixture("adyen"), world.fixture("adyen_peer"), world.another_payment()
    peer.pay(adyen.create_payment(order).client_secret)
    return f"ay_{order.payment_id}.{peer.dispute(order.payment_id)['id']}"


MADE = {
    "payment": lambda world: world.fixture("payment").gateway_id,
    "begun": lambda world: world.fixture("adyen").create_payment(world.another_payment()).gateway_id,
    "payment_order": World.another_payment,
    "refund_order": lambda world: RefundOrder(new_id("rf"), world["payment"], USD_10),
    "dispute": disputed,
    "account": lambda world: world.fixture("account"),
    "account_order": lambda _: AccountOrder(new_id("ac"), new_id("us"), "b@example.com", "US"),
    "transfer_order": lambda world: replace(world.fixture("transfer_order"), amount=USD_10),
    "reversal_order": lambda world: ReversalOrder(new_id("rv"), world.fixture("transfer").gateway_id, USD_10),
    "payout_order": lambda world: (
        world.fixture("transfer") and PayoutOrder(new_id("po"), world["account"], USD_10)
    ),
}


@pytest.fixture
def world(request):
    """Whatever a test is about."""
    return World(request)


def call(adyen, name, world):
    return getattr(adyen, name)(*CALLS[name](world), **NAMED.get(name, {}))


@pytest.mark.parametrize("name", CALLS)
def test_whatever_breaks_on_the_road_is_no_answer(adyen, adyen_peer, world, name):
    CALLS[name](world)
    for kind in ("cut_before_effect", "cut_after_effect"):
        adyen_peer.fault(kind)
        assert call(adyen, name, world) == Unknown("no answer: ConnectionError")
    for status in (500, 502, 503, 408, 409):
        adyen_peer.fault("status", status=status)
        outcome = call(adyen, name, world)
        assert isinstance(outcome, Unknown)
        assert f"status {status}" in outcome.reason
    adyen_peer.fault("status", status=429, retry_after=7)
    assert call(adyen, name, world) == Busy(7)


@pytest.mark.parametrize("name", CALLS)
def test_too_slow_an_answer_is_none(connected, adyen_peer, world, name):
    CALLS[name](world)
    adyen_peer.fault("hold_before_effect")
    outcome = call(connected(answer_seconds=0.1), name, world)
    adyen_peer.clear_faults()
    assert outcome == Unknown("no answer: ReadTimeout")


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("kind", ["cut_before_effect", "cut_after_effect"])
def test_the_same_order_again_has_its_effect_once(adyen, adyen_peer, world, name, kind):
    made, path = ORDERS[name]
    CALLS[name](world)
    adyen_peer.fault(kind, method="POST", path=path)
    assert isinstance(call(adyen, name, world), Unknown)
    before = adyen_peer.state()["shelves"]
    again = call(adyen, name, world)
    assert not isinstance(again, Rejected | Busy | Unknown)
    assert call(adyen, name, world).gateway_id == again.gateway_id
    if kind == "cut_after_effect":
        assert {kind: len(ids) for kind, ids in adyen_peer.state()["shelves"].items()} == {
            kind: len(ids) for kind, ids in before.items()
        }
    assert made(world).key in {each["idempotency_key"] for each in adyen_peer.journal()}


@pytest.mark.parametrize("placed", FOUND_BY)
def test_an_order_whose_answer_was_lost_is_found_if_it_had_its_effect(adyen, adyen_peer, world, placed):
    found = FOUND_BY[placed]
    CALLS[placed](world)
    adyen_peer.fault("cut_before_effect", method="POST")
    assert isinstance(call(adyen, placed, world), Unknown)
    assert call(adyen, found, world) is None
    adyen_peer.fault("cut_after_effect", method="POST")
    assert isinstance(call(adyen, placed, world), Unknown)
    effect = call(adyen, found, world)
    assert effect is not None
    assert call(adyen, placed, world).gateway_id == effect.gateway_id


def test_a_payment_whose_answer_was_lost_is_not_found_before_somebody_paid_it(adyen, adyen_peer, world):
    adyen_peer.fault("cut_after_effect", path=".*/sessions")
    assert isinstance(call(adyen, "create_payment", world), Unknown)
    assert call(adyen, "find_payment", world) is None
    again = call(adyen, "create_payment", world)
    adyen_peer.pay(again.client_secret)
    assert call(adyen, "find_payment", world).gateway_id == again.gateway_id


def test_a_refund_whose_answer_was_lost_is_found_once_adyen_has_begun_it(adyen, adyen_peer, world, clock):
    CALLS["create_refund"](world)
    adyen_peer.fault("cut_after_effect", path=".*/refunds")
    assert isinstance(call(adyen, "create_refund", world), Unknown)
    assert call(adyen, "find_refund", world) is None
    clock.advance(minutes=2)
    found = call(adyen, "find_refund", world)
    assert (found.amount, found.refund_id) == (USD_10, world["refund_order"].refund_id)


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_held_in_flight_is_not_done_twice_by_another(connected, adyen_peer, world, name):
    made, path = ORDERS[name]
    CALLS[name](world)
    fault = adyen_peer.fault("hold_in_flight", method="POST", path=path)
    assert call(connected(answer_seconds=0.5), name, world) == Unknown("no answer: ReadTimeout")
    second = call(connected(), name, world)
    adyen_peer.clear_faults()
    assert fault
    assert isinstance(second, Unknown)
    assert "another order" in second.reason
    assert made(world).key


@pytest.mark.parametrize("name", CALLS)
def test_a_refused_key_fails_no_order(adyen, adyen_peer, world, name, caplog):
    CALLS[name](world)
    for status in (401, 403):
        adyen_peer.fault("status", status=status)
        outcome = call(adyen, name, world)
        if name in SEARCHES:
            assert outcome == Unknown("could not be looked up: credentials_refused")
        else:
            assert outcome == Rejected(
                "credentials_refused",
                "The payment provider is not available.",
                temporary=True,
                at_the_door=True,
            )
    assert [record.levelname for record in caplog.records] == ["CRITICAL", "CRITICAL"]


@pytest.mark.parametrize("name", ORDERS)
def test_an_error_that_adyen_calls_transient_is_no_refusal(adyen, adyen_peer, world, name):
    made, path = ORDERS[name]
    made(world)
    adyen_peer.fault("status", method="POST", path=path, status=422, code="703", transient=True)
    assert isinstance(call(adyen, name, world), Unknown)
    assert not isinstance(call(adyen, name, world), Rejected | Busy | Unknown)


@pytest.mark.parametrize("name", ORDERS)
def test_too_many_requests_by_another_status_are_too_many(adyen, adyen_peer, world, name):
    made, path = ORDERS[name]
    made(world)
    adyen_peer.fault("status", method="POST", path=path, status=422, code="705", retry_after=9)
    assert call(adyen, name, world) == Busy(9)


def test_a_stolen_key_is_not_written_down(connected, payment_order, caplog):
    assert connected(api_key="AQE_stolen").create_payment(payment_order).code == "credentials_refused"
    assert "AQE_stolen" not in caplog.text


def test_another_order_under_the_same_key_says_nothing_of_the_first(adyen, world):
    order = world["payment_order"]
    assert adyen.create_payment(order).payment_id == order.payment_id
    answer = adyen.create_payment(replace(order, amount=USD_10))
    assert isinstance(answer, Unknown)
    assert "another order" in answer.reason


def test_what_adyen_says_of_a_request_is_not_written_down(adyen, adyen_peer, world, caplog):
    caplog.set_level("DEBUG", logger="gateways")
    assert adyen.account("BA00000000000000000000009").code == "30_112"
    assert "BA00000000000000000000009" not in caplog.text
    assert "30_112" in caplog.text


@pytest.fixture
def moved(adyen_peer, payment):
    """The transfers of a payment, as Adyen lists them."""
    objects = adyen_peer.state()["objects"].values()
    return [each for each in objects if each.get("type") == "capture"]


@pytest.mark.parametrize(
    "odd", [{"status": "moonshine"}, {"type": "captureReversal"}, {"amount": {"currency": "XXX", "value": 1}}]
)
def test_a_word_that_nobody_knows_is_not_guessed_at(adyen, moved, payment_order, odd):
    strange = [each | odd for each in moved]
    with pytest.raises(AnswerNotUnderstood):
        answered(lambda: adyen._read_payment(payment_order.payment_id, strange, None))


def test_nobody_listens(connected):
    silent = connected(api_base="http://127.0.0.1:9")
    assert silent.balance("USD") == Unknown("no answer: ConnectionError")


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_that_reached_nobody_was_never_sent(connected, world, name):
    CALLS[name](world)
    assert call(connected(api_base="http://127.0.0.1:9"), name, world) == UNREACHABLE


# What is asked before an order is sent, and what sends it.
PREPARED = {
    "create_refund": (".*/transfers", ".*/refunds"),
    "create_reversal": (".*/transfers/[^/]+", ".*/transfers"),
    "create_payout": (".*/accountHolders/.*", ".*/transfers"),
    "submit_evidence": (".*/(retrieveApplicableDefenseReasons|supplyDefenseDocument)", ".*/defendDispute"),
}


@pytest.mark.parametrize("name", PREPARED)
def test_a_no_to_a_question_says_nothing_of_the_order_that_went_before(adyen, adyen_peer, world, clock, name):
    asked, sent = PREPARED[name]
    row = Row()
    order = EvidenceOrder(new_id("ce"), world["dispute"], {}) if name == "submit_evidence" else None
    order = order or CALLS[name](world)[0]
    adyen_peer.fault("cut_after_effect", method="POST", path=sent)
    first = orders.next_call(row, now=clock.now())
    assert orders.judge(row, call=first, outcome=getattr(adyen, name)(order)) is Verdict.UNANSWERED
    clock.advance(minutes=30)
    adyen_peer.fault("status", status=422, path=asked)
    again = orders.next_call(row, now=clock.now())
    refused = getattr(adyen, name)(order)
    assert (refused.code, refused.at_the_door) == ("905", True)
    assert orders.judge(row, call=again, outcome=refused) is Verdict.PUT_OFF
    assert row.attempt == 1
    assert row.out_since is not None


@pytest.mark.parametrize("status", [401, 422, 429, 500])
@pytest.mark.parametrize("name", ["create_transfer", "create_reversal"])
def test_what_cannot_be_looked_at_after_it_was_taken_is_not_refused(adyen, adyen_peer, world, name, status):
    order = CALLS[name](world)[0]
    # A reversal asks first where the transfer had gone.
    first = 2 if name == "create_reversal" else 1
    adyen_peer.fault("status", method="GET", path=".*/transfers/[^/]+", status=status, nth=first)
    assert isinstance(call(adyen, name, world), Unknown)
    assert getattr(adyen, FOUND_BY[name])(order).amount == USD_10
