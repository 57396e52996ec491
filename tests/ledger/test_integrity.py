"""Whatever is changed behind the ledger's back is found."""

# ruff: noqa: S608 - the statements are the point, and every part of them is ours

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, make_url

from kernel.ids import new_id
from kernel.money import Money
from ledger import chart, movements
from ledger.balances import balance
from ledger.chart import Account, Side
from ledger.coverage import coverage
from ledger.entries import credit, debit
from ledger.immutability import dropped_triggers, triggers, unguarded
from ledger.integrity import verify
from ledger.posting import post_hold, reverse, void_hold
from persistence.unit_of_work import atomically, examining, reading
from tests.ledger.words import STRIPE, escrow, funded, held, posted, released, usd, wallet

MILESTONE, WORKER = new_id("ms"), new_id("us")


def rules_broken():
    return {breach.rule for breach in examining(verify)}


@pytest.fixture
def history(database):
    """A little of everything: two currencies, holds in each state, a reversal, an adjustment."""
    posted(funded(MILESTONE), key="funded")
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("3.35")), key="fee")
    posted(released(MILESTONE, WORKER, gross="60.00", worker_fee="6.00"), key="released")
    posted(movements.tip_paid(STRIPE, WORKER, amount=Money(500, "JPY")), key="tip")
    sent, given_up, open_still = (
        held(movements.payout_reserved(WORKER, amount=usd("10.00")), key=f"hold {number}")
        for number in range(3)
    )
    atomically(post_hold, sent.id, "payout_sent", key="sent", actor="system")
    atomically(void_hold, given_up.id, key="void", actor="system")
    wrong = posted(movements.tip_paid(STRIPE, WORKER, amount=usd("1.00")), key="wrong")
    atomically(reverse, wrong.id, key="reversed", actor="us_finance", reason="Not ours")
    assert open_still.id
    assert examining(verify) == []


CODE = f"liabilities:wallet:{WORKER}"
ENTRY = "(SELECT id FROM ledger_entries WHERE idempotency_key = '{}')"
WALLET = f"(SELECT id FROM ledger_accounts WHERE code = '{CODE}' AND currency = 'USD')"
WALLET_ID = f"x'{wallet(WORKER).row_id.hex()}'"
PENDING = "(SELECT id FROM ledger_accounts WHERE code = 'assets:gateway:stripe:pending' AND currency = 'USD')"


def entry(change, key="funded"):
    return f"UPDATE ledger_entries SET {change} WHERE idempotency_key = '{key}'"


def line(change, key="released", number=1):
    return f"UPDATE ledger_postings SET {change} WHERE entry_id = {ENTRY.format(key)} AND line = {number}"


def counter(change, account=WALLET):
    return f"UPDATE ledger_balances SET {change} WHERE account_id = {account}"


def account(change):
    return f"UPDATE ledger_accounts SET {change} WHERE code = '{CODE}'"


IDLE_LANE = (
    "INSERT INTO ledger_balances SELECT account_id, 63, 0, 1, 1, 0, 0, recorded_at"
    f" FROM ledger_balances WHERE account_id = {WALLET}"
)

