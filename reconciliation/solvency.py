"""Whether what is held for others is there: stated for every run and currency, signed, and chained.

Held is what the books say as of an instant up to which every gateway's lines were read: the run's beginning or, where
another gateway was read last before that, the beginning of that. There is what the gateways listed until then, and what
they have already given out that the books still hold, as withdrawals on their way to a bank.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import case, func, select
from sqlalchemy.exc import IntegrityError

from gateways.lines import LineKind
from kernel.money import EXPONENTS, Money
from kernel.refusals import Conflict
from kernel.time import rfc3339
from ledger import chart
from ledger.balances import balance
from ledger.breaches import Breach
from ledger.canonical import canonical
from ledger.coverage import coverage
from ledger.outside import RECEIVABLE, SUSPENSE, held_as_of
from persistence import clock, outbox
from persistence.unit_of_work import Retry
from reconciliation.items import ALLOWED
from reconciliation.reading import OURS
from reconciliation.sides import LINE, item_of
from reconciliation.tables import Line, Part, Run, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from ledger.seals import Signer, TrustedKeys
    from reconciliation.runs import RunView

KIND = "holdfast solvency"
NOTHING_BEFORE = "00" * 32
# Stated once a day; a day may be late.
LASTS = timedelta(hours=36)


class PlatformPayoutBlocked(Conflict):
    """Our own payout would touch, or may touch, what is held for others."""

    code = "platform_payout_blocked"


@dataclass(frozen=True, slots=True)
class StatementView:
    """What was stated, word for word, and the signature under it."""

    number: int
    run_id: str
    currency: str
    state: str
    stated: dict[str, str]
    key_id: str
    hash: bytes
    signature: bytes
    made_at: datetime

    @property
    def hash_hex(self) -> str:
        """What the next statement names it by."""
        return self.hash.hex()

    @property
    def signature_base64(self) -> str:
        """The signature as it is handed out."""
        return b64encode(self.signature).decode("ascii")

    @property
    def as_of(self) -> datetime:
        """The instant it is about."""
        return datetime.fromisoformat(self.stated["as_of"])

    @property
    def shortfall(self) -> Money:
        """What is missing."""
        return Money(int(self.stated["short_minor"]), self.currency)


def state(session: Session, *, run: RunView, currency: str, signer: Signer) -> StatementView:
    """Make the statement of a run in one currency; a second time it is the one that was made."""
    made = session.scalars(
        select(Statement).where(Statement.run_id == run.id, Statement.currency == currency)
    ).first()
    if made is not None:
        return _view(made)
    last, others = _newest(session), _last_read(session, run)
    # Until when the lines of all are known: what came to another gateway later is not listed here yet.
    at = min([run.listed_until, *(other.listed_until for other in others)])
    stated = {
        **_amounts(session, run, others, currency, at),
        "number": str(last.number + 1 if last else 1),
        "previous": last.hash.hex() if last else NOTHING_BEFORE,
        "run": run.id,
        "day": run.day.isoformat(),
        "as_of": rfc3339(at),
        "currency": currency,
        "key_id": signer.key_id,
    }
    message = canonical(KIND, stated)
    row = Statement(
        number=int(stated["number"]),
        run_id=run.id,
        currency=currency,
        state=_state_in(stated),
        stated=stated,
        key_id=signer.key_id,
        hash=sha256(message).digest(),
        signature=signer.sign(message),
        made_at=clock.now(session),
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        # Another one had the number; the next try goes on behind it.
        raise Retry from error
    if row.state == "short":
        amount = {"currency": currency, "short_minor": int(stated["short_minor"])}
        outbox.publish(session, name="solvency.fell_short", subject=run.id, payload=amount)
    return _view(row)


def statements(
    session: Session,
    *,
    after: int | None,
    limit: int,
    currency: str | None = None,
    state: str | None = None,
) -> list[StatementView]:
    """Statements, newest first."""
    query = select(Statement).order_by(Statement.number.desc()).limit(limit)
    if after is not None:
        query = query.where(Statement.number < after)
    if currency is not None:
        query = query.where(Statement.currency == currency)
    if state is not None:
        query = query.where(Statement.state == state)
    return [_view(row) for row in session.scalars(query)]


def statements_of(session: Session, *, run_id: str) -> list[StatementView]:
    """What a run stated, by currency."""
    rows = session.scalars(select(Statement).where(Statement.run_id == run_id).order_by(Statement.currency))
    return [_view(row) for row in rows]


def minimum_balance(session: Session, *, gateway: str, currency: str) -> Money:
    """What must stay on our balance at this gateway, by the books as they are now.

    It is what is held for others, or in suspense, and lies neither on workers' accounts nor at other gateways, with
    what was changed into this currency: the least that may be left by a payout of ours, and what the gateway is told to
    leave where it pays out by itself.
    """
    line = next((line for line in coverage(session) if line.held.currency == currency), None)
    if line is None:
        return Money.zero(currency)
    elsewhere = line.at_gateways - ours_at(session, gateway=gateway, currency=currency)
    zero = Money.zero(currency)
    # What nobody can explain is not ours to pay out, and what of it lies on workers' accounts meets nobody else's.
    unexplained = max(balance(session, chart.suspense(gateway, currency)).posted, zero)
    # What the gateway changed into this currency is held in another one, and bought back out of this.
    changed = max(-balance(session, chart.conversion(gateway, currency)).posted, zero)
    return max(line.held + unexplained + changed - elsewhere, zero)


def ours_at(session: Session, *, gateway: str, currency: str) -> Money:
    """What lies on our own balance at the gateway, by the books."""
    places = (chart.gateway_pending(gateway, currency), chart.gateway_available(gateway, currency))
    return Money(sum(balance(session, place).posted.amount_minor for place in places), currency)


def refuse_unless_ours(session: Session, *, gateway: str, amount: Money) -> None:
    """Ask before any payout of our own: refuses unless the last statement is good, recent, and enough stays.

    Ask in the transaction that reserves the amount, and again right before it is sent.
    """
    currency = amount.currency
    last = next(iter(statements(session, after=None, limit=1, currency=currency)), None)
    # A run that waited for the gateway states today what was so when it began.
    if last is None or last.as_of < clock.now(session) - LASTS:
        raise PlatformPayoutBlocked(
            f"Nothing recent is stated about {currency}. Run the reconciliation first.", reason="not_stated"
        )
    # By the words, which are signed.
    if last.shortfall > Money.zero(currency):
        raise PlatformPayoutBlocked(
            f"{last.shortfall} of what is held for others is missing.",
            reason="short",
            shortfall=last.shortfall,
        )
    least = minimum_balance(session, gateway=gateway, currency=currency)
    there = ours_at(session, gateway=gateway, currency=currency)
    if there - amount < least:
        raise PlatformPayoutBlocked(
            f"{least} has to stay at {gateway}, and {there} is there.",
            reason="minimum_balance",
            minimum_balance=least,
        )


def breaches(session: Session, *, trusted: TrustedKeys) -> Iterator[Breach]:
    """Whether every statement is signed by a key of ours and names the one before it."""
    previous, expected = NOTHING_BEFORE, 1
    for row in session.scalars(select(Statement).order_by(Statement.number).execution_options(yield_per=500)):
        message = canonical(KIND, row.stated)
        place = f"solvency statement {row.number}"
        if (row.number, row.stated.get("number")) != (expected, str(expected)):
            yield Breach("solvency_is_numbered", place, f"{expected} was expected")
        if row.stated.get("previous") != previous:
            yield Breach("solvency_is_chained", place, "it does not name the statement before it")
        known_by = (row.state, row.run_id, row.currency)
        said = (_state_in(row.stated), row.stated.get("run"), row.stated.get("currency"))
        signed = trusted.signed(row.key_id, message, row.signature)
        if sha256(message).digest() != row.hash or known_by != said or not signed:
            yield Breach("solvency_is_signed", place, "no key of ours signed these words")
        previous, expected = row.hash.hex(), row.number + 1


def _state_in(stated: dict[str, str]) -> str:
    return "covered" if stated.get("short_minor") == "0" else "short"


def _last_read(session: Session, run: RunView) -> list[Run]:
    """Of every other gateway the last run that has read its lines."""
    last = (
        select(func.max(Run.id))
        .where(Run.gateway != run.gateway, Run.state != "reading")
        .group_by(Run.gateway)
    )
    return list(session.scalars(select(Run).where(Run.id.in_(last))))


def _amounts(
    session: Session, run: RunView, others: Sequence[Run], currency: str, at: datetime
) -> dict[str, str]:
    held = {kind: minor for (kind, of), minor in held_as_of(session, at).items() if of == currency}
    receivable = sum(minor for kind, minor in held.items() if kind.startswith(RECEIVABLE))
    # What is in suspense is nobody's until it is explained; less than nothing in it is no reason to hold less.
    owed = {kind: minor for kind, minor in held.items() if not kind.startswith((RECEIVABLE, SUSPENSE))}
    ours, workers = _ours_listed(session, currency, at), _workers_listed(session, currency, at)
    said, less = _gateway_says(session, run, currency)
    # What is missing at one gateway is missing, whichever of them this run is of.
    less += sum(_gateway_says(session, other, currency)[1] for other in others)
    refunds = min(
        _under_way(session, currency, at, Part.kind == LineKind.REFUND),
        owed.get(chart.refunds_in_transit(currency).code, 0),
    )
    # Of workers alone: of our own balance no books say that it is paid out.
    way = refunds + _under_way(session, currency, at, (Part.kind == LineKind.PAYOUT) & (Part.worker != OURS))
    there = ours - less + workers + way
    return {
        **{f"{kind.replace(':', '_')}_minor": str(minor) for kind, minor in sorted(owed.items())},
        "held_minor": str(sum(owed.values())),
        "receivable_minor": str(receivable),
        "ours_minor": str(ours),
        "workers_minor": str(workers),
        "under_way_minor": str(way),
        "gateway_says": said,
        "there_minor": str(there),
        "short_minor": str(max(sum(owed.values()) - there, 0)),
    }


def _ours_listed(session: Session, currency: str, at: datetime) -> int:
    listed = select(func.sum(Line.net_minor)).where(
        Line.currency == currency, Line.created_at <= at, Line.worker == OURS
    )
    return int(session.scalar(listed) or 0)


def _workers_listed(session: Session, currency: str, at: datetime) -> int:
    """What we have sent to workers' accounts and is still there: what else came there meets nobody's but theirs."""
    of_kind = (
        select(Line.kind, func.sum(Line.net_minor).label("minor"))
        .where(Line.currency == currency, Line.created_at <= at, Line.worker != OURS)
        .group_by(Line.gateway, Line.account, Line.kind)
        .subquery()
    )
    theirs = (of_kind.c.kind != LineKind.ARRIVAL) & (of_kind.c.minor > 0)
    return int(session.scalar(select(func.sum(case((theirs, 0), else_=of_kind.c.minor)))) or 0)


def _gateway_says(session: Session, run: RunView | Run, currency: str) -> tuple[str, int]:
    """Whether the gateway's own balance is what its lines add up to, and how much less it is."""
    before, after = (balances or {} for balances in (run.balances_before, run.balances_after))
    # What settles meanwhile is there before and after.
    if currency not in before or currency not in after or sum(before[currency]) != sum(after[currency]):
        # Something moved while the lines were read, so the two are of different instants.
        return "moved", 0
    lines = session.scalar(
        select(func.sum(Line.net_minor)).where(
            Line.gateway == run.gateway, Line.currency == currency, Line.worker == OURS
        )
    )
    difference = int(lines or 0) - sum(after[currency])
    return ("agrees", 0) if difference == 0 else (f"differs by {-difference}", max(difference, 0))


