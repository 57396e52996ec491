"""What clients' banks take back: kept as the gateway tells it, and booked line by line, each once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways.contract import ChargebackLine as Line
from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import NotFound
from ledger import movements
from ledger.posting import post
from payments.bearing import Shares
from payments.collecting import GatewayDisagrees
from payments.conversions import convert
from payments.states import CHARGEBACK, chargeback_step
from payments.tables import Chargeback, ChargebackLine, Payment
from payments.views import ChargebackView, chargeback_view
from persistence import clock, due, outbox
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.orm import Session

    from gateways.contract import ChargebackFound
    from ledger.entries import Entry
    from payments.views import PaymentView

_LONGEST_WORD = 64
# Before a bank's time to be answered is over.
_REMINDERS = (timedelta(days=3), timedelta(days=1))


class ChargebackNotFound(NotFound):
    """There is no such chargeback, or it is not yours to see."""

    code = "chargeback_not_found"


def keep(
    session: Session, *, chargeback_id: str, payment: PaymentView, worker_id: str, found: ChargebackFound
) -> Chargeback:
    """The row of a chargeback that the gateway has, locked; made now if this is the first that we hear of it."""
    known = session.scalar(
        select(Chargeback.id).where(
            Chargeback.gateway == payment.gateway, Chargeback.gateway_id == found.gateway_id
        )
    )
    if known is None:
        return _new(session, chargeback_id, payment, worker_id, found)
    row = locked(session, Chargeback, known)
    assert row is not None, "a chargeback is never deleted"
    if (row.payment_id, row.currency) != (payment.id, found.amount.currency):
        raise GatewayDisagrees(f"The gateway's {found.gateway_id} is about another payment than {row.id}.")
    return row


def not_booked(session: Session, row: Chargeback, found: ChargebackFound) -> Iterator[Line]:
    """What has moved at the gateway and is not in the books yet, oldest first."""
    booked = set(
        session.scalars(select(ChargebackLine.line_id).where(ChargebackLine.chargeback_id == row.id))
    )
    for line in found.lines:
        settled = row.currency if line.converted is None else line.converted.amount.currency
        if (line.amount.currency, line.fee.currency) != (row.currency, settled):
            raise GatewayDisagrees(
                f"The gateway settles {found.gateway_id} in {line.amount.currency}, and it was paid in {row.currency}."
            )
        if line.line_id not in booked and (line.amount or line.fee):
            yield line


def book(session: Session, row: Chargeback, line: Line, shares: Shares) -> None:
    """Write one line down with its entry; what the worker no longer has to give back is taken off the debt."""
    assert shares.total == line.amount, "what was taken is borne by somebody"
    # The fee goes with it only where it is in the same currency.
    fee = line.fee if line.converted is None else Money.zero(row.currency)
    if line.amount.amount_minor < 0:
        entry, repaid = _given_back(session, row, shares, fee)
        line_id = _write(session, row, line, shares, entry)
        if repaid:
            _have_it_moved_again(session, row, line_id, repaid)
    elif line.amount or fee:
        _write(session, row, line, shares, _taken(row, shares, fee))
    else:
        _write(session, row, line, shares, movements.chargeback_withdrawn(row.gateway, fee=line.fee))
        return
    if line.converted is not None:
        _convert(session, row, line, line.converted.amount)


def _convert(session: Session, row: Chargeback, line: Line, moved: Money) -> None:
    payment, key = locked(session, Payment, row.payment_id), f"{row.gateway_id}:{line.line_id}"
    assert payment is not None, "what is taken back was paid"
    taken = line.amount.amount_minor >= 0
    given, received = (moved, line.amount) if taken else (-line.amount, moved)
    convert(session, payment, given=given, received=received, settled=True, key=f"{key}:converted")
    if line.fee:
        post(
            session,
            movements.chargeback_withdrawn(row.gateway, fee=line.fee),
            key=f"{key}:fee",
            reference=row.milestone_id,
            actor=row.gateway,
            reason=row.reason,
        )


def _cover(session: Session, chargeback_id: str, part: Money, refund_id: str) -> None:
    row = locked_row(session, chargeback_id)
    none = Shares.none(row.currency)
    line = Line(line_id=f"{refund_id}:{row.id}", amount=none.lost, fee=none.lost)
    entry = movements.chargeback_covered(row.milestone_id, amount=part)
    _write(session, row, line, replace(none, owed=part, lost=-part), entry)


def _have_it_moved_again(session: Session, row: Chargeback, line_id: str, amount: Money) -> None:
    outbox.publish(
        session,
        name="chargeback.repaid",
        subject=row.id,
        payload={
            "line_id": line_id,
            "milestone_id": row.milestone_id,
            "worker_id": row.worker_id,
            "payment_id": row.payment_id,
            "gateway": row.gateway,
            "amount_minor": amount.amount_minor,
            "currency": amount.currency,
        },
    )


def _write(session: Session, row: Chargeback, line: Line, shares: Shares, entry: Entry) -> str:
    posted = post(
        session,
        entry,
        # By the gateway's own id, under which reconciliation finds its lines.
        key=f"{row.gateway_id}:{line.line_id}",
        reference=row.milestone_id,
        actor=row.gateway,
        reason=row.reason,
    )
    names = ("held", "owed", "worker", "client_fee", "worker_fee", "lost")
    line_id, moved = new_id("cl"), line.converted
    session.add(
        ChargebackLine(
            id=line_id,
            chargeback_id=row.id,
            milestone_id=row.milestone_id,
            gateway=row.gateway,
            line_id=line.line_id,
            currency=row.currency,
            amount_minor=line.amount.amount_minor,
            fee_minor=line.fee.amount_minor,
            taken_currency=moved.amount.currency if moved else None,
            taken_minor=moved.amount.amount_minor if moved else None,
            exchange_rate=moved.rate if moved else None,
            entry_id=posted.id,
            booked_at=posted.recorded_at,
            **{f"{name}_minor": getattr(shares, name).amount_minor for name in names},
        )
    )
    session.flush()
    return line_id


def cover(session: Session, *, milestone_id: str, by: Money, refund_id: str) -> Money:
    """A refund came back that the bank's taking had made our loss: the client has that money already.

    Returns how much of it is owed to the client no longer.
    """
    covered = Money.zero(by.currency)
    for known in of_milestone(session, milestone_id):
        part = min(known.borne.lost, by - covered)
        if part.amount_minor > 0:
            _cover(session, known.id, part, refund_id)
            covered += part
    return covered


def step(session: Session, row: Chargeback, found: ChargebackFound) -> None:
    """Bring the chargeback to where the gateway says it is; it goes back only to what is known to be newer."""
    heard, row.as_of = row.as_of, found.as_of or row.as_of
    if row.respond_by != found.respond_by:
        row.respond_by = found.respond_by
        _remind_in_time(session, row)
    transition = chargeback_step(row.state, found.state.value, heard=heard, as_of=found.as_of)
    if transition is None:
        return
    if row.state in CHARGEBACK.terminal:
        # Whoever looked after it may have stopped.
        _look_after(session, row, because=f":{transition.to}:{clock.now(session):%Y%m%d%H%M%S}")
    row.state, row.word = transition.to, found.word[:_LONGEST_WORD]
    row.closed_at = clock.now(session) if transition.to in CHARGEBACK.terminal else None
    tell(session, row, transition.event)


def remind(session: Session, *, chargeback_id: str) -> None:
    """Tell that the bank still waits for an answer, if it does."""
    row = locked_row(session, chargeback_id)
    if row.state in {"inquiry", "needs_response", "appeal_needs_response"}:
        tell(session, row, "chargeback.answer_due")


def tell(session: Session, row: Chargeback, event: str) -> None:
    """Publish `event` about the chargeback with what every listener needs."""
    outbox.publish(
        session,
        name=event,
        subject=row.id,
        payload={
            "chargeback_id": row.id,
            "milestone_id": row.milestone_id,
            "worker_id": row.worker_id,
            "gateway": row.gateway,
            "amount_minor": row.amount_minor,
            "currency": row.currency,
            "respond_by": None if row.respond_by is None else row.respond_by.isoformat(),
        },
    )


def view(session: Session, row: Chargeback) -> ChargebackView:
    """The chargeback with who bears it."""
    return chargeback_view(row, _lines(session, row.id))


def of_milestone(session: Session, milestone_id: str) -> tuple[ChargebackView, ...]:
    """All chargebacks of the milestone, first to last."""
    rows = session.scalars(
        select(Chargeback).where(Chargeback.milestone_id == milestone_id).order_by(Chargeback.id)
    )
    return tuple(view(session, row) for row in rows)


def find(session: Session, chargeback_id: str) -> ChargebackView:
    """The chargeback with this id."""
    row = session.get(Chargeback, chargeback_id)
    if row is None:
        raise ChargebackNotFound("There is no chargeback with this id.")
    return view(session, row)


def dismiss(session: Session, row: Chargeback, *, reason: str, by: str) -> None:
    """People have looked at a warning, and nothing is to be done about it."""
    decide(row, by, reason)
    row.state, row.word, row.closed_at = "dismissed", "dismissed", clock.now(session)
    tell(session, row, "chargeback.dismissed")


def hold(session: Session, chargeback_id: str) -> ChargebackView:
    """The chargeback, locked until the transaction ends."""
    return view(session, locked_row(session, chargeback_id))


def locked_row(session: Session, chargeback_id: str) -> Chargeback:
    """The row of the chargeback, locked until the transaction ends."""
    row = locked(session, Chargeback, chargeback_id)
    if row is None:
        raise ChargebackNotFound("There is no chargeback with this id.")
    return row


def page(
    session: Session, *, after: str | None, limit: int, state: str | None = None
) -> list[ChargebackView]:
    """Chargebacks, newest first, from the one after `after` on."""
    query = select(Chargeback).order_by(Chargeback.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Chargeback.state == state)
    if after is not None:
        query = query.where(Chargeback.id < after)
    return [view(session, row) for row in session.scalars(query)]


def is_taken_back(session: Session, milestone_id: str) -> bool:
    """Whether a chargeback of this milestone's payment is known, beside what is only suspected."""
    known = select(Chargeback.id).where(
        Chargeback.milestone_id == milestone_id, Chargeback.kind == "chargeback"
    )
    return session.scalar(known.limit(1)) is not None