# What is planted, and the rule that is broken by it.
TAMPERING = [
    ([entry("movement = 'tip_paid'")], "entry_is_as_written"),
    ([entry("movement = 'gift'")], "entry_is_in_the_catalogue"),
    ([entry("reference = 'ms_other'")], "entry_is_as_written"),
    ([entry("approved_by = 'us_nobody'")], "entry_is_as_written"),
    ([entry("fingerprint = idempotency_key")], "entry_is_as_written"),
    ([entry("phase = 'pending'")], "entry_is_as_written"),
    ([entry("phase = 'void_pending'")], "hold_is_resolved_by_name"),
    ([entry("phase = 'unheard_of'")], "entry_is_readable"),
    ([entry("resolves_id = NULL", "sent")], "hold_is_resolved_by_name"),
    ([entry(f"resolves_id = {ENTRY.format('funded')}", "tip")], "hold_is_resolved_in_full"),
    ([entry(f"reverses_id = {ENTRY.format('funded')}", "tip")], "reversal_mirrors"),
    ([entry("recorded_at = '2026-01-01 00:00:00.000000'")], "line_is_of_its_entrys_instant"),
    (["DELETE FROM ledger_entries WHERE idempotency_key = 'funded'"], "line_has_an_entry"),
    (
        [f"DELETE FROM ledger_postings WHERE entry_id = {ENTRY.format('funded')}"],
        "entry_has_lines",
    ),
    ([line("amount_minor = amount_minor + 1")], "entry_balances"),
    (
        [line("amount_minor = amount_minor + 1"), line("amount_minor = amount_minor + 1", number=0)],
        "entry_is_as_written",
    ),
    ([line("side = 'debit'")], "entry_balances"),
    ([line("balance_minor = balance_minor + 1")], "running_balance_fits"),
    ([line("held_minor = held_minor + 1", "hold 0", 0)], "running_balance_fits"),
    ([line("sequence = 99")], "running_balance_fits"),
    ([line("lane = 1")], "only_shared_accounts_have_lanes"),
    ([line("recorded_at = '2026-01-01 00:00:00.000000'")], "line_is_of_its_entrys_instant"),
    ([line("recorded_at = '2026-01-01 00:00:00.000000'", "sent", 0)], "lines_are_in_order"),
    (
        [f"DELETE FROM ledger_postings WHERE entry_id = {ENTRY.format('reversed')} AND line = 0"],
        "entry_balances",
    ),
    ([counter("debits_posted = debits_posted + 1")], "balance_is_the_sum_of_its_lines"),
    ([counter("credits_posted = credits_posted + 1")], "balance_is_the_sum_of_its_lines"),
    ([counter("debits_pending = debits_pending - 1")], "balance_is_the_sum_of_its_lines"),
    ([counter("credits_pending = credits_pending + 1")], "balance_is_the_sum_of_its_lines"),
    ([counter("sequence = sequence + 1")], "balance_is_the_sum_of_its_lines"),
    ([counter("recorded_at = '2026-01-01 00:00:00.000000'")], "balance_is_the_sum_of_its_lines"),
    ([counter("credits_posted = credits_posted + 1", PENDING)], "balance_is_the_sum_of_its_lines"),
    ([counter("credits_posted = credits_posted + 1")], "columns_are_equal"),
    ([counter("debits_pending = debits_pending + 1")], "columns_are_equal"),
    ([f"DELETE FROM ledger_balances WHERE account_id = {WALLET}"], "balance_is_the_sum_of_its_lines"),
    ([IDLE_LANE], "balance_is_the_sum_of_its_lines"),
    (
        [f"UPDATE ledger_accounts SET code = 'liabilities:wallet:us_thief' WHERE code = '{CODE}'"],
        "account_has_its_id",
    ),
    ([f"UPDATE ledger_accounts SET currency = 'XXX' WHERE id = {WALLET_ID}"], "entry_is_readable"),
    ([f"UPDATE ledger_accounts SET currency = 'XXX' WHERE id = {WALLET_ID}"], "currency_is_known"),
    ([f"UPDATE ledger_accounts SET currency = 'USX' WHERE id = {WALLET_ID}"], "account_has_its_id"),
    ([account("code = 'liabilities:purse:us_thief'")], "account_is_in_the_chart"),
    ([account("normal = 'debit'")], "account_is_as_in_the_chart"),
    ([account("normal = 'x'")], "account_is_as_in_the_chart"),
    ([account("floor = 0")], "account_is_as_in_the_chart"),
    ([account("shared = 1")], "account_is_as_in_the_chart"),
    ([entry("reason = NULL", "reversed")], "what_is_done_by_hand_has_a_reason"),
    ([entry("movement = 'adjustment'")], "adjustment_has_two_people"),
    ([entry("movement = 'reversal'")], "reversal_names_what_it_reverses"),
    ([entry("reverses_id = NULL", "reversed")], "reversal_names_what_it_reverses"),
]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("statements", "rule"), TAMPERING, ids=[str(number) for number in range(len(TAMPERING))]
)
def test_what_is_changed_behind_the_ledgers_back_is_found(tamper, statements, rule):
    tamper(*statements)
    assert rule in rules_broken()


@pytest.mark.usefixtures("history")
def test_a_line_without_its_account_is_found(tamper):
    tamper(f"DELETE FROM ledger_accounts WHERE code = '{CODE}'")
    assert "line_has_an_account" in rules_broken()


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("change", ["side = 'both'", "amount_minor = 0", "amount_minor = -amount_minor"])
def test_what_a_check_of_the_table_would_refuse_is_found_where_the_engine_has_no_checks(
    tamper, database, change
):
    sqlite = database.engine.dialect.name == "sqlite"
    off, on = (
        ("PRAGMA ignore_check_constraints = ON", "PRAGMA ignore_check_constraints = OFF")
        if sqlite
        else ("SET check_constraint_checks = OFF", "SET check_constraint_checks = ON")
    )
    tamper(off, line(change), on)
    assert "line_is_an_amount_on_a_side" in rules_broken()


@pytest.mark.mariadb
@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("column", "rule", "values"),
    [
        ("idempotency_key", "key_stands_for_one_entry", "'funded'"),
        (
            "resolves_id",
            "hold_is_resolved_once",
            "(SELECT h.id FROM (SELECT * FROM ledger_entries) h WHERE h.idempotency_key = 'hold 0')",
        ),
        (
            "reverses_id",
            "entry_is_reversed_once",
            "(SELECT h.id FROM (SELECT * FROM ledger_entries) h WHERE h.idempotency_key = 'wrong')",
        ),
    ],
)
def test_a_key_that_the_table_failed_to_keep_unique_is_found(tamper, owner, column, rule, values):
    index = f"uq_ledger_entries_{column}"
    owner(f"ALTER TABLE ledger_entries ADD INDEX spare ({column}), DROP INDEX {index}")
    try:
        tamper(f"UPDATE ledger_entries SET {column} = {values} WHERE idempotency_key = 'tip'")
        assert rule in rules_broken()
    finally:
        tamper(f"DELETE FROM ledger_entries WHERE {column} = {values}")
        owner(f"ALTER TABLE ledger_entries ADD CONSTRAINT {index} UNIQUE ({column}), DROP INDEX spare")


