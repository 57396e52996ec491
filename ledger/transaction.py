"""What the ledger remembers of a transaction for as long as it is open: its lane, and what it has posted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session, SessionTransaction

    from ledger.journal import PostedEntry


@dataclass(slots=True)
class Memory:
    """The lane a transaction owns, and the entries it has posted so far."""

    transaction: SessionTransaction | None
    lane: int | None = None
    posted: list[PostedEntry] = field(default_factory=list)


def memory(session: Session) -> Memory:
    """What is remembered of the open transaction; a new transaction begins with nothing."""
    transaction = session.get_transaction()
    known: Memory | None = session.info.get("ledger")
    # The object itself is compared and kept, so that no later transaction can pass for it.
    if known is None or known.transaction is not transaction:
        known = session.info["ledger"] = Memory(transaction)
    return known
