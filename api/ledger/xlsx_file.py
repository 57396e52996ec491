"""A report as a workbook: amounts are numbers with the decimals of their currency, and no text is ever a formula."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import xlsxwriter  # type: ignore[import-untyped]

from api.ledger.tables import Style
from kernel.money import Money
from kernel.time import rfc3339

if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from api.ledger.tables import Cell, Row, Table

# Row by row into a temporary file, and nothing of what people wrote is taken for a formula, a number or a link.
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
# A sheet has no room for more.
_ROWS = 1_000_000
# A spreadsheet counts in doubles, which are exact up to fifteen digits.
_DIGITS = 15
_WIDTHS = 1.3


def write_xlsx(table: Table, out: BinaryIO, rows_of_a_sheet: int = _ROWS) -> None:
    """Write it; what does not fit on one sheet goes on on the next."""
    with xlsxwriter.Workbook(out, _OPTIONS) as book:
        book.set_properties({"title": table.title, "company": "Holdfast"})
        sheets = _Sheets(book, table, rows_of_a_sheet)
        for row in table.rows:
            sheets.add(row)


class _Sheets:
    def __init__(self, book: Any, table: Table, most: int) -> None:  # noqa: ANN401 - the library has no types
        self._book, self._table, self._most = book, table, most
        self._formats: dict[tuple[str, Style], Any] = {}
        self._begin()

    def add(self, row: Row) -> None:
        if self._at >= self._most:
            self._begin()
        for column, cell in enumerate(row.cells):
            self._write(column, cell, row.style)
        self._at += 1

    def _begin(self) -> None:
        self._sheet = self._book.add_worksheet()
        for number, column in enumerate(self._table.columns):
            self._sheet.set_column(number, number, column.share * _WIDTHS)
        head = self._book.add_format({"bold": True, "bottom": 1})
        lines = ("Holdfast", self._table.title, *self._table.about)
        for number, line in enumerate(lines):
            self._sheet.write_string(number, 0, line, self._format("General", Style.HEADING))
        for number, column in enumerate(self._table.columns):
            self._sheet.write_string(len(lines) + 1, number, column.head, head)
        self._at = len(lines) + 2
        self._sheet.freeze_panes(self._at, 0)

    def _write(self, column: int, cell: Cell, style: Style) -> None:
        if isinstance(cell, Money):
            self._write_money(column, cell, style)
        elif isinstance(cell, datetime):
            self._sheet.write_string(self._at, column, rfc3339(cell), self._format("General", style))
        elif isinstance(cell, date):
            self._sheet.write_datetime(self._at, column, cell, self._format("yyyy-mm-dd", style))
        elif isinstance(cell, int):
            self._sheet.write_number(self._at, column, cell, self._format("0", style))
        elif cell is not None:
            self._sheet.write_string(self._at, column, cell, self._format("General", style))

    def _write_money(self, column: int, money: Money, style: Style) -> None:
        if len(str(abs(money.amount_minor))) > _DIGITS:
            self._sheet.write_string(self._at, column, money.decimal, self._format("General", style))
            return
        shown = f"#,##0{'.' if money.exponent else ''}{'0' * money.exponent}"
        # Negative amounts in parentheses, with the decimals under each other.
        number = self._format(f"{shown}_);({shown})", style)
        self._sheet.write_number(self._at, column, Decimal(money.decimal), number)

    def _format(self, number: str, style: Style) -> Any:  # noqa: ANN401 - the library has no types
        if (number, style) not in self._formats:
            rules = {Style.SUBTOTAL: {"top": 1}, Style.TOTAL: {"top": 1, "bottom": 6}}
            options = {"num_format": number, "bold": style is not Style.LINE, **rules.get(style, {})}
            self._formats[number, style] = self._book.add_format(options)
        return self._formats[number, style]
