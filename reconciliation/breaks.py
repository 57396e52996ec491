"""Breaks: what is open and since when, whose it is, and how it was resolved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError

from identity.accounts import account_with_role
from identity.permissions import Role
from kernel.money import EXPONENTS, Money
from kernel.refusals import Conflict, Invalid, NotFound
from kernel.time import rfc3339
from ledger import movements
from ledger.adjustments import held_adjustment
from ledger.chart import Side, suspense
from ledger.posting import post
from persistence import clock
from persistence.locks import locked
from persistence.unit_of_work import Retry
from reconciliation.tables import Break, BreakAct

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from sqlalchemy.orm import Session

    from ledger.adjustments import AdjustmentView

# Kinds as they are told; `timing` is one that has not yet come to its age.
KINDS = ("timing", "amount_differs", "missing_here", "missing_there", "unknown_type")
STATES = ("open", "closed", "resolved")
# What one person may say that it was; by anything else two have put the books right before.
ADJUSTED = "adjustment"
EXPLANATIONS = (*movements.COSTS, ADJUSTED)
# What a list is narrowed down to that shows what is nobody's yet.
NOBODY = "nobody"


class BreakNotFound(NotFound):
    """There is no such break."""

    code = "break_not_found"


class BreakClosed(Conflict):
    """The break came out even by itself, or somebody has resolved it before."""

    code = "break_closed"


class BreakMayComeOut(Conflict):
    """The break is younger than such things may be: it may come out even by itself, and would then be booked twice."""

    code = "break_may_come_out"


class BreakNotBookable(Conflict):
    """The line is in a currency that the books do not hold; the gateway has to be asked about it."""

    code = "break_not_bookable"


class OwnerNotStaff(Invalid):
    """Only who works in finance, or runs the service, looks into breaks."""

    code = "owner_not_staff"


class AdjustmentDoesNotExplain(Invalid):
    """The adjustment is not posted, explains another break, or moves something else out of suspense."""

    code = "adjustment_does_not_explain"


@dataclass(frozen=True, slots=True)
class BreakView:
    """A break, as it was known at an instant."""

    id: str
    gateway: str
    item: str
    worker: str | None
    currency: str
    kind: str
    line_kind: str | None
    gateway_minor: int
    books_minor: int
    since: datetime
    allowed_until: datetime
    age: timedelta
    state: str
    owner: str | None
    opened_at: datetime
    closed_at: datetime | None
    reason: str | None

    @property
    def difference_minor(self) -> int:
        """What the gateway has more than the books."""
        return self.gateway_minor - self.books_minor

    @property
    def at_gateway(self) -> Money | None:
        """What the gateway says; nothing where the books hold no such money."""
        return money_or_none(self.gateway_minor, self.currency)

    @property
    def books(self) -> Money | None:
        """What the books say."""
        return money_or_none(self.books_minor, self.currency)

    @property
    def difference(self) -> Money | None:
        """What the gateway has more than the books."""
        return money_or_none(self.difference_minor, self.currency)

    @property
    def age_hours(self) -> int:
        """How old it is, in whole hours."""
        return int(self.age.total_seconds() // 3600)


def money_or_none(minor: int, currency: str) -> Money | None:
    """An amount of the gateway's, where it is in a currency that the books hold."""
    return Money(minor, currency) if currency in EXPONENTS else None


def open_break(session: Session, described: dict[str, Any], *, break_id: str) -> None:
    """Open a break over an item that has none."""
    live_for = f"{described['item']} {described['currency']}"
    session.add(Break(id=break_id, live_for=live_for, state="open", **described))
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    if described.get("owner") is not None:
        # Whoever looked into the one before it looks into this one.
        session.add(_first_act(break_id, described))
        session.flush()


def _first_act(break_id: str, described: dict[str, Any]) -> BreakAct:
    return BreakAct(
        break_id=break_id,
        number=1,
        act="assign",
        actor="system",
        owner=described["owner"],
        reason=None,
        entry_id=None,
        acted_at=described["opened_at"],
    )


