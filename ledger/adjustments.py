"""Putting the books right by hand: one person proposes, another one approves, and only then is anything posted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NotRequired, TypedDict, Unpack

from sqlalchemy import select

from kernel.money import Money
from kernel.refusals import Conflict, Invalid, NotFound
from ledger import movements
from ledger.chart import Side, named
from ledger.entries import Posting, unbalanced
from ledger.periods import SamePersonTwice
from ledger.posting import post
from ledger.statements import was_ever_touched
from ledger.states import ADJUSTMENT
from ledger.tables import Adjustment
from persistence import clock, outbox
from persistence.locks import locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from ledger.chart import Account

# In a preview nobody has approved yet.
_NOBODY_YET = "nobody_yet"


class AccountUnknown(Invalid):
    """The chart has no such account, or nothing was ever posted to this one of a person, a milestone or a gateway."""

    code = "account_unknown"


class AdjustmentUnbalanced(Invalid):
    """Debits and credits are not the same in every currency."""

    code = "adjustment_unbalanced"


class AdjustmentNotFound(NotFound):
    """There is no such adjustment."""

    code = "adjustment_not_found"


class AdjustmentDecided(Conflict):
    """It was approved, rejected or withdrawn before; the answer says which."""

    code = "adjustment_decided"


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it is asked for: the account by its code."""

    account: str
    side: Side
    amount: Money


class Asked(TypedDict):
    """What is proposed: lines, why, the day it counts for, and whether that may be the first open one."""

    lines: Sequence[Line]
    reason: str
    value_date: NotRequired[date | None]
    carry_over: NotRequired[bool]


@dataclass(frozen=True, slots=True)
class AdjustmentView:
    """An adjustment: what is to be posted and why, and what was decided about it."""

    id: str
    state: str
    lines: tuple[Line, ...]
    reason: str
    value_date: date | None
    carry_over: bool
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    entry_id: str | None


def propose(
    session: Session,
    *,
    adjustment_id: str,
    by: str,
    **asked: Unpack[Asked],
) -> AdjustmentView:
    """Ask for these lines to be posted; nothing moves before somebody else has approved."""
    _postings(session, asked["lines"])
    row = Adjustment(
        id=adjustment_id,
        state=ADJUSTMENT.initial,
        lines=[_stored(line) for line in asked["lines"]],
        reason=asked["reason"],
        value_date=asked.get("value_date"),
        carry_over=asked.get("carry_over", False),
        proposed_by=by,
        proposed_at=clock.now(session),
    )
    session.add(row)
    session.flush()
    outbox.publish(session, name="adjustment.proposed", subject=row.id)
    return _view(row)


def foresee(
    session: Session,
    *,
    adjustment_id: str,
    by: str,
    **asked: Unpack[Asked],
) -> AdjustmentView:
    """Propose and post at once, for a preview: what would happen when somebody else approved."""
    proposed = propose(session, adjustment_id=adjustment_id, by=by, **asked)
    row = _held(session, proposed.id)
    row.entry_id = _post(session, row, approved_by=_NOBODY_YET)
    return proposed


def approve(session: Session, *, adjustment_id: str, by: str, decision: str | None = None) -> AdjustmentView:
    """Post it; whoever proposed it cannot. Where it cannot be posted, it stays proposed."""
    row = _held(session, adjustment_id)
    _decide(session, row, "approve", by, decision)
    row.entry_id = _post(session, row, approved_by=by)
    return _view(row)


def reject(session: Session, *, adjustment_id: str, by: str, decision: str | None = None) -> AdjustmentView:
    """Decide against it; the books stay as they are."""
    row = _held(session, adjustment_id)
    _decide(session, row, "reject", by, decision)
    return _view(row)


def withdraw(session: Session, *, adjustment_id: str, by: str, decision: str | None = None) -> AdjustmentView:
    """Take one's own proposal back."""
    row = _held(session, adjustment_id)
    if row.proposed_by != by:
        raise AdjustmentNotFound("There is no such adjustment of yours.")
    _decide(session, row, "withdraw", by, decision)
    return _view(row)


