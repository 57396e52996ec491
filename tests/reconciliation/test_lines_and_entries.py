"""I1: every line of the gateway has its entry and every entry its line, on our balance and on the worker's."""

# ruff: noqa: N802 - the names begin with those of the cases

from __future__ import annotations

from datetime import timedelta

import pytest

from escrow import funding
from jobs.reconciling import begin, carry_on
from ledger import chart, movements
from ledger.balances import balance
from ledger.posting import post
from persistence.unit_of_work import atomically, reading
from reconciliation import runs
from runtime.wiring import gateway
from tests.books import nothing_moves
from tests.escrow.story import FINANCE, WORKER, checkout, draft, usd

# What every run leaves behind.
_OF_A_RUN = frozenset(
    {
        "outbox_events",
        "reconciliation_reads",
        "reconciliation_reports",
        "reconciliation_runs",
        "reconciliation_statements",
    }
)


def pay_unheard(world):
    """A client pays, and nothing of ours hears of it: the webhook is kept, and nobody works."""
    milestone = draft("100.00")
    payment = checkout(milestone.id)
    made = gateway("stripe").create_payment(reading(funding.checkout, payment_id=payment.id).order)
    world.peer.pay(made.client_secret)


def suspense():
    return reading(balance, chart.suspense("stripe", "USD")).posted.decimal


def test_I1_a_whole_story_comes_out_even(finance, world, clock):
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    world.withdraw("50.00")
    world.settle()
    run = finance.reconcile()
    # 105.00 with its fee, 90.00 on to the worker and in there, and 50.00 to the bank, which has yet to confirm.
    assert (run.state, run.lines) == ("done", 4)
    assert finance.differences() == [("timing", -5_000)]
    assert finance.sides() == {"kept": 4, "line": 5, "entry": 4}
    clock.advance(days=4)
    world.settle()
    finance.reconcile()
    assert finance.differences() == []


def test_I1_a_second_run_changes_nothing(finance, world):
    world.fund()
    world.peer.drain()
    finance.reconcile()
    before = finance.sides()
    with nothing_moves(besides=_OF_A_RUN):
        again = finance.reconcile()
    assert (again.lines, finance.sides()) == (0, before)


def test_I1_a_type_nobody_knows_goes_into_suspense_and_is_never_dropped(finance, world):
    world.fund()
    line = world.peer.book_line("moon_fee", -250)
    finance.reconcile()
    assert (finance.differences(), suspense()) == ([("unknown_type", -250)], "-2.50")
    finance.reconcile()
    assert (finance.differences(), suspense()) == ([("unknown_type", -250)], "-2.50")
    assert finance.find(line["id"]).books.decimal == "0.00"


def test_I1_what_nobody_knows_on_a_workers_account_is_in_suspense_too(finance, world, clock):
    account = world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    world.peer.book_line("stripe_fee", -200, account=account)
    finance.reconcile()
    assert (finance.differences(), suspense()) == ([("unknown_type", -200)], "-2.00")


def test_I1_a_line_in_a_currency_of_nobody_is_a_break_and_no_entry(finance, world):
    world.fund()
    world.peer.book_line("moon_fee", -250, currency="xts")
    finance.reconcile()
    (found,) = finance.open()
    assert (found.kind, found.currency, found.difference, found.difference_minor) == (
        "unknown_type",
        "XTS",
        None,
        -250,
    )
    assert suspense() == "0.00"


def test_I1_a_bill_of_the_gateways_is_booked_as_its_cost(finance, world):
    world.fund()
    world.peer.book_line("stripe_fee", -120)
    finance.reconcile()
    # 3.35 for the charge.
    costs = reading(balance, chart.gateway_fees("USD")).posted.decimal
    assert (finance.differences(), costs) == ([], "4.55")


def test_I1_a_tampered_amount_is_a_break_at_once(finance, world):
    milestone = world.fund()
    (charge,) = [
        thing
        for thing in world.peer.state()["objects"].values()
        if thing["object"] == "balance_transaction" and thing["type"] == "charge"
    ]
    world.peer.change_line(charge["id"], amount=charge["amount"] + 1)
    finance.reconcile()
    (found,) = finance.open()
    assert (found.kind, found.at_gateway.decimal, found.books.decimal, found.line_kind) == (
        "amount_differs",
        "105.01",
        "105.00",
        "charge",
    )
    assert milestone.state == "funded"


