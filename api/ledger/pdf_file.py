"""A report on paper: who, what, as of when, page by page, with sums ruled and amounts under each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING

from font_source_sans_pro import font_files_ttf
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A3, A4, landscape
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from api.ledger.tables import Style
from kernel.money import Money
from kernel.refusals import Invalid

if TYPE_CHECKING:
    from typing import BinaryIO

    from api.ledger.tables import Cell, Column, Row, Table

_ENTITY = "Holdfast"
_PLAIN, _BOLD = "SourceSansPro", "SourceSansProSemibold"
_INK, _FAINT, _RULE = HexColor("#1b1f24"), HexColor("#5b6570"), HexColor("#9aa4ae")
_BAND = HexColor("#f4f6f8")
_MARGIN, _ROW, _GAP, _SMALL = 48, 15, 6, 8.5
_HEAD_LINE, _FOOT = 12, 34
# So many columns have room on a page of this size, in letters of this size.
_PAGES = ((5, A4, 8.5), (11, landscape(A4), 7.5), (99, landscape(A3), 7.5))
# The pages are kept until the number of the last one is known.
_MOST_PAGES = 2_000
_TOTAL_PAGES = "pages"
_ELLIPSIS = "…"


class ReportTooLong(Invalid):
    """The report would be thousands of pages; as a spreadsheet or as CSV it can be of any length."""

    code = "report_too_long"


@cache
def _load_fonts() -> None:
    for name in (_PLAIN, _BOLD):
        pdfmetrics.registerFont(TTFont(name, font_files_ttf[name]))


def write_pdf(table: Table, out: BinaryIO) -> None:
    """Draw it, page after page."""
    _load_fonts()
    page, letters = next((page, size) for most, page, size in _PAGES if len(table.columns) <= most)
    canvas = Canvas(out, pagesize=page, pageCompression=1, invariant=1)
    canvas.setTitle(table.title)
    canvas.setAuthor(_ENTITY)
    paper = _Paper(canvas, table, page, letters)
    for row in table.rows:
        paper.add(row)
    paper.finish()


@dataclass(slots=True)
class _Place:
    column: Column
    left: float
    right: float


class _Paper:
    def __init__(self, canvas: Canvas, table: Table, page: tuple[float, float], letters: float) -> None:
        self._canvas, self._table = canvas, table
        self._width, self._height = page
        self._letters = letters
        # What an amount below zero has behind its last digit.
        self._paren = float(pdfmetrics.stringWidth(")", _PLAIN, letters))
        self._page = 0
        self._places = self._columns()
        self._begin()

    def add(self, row: Row) -> None:
        # The head of a section does not stand alone at the foot of a page.
        needed = 3 * _ROW if row.style is Style.HEADING else _ROW
        if self._y - needed < _MARGIN + _GAP:
            self._end()
            self._begin()
        if row.style is Style.HEADING:
            self._y -= _GAP
        self._y -= _ROW
        self._band(row.style)
        for place, cell in zip(self._places, row.cells, strict=True):
            self._cell(place, cell, row.style)
        self._rules(row)
        if row.style is Style.TOTAL:
            self._y -= _GAP
        self._line += 1

    def finish(self) -> None:
        if not self._line and self._page == 1:
            self._canvas.setFont(_PLAIN, _SMALL)
            self._canvas.drawString(_MARGIN, self._y - _ROW, "There is nothing to report.")
        self._end()
        # Every page refers to this form, which can only be drawn now.
        self._canvas.beginForm(_TOTAL_PAGES, 0, -_GAP, 60, _ROW)
        self._canvas.setFont(_PLAIN, _SMALL)
        self._canvas.setFillColor(_FAINT)
        self._canvas.drawString(0, 0, str(self._page))
        self._canvas.endForm()
        self._canvas.save()

    def _columns(self) -> list[_Place]:
        whole = sum(column.share for column in self._table.columns)
        room = self._width - 2 * _MARGIN - _GAP * (len(self._table.columns) - 1)
        places, left = [], float(_MARGIN)
        for column in self._table.columns:
            right = left + room * column.share / whole
            places.append(_Place(column, left, right))
            left = right + _GAP
        return places

    def _begin(self) -> None:
        if self._page == _MOST_PAGES:
            raise ReportTooLong("This report is too long for paper. Take it as CSV or XLSX.", field="form")
        self._page += 1
        self._line = 0
        canvas, top = self._canvas, self._height - _MARGIN
        right = self._width - _MARGIN
        canvas.setFillColor(_INK)
        canvas.setFont(_BOLD, 15)
        canvas.drawString(_MARGIN, top - 10, self._table.title)
        canvas.setFont(_BOLD, 11)
        canvas.drawRightString(right, top - 10, _ENTITY)
        canvas.setFillColor(_FAINT)
        canvas.setFont(_PLAIN, 9)
        self._y = top - 14
        for line in self._table.about:
            self._y -= _HEAD_LINE
            canvas.drawString(_MARGIN, self._y, _fitted(line, _PLAIN, 9, right - _MARGIN))
        self._y -= _ROW + _GAP
        self._heads()

    def _heads(self) -> None:
        canvas = self._canvas
        canvas.setFillColor(_FAINT)
        canvas.setFont(_BOLD, 7.5)
        for place in self._places:
            if place.column.right:
                canvas.drawRightString(place.right - self._paren, self._y, place.column.head)
            else:
                canvas.drawString(place.left, self._y, place.column.head)
        self._y -= 5
        self._rule(self._y, _MARGIN, self._width - _MARGIN)

    def _end(self) -> None:
        canvas, right = self._canvas, self._width - _MARGIN
        self._rule(_FOOT + _ROW - 2, _MARGIN, right, color=_RULE)
        canvas.setFillColor(_FAINT)
        canvas.setFont(_PLAIN, _SMALL)
        here = f"Page {self._page} of "
        canvas.drawRightString(right, _FOOT, f"{_ENTITY} · {self._table.title}")
        canvas.drawString(_MARGIN, _FOOT, here)
        canvas.saveState()
        canvas.translate(_MARGIN + pdfmetrics.stringWidth(here, _PLAIN, _SMALL), _FOOT)
        canvas.doForm(_TOTAL_PAGES)
        canvas.restoreState()
        canvas.showPage()

    def _band(self, style: Style) -> None:
        if style is Style.LINE and self._line % 2:
            self._canvas.setFillColor(_BAND)
            self._canvas.rect(_MARGIN - 3, self._y - 4, self._width - 2 * _MARGIN + 6, _ROW, stroke=0, fill=1)

    def _cell(self, place: _Place, cell: Cell, style: Style) -> None:
        font = _PLAIN if style is Style.LINE else _BOLD
        text, negative = _shown(cell)
        canvas = self._canvas
        canvas.setFillColor(_INK)
        if place.column.right:
            # The closing parenthesis hangs out, so that the decimals of all amounts are under each other.
            hanging = 0 if negative else self._paren
            canvas.setFont(font, _size_for(text, font, self._letters, place.right - place.left - hanging))
            canvas.drawRightString(place.right - hanging, self._y, text)
        else:
            canvas.setFont(font, self._letters)
            # The head of a section has the whole line.
            end = self._width - _MARGIN if style is Style.HEADING else place.right
            canvas.drawString(place.left, self._y, _fitted(text, font, self._letters, end - place.left))

    def _rules(self, row: Row) -> None:
        if row.style not in {Style.SUBTOTAL, Style.TOTAL}:
            return
        for place, cell in zip(self._places, row.cells, strict=True):
            if place.column.right and cell is not None:
                self._rule(self._y + _ROW - 5, place.left, place.right)
                if row.style is Style.TOTAL:
                    self._rule(self._y - 3.5, place.left, place.right)
                    self._rule(self._y - 5.5, place.left, place.right)

    def _rule(self, y: float, left: float, right: float, *, color: Color = _INK) -> None:
        self._canvas.setStrokeColor(color)
        self._canvas.setLineWidth(0.6)
        self._canvas.line(left, y, right, y)


def _shown(cell: Cell) -> tuple[str, bool]:
    """The cell as it is printed, and whether it is an amount below zero."""
    if isinstance(cell, Money):
        return _amount(cell), cell.amount_minor < 0
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M:%S}", False
    if isinstance(cell, date):
        return cell.isoformat(), False
    return " ".join(str("" if cell is None else cell).split()), False


def _amount(money: Money) -> str:
    whole, _, fraction = money.decimal.lstrip("-").partition(".")
    text = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
    return f"({text})" if money.amount_minor < 0 else text


def _size_for(text: str, font: str, size: float, room: float) -> float:
    """The size at which an amount fits; a digit is never left out."""
    wide = float(pdfmetrics.stringWidth(text, font, size))
    return size if wide <= room else size * room / wide


def _fitted(text: str, font: str, size: float, room: float) -> str:
    if pdfmetrics.stringWidth(text, font, size) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if pdfmetrics.stringWidth(text[:middle] + _ELLIPSIS, font, size) <= room:
            low = middle
        else:
            high = middle - 1
    return text[:low] + _ELLIPSIS
