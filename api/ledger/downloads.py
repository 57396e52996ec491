"""Reports as files: written while they are read, to a place on disk, and sent from there."""

from __future__ import annotations

import io
import tempfile
from typing import TYPE_CHECKING, BinaryIO, cast

from flask import send_file

from api.ledger.csv_file import write_csv
from api.ledger.pdf_file import write_pdf
from api.ledger.xlsx_file import write_xlsx
from kernel.refusals import NotFound
from persistence.unit_of_work import examining

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response
    from sqlalchemy.orm import Session

    from api.ledger.tables import Table

_IN_MEMORY = 1_000_000

_FORMS: dict[str, tuple[str, Callable[[Table, BinaryIO], None]]] = {
    "csv": ("text/csv", write_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx),
    "pdf": ("application/pdf", write_pdf),
}
MEDIA = tuple(media for media, _ in _FORMS.values())


class FormUnknown(NotFound):
    """A report can be had as csv, xlsx or pdf."""

    code = "report_form_unknown"


def check_form(form: str) -> None:
    """Refuse a form that there is not, before anything is read."""
    if form not in _FORMS:
        raise FormUnknown(f"There is no such form. There are: {', '.join(_FORMS)}.")


def download(form: str, name: str, table: Callable[[Session], Table]) -> Response:
    """The report in this form; everything in it is of one instant, and however long it is, little of it in memory."""
    media, write = _FORMS[form]
    # The response closes it, and what is closed is gone; a short one never gets to the disk.
    kept = cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115
    try:
        examining(lambda session: write(table(session), kept))
    except BaseException:
        kept.close()
        raise
    short = kept.tell() < _IN_MEMORY
    kept.seek(0)
    if short:
        with kept:
            kept = io.BytesIO(kept.read())
    return send_file(kept, mimetype=media, as_attachment=True, download_name=f"{name}.{form}")
