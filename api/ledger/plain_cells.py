"""Cells that a spreadsheet must not run: text that could be taken for a formula stays text."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from kernel.money import Money
from kernel.time import rfc3339
from ledger.export import harmless

if TYPE_CHECKING:
    from api.ledger.tables import Cell


def written(cell: Cell) -> str:
    """The cell as text: amounts as plain decimals, instants in UTC, and words so that they stay words."""
    if cell is None:
        return ""
    if isinstance(cell, Money):
        return cell.decimal
    if isinstance(cell, datetime):
        return rfc3339(cell)
    return harmless(cell) if isinstance(cell, str) else str(cell)