def close_break(session: Session, row: Break, *, at: datetime, state: str) -> None:
    """It is none any more."""
    row.live_for, row.closed_at, row.state = None, at, state
    session.flush()


def break_of(session: Session, *, break_id: str) -> BreakView:
    """The break with this id, as it is now."""
    row = session.get(Break, break_id)
    if row is None:
        raise BreakNotFound("There is no break with this id.")
    return _view(row, clock.now(session), _reason(session, row))


def breaks(
    session: Session,
    *,
    after: str | None,
    limit: int,
    gateway: str | None = None,
    currency: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    owner: str | None = None,
) -> list[BreakView]:
    """Breaks, newest first: all, or those that fit."""
    now = clock.now(session)
    query = select(Break).order_by(Break.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Break.id < after)
    for column, wanted in ((Break.gateway, gateway), (Break.currency, currency), (Break.state, state)):
        if wanted is not None:
            query = query.where(column == wanted)
    if owner is not None:
        query = query.where(Break.owner.is_(None) if owner == NOBODY else Break.owner == owner)
    if kind is not None:
        query = query.where(Break.allowed_until > now if kind == "timing" else Break.kind == kind)
        if kind != "timing":
            query = query.where(Break.allowed_until <= now)
    return [_view(row, now, None) for row in session.scalars(query)]


