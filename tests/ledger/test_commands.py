"""What finance types, and what it answers."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest
from flask import Flask

from jobs.finance_commands import ledger_commands
from kernel.ids import new_id
from kernel.money import Money
from ledger import movements
from ledger.balances import trial_balance
from ledger.periods import PeriodClosed, period_of
from persistence.unit_of_work import reading
from runtime import wiring
from runtime.settings import Settings
from tests.api.conftest import PASSWORD, make_staff
from tests.books import expect_refusal, nothing_moves, seal_everything
from tests.ledger.words import STRIPE, funded, held, posted, released, usd

MILESTONE, WORKER = new_id("ms"), new_id("us")


@pytest.fixture
def typed(database, database_url, clock):
    """Type a command: `typed("verify")`."""
    wiring.build(Settings(ENVIRONMENT="test", DATABASE_URL=database_url, CLOCK_FILE=clock.path))
    app = Flask(__name__)
    app.cli.add_command(ledger_commands)
    runner = app.test_cli_runner()

    def run(*words):
        with nothing_moves():
            return runner.invoke(args=["ledger", *words])

    return run


@pytest.fixture
def seals(typed):
    """The same for what is meant to write: `seals("seal")`."""

    def run(*words):
        app = Flask(__name__)
        app.cli.add_command(ledger_commands)
        return app.test_cli_runner().invoke(args=["ledger", *words])

    return run


@pytest.fixture
def history(database, clock):
    posted(funded(MILESTONE), reference=MILESTONE)
    posted(movements.tip_paid(STRIPE, WORKER, amount=Money(1250, "JPY")))
    clock.advance(days=3)
    posted(
        released(MILESTONE, WORKER, gross="60.00", worker_fee="6.00"), reference=MILESTONE, reason="Accepted"
    )
    held(movements.payout_reserved(WORKER, amount=usd("50.00")), reference="po_1")
    seal_everything()


@pytest.mark.usefixtures("history")
def test_right_books_are_said_to_be_right(typed):
    done = typed("verify")
    assert done.exit_code == 0
    assert "The books are right." in done.output
    assert "94.00 USD held for others: 105.00 USD at the gateways, 0.00 USD owed to us" in done.output


@pytest.mark.usefixtures("history")
def test_how_far_the_books_are_sealed_is_said_and_can_be_asked_for_again(typed):
    noted = typed("verify").output.partition("Sealed up to ")[2].partition("\n")[0]
    assert noted.startswith("1:")
    assert typed("verify", "--head", noted).exit_code == 0
    other = typed("verify", "--head", noted[:-1] + ("0" if noted[-1] != "0" else "1"))
    assert other.exit_code == 1
    assert "head_is_as_noted: seal 1: its hash is" in other.output
    missing = typed("verify", "--head", f"2:{'00' * 32}")
    assert missing.exit_code == 1
    assert "head_is_as_noted: seal 2: it is not there any more" in missing.output


def test_a_head_that_is_none_is_refused(typed):
    assert "Write the head as" in typed("verify", "--head", "12").output


def test_what_was_posted_is_sealed_when_somebody_says_so(seals):
    posted(funded(MILESTONE), reference=MILESTONE)
    first = seals("seal")
    assert first.exit_code == 0
    assert "Seal 1 is made.\nSealed up to 1:" in first.output
    again = seals("seal", "--since", "2026-01-01")
    assert "made" not in again.output
    assert "Sealed up to 1:" in again.output


def test_empty_books_are_not_sealed(typed):
    assert typed("seal").output == "Nothing is sealed yet.\n"


@pytest.mark.usefixtures("history")
def test_wrong_books_are_told_with_what_is_wrong_and_where(typed, tamper):
    tamper(
        "UPDATE ledger_postings SET amount_minor = amount_minor + 1 WHERE entry_id ="
        " (SELECT id FROM ledger_entries WHERE movement = 'milestone_released') AND line = 1"
    )
    done = typed("verify")
    assert done.exit_code == 1
    assert "entry_balances: en_" in done.output
    assert f"running_balance_fits: liabilities:wallet:{WORKER} USD lane 0:" in done.output
    assert "things do not fit." in done.output
    assert "The books are right." not in done.output


def test_what_would_be_missing_is_said_though_the_books_are_right(typed):
    posted(funded(MILESTONE, price="10.00", client_fee="0.30"))
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("0.60")))
    done = typed("verify")
    assert done.exit_code == 0
    assert "0.30 USD to be topped up" in done.output


@pytest.mark.usefixtures("history")
def test_the_trial_balance_stands_in_columns(typed):
    lines = typed("trial-balance").output.splitlines()
    assert lines[0].split() == ["account", "currency", "debit", "credit"]
    told = {tuple(line.split()) for line in lines[1:]}
    assert ("assets:gateway:stripe:pending", "USD", "105.00") in told
    assert (f"liabilities:wallet:{WORKER}", "JPY", "1250") in told
    assert ("total", "USD", "105.00", "105.00") in told
    assert ("total", "JPY", "1250", "1250") in told
    # The decimals of one currency stand under each other.
    dollars = [line for line in lines if " USD " in line]
    assert len({len(line.rstrip()) for line in dollars if line.split()[-1] in {"40.00", "54.00"}}) == 1


@pytest.mark.usefixtures("history")
def test_the_trial_balance_of_a_past_day(typed, clock):
    # It was released on the present day, and funded three days before.
    this_morning = clock.now().date().isoformat()
    told = typed("trial-balance", "--at", this_morning).output
    assert f"liabilities:escrow:{MILESTONE}" in told
    assert "income:fees:worker" not in told


@pytest.mark.usefixtures("history")
def test_a_statement_tells_why_the_money_is_there(typed):
    lines = typed("statement", f"liabilities:wallet:{WORKER}").output.splitlines()
    assert lines[0] == f"liabilities:wallet:{WORKER} JPY"
    dollars = lines[lines.index(f"liabilities:wallet:{WORKER} USD") :]
    assert dollars[1].split() == [
        "recorded",
        "movement",
        "phase",
        "reference",
        "change",
        "balance",
        "held",
        "reason",
    ]
    assert dollars[2].split()[1:] == ["payout_reserved", "pending", "po_1", "54.00", "50.00"]
    assert dollars[3].split()[1:] == [
        "milestone_released",
        "posted",
        MILESTONE,
        "54.00",
        "54.00",
        "Accepted",
    ]


def test_a_statement_goes_as_far_back_as_is_asked(typed):
    for _ in range(5):
        posted(movements.tip_paid(STRIPE, WORKER, amount=usd("1.00")))
    account = f"liabilities:wallet:{WORKER}"
    assert len(typed("statement", account, "--limit", "2").output.splitlines()) == 2 + 2
    assert len(typed("statement", account, "--limit", "0").output.splitlines()) == 2 + 5


def test_an_account_that_was_never_touched_is_said_to_be_so(typed):
    done = typed("statement", "liabilities:wallet:us_nobody")
    assert done.exit_code == 1
    assert "Nothing was ever posted to liabilities:wallet:us_nobody." in done.output


@pytest.mark.usefixtures("history")
def test_the_journal_is_written_to_a_file_or_to_the_terminal(typed, tmp_path):
    target = tmp_path / "journal.csv"
    done = typed("export", "--format", "csv", "--output", str(target))
    assert done.exit_code == 0
    written = target.read_text(encoding="utf-8")
    assert typed("export", "--format", "csv").stdout.splitlines() == written.splitlines()
    rows = list(csv.DictReader(io.StringIO(written)))
    assert {row["movement"] for row in rows} == {
        "milestone_funded",
        "tip_paid",
        "milestone_released",
        "payout_reserved",
    }
    assert len(reading(trial_balance)) > 0


@pytest.mark.parametrize("form", ["hledger", "beancount"])
def test_the_journal_is_written_in_the_language_that_is_asked_for(typed, form):
    posted(funded(MILESTONE))
    assert "milestone_funded" in typed("export", "--format", form).stdout


def test_another_language_is_refused(typed):
    assert typed("export", "--format", "ledger-cli").exit_code == 2


@pytest.mark.usefixtures("history")
def test_a_reason_cannot_pass_for_a_line_of_the_statement(typed):
    tip = movements.tip_paid(STRIPE, WORKER, amount=usd("1.00"))
    forged = "Thank you\n2026-11-22T00:00:00Z  tip_paid  posted  x  9000.00"
    posted(tip, reason=forged)
    lines = typed("statement", f"liabilities:wallet:{WORKER}").output.splitlines()
    assert [line for line in lines if "9000.00" in line] == [line for line in lines if "Thank you" in line]


@pytest.mark.usefixtures("history")
def test_fewer_lines_than_none_are_not_asked_for(typed):
    done = typed("statement", f"liabilities:wallet:{WORKER}", "--limit", "-1")
    assert done.exit_code == 2
    assert "--limit" in done.output


def test_an_instant_to_come_is_refused(typed):
    done = typed("trial-balance", "--at", "2999-01-01")
    assert done.exit_code == 1
    assert "This instant is still to come." in done.output


@pytest.mark.usefixtures("history")
def test_the_income_statement_of_a_month_and_the_balance_sheet_of_a_day(typed, clock):
    clock.set(datetime(2031, 1, 10, tzinfo=UTC))
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("3.35")))
    told = typed("income-statement", "2031-01").output.splitlines()
    assert told[0].startswith("From 2031-01-01 to 2031-01-31, as of 2031-01-10T")
    assert [line.split() for line in told[2:]] == [
        ["total", "income", "USD", "0.00"],
        ["expenses:gateway_fees", "USD", "3.35"],
        ["total", "expenses", "USD", "3.35"],
        ["net", "USD", "-3.35"],
    ]
    sheet = {tuple(line.split()) for line in typed("balance-sheet", "2031-01-10").output.splitlines()}
    assert ("assets:gateway:stripe:pending", "USD", "101.65") in sheet
    assert ("total", "assets", "USD", "101.65") in sheet
    assert ("equity:retained_earnings", "USD", "7.65") in sheet


def test_a_month_that_is_none_is_refused(typed):
    done = typed("income-statement", "October")
    assert done.exit_code == 1
    assert "A period is a month, written like 2026-10." in done.output


@pytest.fixture
def finance(database, clock):
    """Two people in finance and one in support, in November."""
    clock.set(datetime(2030, 11, 3, tzinfo=UTC))
    for name, role in (("fiona", "finance"), ("frank", "finance"), ("sue", "support")):
        make_staff(f"{name}@example.com", role)
    app = Flask(__name__)
    app.cli.add_command(ledger_commands)
    runner = app.test_cli_runner()

    def run(who, *words, password=PASSWORD):
        return runner.invoke(args=["ledger", *words, "--email", f"{who}@example.com", "--password", password])

    return run


def test_a_month_is_closed_by_one_and_opened_again_by_two(finance):
    closed = finance("fiona", "close-period", "2030-10", "--reason", "Done")
    assert closed.exit_code == 0
    assert closed.output.startswith("2030-10 is closed.")
    with expect_refusal(PeriodClosed):
        posted(funded(MILESTONE), value_date=date(2030, 10, 20))
    asked = finance("fiona", "reopen-period", "2030-10", "--reason", "An invoice")
    assert asked.output.startswith("2030-10 is reopening.")
    again = finance("fiona", "reopen-period", "2030-10", "--reason", "An invoice")
    assert (again.exit_code, "Somebody else in finance has to decide." in again.output) == (1, True)
    opened = finance("frank", "reopen-period", "2030-10", "--reason", "Seen")
    assert opened.output.startswith("2030-10 is open.")
    assert posted(funded(MILESTONE), value_date=date(2030, 10, 20)).value_date == date(2030, 10, 20)


@pytest.mark.parametrize(
    ("who", "password", "said"),
    [
        ("fiona", "not her password", "The e-mail or the password is wrong."),
        ("sue", PASSWORD, "Only finance closes and opens periods."),
    ],
)
def test_nobody_else_closes_a_month(finance, who, password, said):
    done = finance(who, "close-period", "2030-10", password=password)
    assert (done.exit_code, said in done.output) == (1, True)
    assert reading(period_of, period="2030-10").state == "open"
