"""Both sides of every item, as rows: what lines say on the one, what entries say on the other.

Lines that only the gateway can make are booked here: its own fees as what they are, what nobody knows into suspense.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, false, func, insert, literal, or_, select, update

from gateways.lines import LineKind
from kernel.ids import new_id
from kernel.money import EXPONENTS, Money
from kernel.refusals import Refusal
from ledger import movements
from ledger.outside import Place, moved_outside, place_after
from ledger.posting import draft, post_many
from persistence import clock
from reconciliation.breaks import open_break
from reconciliation.items import FEE, item
from reconciliation.reading import OURS, Source, row_of
from reconciliation.tables import Line, Part

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Row, Select
    from sqlalchemy.orm import Session

    from ledger.posting import Draft

BATCH = 1_000
LINE, ENTRY = "line", "entry"
_BOOKS = "books"
_BY_SPREAD = "FORCE INDEX (ix_reconciliation_lines_gateway_spread_account_line_id)"
# So long a line waits for the transfer that it came of to be listed; then it is an item of its own.
_PATIENCE = timedelta(days=1)
_COLUMNS = (
    "gateway",
    "item",
    "currency",
    "side",
    "ref",
    "worker",
    "kind",
    "amount_minor",
    "at",
    "seen_at",
    "open",
)


def spread_lines(session: Session, *, gateway: str, batch: int = BATCH) -> bool:
    """Put the next lines among the sides of items, and book those that only the gateway makes; false at the end."""
    instant = clock.now(session)
    keys = session.execute(
        select(Line.account, Line.line_id)
        .where(*_unspread(gateway, instant))
        .order_by(Line.account, Line.line_id)
        .limit(batch)
        # What is not spread is a few at one end of it, however many lines there are.
        .with_hint(Line, _BY_SPREAD, "mysql")
        .with_hint(Line, _BY_SPREAD, "mariadb")
    ).all()
    if not keys:
        return False
    these = [Line.gateway == gateway, _among(keys)]
    for side in (_whole(these, instant), _fees(these, instant)):
        session.execute(insert(Part).from_select(_COLUMNS, side))
    _book(session, gateway, these, instant)
    session.execute(
        update(Line).where(*these).values(spread=True).execution_options(synchronize_session=False)
    )
    return True


def collect_entries(session: Session, *, gateway: str, until: datetime, batch: int = BATCH) -> bool:
    """Put the next entries that moved money at the gateway beside the lines; false when all until then are there."""
    mark = row_of(session, Source(gateway, _BOOKS))
    after = Place(mark.read_to, mark.after) if mark.read_to and mark.after else None
    upto = place_after(session, after, until=until, count=batch)
    if upto is None:
        return False
    moved = moved_outside(gateway, after=after, upto=upto).subquery()
    session.execute(
        insert(Part).from_select(
            _COLUMNS,
            select(
                literal(gateway),
                item_of(moved.c.about, moved.c.worker),
                moved.c.currency,
                literal(ENTRY),
                # The bytes of the id as text: both engines can say them so.
                func.hex(moved.c.entry_id),
                moved.c.worker,
                moved.c.moved_as,
                moved.c.minor,
                moved.c.recorded_at,
                moved.c.recorded_at,
                literal(True),  # noqa: FBT003 - a value of a row
            ),
        )
    )
    mark.read_to, mark.after = upto
    return True


def _unspread(gateway: str, instant: datetime) -> list[ColumnElement[bool]]:
    known = or_(Line.transfer.is_(None), Line.our_id.is_not(None), Line.created_at <= instant - _PATIENCE)
    return [Line.gateway == gateway, Line.spread == false(), known]


def _among(keys: Sequence[Row[str, str]]) -> ColumnElement[bool]:
    # By their keys, account by account: every engine finds them so, whatever it believes of the table.
    by_account: defaultdict[str, list[str]] = defaultdict(list)
    for account, line_id in keys:
        by_account[account].append(line_id)
    return or_(
        *((Line.account == account) & Line.line_id.in_(line_ids) for account, line_ids in by_account.items())
    )


def _whole(these: Sequence[ColumnElement[bool]], instant: datetime) -> Select[Any]:
    minor = case((_is_charge(), Line.gross_minor), else_=Line.net_minor)
    return _side(item_of(Line.about, Line.worker), Line.line_id, minor, instant).where(*these, minor != 0)


def _fees(these: Sequence[ColumnElement[bool]], instant: datetime) -> Select[Any]:
    side = _side(item_of(Line.about + FEE, Line.worker), Line.line_id + FEE, -Line.fee_minor, instant)
    return side.where(*these, _is_charge(), Line.fee_minor != 0)


def _side(of: Any, ref: Any, minor: Any, instant: datetime) -> Select[Any]:  # noqa: ANN401 - columns
    return select(
        Line.gateway,
        of,
        Line.currency,
        literal(LINE),
        ref,
        Line.worker,
        Line.kind,
        minor,
        Line.created_at,
        literal(instant, Line.seen_at.type),
        literal(True),  # noqa: FBT003 - a value of a row
    )


def _is_charge() -> ColumnElement[bool]:
    return (Line.kind == LineKind.CHARGE) & Line.our_id.is_not(None)


def item_of(about: Any, worker: Any) -> Any:  # noqa: ANN401 - columns
    """`items.item` of columns."""
    return case((worker == OURS, about), else_=about + "@" + worker)


def _book(session: Session, gateway: str, these: Sequence[ColumnElement[bool]], instant: datetime) -> None:
    rows = session.scalars(
        select(Line).where(*these, Line.kind.in_((LineKind.FEE, LineKind.UNKNOWN)), Line.net_minor != 0)
    ).all()
    answers = post_many(
        session,
        [_draft(gateway, row) for row in rows if row.currency in EXPONENTS],
        leave_out_refused=True,
    )
    assert not any(isinstance(answer, Refusal) for answer in answers), "nothing refuses what has happened"
    for row in rows:
        if not _is_bill(row):
            open_break(session, _in_suspense(gateway, row, instant), break_id=new_id("bk"))


def _draft(gateway: str, row: Line) -> Draft:
    amount = Money(row.net_minor, row.currency)
    entry = (
        movements.gateway_billed(gateway, fee=-amount)
        if _is_bill(row)
        else movements.unexplained_line(gateway, amount=amount, user_id=row.worker or None)
    )
    key = f"line:{gateway}:{row.account}:{row.line_id}"
    return draft(entry, reference=row.about, key=key, actor=gateway, reason=f"{row.type} {row.line_id}")


def _is_bill(row: Line) -> bool:
    # What is taken from a worker's account is not ours to pay without a word.
    return row.kind == LineKind.FEE and row.worker == OURS and row.currency in EXPONENTS


def _in_suspense(gateway: str, row: Line, instant: datetime) -> dict[str, Any]:
    return {
        "gateway": gateway,
        "item": item(row.about, row.worker),
        "worker": row.worker,
        "currency": row.currency,
        "kind": "unknown_type",
        "line_kind": row.kind,
        "gateway_minor": row.net_minor,
        "books_minor": 0,
        "since": row.created_at,
        "allowed_until": row.created_at,
        "opened_at": instant,
    }
