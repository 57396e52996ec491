"""D6: what is held for others stays at the gateway; each day it is stated whether it does, and a shortfall blocks."""

# ruff: noqa: N802 - the names begin with those of the cases

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs.reconciling import begin, carry_on
from kernel.ids import new_id
from kernel.money import Money
from ledger.canonical import canonical
from persistence.tables import OutboxEvent
from persistence.unit_of_work import atomically, reading
from reconciliation import solvency
from reconciliation.solvency import PlatformPayoutBlocked
from reconciliation.tables import Run
from runtime.wiring import wired
from tests.books import expect_refusal
from tests.escrow.story import FINANCE, usd


def pay_out(amount):
    """What whoever builds our own payout asks first."""
    atomically(solvency.refuse_unless_ours, gateway="stripe", amount=usd(amount))


def minimum():
    return reading(solvency.minimum_balance, gateway="stripe", currency="USD").decimal


def test_D6_a_whole_story_is_covered_at_every_step(finance, world, clock):
    world.onboard()
    world.fund()
    finance.reconcile()
    assert (finance.statement().state, finance.statement().stated["held_minor"]) == ("covered", "10000")
    world.earn()
    clock.advance(days=3)
    world.settle()
    finance.reconcile()
    assert finance.statement().state == "covered"
    world.withdraw("50.00")
    world.settle()
    finance.reconcile()
    # The gateway has given 50.00 out, and the worker's bank does not have it yet.
    assert (finance.statement().state, finance.statement().stated["under_way_minor"]) == ("covered", "5000")
    clock.advance(days=4)
    world.settle()
    finance.reconcile()
    assert (finance.statement().state, finance.statement().stated["under_way_minor"]) == ("covered", "0")


def test_D6_a_payout_of_ours_leaves_what_is_held_for_others(finance, world, clock):
    for _ in range(2):
        world.fund()
    world.onboard()
    world.earn()
    clock.advance(days=3)
    world.settle()
    finance.reconcile()
    # Held are two prices of 100.00; on our balance are three charges of 101.65, less 90.00 that the worker has.
    assert minimum() == "200.00"
    pay_out("14.95")
    with expect_refusal(PlatformPayoutBlocked) as caught:
        pay_out("14.96")
    assert caught.value.details["reason"] == "minimum_balance"


def test_D6_a_shortfall_is_stated_told_and_blocks(finance, world):
    world.fund()
    world.settle()
    finance.reconcile()
    pay_out("1.00")
    world.peer.book_line("payout", -5_000)
    finance.reconcile()
    made = finance.statement()
    assert (made.state, made.shortfall) == ("short", usd("48.35"))
    with expect_refusal(PlatformPayoutBlocked) as caught:
        pay_out("1.00")
    assert caught.value.details == {"reason": "short", "shortfall": usd("48.35")}
    told = reading(lambda session: session.scalars(select(OutboxEvent.name)).all())
    assert told.count("solvency.fell_short") == 1


def test_D6_nothing_is_paid_out_before_anything_was_stated_nor_on_an_old_statement(finance, world, clock):
    world.fund()
    world.settle()
    with expect_refusal(PlatformPayoutBlocked) as caught:
        pay_out("1.00")
    assert caught.value.details["reason"] == "not_stated"
    finance.reconcile()
    pay_out("1.00")
    clock.advance(hours=37)
    with expect_refusal(PlatformPayoutBlocked):
        pay_out("1.00")


def test_D6_what_the_gateway_itself_says_is_less_counts(finance, world):
    world.fund()
    finance.reconcile()
    (charge,) = [
        thing
        for thing in world.peer.state()["objects"].values()
        if thing["object"] == "balance_transaction" and thing["type"] == "charge"
    ]
    # Its line was kept as it was first seen.
    world.peer.change_line(charge["id"], amount=500)
    finance.reconcile()
    made = finance.statement()
    assert (made.state, made.stated["gateway_says"]) == ("short", "differs by -10000")


def read_elsewhere(session, *, missing, at):
    """A run of another gateway, which has less than its lines add up to."""
    balances = {"USD": [-missing, 0]}
    told = {"day": at.date(), "began_at": at, "listed_until": at, "started_by": "test", "lines": 0}
    session.add(
        Run(
            id=new_id("rn"),
            gateway="adyen",
            state="done",
            balances_before=balances,
            balances_after=balances,
            **told,
        )
    )