def test_I1_a_refund_that_came_back_is_one_item(finance, world, clock):
    milestone = world.fund()
    clock.advance(days=3)
    world.settle()
    world.post(
        f"/v1/milestones/{milestone.id}/refund",
        {"amount": {"amount": "40.00", "currency": "USD"}, "reason": "Not needed."},
    )
    world.settle()
    finance.reconcile()
    assert finance.differences() == []
    (refund,) = world.made("refund")
    world.peer.fail_refund(refund["id"])
    world.settle()
    finance.reconcile()
    assert finance.differences() == []


def test_G2_a_payout_that_came_back_is_one_item(finance, world, clock):
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    world.withdraw("50.00")
    world.settle()
    clock.advance(days=4)
    world.settle()
    finance.reconcile()
    assert finance.differences() == []
    (payout,) = world.made("payout")
    world.peer.fail_payout(payout["id"])
    finance.reconcile()
    # The gateway has it again, and its webhook is on the road.
    assert finance.differences() == [("timing", 5_000)]
    world.settle()
    finance.reconcile()
    assert finance.differences() == []


@pytest.mark.parametrize(("hours", "kind"), [(1, "timing"), (25, "missing_here")])
def test_I4_what_we_do_not_have_yet_is_a_matter_of_time_by_its_age_and_not_its_amount(
    finance, world, clock, hours, kind
):
    world.fund()
    world.peer.book_line("topup", 1_000_000)
    world.peer.book_line("topup", 1)
    clock.advance(hours=hours)
    finance.reconcile()
    assert sorted(finance.differences()) == [(kind, 1), (kind, 1_000_000)]


@pytest.mark.parametrize(
    ("last", "days", "kind"), [(10, 11, "missing_here"), (32, 11, "timing"), (32, 33, "missing_here")]
)
def test_I4_a_payout_may_be_on_its_way_for_as_long_as_its_gateway_says(  # noqa: PLR0917 - a table
    finance, world, clock, last, days, kind
):
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    world.withdraw("50.00")
    world.settle()
    clock.advance(days=days)
    run = begin("stripe", by=FINANCE.id)
    while reading(runs.run_of, run_id=run.id).state != "collecting":
        assert not carry_on(run.id, most=1)
    while atomically(runs.collect, run_id=run.id):
        pass
    while atomically(runs.compare, run_id=run.id, payouts_last=timedelta(days=last)):
        pass
    assert finance.differences() == [(kind, -5_000)]


def test_I4_a_payment_we_have_not_heard_of_is_missing_here_until_its_webhook_comes(finance, world, clock):
    pay_unheard(world)
    clock.advance(hours=25)
    finance.reconcile()
    assert sorted(finance.differences()) == [("missing_here", -335), ("missing_here", 10_500)]
    # The webhook that was on the road all the time.
    world.settle()
    finance.reconcile()
    assert finance.open() == []


def test_I1_what_we_have_and_the_gateway_has_not_is_missing_there(finance, world, clock):
    atomically(
        post,
        movements.gateway_billed("stripe", fee=usd("1.00")),
        key="by:hand",
        reference="by hand",
        actor="us_1",
    )
    finance.reconcile()
    assert finance.differences() == [("timing", 100)]
    clock.advance(hours=25)
    finance.reconcile()
    assert finance.differences() == [("missing_there", 100)]


def test_F1_a_chargeback_is_the_item_of_its_dispute(finance, world):
    world.fund()
    world.settle()
    (charge,) = world.made("charge")
    dispute = world.peer.dispute(charge["id"])
    finance.reconcile()
    assert finance.differences() == [("timing", -12_000)]
    assert finance.find(dispute["id"]).line_kind == "dispute"
    atomically(
        post,
        movements.chargeback_withdrawn("stripe", fee=usd("15.00"), lost=usd("105.00")),
        key=f"{dispute['id']}:withdrawn",
        reference=dispute["id"],
        actor="stripe",
    )
    finance.reconcile()
    assert finance.differences() == []


def test_E2_a_transfer_that_was_taken_back_is_the_item_of_the_transfer_on_both_sides(finance, world, clock):
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    finance.reconcile()
    (transfer,) = world.made("transfer")
    reversals = gateway("stripe").connection.client.v1.transfers.reversals
    reversals.create(transfer["id"], {"amount": 4_000})
    finance.reconcile()
    ours = transfer["metadata"]["holdfast_id"]
    assert {each.item: (each.kind, each.difference_minor) for each in finance.open()} == {
        ours: ("timing", 4_000),
        f"{ours}@{WORKER.id}": ("timing", -4_000),
    }
