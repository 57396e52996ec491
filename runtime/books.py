"""Whether everything about money agrees: the ledger with itself, and every package with the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow import integrity as escrow
from ledger import integrity as ledger
from payments import integrity as payments
from payouts import integrity as payouts

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from ledger.breaches import Breach


def verify(session: Session, progress: Callable[[int, int], None] | None = None) -> list[Breach]:
    """Everything that does not fit, in the ledger and wherever money is counted; nothing means the books are right."""
    return [
        *ledger.verify(session, progress),
        *payments.verify(session),
        *escrow.verify(session),
        *payouts.verify(session),
    ]
