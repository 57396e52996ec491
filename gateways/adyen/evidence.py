"""What is said against a chargeback, on paper: Adyen takes documents, and no fields."""

from __future__ import annotations

import base64
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import font_source_sans_pro
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLE = "Defense of a disputed payment"
# People have names in other letters than the fonts of every PDF reader.
_FONT = "EvidenceSans"


def document(fields: Mapping[str, str]) -> str:
    """The evidence as a PDF, field by field, as it goes into a request."""
    _load_font()
    head, text = _style(13, space=10), _style(10, space=4)
    story: list[Flowable] = [Paragraph(_TITLE, _style(18, space=14))]
    for name, said in sorted(fields.items()):
        story.append(Paragraph(escape(name.replace("_", " ").capitalize()), head))
        story += [Paragraph(escape(line), text) for line in said.splitlines()]
    paper = BytesIO()
    # The same fields are the same bytes, whenever they are sent.
    SimpleDocTemplate(paper, pagesize=A4, title=_TITLE, invariant=1).build(story)
    return base64.b64encode(paper.getvalue()).decode()


def _style(size: int, *, space: int) -> ParagraphStyle:
    return ParagraphStyle(
        f"evidence{size}", fontName=_FONT, fontSize=size, leading=size + 4, spaceBefore=space
    )


@cache
def _load_font() -> None:
    pdfmetrics.registerFont(TTFont(_FONT, font_source_sans_pro.font_files_ttf["SourceSansPro"]))