def test_D6_what_is_missing_at_another_gateway_is_missing(finance, world, clock):
    world.fund()
    finance.reconcile()
    assert finance.statement().state == "covered"
    clock.advance(minutes=10)
    atomically(read_elsewhere, missing=10_000, at=clock.now())
    finance.reconcile()
    made = finance.statement()
    assert (made.state, made.stated["gateway_says"]) == ("short", "agrees")
    with expect_refusal(PlatformPayoutBlocked):
        pay_out("1.00")


def test_D6_a_workers_payout_that_nobody_ordered_is_not_under_way(finance, world, clock):
    account = world.onboard()
    for _ in range(2):
        world.earn()
    clock.advance(days=3)
    world.settle()
    finance.reconcile()
    assert finance.statement().state == "covered"
    # Somebody has turned on the account's own schedule.
    world.peer.book_line("payout", -9_000, account=account)
    finance.reconcile()
    made = finance.statement()
    # Our own is 23.30: two fees of 15.00, less 3.35 each.
    assert (made.shortfall, made.stated["under_way_minor"]) == (usd("66.70"), "0")


def test_D6_what_came_to_a_workers_account_without_us_meets_nobody_elses(finance, world):
    account = world.onboard()
    world.fund()
    world.settle()
    world.peer.book_line("payout", -5_000)
    for type_ in ("topup", "moon_grant"):
        world.peer.book_line(type_, 1_000_000, account=account)
    finance.reconcile()
    assert (finance.statement().shortfall, finance.statement().stated["workers_minor"]) == (usd("48.35"), "0")
    # The grant is in suspense.
    assert minimum() == "100.00"


def test_D6_a_statement_is_as_old_as_what_it_is_about(finance, world, clock):
    world.fund()
    world.settle()
    run = begin("stripe", by=FINANCE.id)
    # For two days the gateway does not answer.
    clock.advance(days=2)
    assert carry_on(run.id)
    with expect_refusal(PlatformPayoutBlocked) as caught:
        pay_out("1.00")
    assert caught.value.details["reason"] == "not_stated"
    finance.reconcile()
    pay_out("1.00")


def test_D6_what_comes_in_while_workers_accounts_are_read_does_not_hide_what_the_gateway_says(finance, world):
    world.onboard()
    world.fund()
    finance.reconcile()
    world.peer.book_line("stripe_fee", -1)
    (charge,) = [
        thing
        for thing in world.peer.state()["objects"].values()
        if thing["object"] == "balance_transaction" and thing["type"] == "charge"
    ]
    world.peer.change_line(charge["id"], amount=500)
    run = begin("stripe", by=FINANCE.id)
    # The balance, all of ours, and all of the worker's.
    assert not carry_on(run.id, most=3)
    world.fund()
    assert carry_on(run.id)
    made = finance.statement()
    assert made.stated["gateway_says"] == "differs by -10000"


def test_statements_are_signed_and_name_the_one_before(finance, world):
    world.fund()
    finance.reconcile()
    finance.reconcile()
    second, first = reading(solvency.statements, after=None, limit=10)
    assert (first.number, second.number) == (1, 2)
    assert (first.stated["previous"], second.stated["previous"]) == ("00" * 32, first.hash_hex)
    words = canonical(solvency.KIND, second.stated)
    assert wired().sealing_keys.signed(second.key_id, words, second.signature)


def test_a_statement_that_was_changed_is_found(finance, world, database):
    world.fund()
    finance.reconcile()
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DROP TRIGGER reconciliation_statements_no_update")
            connection.exec_driver_sql(
                "UPDATE reconciliation_statements SET stated = REPLACE(stated, '10000', '1')"
            )
            found = _breaches(connection)
            connection.rollback()
            assert found == ["solvency_is_signed"]
            connection.exec_driver_sql("DROP TRIGGER reconciliation_statements_no_update")
            connection.exec_driver_sql(
                "UPDATE reconciliation_statements SET state = 'short', currency = 'EUR'"
            )
            found = _breaches(connection)
            connection.rollback()
            assert found == ["solvency_is_signed"]
        else:
            with pytest.raises(Exception, match=r"denied|append"):
                connection.exec_driver_sql("UPDATE reconciliation_statements SET state = 'covered'")


def _breaches(connection):
    session = Session(connection)
    return [breach.rule for breach in solvency.breaches(session, trusted=wired().sealing_keys)]


def test_nothing_is_kept_back_where_nothing_is_held(world):
    assert reading(solvency.minimum_balance, gateway="stripe", currency="EUR") == Money(0, "EUR")