def is_undecided(session: Session, milestone_id: str) -> bool:
    """Whether a bank may still take, or has yet to give back, what was paid for this milestone."""
    rows = session.scalars(select(Chargeback).where(Chargeback.milestone_id == milestone_id))
    return any(view(session, row).undecided for row in rows)


def decide(row: Chargeback, by: str, reason: str) -> None:
    """Note who of staff decided about it, and why."""
    row.decided_by, row.decision = by, reason


def _new(
    session: Session, chargeback_id: str, payment: PaymentView, worker_id: str, found: ChargebackFound
) -> Chargeback:
    row = Chargeback(
        id=chargeback_id,
        payment_id=payment.id,
        milestone_id=payment.milestone_id,
        worker_id=worker_id,
        gateway=payment.gateway,
        kind=found.kind,
        gateway_id=found.gateway_id,
        state=CHARGEBACK.initial,
        word=found.word[:_LONGEST_WORD],
        reason=found.reason[:_LONGEST_WORD],
        currency=found.amount.currency,
        amount_minor=found.amount.amount_minor,
        recovered_minor=0,
        forgiven_minor=0,
        opened_at=clock.now(session),
        respond_by=found.respond_by,
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    tell(session, row, "chargeback.opened")
    _look_after(session, row)
    _remind_in_time(session, row)
    return row


def _look_after(session: Session, row: Chargeback, *, because: str = "") -> None:
    # Its events may be lost, and what the bank decides moves money.
    due.schedule(
        session,
        kind="refresh_chargeback",
        subject=row.id,
        due_at=clock.now(session) + due.LEASE,
        key=f"refresh_chargeback:{row.id}{because}",
    )


def _remind_in_time(session: Session, row: Chargeback) -> None:
    instant = clock.now(session)
    for distance in _REMINDERS:
        if row.respond_by is not None and row.respond_by - distance > instant:
            due.schedule(
                session,
                kind="remind_of_evidence",
                subject=row.id,
                due_at=row.respond_by - distance,
                key=f"remind_of_evidence:{row.id}:{row.respond_by:%Y%m%d%H%M}:{distance.days}",
            )


def _lines(session: Session, chargeback_id: str) -> Sequence[ChargebackLine]:
    return session.scalars(
        select(ChargebackLine)
        .where(ChargebackLine.chargeback_id == chargeback_id)
        .order_by(ChargebackLine.id)
    ).all()


def _taken(row: Chargeback, shares: Shares, fee: Money) -> Entry:
    return movements.chargeback_withdrawn(
        row.gateway,
        fee=fee,
        held=(row.milestone_id, shares.held),
        came_back=(row.milestone_id, shares.owed),
        owed=(row.worker_id, shares.worker),
        client_fee=shares.client_fee,
        worker_fee=shares.worker_fee,
        lost=shares.lost,
    )


def _given_back(session: Session, row: Chargeback, shares: Shares, fee: Money) -> tuple[Entry, Money]:
    back = -shares
    outstanding = view(session, row).outstanding
    owed = min(back.worker, outstanding)
    repaid = min(back.worker - owed, Money(row.recovered_minor, row.currency))
    forgiven = back.worker - owed - repaid  # It was our loss, and is no longer.
    row.recovered_minor -= repaid.amount_minor
    row.forgiven_minor -= forgiven.amount_minor
    entry = movements.chargeback_won(
        row.gateway,
        fee=-fee,
        held=(row.milestone_id, back.held),
        came_back=(row.milestone_id, back.owed),
        owed=(row.worker_id, owed),
        repaid=(row.worker_id, repaid),
        client_fee=back.client_fee,
        worker_fee=back.worker_fee,
        lost=back.lost + forgiven,
    )
    return entry, repaid