def test_an_account_below_its_floor_is_found(database):
    posted(funded(MILESTONE, price="1.00"))
    without_floor = Account(escrow(MILESTONE).code, "USD", Side.CREDIT, floor=False, shared=False)
    lines = debit(without_floor, usd("1.01")), credit(chart.suspense(STRIPE, "USD"), usd("1.01"))
    posted(movements.adjustment(*lines, approved_by="us_second"), actor="us_first", reason="A bug")
    assert reading(balance, escrow(MILESTONE)).posted == usd("-0.01")
    assert rules_broken() == {"floor_holds"}


def test_an_account_that_was_below_its_floor_for_a_while_is_found(database):
    posted(funded(MILESTONE, price="1.00"))
    without_floor = Account(escrow(MILESTONE).code, "USD", Side.CREDIT, floor=False, shared=False)
    lines = debit(without_floor, usd("1.01")), credit(chart.suspense(STRIPE, "USD"), usd("1.01"))
    posted(movements.adjustment(*lines, approved_by="us_second"), actor="us_first", reason="A bug")
    posted(funded(MILESTONE, price="5.00"))
    assert rules_broken() == {"floor_holds"}


def test_giving_back_a_fee_that_was_never_earned_is_found(database):
    posted(funded(MILESTONE, client_fee="5.00"))
    posted(movements.refund_ordered(MILESTONE, held=usd("100.00"), client_fee=usd("5.01")))
    assert rules_broken() == {"held_money_is_covered"}


def test_money_that_left_a_gateway_without_a_reason_is_found(database):
    posted(funded(MILESTONE, client_fee="5.00"))
    gone = usd("5.01")
    lines = debit(chart.suspense(STRIPE, "USD"), gone), credit(chart.gateway_available(STRIPE, "USD"), gone)
    posted(movements.adjustment(*lines, approved_by="us_second"), actor="us_first", reason="Unknown line")
    assert rules_broken() == {"held_money_is_covered"}


def test_a_fee_that_the_gateway_took_before_we_earned_it_is_to_be_topped_up_and_no_mistake(database):
    posted(funded(MILESTONE, price="10.00", client_fee="0.30"))
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("0.60")))
    assert rules_broken() == set()
    (line,) = reading(coverage)
    assert (line.held, line.at_gateways, line.costs) == (usd("10.00"), usd("9.70"), usd("0.60"))
    assert line.missing == usd("0.30")
    assert not line.unexplained


def test_what_is_held_is_told_by_currency(database):
    posted(funded(MILESTONE))
    posted(released(MILESTONE, WORKER, gross="60.00", worker_fee="6.00"))
    posted(movements.tip_paid(STRIPE, WORKER, amount=Money(500, "JPY")))
    posted(movements.chargeback_withdrawn(STRIPE, fee=usd("15.00"), owed=(WORKER, usd("20.00"))))
    yen, dollars = reading(coverage)
    assert (yen.held, yen.at_gateways, yen.missing) == (Money(500, "JPY"), Money(500, "JPY"), Money(0, "JPY"))
    # 40 in escrow and 54 in the wallet; 105 came in and 35 were taken back.
    assert (dollars.held, dollars.at_gateways, dollars.receivable) == (
        usd("94.00"),
        usd("70.00"),
        usd("20.00"),
    )
    assert dollars.missing == usd("4.00")


@pytest.mark.usefixtures("history")
def test_progress_is_told_to_the_end():
    told = []
    examining(verify, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0
    assert told == sorted(told)


def test_empty_books_are_right(database):
    assert examining(verify) == []
    assert reading(coverage) == []


def test_the_wallet_of_the_history_is_the_one_that_is_tampered_with():
    assert wallet(WORKER).code == CODE


@pytest.mark.parametrize("table", ["ledger_accounts", "ledger_entries", "ledger_postings"])
def test_a_table_that_lost_its_triggers_is_found_by_its_owner(owner, database, database_url, table):
    dialect = database.engine.dialect.name
    owner(dropped_triggers(dialect, table)[0])
    user = None if dialect == "sqlite" else "root"
    try:
        with create_engine(make_url(database_url).set(username=user)).connect() as connection:
            assert unguarded(connection) == [table]
    finally:
        owner(triggers(dialect, table)[0])


@pytest.mark.mariadb
def test_without_triggers_the_services_user_still_may_not_change_anything(owner, database):
    names = dropped_triggers(database.engine.dialect.name, "ledger_entries")
    owner(*names)
    try:
        assert rules_broken() == set()
    finally:
        owner(*triggers(database.engine.dialect.name, "ledger_entries"))
