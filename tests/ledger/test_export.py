"""Other people's tools read our journal and come to our balances."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

import pytest
from beancount import loader
from beancount.core import data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.ids import new_id
from kernel.money import EXPONENTS, Money
from ledger import chart, movements
from ledger.balances import trial_balance
from ledger.entries import credit, debit
from ledger.export import beancount_name, code_of, export
from ledger.posting import hold, post, post_hold, reverse, void_hold
from ledger.writing import InsufficientBalance
from persistence.unit_of_work import atomically, examining, reading
from tests.ledger.strategies import CURRENCIES, GATEWAYS, NAMES, entries
from tests.ledger.test_chart import ACCOUNTS
from tests.ledger.words import STRIPE, earned, funded, held, posted, released, usd

MILESTONE, WORKER = new_id("ms"), new_id("us")
NASTY = 'He said: "=1+1", ;\\ and left\n2026-01-01 open Assets:Mine\t€'


def exported(form):
    return examining(lambda session: "".join(export(session, form)))


def our_balances():
    return {
        (line.code, line.currency): Decimal((line.debit - line.credit).decimal)
        for line in reading(trial_balance)
    }


def beancount_balances(text):
    """What beancount makes of it, by our codes; its own assertions must hold."""
    found, errors, _ = loader.load_string(text)
    assert errors == []
    balances = defaultdict(Decimal)
    for entry in data.filter_txns(found):
        for line in entry.postings:
            balances[code_of(line.account), line.units.currency] += line.units.number
    return {key: amount for key, amount in balances.items() if amount}


def hledger_run(*arguments, journal):
    if shutil.which("hledger") is None:
        pytest.skip("hledger is not installed: apt-get install hledger")
    command = ["hledger", "-f", "-", *arguments]
    # Without a locale of UTF-8 it cannot read what people write.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        command, input=journal, text=True, encoding="utf-8", capture_output=True, check=False, env=environment
    )


def hledger(*arguments, journal):
    done = hledger_run(*arguments, journal=journal)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hledger_balances(journal):
    """What hledger makes of it; every account and commodity must be declared, every assertion hold."""
    hledger("check", "--strict", journal=journal)
    table = hledger("bal", "--flat", "--no-total", "-O", "csv", "--layout=bare", journal=journal)
    rows = list(csv.DictReader(io.StringIO(table)))
    return {
        (row["account"], row["commodity"]): Decimal(row["balance"]) for row in rows if Decimal(row["balance"])
    }


def csv_balances(text):
    """What a spreadsheet would sum up."""
    balances = defaultdict(Decimal)
    for row in csv.DictReader(io.StringIO(text)):
        if row["phase"] in {"posted", "post_pending"}:
            sign = 1 if row["side"] == "debit" else -1
            balances[row["account"], row["currency"]] += sign * Decimal(row["amount"])
    return {key: amount for key, amount in balances.items() if amount}


@pytest.fixture
def history(database):
    """All currencies' decimals, backdated entries, holds in every state, a reversal, and words that could do harm."""
    posted(funded(MILESTONE), reason=NASTY)
    posted(released(MILESTONE, WORKER, gross="60.00", worker_fee="6.00"), value_date=date(2025, 12, 31))
    posted(movements.tip_paid(STRIPE, WORKER, amount=Money(1250, "JPY")), actor="=cmd")
    posted(movements.tip_paid(STRIPE, WORKER, amount=Money(1234, "KWD")), value_date=date(2031, 1, 1))
    posted(
        movements.milestone_released(
            MILESTONE,
            WORKER,
            gross=usd("10.00"),
            worker_fee=usd("1.00"),
            withheld_federal=usd("2.40"),
            withheld_state=("CA", usd("0.70")),
        )
    )
    sent, given_up, _ = (held(movements.payout_reserved(WORKER, amount=usd("10.00"))) for _ in range(3))
    atomically(post_hold, sent.id, "payout_sent", key="sent", actor="system")
    atomically(void_hold, given_up.id, key="void", actor="system")
    wrong = posted(movements.gateway_fee_charged(STRIPE, fee=usd("9.99")))
    atomically(reverse, wrong.id, key="reversed", actor="us_finance", reason="-1 was meant")


@pytest.mark.usefixtures("history")
def test_beancount_comes_to_our_balances():
    assert beancount_balances(exported("beancount")) == our_balances()


@pytest.mark.usefixtures("history")
def test_hledger_comes_to_our_balances():
    assert hledger_balances(exported("hledger")) == our_balances()


@pytest.mark.usefixtures("history")
def test_a_spreadsheet_comes_to_our_balances():
    assert csv_balances(exported("csv")) == our_balances()


@pytest.mark.usefixtures("history")
def test_the_balances_asserted_at_the_end_are_checked_by_the_other_tool():
    def altered(form):
        # One yen more on both sides of one entry: it balances, but not with what is asserted.
        return exported(form).replace("  1250 JPY", "  1251 JPY", 1).replace("  -1250 JPY", "  -1251 JPY", 1)

    errors = loader.load_string(altered("beancount"))[1]
    assert any("Balance failed" in error.message for error in errors)
    done = hledger_run("check", journal=altered("hledger"))
    assert "balance assertion" in done.stderr.lower()
    assert done.returncode != 0


@pytest.mark.usefixtures("history")
def test_amounts_have_the_decimals_of_their_currency():
    for form in ("hledger", "beancount"):
        text = exported(form)
        assert "  1250 JPY\n" in text
        assert "  1.234 KWD\n" in text
        assert "  60.00 USD\n" in text


