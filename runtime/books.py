"""Whether everything about money agrees: the ledger with itself and its seals, and every package with the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow import integrity as escrow
from ledger import integrity as ledger
from ledger.seal_integrity import leaf_count, seal_breaches
from payments import integrity as payments
from payouts import integrity as payouts
from reconciliation import integrity as reconciliation
from runtime.wiring import wired

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from ledger.breaches import Breach
    from ledger.seals import Head


def verify(
    session: Session, progress: Callable[[int, int], None] | None = None, *, noted: Head | None = None
) -> list[Breach]:
    """Everything that does not fit, in the ledger and wherever money is counted; nothing means the books are right.

    `noted` is a head of the seals that was written down somewhere else, where nobody here can change it.
    """
    whole = _Whole(session, progress)
    return [
        *ledger.verify(session, whole.rows),
        *seal_breaches(session, trusted=wired().sealing_keys, read=whole.leaves, noted=noted),
        *payments.verify(session),
        *escrow.verify(session),
        *payouts.verify(session),
        *reconciliation.verify(session, trusted=wired().sealing_keys),
    ]


class _Whole:
    """One progress for all that is read: the rows of the ledger, then the leaves of its seals."""

    def __init__(self, session: Session, tell: Callable[[int, int], None] | None) -> None:
        self._tell = tell
        self._done = 0
        self._total = self._leaves = leaf_count(session.connection())

    def rows(self, done: int, total: int) -> None:
        self._total = total + self._leaves
        self._say(done)

    def leaves(self, count: int) -> None:
        self._say(self._done + count)

    def _say(self, done: int) -> None:
        self._done = done
        if self._tell is not None:
            self._tell(self._done, self._total)
