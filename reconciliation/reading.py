"""Taking in what a gateway lists: page by page, newest first, and again from a while before where it was read to.

Each page is one intent, one call and one outcome. What dies in between is read again from the page it had come to,
and a line that is there stays as it was first seen. What comes while the pages are turned is at the front of the list,
where nobody looks any more; the next reading begins before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import false, insert, select
from sqlalchemy.exc import IntegrityError

from gateways.lines import LineKind
from persistence import clock
from persistence.locks import locked
from persistence.unit_of_work import Retry
from reconciliation.items import about_of
from reconciliation.tables import Line, Read, Run

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.lines import BalanceLine, LinesPage

# A gateway may list a line later than the instant it gives it.
OVERLAP = timedelta(days=3)
# A line that the account itself did not list: our own one, seen from there.
_OTHER_END = "other_end"
# Our own account at the gateway.
OURS = ""


@dataclass(frozen=True, slots=True)
class Source:
    """An account at a gateway: ours, or that of a worker."""

    gateway: str
    account: str = OURS
    worker: str = OURS


@dataclass(frozen=True, slots=True)
class PageWanted:
    """The page to ask for."""

    run_id: str
    source: Source
    since: datetime | None
    after: str | None


def page_wanted(session: Session, *, run_id: str, source: Source) -> PageWanted | None:
    """The next page of this account for this run; None when it has been read to its end."""
    if not _is_reading(session, run_id):
        return None
    row = row_of(session, source)
    if row.run_id == run_id:
        return None
    if row.after is None and row.newest is None:
        row.since = row.read_to - OVERLAP if row.read_to else None
    return PageWanted(run_id, source, row.since, row.after)


def keep_page(session: Session, *, intent: PageWanted, outcome: LinesPage) -> None:
    """Keep the lines that are new, and go on behind them."""
    run = locked(session, Run, intent.run_id)
    if run is None or run.state != "reading":
        # Others have read all of it meanwhile; what this run knows must not grow any more.
        return
    row = row_of(session, intent.source)
    run.lines += _keep(session, intent.source, outcome.lines)
    if outcome.written_until is not None and intent.source.account == OURS:
        run.listed_until = min(run.listed_until, outcome.written_until)
    if row.run_id == intent.run_id or row.after != intent.after:
        # Another one has read on meanwhile.
        return
    if row.newest is None and outcome.lines:
        row.newest = max(line.created_at for line in outcome.lines)
    row.after = outcome.after
    if outcome.after is None:
        row.read_to = max(filter(None, (row.read_to, row.newest)), default=None)
        row.since, row.newest, row.run_id = None, None, intent.run_id


def pass_over(session: Session, *, intent: PageWanted) -> None:
    """This account cannot be read; the next run begins where this one began, whatever pages it had come to."""
    run = locked(session, Run, intent.run_id)
    row = row_of(session, intent.source)
    if run is not None and run.state == "reading" and row.run_id != intent.run_id:
        row.since, row.after, row.newest, row.run_id = None, None, None, intent.run_id


def keep_other_ends(session: Session, *, intent: PageWanted, moved: Collection[str]) -> None:
    """Of an account that cannot be read our own lines still say what went there and came back: `moved` names those.

    They are named by what the gateway calls what they came of. What the account had listed itself stays as it is.
    """
    source = intent.source
    run = locked(session, Run, intent.run_id)
    if run is None or run.state != "reading":
        return
    ours = session.scalars(
        select(Line).where(
            Line.gateway == source.gateway,
            Line.account == OURS,
            Line.kind == LineKind.TRANSFER,
            Line.source.in_(moved),
            Line.our_id.is_not(None),
        )
    ).all()
    known = _arrived(session, source, [line.about for line in ours])
    seen_at = clock.now(session)
    new = [_other_end(source, line, seen_at) for line in ours if line.about not in known]
    if new:
        session.execute(insert(Line), new)
        run.lines += len(new)


def read_by(session: Session, *, run_id: str, gateway: str) -> set[str]:
    """The accounts that this run has read to their end."""
    return set(session.scalars(select(Read.source).where(Read.gateway == gateway, Read.run_id == run_id)))


def relate(session: Session, *, gateway: str) -> None:
    """Find what the lines came of whose transfer had not been listed when they were; there are few."""
    # Twice: what was taken back from a worker leads to what we took back, and only that to the transfer.
    for _ in range(2):
        rows = session.scalars(
            select(Line).where(
                Line.gateway == gateway,
                Line.spread == false(),
                Line.transfer.is_not(None),
                Line.our_id.is_(None),
            )
        ).all()
        known = _ordered_as(session, gateway, {row.transfer for row in rows if row.transfer})
        for row in rows:
            if row.transfer in known:
                row.our_id = row.about = known[row.transfer]
        session.flush()


def _is_reading(session: Session, run_id: str) -> bool:
    return session.scalar(select(Run.state).where(Run.id == run_id)) == "reading"


def row_of(session: Session, source: Source) -> Read:
    """How far this source was read."""
    row = session.get(Read, (source.gateway, source.account), populate_existing=True)
    if row is None:
        row = Read(gateway=source.gateway, source=source.account, worker=source.worker)
        session.add(row)
        try:
            session.flush()
        except IntegrityError as error:
            raise Retry from error
    return row


def _keep(session: Session, source: Source, lines: Sequence[BalanceLine]) -> int:
    of_account = (Line.gateway == source.gateway) & (Line.account == source.account)
    there = set(
        session.scalars(
            select(Line.line_id).where(of_account, Line.line_id.in_([line.line_id for line in lines]))
        )
    )
    new = [line for line in lines if line.line_id not in there]
    if not new:
        return 0
    came_of = _ordered_as(session, source.gateway, {line.transfer for line in new if line.transfer})
    seen_at = clock.now(session)
    values = [_values(source, line, came_of, seen_at) for line in new]
    if source.account != OURS:
        # It could not be read for a while: what was known of it by our own lines comes now in its own.
        known = _arrived(session, source, [str(each["about"]) for each in values], type_=_OTHER_END)
        values = [each for each in values if each["kind"] != LineKind.ARRIVAL or each["about"] not in known]
    if not values:
        return 0
    try:
        session.execute(insert(Line), values)
    except IntegrityError as error:
        raise Retry from error
    return len(values)


def _arrived(
    session: Session, source: Source, about: Collection[str], *, type_: str | None = None
) -> set[str]:
    query = select(Line.about).where(
        Line.gateway == source.gateway,
        Line.account == source.account,
        Line.kind == LineKind.ARRIVAL,
        Line.about.in_(about),
    )
    if type_ is not None:
        query = query.where(Line.type == type_)
    return set(session.scalars(query))


def _other_end(source: Source, line: Line, seen_at: datetime) -> dict[str, object]:
    return {
        "gateway": source.gateway,
        "account": source.account,
        "line_id": line.line_id,
        "worker": source.worker,
        "kind": LineKind.ARRIVAL.value,
        "type": _OTHER_END,
        "gross_minor": -line.net_minor,
        "fee_minor": 0,
        "net_minor": -line.net_minor,
        "currency": line.currency,
        "created_at": line.created_at,
        "available_on": line.available_on,
        "source": line.source,
        "our_id": line.our_id,
        "transfer": None,
        "about": line.about,
        "seen_at": seen_at,
        "spread": False,
    }


def _ordered_as(session: Session, gateway: str, transfers: set[str]) -> dict[str, str]:
    """What of ours these objects of the gateway are, by our own lines about them."""
    rows = session.execute(
        select(Line.source, Line.our_id).where(
            Line.gateway == gateway,
            Line.account == OURS,
            Line.source.in_(transfers),
            Line.our_id.is_not(None),
        )
    )
    return {source: our_id for source, our_id in rows if source is not None and our_id is not None}


def _about(source: Source, line: BalanceLine) -> str:
    if line.kind is LineKind.PAYOUT and source.account == OURS and line.our_id is None and line.source:
        # Nobody here ordered it; it was booked under the gateway's own name for it when the gateway told.
        return line.source
    return about_of(line)


def _values(
    source: Source, line: BalanceLine, came_of: dict[str, str], seen_at: datetime
) -> dict[str, object]:
    our_id = line.our_id or (came_of.get(line.transfer) if line.transfer else None)
    return {
        "gateway": source.gateway,
        "account": source.account,
        "line_id": line.line_id,
        "worker": source.worker,
        "kind": line.kind.value,
        "type": line.type,
        "gross_minor": line.gross_minor,
        "fee_minor": line.fee_minor,
        "net_minor": line.net_minor,
        "currency": line.currency,
        "created_at": line.created_at,
        "available_on": line.available_on,
        "source": line.source,
        "our_id": our_id,
        "transfer": line.transfer,
        "about": our_id if line.transfer and our_id else _about(source, line),
        "seen_at": seen_at,
        "spread": False,
    }
