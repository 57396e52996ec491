"""Finance reads the books over HTTP: lists, reports and files; adjustments and periods by two people."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from api.ledger.pdf_file import ReportTooLong, write_pdf
from api.ledger.tables import Column, Row, Table
from api.ledger.xlsx_file import write_xlsx
from kernel.ids import new_id
from kernel.money import Money
from ledger import movements
from ledger.periods import close_period
from persistence.unit_of_work import atomically
from tests.api.conftest import problem
from tests.books import nothing_moves
from tests.ledger.words import STRIPE, funded, posted, released, usd

MILESTONE, WORKER = f"ms_{'0' * 25}1", f"us_{'0' * 25}1"
WALLET = f"liabilities:wallet:{WORKER}"
BOOKS = "/v1/staff/ledger"
HOSTILE = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1+1", "http://example.com/"]  # noqa: RUF001


FORMULA = tuple("=+-@\t\r＝")  # noqa: RUF001


def is_amount(cell):
    return cell.lstrip("-").replace(".", "").isdigit()


@pytest.fixture
def october(app, clock):
    """It is the third of November; in October 105 came in, 15 of it were earned and 3.35 spent."""
    clock.set(datetime(2030, 10, 15, 12, tzinfo=UTC))
    posted(funded(MILESTONE), reference=MILESTONE)
    posted(released(MILESTONE, WORKER), reference=MILESTONE, actor="us_clara")
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("3.35")), reference=MILESTONE)
    clock.set(datetime(2030, 11, 3, 9, tzinfo=UTC))


@pytest.fixture
def fiona(sign_up, october):
    return sign_up("finance")


@pytest.fixture
def frank(sign_up, fiona):
    return sign_up("finance")


def asked(person, path, status=200, **query):
    response = person.get(f"{BOOKS}/{path}", query_string=query)
    assert response.status_code == status, response.text
    return response.json


def did(person, path, body=None, status=200, **options):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    response = person.post(f"{BOOKS}/{path}", json=body or {}, headers=headers, **options)
    assert response.status_code == status, response.text
    return response.json


def amount(money):
    return money["amount"]


def found(person, **query):
    return [entry["movement"] for entry in asked(person, "entries", **query)["data"]]


@pytest.mark.parametrize("role", ["client", "worker", "support", "mediator"])
@pytest.mark.parametrize("path", ["entries", "accounts", "trial-balance", "trial-balance/pdf", "adjustments"])
def test_nobody_but_finance_reads_the_books(sign_up, role, path):
    problem(sign_up(role).get(f"{BOOKS}/{path}"), 403, "not_permitted")


@pytest.mark.parametrize("path", ["adjustments", "periods/2030-10/close"])
def test_who_runs_the_service_reads_the_books_and_changes_nothing_in_them(sign_up, path):
    admin = sign_up("admin")
    with nothing_moves():
        asked(admin, "entries")
        problem(admin.post(f"{BOOKS}/{path}", json={}), 403, "not_permitted")


def test_entries_are_found_by_everything_that_is_said_about_them(fiona):
    assert found(fiona) == ["gateway_fee_charged", "milestone_released", "milestone_funded"]
    assert found(fiona, movement="milestone_funded") == ["milestone_funded"]
    assert found(fiona, actor="us_clara") == ["milestone_released"]
    assert found(fiona, account=WALLET) == ["milestone_released"]
    assert found(fiona, account="income:fees:client") == ["milestone_funded"]
    assert found(fiona, account="income:fees:client", currency="EUR") == []
    assert found(fiona, account="income:no:such") == []
    assert found(fiona, reference=MILESTONE, least="3.35", most="4.00") == ["gateway_fee_charged"]
    assert found(fiona, least="100.00") == ["milestone_released", "milestone_funded"]
    problem(fiona.get(f"{BOOKS}/entries?least=1.50&currency=JPY"), 422, "validation_failed", "least")
    assert found(fiona, recorded_from="2030-11-01T00:00:00Z") == []
    assert len(found(fiona, recorded_until="2030-10-31T00:00:00Z")) == 3


def test_entries_are_found_by_the_day_they_count_for(fiona):
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("1.00")), value_date=date(2030, 9, 30), actor="late")
    assert found(fiona, value_to="2030-09-30") == ["gateway_fee_charged"]
    assert len(found(fiona, value_from="2030-10-01", value_to="2030-10-31")) == 3
    assert len(found(fiona, value_from="2030-09-30")) == 4
    assert found(fiona, value_from="2030-11-01") == []
    (entry,) = asked(fiona, "entries", actor="late")["data"]
    assert (entry["value_date"], entry["backdated"], entry["belongs_to"]) == ("2030-09-30", True, None)
    assert asked(fiona, f"entries/{entry['id']}") == entry


def test_a_list_of_entries_goes_on_where_it_ended(fiona):
    first = asked(fiona, "entries", limit=2)
    second = asked(fiona, "entries", limit=2, cursor=first["next_cursor"])
    seen = [entry["movement"] for entry in first["data"] + second["data"]]
    assert seen == ["gateway_fee_charged", "milestone_released", "milestone_funded"]
    assert second["next_cursor"] is None


def test_an_entry_that_is_not_there_is_not_found(fiona):
    problem(fiona.get(f"{BOOKS}/entries/{new_id('en')}"), 404, "entry_not_found")


def test_accounts_are_found_by_part_of_their_code_with_what_they_held(fiona):
    found_now = asked(fiona, "accounts", text="WALLET")["data"]
    assert [(line["account"], amount(line["balance"])) for line in found_now] == [(WALLET, "90.00")]
    before = asked(fiona, "accounts", under="liabilities:wallet", at="2030-10-01T00:00:00Z")["data"]
    assert [amount(line["balance"]) for line in before] == ["0.00"]
    assert amount(asked(fiona, f"accounts/{WALLET}")["balance"]) == "90.00"
    assert amount(asked(fiona, f"accounts/{WALLET}", at="2030-10-01T00:00:00Z")["balance"]) == "0.00"
    assert len(asked(fiona, "accounts", under="income", limit=1)["data"]) == 1
    page = asked(fiona, "accounts", under="income", limit=1)
    rest = asked(fiona, "accounts", under="income", limit=5, cursor=page["next_cursor"])
    assert [line["account"] for line in rest["data"]] == ["income:fees:worker"]


def test_the_tree_adds_up_along_the_codes(fiona):
    posted(movements.tip_paid(STRIPE, new_id("us"), amount=usd("7.00")))
    nodes = {node["account"]: node for node in asked(fiona, "account-tree")["nodes"]}
    assert amount(nodes["liabilities:wallet"]["balance"]) == "97.00"
    assert nodes["liabilities:wallet"]["accounts"] == 2
    assert amount(nodes["income"]["balance"]) == "15.00"
    assert amount(nodes["income:fees:worker"]["balance"]) == "10.00"
    assert nodes["income:fees"]["depth"] == 1
    assert WALLET not in nodes


def test_a_statement_as_of_an_instant_stays_page_by_page(fiona, clock):
    first = asked(fiona, f"accounts/{WALLET}/statement", limit=1)
    clock.advance(minutes=1)
    posted(movements.tip_paid(STRIPE, WORKER, amount=usd("7.00")))
    again = asked(fiona, f"accounts/{WALLET}/statement", limit=1, at=first["at"])
    assert again == first
    assert amount(again["data"][0]["balance"]) == "90.00"


def test_what_is_to_come_cannot_be_asked_about(fiona):
    for path in ("trial-balance", "account-tree", "trial-balance/csv", f"accounts/{WALLET}/statement"):
        response = fiona.get(f"{BOOKS}/{path}", query_string={"at": "2999-01-01T00:00:00Z"})
        problem(response, 422, "instant_not_reached", "at")


def test_the_reports_of_a_month(fiona):
    (income,) = asked(fiona, "income-statement", **{"from": "2030-10-01", "to": "2030-10-31"})["statements"]
    assert (amount(income["total_income"]), amount(income["net"])) == ("15.00", "11.65")
    (sheet,) = asked(fiona, "balance-sheet", day="2030-10-31")["sheets"]
    assert amount(sheet["total_assets"]) == "101.65"
    assert amount(sheet["total_liabilities"]) == "90.00"
    assert [(line["account"], amount(line["amount"])) for line in sheet["equity"]] == [
        ("equity:retained_earnings", "11.65")
    ]
    response = fiona.get(f"{BOOKS}/income-statement?from=2030-10-31&to=2030-10-01")
    problem(response, 422, "period_backwards", "to")


REPORTS = [
    ("trial-balance/{}", {}),
    ("income-statement/{}", {"from": "2030-10-01", "to": "2030-10-31"}),
    ("balance-sheet/{}", {"day": "2030-10-31"}),
    (f"accounts/{WALLET}/statement/{{}}", {}),
    ("entries/file/{}", {}),
]


def file(person, path, query, form):
    response = person.get(f"{BOOKS}/{path.format(form)}", query_string=query)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Disposition"].endswith(f".{form}")
    return response.data


@pytest.mark.parametrize(("path", "query"), REPORTS)
def test_every_report_is_the_same_in_every_form(fiona, path, query):
    rows = list(csv.reader(io.StringIO(file(fiona, path, query, "csv").decode())))
    assert len(rows) > 1
    sheet = load_workbook(io.BytesIO(file(fiona, path, query, "xlsx"))).active
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    begins = next(number for number, row in enumerate(cells) if [cell or "" for cell in row] == rows[0])
    assert [[plain(cell) for cell in row] for row in cells[begins + 1 :]] == [
        [plain(cell) for cell in row] for row in rows[1:]
    ]
    reader = PdfReader(io.BytesIO(file(fiona, path, query, "pdf")))
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert "Holdfast" in text
    assert "As of 2030-11-03T09:0" in text
    assert f"Page 1 of {len(reader.pages)}" in " ".join(text.split())


def plain(cell):
    """A cell as it reads, whichever file it comes from."""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, int | float):
        return str(Decimal(str(cell)).normalize())
    try:
        return str(Decimal(cell).normalize())
    except (ArithmeticError, TypeError):
        return cell or ""


@pytest.mark.parametrize("words", HOSTILE)
def test_words_that_could_be_taken_for_a_formula_stay_words(fiona, words):
    posted(movements.tip_paid(STRIPE, WORKER, amount=usd("1.00")), reason=words, reference=reference(words))
    for path in (f"accounts/{WALLET}/statement/{{}}", "entries/file/{}"):
        rows = csv.reader(io.StringIO(file(fiona, path, {}, "csv").decode()))
        assert not [cell for row in rows for cell in row if cell.startswith(FORMULA) and not is_amount(cell)]
        sheet = load_workbook(io.BytesIO(file(fiona, path, {}, "xlsx"))).active
        cells = [cell for row in sheet.iter_rows() for cell in row]
        assert not [cell.coordinate for cell in cells if cell.data_type == "f" or cell.hyperlink]
        assert words in [cell.value for cell in cells]


def reference(words):
    return words if words.isascii() else "ms_1"


def test_a_negative_amount_is_in_parentheses_on_paper(fiona):
    posted(movements.gateway_fee_charged(STRIPE, fee=usd("1234567.89")))
    text = PdfReader(io.BytesIO(file(fiona, *REPORTS[2], "pdf"))).pages[0].extract_text()
    assert (
        "(1,234,4"
        in PdfReader(io.BytesIO(file(fiona, "balance-sheet/{}", {"day": "2030-11-03"}, "pdf")))
        .pages[0]
        .extract_text()
    )
    assert "101.65" in text


def test_a_form_that_there_is_not_is_not_found(fiona):
    problem(fiona.get(f"{BOOKS}/trial-balance/docx"), 404, "report_form_unknown")


def long_table(rows):
    amounts = (Row((f"a{number}", Money(number, "USD"))) for number in range(rows))
    return Table("Long", ("About",), (Column("Account", 3), Column("Amount", 1, right=True)), amounts)


def test_a_report_that_is_too_long_for_paper_is_refused():
    out = io.BytesIO()
    with pytest.raises(ReportTooLong):
        write_pdf(long_table(150_000), out)


def test_a_report_that_is_too_long_for_a_sheet_goes_on_on_the_next():
    out = io.BytesIO()
    write_xlsx(long_table(25), out, rows_of_a_sheet=14)
    book = load_workbook(out)
    told = [row[0].value for sheet in book.worksheets for row in sheet.iter_rows(min_row=6)]
    assert len(book.worksheets) == 3
    assert told == [f"a{number}" for number in range(25)]


def adjusting(value="3.00", **said):
    lines = [(WALLET, "debit"), ("expenses:goodwill", "credit")]
    return {
        "postings": [
            {"account": account, "side": side, "amount": {"amount": value, "currency": "USD"}}
            for account, side in lines
        ],
        "reason": "Paid twice",
    } | said


def in_wallet(person):
    return amount(asked(person, f"accounts/{WALLET}")["balance"])


def test_an_adjustment_is_proposed_by_one_and_posted_by_another(fiona, frank):
    made = did(fiona, "adjustments", adjusting(), status=201)
    assert (made["state"], in_wallet(fiona)) == ("proposed", "90.00")
    own = fiona.post(f"{BOOKS}/adjustments/{made['id']}/approve", json={}, headers={"Idempotency-Key": "own"})
    problem(own, 403, "same_person_twice")
    seen = frank.post(f"{BOOKS}/adjustments/{made['id']}/approve?preview=true", json={}).json
    assert [entry["movement"] for entry in seen["entries"]] == ["adjustment"]
    assert in_wallet(fiona) == "90.00"
    done = did(frank, f"adjustments/{made['id']}/approve", {"decision": "Seen"})
    assert (done["state"], done["decided_by"], in_wallet(fiona)) == ("posted", frank.id, "87.00")
    entry = asked(fiona, f"entries/{done['entry_id']}")
    assert (entry["actor"], entry["approved_by"], entry["reference"]) == (fiona.id, frank.id, made["id"])
    again = frank.post(
        f"{BOOKS}/adjustments/{made['id']}/reject", json={}, headers={"Idempotency-Key": "again"}
    )
    problem(again, 409, "adjustment_decided")
    assert [each["id"] for each in asked(fiona, "adjustments", state="posted")["data"]] == [made["id"]]


def test_a_preview_of_a_proposal_shows_what_would_be_posted(fiona):
    with nothing_moves():
        seen = fiona.post(f"{BOOKS}/adjustments?preview=true", json=adjusting()).json
        assert [line["account"] for line in seen["entries"][0]["postings"]] == [WALLET, "expenses:goodwill"]
        refused = fiona.post(f"{BOOKS}/adjustments?preview=true", json=adjusting("90.01"))
        problem(refused, 409, "insufficient_balance", "/amount")


def test_a_proposal_sent_twice_is_one(fiona):
    headers = {"Idempotency-Key": "once"}
    first, second = (fiona.post(f"{BOOKS}/adjustments", json=adjusting(), headers=headers) for _ in range(2))
    assert first.json == second.json
    assert len(asked(fiona, "adjustments")["data"]) == 1


@pytest.mark.parametrize(
    ("spoilt", "code", "field"),
    [
        ({"account": "expenses:godwill"}, "account_unknown", "/postings/1/account"),
        ({"amount": {"amount": "2.99", "currency": "USD"}}, "adjustment_unbalanced", "/postings"),
        (
            {"amount": {"amount": "3.00", "currency": "XXX"}},
            "validation_failed",
            "/postings/1/amount/currency",
        ),
        ({"side": "left"}, "validation_failed", "/postings/1/side"),
    ],
)
def test_what_is_wrong_with_a_proposal_is_named(fiona, spoilt, code, field):
    body = adjusting()
    body["postings"][1] |= spoilt
    with nothing_moves(besides=frozenset({"idempotency_keys"})):
        response = fiona.post(f"{BOOKS}/adjustments", json=body, headers={"Idempotency-Key": "x"})
        problem(response, 422, code, field)


def test_a_month_is_closed_and_opened_again_by_two(fiona, frank):
    assert did(fiona, "periods/2030-10/close")["state"] == "closed"
    late = did(fiona, "adjustments", adjusting(value_date="2030-10-20"), status=201)
    refused = frank.post(
        f"{BOOKS}/adjustments/{late['id']}/approve", json={}, headers={"Idempotency-Key": "late"}
    )
    assert problem(refused, 409, "period_closed", "/value_date")["details"] == {"period": "2030-10"}
    assert did(fiona, "periods/2030-10/ask-to-reopen", {"reason": "Late"})["state"] == "reopening"
    own = fiona.post(f"{BOOKS}/periods/2030-10/reopen", json={}, headers={"Idempotency-Key": "own"})
    problem(own, 403, "same_person_twice")
    opened = did(frank, "periods/2030-10/reopen")
    assert [act["actor"] for act in opened["acts"]] == [fiona.id, fiona.id, frank.id]
    assert did(frank, f"adjustments/{late['id']}/approve")["state"] == "posted"
    assert [each["period"] for each in asked(fiona, "periods")["data"]] == ["2030-10"]


def test_what_is_carried_over_is_shown_as_late(fiona):
    atomically(close_period, period="2030-10", by="us_1")
    tip = movements.tip_paid(STRIPE, WORKER, amount=usd("1.00"))
    posted(tip, value_date=date(2030, 10, 20), carry_over=True)
    line = asked(fiona, f"accounts/{WALLET}/statement")["data"][0]
    assert (line["value_date"], line["belongs_to"]) == ("2030-11-01", "2030-10-20")
    assert "late, for 2030-10-20" in file(fiona, "entries/file/{}", {}, "csv").decode()