def open_at(
    session: Session, *, gateway: str, currency: str, at: datetime, after: str | None, limit: int
) -> list[BreakView]:
    """What was open at an instant, whose it was then, and how old; in the order of its opening."""
    owner = (
        select(BreakAct.owner)
        .where(BreakAct.break_id == Break.id, BreakAct.act == "assign", BreakAct.acted_at <= at)
        .order_by(BreakAct.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(Break, owner)
        .where(
            Break.gateway == gateway,
            Break.currency == currency,
            Break.opened_at <= at,
            or_(Break.closed_at.is_(None), Break.closed_at > at),
        )
        .order_by(Break.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(Break.id > after)
    return [replace(_view(row, at, None), owner=owner_then) for row, owner_then in session.execute(query)]


def assign(session: Session, *, break_id: str, owner: str | None, by: str) -> BreakView:
    """Make somebody of staff (or nobody) the one who looks into it."""
    row = _open(session, break_id)
    if owner is not None and not any(
        account_with_role(session, owner, role) for role in (Role.FINANCE, Role.ADMIN)
    ):
        raise OwnerNotStaff("Nobody of this id works in finance or runs the service.", field="owner")
    row.owner = owner
    _act(session, row, act="assign", by=by, owner=owner)
    return break_of(session, break_id=break_id)


def resolve(
    session: Session,
    *,
    break_id: str,
    explanation: str,
    reason: str,
    by: str,
    adjustment_id: str | None = None,
) -> BreakView:
    """Say what it was: the difference goes into suspense and, explained, out of it.

    A cost is one person's word. Anything else is an adjustment out of suspense, which two have made before.
    """
    row = held_to_explain(session, break_id)
    difference = difference_of(row)
    if explanation == ADJUSTED:
        entry_id = _adjusted(session, row, difference, adjustment_id)
        into_suspense(session, row, by=by, reason=reason)
    else:
        into_suspense(session, row, by=by, reason=reason)
        entry_id = post(
            session,
            movements.suspense_explained(row.gateway, amount=difference, cost=explanation),
            key=f"{row.id}:explained",
            reference=row.id,
            actor=by,
            reason=reason,
        ).id
    close_explained(session, row, by=by, reason=reason, entry_id=entry_id)
    return break_of(session, break_id=break_id)


def held_to_explain(session: Session, break_id: str) -> Break:
    """The break, locked, to be explained now; refuses one that is closed, not ours to book, or a matter of time."""
    row = _open(session, break_id)
    if row.currency not in EXPONENTS:
        raise BreakNotBookable(f"The books hold no {row.currency}. Settle it with the gateway.")
    if _is_timing(row, clock.now(session)):
        raise BreakMayComeOut(
            "It may come out even by itself. Wait for the run after its time is over.",
            allowed_until=rfc3339(row.allowed_until),
        )
    return row


def difference_of(row: Break) -> Money:
    """What the gateway has more than the books."""
    return Money(row.gateway_minor - row.books_minor, row.currency)


def close_explained(session: Session, row: Break, *, by: str, reason: str, entry_id: str) -> None:
    """Somebody has said what it was, and this entry says so in the books."""
    _act(session, row, act="resolve", by=by, reason=reason, entry_id=entry_id)
    close_break(session, row, at=clock.now(session), state="resolved")


def into_suspense(session: Session, row: Break, *, by: str, reason: str) -> None:
    """Have the books say what the gateway says, and the difference in suspense, unless it is there already."""
    if row.kind == "unknown_type":
        # It has been there since the line came.
        return
    post(
        session,
        movements.unexplained_line(row.gateway, amount=difference_of(row), user_id=row.worker or None),
        key=f"{row.id}:unexplained",
        reference=row.item.partition("@")[0],
        actor=by,
        reason=reason,
    )


def _adjusted(session: Session, row: Break, difference: Money, adjustment_id: str | None) -> str:
    if adjustment_id is None:
        raise AdjustmentDoesNotExplain("Name the adjustment.", field="adjustment_id")
    # Held, so that of two who explain by it at once the second finds the first.
    found = held_adjustment(session, adjustment_id=adjustment_id)
    if found.entry_id is None:
        raise AdjustmentDoesNotExplain("The adjustment is not posted yet.", field="adjustment_id")
    spent = select(BreakAct.break_id).where(BreakAct.entry_id == found.entry_id).limit(1)
    if session.scalar(spent) is not None:
        raise AdjustmentDoesNotExplain("The adjustment explains another break.", field="adjustment_id")
    if _out_of_suspense(found, row) != difference.amount_minor:
        raise AdjustmentDoesNotExplain(
            f"The adjustment has to take {difference} out of {suspense(row.gateway, row.currency).code}.",
            field="adjustment_id",
        )
    return found.entry_id


def _out_of_suspense(found: AdjustmentView, row: Break) -> int:
    code = suspense(row.gateway, row.currency).code
    return sum(
        line.amount.amount_minor if line.side is Side.DEBIT else -line.amount.amount_minor
        for line in found.lines
        if line.account == code and line.amount.currency == row.currency
    )


def _open(session: Session, break_id: str) -> Break:
    row = locked(session, Break, break_id)
    if row is None:
        raise BreakNotFound("There is no break with this id.")
    if row.live_for is None:
        raise BreakClosed(f"This break is {row.state}.", state=row.state)
    return row


def _act(session: Session, row: Break, **said: Any) -> None:  # noqa: ANN401 - columns of the act
    number = session.scalar(select(func.max(BreakAct.number)).where(BreakAct.break_id == row.id)) or 0
    session.add(
        BreakAct(
            break_id=row.id,
            number=number + 1,
            acted_at=clock.now(session),
            actor=said.pop("by"),
            **({"owner": None, "reason": None, "entry_id": None} | said),
        )
    )
    session.flush()


def _reason(session: Session, row: Break) -> str | None:
    return session.scalar(
        select(BreakAct.reason).where(BreakAct.break_id == row.id, BreakAct.act == "resolve").limit(1)
    )


def _is_timing(row: Break, at: datetime) -> bool:
    # Nobody waits for an explanation of what is in suspense.
    return row.kind != "unknown_type" and at < row.allowed_until


def _view(row: Break, at: datetime, reason: str | None) -> BreakView:
    then = row.closed_at is None or row.closed_at > at
    timing = _is_timing(row, at)
    return BreakView(
        id=row.id,
        gateway=row.gateway,
        item=row.item,
        worker=row.worker or None,
        currency=row.currency,
        kind="timing" if timing and then else row.kind,
        line_kind=row.line_kind,
        gateway_minor=row.gateway_minor,
        books_minor=row.books_minor,
        since=row.since,
        allowed_until=row.allowed_until,
        age=at - row.since,
        state=row.state,
        owner=row.owner,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        reason=reason,
    )