def adjustment(session: Session, *, adjustment_id: str) -> AdjustmentView:
    """The adjustment with this id."""
    row = session.get(Adjustment, adjustment_id)
    if row is None:
        raise AdjustmentNotFound("There is no such adjustment.")
    return _view(row)


def held_adjustment(session: Session, *, adjustment_id: str) -> AdjustmentView:
    """The same, locked until the transaction ends."""
    return _view(_held(session, adjustment_id))


def adjustments(
    session: Session, *, after: str | None, limit: int, state: str | None = None
) -> list[AdjustmentView]:
    """The adjustments, newest first; all of them, or those in one state."""
    query = select(Adjustment).order_by(Adjustment.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Adjustment.id < after)
    if state is not None:
        query = query.where(Adjustment.state == state)
    return [_view(row) for row in session.scalars(query)]


def _post(session: Session, row: Adjustment, *, approved_by: str) -> str:
    lines = _postings(session, _view(row).lines)
    return post(
        session,
        movements.adjustment(*lines, approved_by=approved_by),
        key=f"adjustment:{row.id}",
        reference=row.id,
        actor=row.proposed_by,
        reason=row.reason,
        value_date=row.value_date,
        carry_over=row.carry_over,
    ).id


def _decide(session: Session, row: Adjustment, act: str, by: str, decision: str | None) -> None:
    step = ADJUSTMENT.step(row.state, act)
    if step is None:
        raise AdjustmentDecided(f"This adjustment is {row.state}.", state=row.state)
    if act != "withdraw" and row.proposed_by == by:
        raise SamePersonTwice("You proposed this. Somebody else in finance has to decide.")
    row.state, row.decided_by, row.decision = step.to, by, decision
    row.decided_at = clock.now(session)
    outbox.publish(session, name=step.event, subject=row.id)


def _postings(session: Session, lines: Sequence[Line]) -> list[Posting]:
    found = [
        Posting(_account(session, number, line), line.side, line.amount) for number, line in enumerate(lines)
    ]
    uneven = unbalanced(found)
    if uneven:
        raise AdjustmentUnbalanced(
            f"Debits and credits differ in {', '.join(uneven)}.", field="postings", currencies=uneven
        )
    return found


def _account(session: Session, number: int, line: Line) -> Account:
    account = named(line.account, line.amount.currency) if line.account.isascii() else None
    # A place with a name in it is taken for a slip of the pen where nothing ever was; the others are there for all.
    if account is None or not (account.code in _FOR_ALL or was_ever_touched(session, account)):
        raise AccountUnknown(
            f"There is no account {line.account} in {line.amount.currency}.",
            field=f"postings.{number}.account",
        )
    return account


_FOR_ALL = frozenset(
    {
        "assets:bank:arrived",
        "assets:bank:in_transit",
        "expenses:chargeback_fees",
        "expenses:chargebacks",
        "expenses:exchange",
        "expenses:gateway_fees",
        "expenses:goodwill",
        "income:fees:client",
        "income:fees:payout",
        "income:fees:worker",
        "liabilities:payouts:in_transit",
        "liabilities:refunds:in_transit",
        "liabilities:withholding:federal",
    }
)


def _held(session: Session, adjustment_id: str) -> Adjustment:
    row = locked(session, Adjustment, adjustment_id)
    if row is None:
        raise AdjustmentNotFound("There is no such adjustment.")
    return row


def _stored(line: Line) -> dict[str, object]:
    return {
        "account": line.account,
        "side": line.side.value,
        "amount_minor": line.amount.amount_minor,
        "currency": line.amount.currency,
    }


def _line(stored: dict[str, object]) -> Line:
    amount = Money(int(str(stored["amount_minor"])), str(stored["currency"]))
    return Line(str(stored["account"]), Side(stored["side"]), amount)


def _view(row: Adjustment) -> AdjustmentView:
    return AdjustmentView(
        id=row.id,
        state=row.state,
        lines=tuple(_line(stored) for stored in row.lines),
        reason=row.reason,
        value_date=row.value_date,
        carry_over=row.carry_over,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        decision=row.decision,
        entry_id=row.entry_id,
    )
