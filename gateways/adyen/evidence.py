"""What is said against a chargeback, on paper: Adyen takes documents, and no fields."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

_TITLE = "Defense of a disputed payment"


def document(fields: Mapping[str, str]) -> str:
    """The evidence as a PDF, field by field, as it goes into a request."""
    styles = getSampleStyleSheet()
    story: list[Flowable] = [Paragraph(_TITLE, styles["Title"])]
    for name, text in sorted(fields.items()):
        story.append(Paragraph(escape(name.replace("_", " ").capitalize()), styles["Heading2"]))
        story += [Paragraph(escape(line), styles["BodyText"]) for line in text.splitlines()]
    paper = BytesIO()
    # The same fields are the same bytes, whenever they are sent.
    SimpleDocTemplate(paper, pagesize=A4, title=_TITLE, invariant=1).build(story)
    return base64.b64encode(paper.getvalue()).decode()
