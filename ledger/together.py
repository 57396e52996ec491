"""Posting for those who only post: whoever posts at the same moment shares one commit.

An edge calls this in place of a transaction of its own. What must stand or fall with the entry goes `along` with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from kernel.refusals import Refusal
from ledger.posting import post_many, posted_in
from persistence.combined import Combined

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from ledger.journal import Draft, PostedEntry

    # Writes further rows in the entry's transaction.
    Along = Callable[[Session, PostedEntry], None]


@dataclass(frozen=True, slots=True)
class _Order:
    draft: Draft
    along: Along | None


def post_together(draft: Draft, *, along: Along | None = None) -> PostedEntry:
    """Post the entry in one commit with whoever posts now; durable when this returns, and refused only by itself.

    `along(session, entry)` writes what has to be in the same transaction, once: told again under the same key, the
    entry is the one that stands, and its rows stand beside it.
    """
    return _POSTER.submit(_Order(draft, along))


def _post(session: Session, orders: Sequence[_Order]) -> list[PostedEntry | Refusal]:
    answers = post_many(session, [order.draft for order in orders], leave_out_refused=True)
    written = {entry.id for entry in posted_in(session)}
    for order, answer in zip(orders, answers, strict=True):
        # What was written before, or by another order in this group, has its rows beside it already.
        is_new = not isinstance(answer, Refusal) and answer.id in written and answer.id == order.draft.id
        if order.along is not None and is_new:
            order.along(session, cast("PostedEntry", answer))
    return answers


_POSTER: Combined[_Order, PostedEntry] = Combined(_post)
