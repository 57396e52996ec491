"""A receipt on paper: amounts and instants as its reader writes them, and nothing lost that does not fit."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from api.receipts.composing import Party, Receipt, ReceiptLine, ShownProof
from api.receipts.paper import printed
from api.receipts.writing import Writing
from identity.accounts import AccountView
from kernel.money import Money

AT = datetime(2026, 11, 25, 2, 1, 3, tzinfo=UTC)
WALT = AccountView(
    "us_walt", "walt@example.com", "Walt", "US", "en-US", "America/New_York", ("worker",), 1, AT
)
SEAL = {"number": "12", "size": "400", "sealed_at": "2026-11-25T02:05:00.123456Z", "root": "9f" * 32}
RECEIPT = Receipt(
    id="en_01jdg5d0g07k8v3b2m4n5p6q7r",
    issued_by="Holdfast",
    issued_at=AT,
    seen_by="worker",
    title="Milestone released",
    summary="You were paid $90.00 for \u201cA <b>shop</b> & more\u201d.",
    happened_at=AT,
    value_date=date(2026, 11, 25),
    reference="ms_1",
    about="A <b>shop</b> & more",
    parties=(Party("worker", "us_walt", "Walt"),),
    lines=(ReceiptLine("Paid into your wallet", Money(9_000, "USD"), "credit", "x", 4),),
    ask_again_at=None,
    proof=ShownProof((), 17, (), {**SEAL, "key_id": "ab12"}, ""),
    key_id="ab12",
    reader=WALT,
)


def writing(locale, time_zone="UTC", draws=lambda letter: letter < "\u0400"):
    return Writing(locale, time_zone, draws)


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "$1,234.50"),
        ("de-DE", "1.234,50\u00a0$"),
        ("fr-CA", "1\u00a0234,50\u00a0$\u00a0US"),
        # Its digits are not on the page.
        ("ar-EG", "$1,234.50"),
    ],
)
def test_an_amount_is_written_as_its_reader_writes_it(locale, said):
    assert writing(locale).amount(Money(123_450, "USD")) == said


@pytest.mark.parametrize(
    ("locale", "zone", "said"),
    [
        ("en-US", "America/New_York", "November 24, 2026, 9:01\u202fPM (Eastern Standard Time)"),
        ("en-GB", "Europe/London", "25 November 2026, 02:01 (Greenwich Mean Time)"),
        ("de-DE", "Europe/Berlin", "25 November 2026, 03:01 (Central European Standard Time)"),
        ("ja-JP", "UTC", "November 25, 2026, 2:01\u202fAM (Coordinated Universal Time)"),
    ],
)
def test_an_instant_is_in_the_readers_zone_which_is_named(locale, zone, said):
    assert writing(locale, zone).instant(AT) == said


def test_a_letter_that_the_page_does_not_have_is_shown_to_be_missing():
    assert writing("en-US").drawable("Walt \u5c71\u7530") == "Walt \u00b7\u00b7"


def test_what_somebody_called_a_milestone_is_text_and_nothing_else():
    page = printed(RECEIPT, "{}", "https://holdfast.example")
    assert page.startswith(b"%PDF-")
    assert pages(page) == 1


@pytest.mark.parametrize(
    ("country", "box"), [("US", b"[ 0 0 612 792 ]"), ("DE", b"[ 0 0 595.2756 841.8898 ]")]
)
def test_a_page_is_as_large_as_the_paper_where_its_reader_lives(country, box):
    page = printed(replace(RECEIPT, reader=replace(WALT, country=country)), "{}", "https://holdfast.example")
    assert b"/MediaBox " + box in page


def test_a_receipt_of_many_lines_goes_on_on_the_next_page():
    lines = tuple(replace(RECEIPT.lines[0], part=number) for number in range(24))
    assert pages(printed(replace(RECEIPT, lines=lines), "{}", "https://holdfast.example")) == 2


def test_a_receipt_without_its_proof_can_be_printed_too():
    waiting = replace(RECEIPT, proof=None, ask_again_at=AT)
    assert pages(printed(waiting, "{}", "https://holdfast.example")) == 1


def test_the_same_receipt_is_the_same_page_to_the_byte():
    first, second = (printed(RECEIPT, '{"a": 1}', "https://holdfast.example") for _ in range(2))
    assert first == second
    assert b'{"a": 1}' in first


def pages(page):
    return int(re.search(rb"/Count (\d+)", page)[1])
