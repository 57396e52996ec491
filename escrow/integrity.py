"""Do contracts and milestones agree with the ledger? Read by the same command and tests that verify the books."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from escrow.states import HOLDING
from escrow.tables import Milestone, Release
from ledger import chart
from ledger.balances import balance
from ledger.breaches import Breach
from payments.integrity import (
    clawed_back_by_milestone,
    given_back_by_milestone,
    owed_by_milestone,
    taken_by_milestone,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Select
    from sqlalchemy.orm import InstrumentedAttribute, Session

_PAGE = 500


def verify(session: Session) -> list[Breach]:
    """Everything in which milestones, their releases and refunds, and the ledger differ."""
    holds = [
        Breach("escrow_hold", row.id, f"is {row.state} and should hold {expected}, the ledger holds {held}")
        for row, expected, held in _differences(session)
    ]
    return [
        *holds,
        *_owed(session),
        *_released(session),
        *_refunded(session),
        *_charged_back(session),
        *_given_back(session),
    ]


def _differences(session: Session) -> Iterator[tuple[Milestone, int, int]]:
    for row in _milestones(session):
        kept = row.released_minor - row.given_back_minor
        left = row.price_minor - kept - row.refunded_minor - row.charged_back_minor
        expected = left if row.state in HOLDING else 0
        held = balance(session, chart.escrow(row.id, row.currency)).posted.amount_minor
        if held != expected:
            yield row, expected, held


def _owed(session: Session) -> Iterator[Breach]:
    """What a milestone counts as owed to its client is what came back of its refunds, and what the ledger owes.

    What the client's bank has given them of it is owed no longer.
    """
    came_back = Counter(
        {milestone_id: int(minor) for milestone_id, minor in session.execute(owed_by_milestone())}
    )
    for milestone_id, _, minor in session.execute(taken_by_milestone()):
        came_back[milestone_id] -= int(minor)
    for row in _milestones(session):
        owed = balance(session, chart.owed(row.id, row.currency)).posted.amount_minor
        if not row.owed_minor == owed == came_back[row.id]:
            detail = f"counts {row.owed_minor}, {came_back[row.id]} came back, the ledger owes {owed}"
            yield Breach("owed_to_client", row.id, detail)


def _released(session: Session) -> Iterator[Breach]:
    """What a milestone counts as released, and our fee on it, are the sums of its releases."""
    yield from _uncounted(
        session,
        "milestone_released",
        (Milestone.released_minor, Milestone.worker_fee_minor),
        select(
            Release.milestone_id, func.sum(Release.gross_minor), func.sum(Release.worker_fee_minor)
        ).group_by(Release.milestone_id),
    )


def _refunded(session: Session) -> Iterator[Breach]:
    """What a milestone counts as refunded, and our fee that went with it, are the sums of its refunds."""
    yield from _uncounted(
        session,
        "milestone_refunded",
        (Milestone.refunded_minor, Milestone.client_fee_returned_minor),
        given_back_by_milestone(),
    )


def _charged_back(session: Session) -> Iterator[Breach]:
    """What a milestone counts as taken out of its hold is the sum of the lines of its chargebacks."""
    by_lines = Counter(
        {milestone_id: int(minor) for milestone_id, minor, _ in session.execute(taken_by_milestone())}
    )
    for row in _milestones(session):
        if row.charged_back_minor != by_lines[row.id]:
            detail = f"counts {row.charged_back_minor}, its chargebacks are {by_lines[row.id]}"
            yield Breach("milestone_charged_back", row.id, detail)


def _given_back(session: Session) -> Iterator[Breach]:
    """What a milestone counts as given back of the released, and our fee on it, are the sums of its clawbacks."""
    yield from _uncounted(
        session,
        "milestone_given_back",
        (Milestone.given_back_minor, Milestone.worker_fee_returned_minor),
        clawed_back_by_milestone(),
    )


def _uncounted(
    session: Session,
    rule: str,
    counted: tuple[InstrumentedAttribute[int], InstrumentedAttribute[int]],
    parts: Select[str, int, int],
) -> Iterator[Breach]:
    milestone_id, *sums = parts.subquery().c
    amount, fee = (func.coalesce(sum_, 0) for sum_ in sums)
    differing = (
        select(Milestone.id, *counted, amount, fee)
        .outerjoin(milestone_id.table, milestone_id == Milestone.id)
        .where((counted[0] != amount) | (counted[1] != fee))
    )
    for row in session.execute(differing):
        yield Breach(
            rule, row[0], f"counts {row[1]} and {row[2]}, its parts are {int(row[3])} and {int(row[4])}"
        )


def _milestones(session: Session) -> Iterator[Milestone]:
    last: str | None = None
    while True:
        query = select(Milestone).order_by(Milestone.id).limit(_PAGE)
        page = list(session.scalars(query if last is None else query.where(Milestone.id > last)))
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1].id
        session.expunge_all()
