"""Orders to a gateway that have no outcome yet, or one that somebody has to see to; each kind says its own in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Select

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import InstrumentedAttribute

    from gateways.tables import Sent
    from kernel.money import Money

NOT_HEARD_YET = "The payment provider has not been heard yet."
NO_ANSWER = "The payment provider did not answer. It is asked before anything is sent again."
BY_ITSELF = "Nothing: it goes on by itself."

Rows = TypeVar("Rows", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Asked:
    """Which of them: in these states, ordered until `before`, behind the place `after` in the list; so many."""

    states: frozenset[str]
    before: datetime | None
    after: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """One of them: what was ordered, `about` whom or what, what was last heard, and what a person can do.

    After `due_by` it takes longer than it should. `waits_for` says who moves next when that is nobody here.
    """

    kind: str
    id: str
    state: str
    gateway: str
    gateway_id: str | None
    amount: Money | None
    about: str
    ordered_at: datetime
    due_by: datetime
    tries: int
    last_tried_at: datetime | None
    answer: str
    what_to_do: str
    waits_for: str | None = None


def listed(
    query: Rows, asked: Asked, *, id_: InstrumentedAttribute[str], prefix: str, at: InstrumentedAttribute[Any]
) -> Rows:
    """The part of `query` that is asked for, first ordered first: ids rise with time, and `at` is when it was."""
    if asked.before is not None:
        query = query.where(at <= asked.before)
    if asked.after is not None:
        query = query.where(id_ > f"{prefix}_{asked.after}")
    return query.order_by(id_).limit(asked.limit)


def last_tried(row: Sent) -> datetime | None:
    """When the last call about it began that may have been carried out."""
    return row.called_at or row.out_since
