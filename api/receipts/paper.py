"""A receipt on paper: what happened, whose it was, and how anybody can check it; one page, unless it is a long one."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal
from xml.sax.saxutils import escape

import font_source_sans_pro
from reportlab.graphics.barcode.qr import QrCodeWidget
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.enums import TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Frame, Paragraph, Spacer, Table, TableStyle

from api.receipts.words import STAFF
from api.receipts.writing import Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.receipts.composing import Receipt, ReceiptLine

# Where people print on letter paper; everywhere else it is A4.
_LETTER = {"CA", "CL", "CO", "CR", "GT", "MX", "PA", "PH", "PR", "SV", "US", "VE"}
_MARGIN = 54
_QR_SIDE = 96
_INK, _SOFT, _LINE, _PAPER, _ACCENT = map(HexColor, ("#1b2430", "#5c6877", "#d5dbe3", "#f4f6f9", "#17603f"))
_ATTACHED = "receipt.json"


def printed(receipt: Receipt, attached: str, public_url: str) -> bytes:
    """The page as a PDF, with the receipt as JSON attached to it: that is what is checked."""
    _load_fonts()
    size = LETTER if receipt.reader.country in _LETTER else A4
    into = BytesIO()
    canvas = Canvas(into, pagesize=size, invariant=True, lang="en")
    canvas.setTitle(f"{receipt.title}: receipt {receipt.id}")
    canvas.setAuthor(receipt.issued_by)
    canvas.setSubject("A receipt, and the proof that what it says is in the books")
    page = _Page(receipt, public_url, size[0] - 2 * _MARGIN)
    left = page.content()
    while left:
        _head(canvas, receipt, size)
        left = _filled(_frame(size), left, canvas)
        _foot(canvas, receipt, page.writing, size)
        canvas.showPage()
    _attach(canvas, attached.encode())
    canvas.save()
    return into.getvalue()


class _Page:
    """What stands on the page, from above."""

    def __init__(self, receipt: Receipt, public_url: str, width: float) -> None:
        self.writing = Writing(receipt.reader.locale, receipt.reader.time_zone, _draws)
        self._receipt, self._public_url, self._width = receipt, public_url, width

    def content(self) -> list[Flowable]:
        return [
            Paragraph(self._text(self._receipt.title), _TITLE),
            Spacer(0, 6),
            Paragraph(self._text(self._receipt.summary), _SUMMARY),
            Spacer(0, 20),
            self._amounts(),
            Spacer(0, 20),
            self._facts(),
            Spacer(0, 22),
            self._proof(),
            Spacer(0, 16),
            *self._how_to_check(),
        ]

    def _amounts(self) -> Table:
        rows = [self._amount(line) for line in self._receipt.lines]
        table = Table(rows, colWidths=[self._width - 170, 170])
        table.setStyle(
            TableStyle(
                [
                    ("LINEABOVE", (0, 0), (-1, 0), 1.2, _ACCENT),
                    ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
                    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                    ("TOPPADDING", (0, 0), (-1, -1), 7),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 8),
                ]
            )
        )
        return table

    def _amount(self, line: ReceiptLine) -> list[Paragraph]:
        first = line is self._receipt.lines[0]
        label = line.label if self._receipt.seen_by != STAFF else f"{line.label} ({line.side})"
        styles = (_LABEL_FIRST, _AMOUNT_FIRST) if first else (_LABEL, _AMOUNT)
        return [
            Paragraph(self._text(label), styles[0]),
            Paragraph(self._text(self.writing.amount(line.amount)), styles[1]),
        ]

    def _facts(self) -> Table:
        receipt = self._receipt
        facts = [
            ("Recorded", self.writing.instant(receipt.happened_at)),
            ("Value date", f"{self.writing.day(receipt.value_date)} (UTC)"),
            *([("For", receipt.about)] if receipt.about else []),
            *((party.role.capitalize(), party.name) for party in receipt.parties),
            ("Kept by", receipt.issued_by),
            ("Reference", receipt.reference),
            ("Receipt", receipt.id),
        ]
        return _table(
            [[Paragraph(name, _NAME), Paragraph(self._text(said), _FACT)] for name, said in facts],
            [96, self._width - 96],
            padding=2.2,
        )

    def _proof(self) -> Table:
        inner = self._width - _QR_SIDE - 44
        table = Table([[self._code(), self._sealed(inner)]], colWidths=[_QR_SIDE + 28, inner + 16])
        table.setStyle(
            TableStyle(
                [
                    ("BACKGROUND", (0, 0), (-1, -1), _PAPER),
                    ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                    ("LEFTPADDING", (0, 0), (0, 0), 14),
                    ("TOPPADDING", (0, 0), (-1, -1), 12),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 12),
                    ("ROUNDEDCORNERS", [6, 6, 6, 6]),
                ]
            )
        )
        return table

    def _sealed(self, width: float) -> list[Flowable]:
        proof = self._receipt.proof
        if proof is None:
            assert self._receipt.ask_again_at is not None, "without a proof there is a time to ask again"
            when = self.writing.instant(self._receipt.ask_again_at)
            return [
                Paragraph("Recorded, and not sealed yet", _SEAL),
                Spacer(0, 4),
                Paragraph(
                    self._text(
                        "Entries are sealed every few minutes. Fetch this receipt again after"
                        f" {when}, and it will carry its proof. Until then it is signed by us alone."
                    ),
                    _NOTE,
                ),
            ]
        facts = [
            ("Seal", f"No. {proof.seal['number']}, entry {proof.position + 1} of {proof.seal['size']}"),
            ("Sealed", self.writing.instant(self.writing.parsed(proof.seal["sealed_at"]))),
            ("Key", proof.seal["key_id"]),
            ("Root", _broken(proof.seal["root"])),
        ]
        styles = (_FACT_SMALL, _FACT_SMALL, _MONO, _MONO)
        rows: list[list[Flowable]] = [
            [Paragraph(name, _NAME), Paragraph(said, style)]
            for (name, said), style in zip(facts, styles, strict=True)
        ]
        return [
            Paragraph("Sealed in the books", _SEAL),
            Spacer(0, 3),
            _table(rows, [44, width - 44], padding=1.4),
        ]

    def _code(self) -> Drawing:
        widget = QrCodeWidget(self._address(), barLevel="M", barBorder=0)
        left, bottom, right, top = widget.getBounds()
        scale = [_QR_SIDE / (right - left), 0, 0, _QR_SIDE / (top - bottom), 0, 0]
        drawing = Drawing(_QR_SIDE, _QR_SIDE, transform=scale)
        drawing.add(widget)
        return drawing

    def _address(self) -> str:
        address = f"{self._public_url}/v1/receipts/{self._receipt.id}"
        proof = self._receipt.proof
        return f"{address}#seal={proof.seal['number']}&root={proof.seal['root']}" if proof else address

    def _how_to_check(self) -> list[Flowable]:
        keys = f"{self._public_url}/v1/receipts/keys"
        return [
            Paragraph("How anybody can check this", _SMALL_TITLE),
            Spacer(0, 3),
            Paragraph(
                self._text(
                    f"This file carries the receipt in a form for machines ({_ATTACHED}, attached). The program"
                    " verify_receipt.py, which is public, checks it without asking us: that we signed it and, once it"
                    " is sealed, that every amount above is what the books say and that the seal holds this entry. It"
                    f" needs our public keys ({keys}) and shows what was signed, to be compared with this page. The"
                    " code above leads to this receipt, for whoever may see it."
                ),
                _NOTE,
            ),
        ]

    def _text(self, text: str) -> str:
        return escape(self.writing.drawable(text))


def _table(rows: Sequence[list[Flowable]], widths: Sequence[float], *, padding: float) -> Table:
    table = Table(rows, colWidths=widths)
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), padding),
                ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
            ]
        )
    )
    return table


def _filled(frame: Frame, content: list[Flowable], canvas: Canvas) -> list[Flowable]:
    """Put down as much as there is room for; what is left goes on the next page."""
    for number, flowable in enumerate(content):
        if frame.add(flowable, canvas):
            continue
        pieces = frame.split(flowable, canvas)
        fits = bool(pieces and frame.add(pieces[0], canvas))
        assert fits or number, "what does not fit on an empty page fits on none"
        return [*(pieces[1:] if fits else [flowable]), *content[number + 1 :]]
    return []


def _frame(size: tuple[float, float]) -> Frame:
    return Frame(
        _MARGIN,
        _MARGIN,
        size[0] - 2 * _MARGIN,
        size[1] - 2 * _MARGIN - 34,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )


def _head(canvas: Canvas, receipt: Receipt, size: tuple[float, float]) -> None:
    top = size[1] - _MARGIN
    canvas.setFillColor(_ACCENT)
    canvas.rect(0, size[1] - 8, size[0], 8, stroke=0, fill=1)
    canvas.setFont("Sans-Semibold", 13)
    canvas.drawString(_MARGIN, top - 4, receipt.issued_by)
    canvas.setFont("Sans", 10)
    canvas.setFillColor(_SOFT)
    canvas.drawRightString(size[0] - _MARGIN, top - 4, "Receipt")


def _foot(canvas: Canvas, receipt: Receipt, writing: Writing, size: tuple[float, float]) -> None:
    canvas.setStrokeColor(_LINE)
    canvas.setLineWidth(0.5)
    canvas.line(_MARGIN, _MARGIN - 8, size[0] - _MARGIN, _MARGIN - 8)
    canvas.setFont("Sans", 8)
    canvas.setFillColor(_SOFT)
    whom = "our staff" if receipt.seen_by == STAFF else f"the {receipt.seen_by}: {receipt.reader.name}"
    made = f"Made for {whom}, {writing.instant(receipt.issued_at)}"
    canvas.drawString(_MARGIN, _MARGIN - 20, writing.drawable(made))
    canvas.drawRightString(size[0] - _MARGIN, _MARGIN - 20, "Not an invoice, and not a tax form")


def _attach(canvas: Canvas, content: bytes) -> None:
    stream = pdfdoc.PDFStream(pdfdoc.PDFDictionary({"Type": pdfdoc.PDFName("EmbeddedFile")}), content)
    # As it is, so that what checks it needs nothing that reads PDF.
    stream.filters = []
    name = pdfdoc.PDFString(_ATTACHED)
    document: Any = canvas._doc  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to attach
    file = {"Type": pdfdoc.PDFName("Filespec"), "F": name, "UF": name}
    file["EF"] = pdfdoc.PDFDictionary({"F": document.Reference(stream)})
    names = pdfdoc.PDFArray([name, document.Reference(pdfdoc.PDFDictionary(file))])
    files = pdfdoc.PDFDictionary({"Names": names})
    document.Catalog.Names = pdfdoc.PDFDictionary({"EmbeddedFiles": files})


def _broken(digest: str) -> str:
    return f"{digest[:32]}<br/>{digest[32:]}"


@cache
def _load_fonts() -> None:
    files = font_source_sans_pro.font_files_ttf
    for name, file in (("Sans", "SourceSansPro"), ("Sans-Semibold", "SourceSansProSemibold")):
        pdfmetrics.registerFont(TTFont(name, files[file]))


def _draws(letter: str) -> bool:
    font: Any = pdfmetrics.getFont("Sans")
    return ord(letter) in font.face.charToGlyph


def _style(
    name: str,
    size: float,
    *,
    bold: bool = False,
    color: Color = _INK,
    alignment: Literal[0, 2] = TA_LEFT,
) -> ParagraphStyle:
    return ParagraphStyle(
        name,
        fontName="Sans-Semibold" if bold else "Sans",
        fontSize=size,
        leading=size * 1.32,
        textColor=color,
        alignment=alignment,
    )


_TITLE = _style("title", 25, bold=True)
_SUMMARY = _style("summary", 12)
_LABEL, _AMOUNT = _style("label", 11, color=_SOFT), _style("amount", 11, alignment=TA_RIGHT)
_LABEL_FIRST = _style("label first", 13, bold=True)
_AMOUNT_FIRST = _style("amount first", 17, bold=True, alignment=TA_RIGHT)
_NAME, _FACT = _style("name", 9.5, color=_SOFT), _style("fact", 9.5)
_FACT_SMALL, _NOTE = _style("small fact", 9), _style("note", 9, color=_SOFT)
_SEAL = _style("seal", 12, bold=True, color=_ACCENT)
_SMALL_TITLE = _style("small title", 10, bold=True)
_MONO = ParagraphStyle("mono", fontName="Courier", fontSize=8.2, leading=11, textColor=_INK)
