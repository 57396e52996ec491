"""A report as CSV (RFC 4180), in UTF-8."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from api.ledger.plain_cells import written

if TYPE_CHECKING:
    from typing import BinaryIO

    from api.ledger.tables import Table


def write_csv(table: Table, out: BinaryIO) -> None:
    """Write its columns and rows, row by row."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([column.head for column in table.columns])
    for row in table.rows:
        writer.writerow([written(cell) for cell in row.cells])
    text.detach()