def _under_way(session: Session, currency: str, at: datetime, these: ColumnElement[bool]) -> int:
    """What gateways have given out already and the books still hold, as long as that is only a matter of time."""
    latest = ALLOWED[LineKind.PAYOUT]
    # What nobody ordered is an item of its own: it is gone, and not under way.
    unordered = item_of(Part.ref, Part.worker)
    out = (
        select(Part.gateway, Part.item)
        .where(
            Part.side == LINE,
            Part.currency == currency,
            these,
            Part.item != unordered,
            Part.at <= at,
            Part.at > at - latest,
        )
        .distinct()
        .subquery()
    )
    signed = case((Part.side == LINE, Part.minor), else_=-Part.minor)
    ahead = (
        select(func.sum(signed).label("minor"))
        .join(out, (out.c.gateway == Part.gateway) & (out.c.item == Part.item))
        .where(Part.currency == currency, Part.at <= at)
        .group_by(Part.gateway, Part.item)
        .having(func.sum(signed) < 0)
        .subquery()
    )
    return -int(session.scalar(select(func.sum(ahead.c.minor))) or 0)


def _newest(session: Session) -> Statement | None:
    return session.scalars(select(Statement).order_by(Statement.number.desc()).limit(1)).first()


def _view(row: Statement) -> StatementView:
    return StatementView(
        number=row.number,
        run_id=row.run_id,
        currency=row.currency,
        state=row.state,
        stated=row.stated,
        key_id=row.key_id,
        hash=row.hash,
        signature=row.signature,
        made_at=row.made_at,
    )


def stated_currencies(session: Session, *, gateway: str) -> list[str]:
    """The currencies of ours in which anything is held or lies at the gateway."""
    listed = session.scalars(select(Line.currency).where(Line.gateway == gateway).distinct())
    held = (line.held.currency for line in coverage(session))
    return sorted({*listed, *held} & EXPONENTS.keys())