@pytest.mark.usefixtures("history")
def test_what_is_only_held_back_is_named_and_not_counted():
    for form in ("hledger", "beancount"):
        notes = [line for line in exported(form).splitlines() if line.startswith("; held back")]
        assert len(notes) == 2
        assert any(f"liabilities:wallet:{WORKER}  10.00 USD" in note for note in notes)
    phases = [row["phase"] for row in csv.DictReader(io.StringIO(exported("csv")))]
    assert phases.count("pending") == 6
    assert phases.count("void_pending") == 2


@pytest.mark.usefixtures("history")
def test_words_stay_words():
    (entry,) = (
        entry
        for entry in data.filter_txns(loader.load_string(exported("beancount"))[0])
        if entry.payee == "milestone_funded"
    )
    assert entry.narration == " ".join(NASTY.split())
    rows = list(csv.DictReader(io.StringIO(exported("csv"))))
    assert rows[0]["reason"] == NASTY
    reasons = {row["reason"] for row in rows} | {row["actor"] for row in rows}
    assert "'-1 was meant" in reasons
    assert "'=cmd" in reasons
    assert not any(cell.startswith(("=", "-", "+", "@", "\t", "\r")) for cell in reasons)


def test_empty_books_are_a_journal_too(database):
    assert beancount_balances(exported("beancount")) == {}
    assert exported("csv").count("\n") == 1
    assert hledger_balances(exported("hledger")) == {}


@pytest.mark.parametrize("code", [code for _, code, _ in ACCOUNTS])
def test_an_account_comes_back_from_beancount_under_its_own_name(code):
    assert code_of(beancount_name(code)) == code


def test_the_names_in_beancount_are_these():
    assert beancount_name("assets:gateway:stripe:pending") == "Assets:Gateway:Stripe:Pending"
    assert beancount_name("liabilities:payouts:in_transit") == "Liabilities:Payouts:In-transit"
    assert beancount_name("liabilities:withholding:state:CA") == "Liabilities:Withholding:State:CA"


@given(NAMES, GATEWAYS)
def test_the_names_of_people_come_back_too(name, gateway):
    for account in (
        chart.wallet(name, "USD"),
        chart.escrow(name, "USD"),
        chart.connected(gateway, name, "USD"),
        chart.receivable(name, "USD"),
    ):
        assert code_of(beancount_name(account.code)) == account.code


def test_a_name_that_would_not_come_back_is_a_mistake_of_ours():
    with pytest.raises(AssertionError):
        beancount_name("assets:gateway:some-gateway")


HISTORIES = st.lists(
    entries(*(set(movements.CATALOGUE) - {*movements.HOLDS.values(), "reversal"})), max_size=8
)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=HISTORIES, currency=CURRENCIES, days=st.lists(st.none() | st.integers(-400, 400), min_size=1))
def test_any_history_is_read_alike_by_everybody(history, currency, days, empty_database):
    empty_database()
    opening = (
        debit(chart.goodwill(currency), Money(1, currency)),
        credit(chart.suspense(STRIPE, currency), Money(1, currency)),
    )
    posted(movements.adjustment(*opening, approved_by="us_second"), actor="us_first", reason="Opening")
    for number, entry in enumerate(history):
        day = days[number % len(days)]
        told = {
            "key": f"{number}",
            "actor": "us_first",
            "reason": "As it came",
            "value_date": None if day is None else date(2030, 6, 1) + timedelta(days=day),
        }
        try:
            _live_through(entry, number, told)
        except InsufficientBalance:
            continue
    ours = our_balances()
    assert beancount_balances(exported("beancount")) == ours
    assert hledger_balances(exported("hledger")) == ours
    assert csv_balances(exported("csv")) == ours


def _live_through(entry, number, told):
    """Post the entry, and take every third back; of holds, one is carried out, one given up, and one stays."""
    again = told | {"key": f"{number} again"}
    if entry.movement in movements.HOLDS:
        held_back = atomically(hold, entry, reference="po_reference", **told)
        if number % 3 == 0:
            atomically(post_hold, held_back.id, movements.HOLDS[entry.movement], **again)
        elif number % 3 == 1:
            atomically(void_hold, held_back.id, **again)
        return
    written = atomically(post, entry, reference="ms_reference", **told)
    if number % 3 == 0 and entry.movement != "reversal":
        atomically(reverse, written.id, **again)


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_every_currency_there_is_is_read_alike_by_everybody(currency, database):
    def money(minor):
        return Money(minor, currency)

    posted(movements.milestone_funded(STRIPE, MILESTONE, price=money(123_457), client_fee=money(7)))
    posted(movements.milestone_released(MILESTONE, WORKER, gross=money(100_001), worker_fee=money(10_003)))
    sent, given_up, _ = (held(movements.payout_reserved(WORKER, amount=money(11_111))) for _ in range(3))
    atomically(post_hold, sent.id, "payout_sent", key="sent", actor="system", value_date=date(2025, 12, 31))
    atomically(void_hold, given_up.id, key="void", actor="system")
    wrong = posted(movements.gateway_fee_charged(STRIPE, fee=money(999)), value_date=date(2026, 1, 1))
    atomically(reverse, wrong.id, key="reversed", actor="us_finance", reason="Wrong")
    ours = our_balances()
    assert Money(78_887, currency).decimal == str(-ours[f"liabilities:wallet:{WORKER}", currency])
    assert beancount_balances(exported("beancount")) == ours
    assert hledger_balances(exported("hledger")) == ours
    assert csv_balances(exported("csv")) == ours


def test_progress_is_told_to_the_end(database):
    earned(WORKER, "1.00")
    earned(WORKER, "2.00")
    told = []
    examining(lambda session: list(export(session, "csv", lambda done, total: told.append((done, total)))))
    assert told[-1] == (2, 2)
