"""What is answered to a client's bank: drafted as often as is needed, and handed in once: the bank reads it once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from gateways import orders
from gateways.charging_back import EVIDENCE, EVIDENCE_LONGEST, EVIDENCE_LONGEST_FIELD
from gateways.contract import Busy, ChargebackFound, EvidenceOrder, Rejected, Unknown
from gateways.orders import Verdict
from kernel.ids import new_id
from kernel.refusals import Conflict, Invalid
from payments.chargebacks import find, locked_row, tell
from payments.states import EVIDENCE_PROCESS
from payments.tables import Chargeback, ChargebackEvidence
from payments.views import EvidenceView, evidence_view
from persistence import clock, due
from persistence.locks import locked
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from gateways.contract import PaysIn
    from gateways.orders import Call

Answer = ChargebackFound | Rejected | Busy | Unknown

_ANSWERABLE = frozenset({"inquiry", "needs_response", "appeal_needs_response"})
_LONGEST_CODE = 64


class EvidenceTooLong(Invalid):
    """A field, or all of them together, are longer than the bank reads."""

    code = "evidence_too_long"


class EvidenceUnknownField(Invalid):
    """The bank has no such field."""

    code = "evidence_unknown_field"


class EvidenceHandedIn(Conflict):
    """It was handed in, and the bank reads it once."""

    code = "evidence_handed_in"


class EvidenceMissing(Conflict):
    """Nothing was drafted that could be handed in."""

    code = "evidence_missing"


class NotToBeAnswered(Conflict):
    """The bank does not ask for evidence, or not any more."""

    code = "chargeback_not_to_be_answered"


@dataclass(frozen=True, slots=True)
class EvidenceToSend:
    """Evidence for the gateway, and the call that is to be made about it."""

    gateway: str
    order: EvidenceOrder
    call: Call


def draft(
    session: Session, *, chargeback_id: str, evidence_id: str, fields: Mapping[str, str], by: str
) -> EvidenceView:
    """Keep what is going to be answered; what was drafted before is replaced. Refuses what the bank would not read."""
    _refuse_unreadable(fields)
    locked_row(session, chargeback_id)
    row, instant = _of(session, chargeback_id), clock.now(session)
    if row is None:
        row = ChargebackEvidence(
            id=evidence_id,
            chargeback_id=chargeback_id,
            state=EVIDENCE_PROCESS.initial,
            attempt=1,
            calls=0,
            calls_over=0,
        )
        session.add(row)
    elif row.state != "drafted":
        raise EvidenceHandedIn("The evidence was handed in, and the bank reads it once.", state=row.state)
    row.fields, row.drafted_by, row.drafted_at = dict(fields), by, instant
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    return evidence_view(row)


def hand_in(session: Session, *, chargeback_id: str, by: str) -> EvidenceView:
    """Have the draft handed in, for good; refuses when the bank does not ask, or its time is over."""
    chargeback = locked_row(session, chargeback_id)
    row = _of(session, chargeback_id)
    if row is None or not row.fields:
        raise EvidenceMissing("Draft the evidence first.")
    if row.state != "drafted":
        raise EvidenceHandedIn("The evidence was handed in, and the bank reads it once.", state=row.state)
    instant = clock.now(session)
    over = chargeback.respond_by is not None and chargeback.respond_by <= instant
    if chargeback.state not in _ANSWERABLE or over:
        raise NotToBeAnswered("The bank does not ask for evidence any more.", state=chargeback.state)
    row.submitted_by, row.submitted_at = by, instant
    _step(session, row, chargeback, "hand_in")
    due.schedule(
        session,
        kind="send_evidence",
        subject=row.id,
        due_at=instant,
        key=f"send_evidence:{row.id}:{new_id('du')}",
    )
    return evidence_view(row)


def evidence_of(session: Session, *, chargeback_id: str) -> EvidenceView:
    """What was drafted or handed in."""
    known = find(session, chargeback_id)
    row = _of(session, known.id)
    if row is None:
        raise EvidenceMissing("Nothing was drafted yet.")
    return evidence_view(row)


def to_send(session: Session, *, evidence_id: str) -> EvidenceToSend | None:
    """The order for the gateway; None when its answer is known."""
    row = locked(session, ChargebackEvidence, evidence_id)
    assert row is not None, "evidence is never deleted"
    if row.state not in {"ordered", "unknown"}:
        return None
    chargeback = session.get_one(Chargeback, row.chargeback_id)
    call = orders.next_call(row, now=clock.now(session))
    order = EvidenceOrder(row.id, chargeback.gateway_id, row.fields, call.attempt)
    return EvidenceToSend(chargeback.gateway, order, call)


def send(intent: EvidenceToSend, *, through: PaysIn) -> Answer | None:
    """What the gateway says; None when it was only asked, and nothing was handed in."""
    return orders.carry_out(
        intent.call,
        find=lambda: through.find_evidence(intent.order),
        create=lambda: through.submit_evidence(intent.order),
    )


def record(session: Session, *, intent: EvidenceToSend, outcome: Answer | None) -> datetime | None:
    """Write down what became of it; returns when to try again, if so."""
    known = session.get_one(ChargebackEvidence, intent.order.evidence_id)
    # The chargeback first, as by whoever drafts.
    chargeback = locked_row(session, known.chargeback_id)
    row = locked(session, ChargebackEvidence, known.id)
    assert row is not None, "evidence is never deleted"
    if isinstance(outcome, ChargebackFound):
        _step(session, row, chargeback, "arrive")
        return None
    if row.state not in {"ordered", "unknown"}:
        return None
    verdict = orders.judge(row, call=intent.call, outcome=outcome)
    if verdict is Verdict.REFUSED:
        assert isinstance(outcome, Rejected), "only a refusal is for good"
        # So that it can be mended and handed in while there is time.
        row.failure_code = outcome.code[:_LONGEST_CODE]
        _step(session, row, chargeback, "refuse")
        return None
    if verdict is Verdict.UNANSWERED:
        _step(session, row, chargeback, "lose_answer")
    instant = clock.now(session)
    if isinstance(outcome, Busy):
        return instant + timedelta(seconds=outcome.retry_after_seconds)
    assert row.submitted_at is not None, "it was handed in"
    return instant if outcome is None else orders.next_try(now=instant, since=row.submitted_at)


def _refuse_unreadable(fields: Mapping[str, str]) -> None:
    for name, text in fields.items():
        if name not in EVIDENCE:
            raise EvidenceUnknownField(f"The bank has no field {name}.", field=f"/texts/{name}")
        if len(text) > EVIDENCE_LONGEST_FIELD:
            raise EvidenceTooLong(
                f"The bank reads at most {EVIDENCE_LONGEST_FIELD:,} characters of it.",
                field=f"/texts/{name}",
            )
    if sum(map(len, fields.values())) > EVIDENCE_LONGEST:
        raise EvidenceTooLong(
            f"The bank reads at most {EVIDENCE_LONGEST:,} characters in all.", field="/texts"
        )


def _of(session: Session, chargeback_id: str) -> ChargebackEvidence | None:
    return session.scalar(select(ChargebackEvidence).where(ChargebackEvidence.chargeback_id == chargeback_id))


def _step(session: Session, row: ChargebackEvidence, chargeback: Chargeback, act: str) -> None:
    step = EVIDENCE_PROCESS.step(row.state, act)
    if step is None:
        return
    row.state = step.to
    tell(session, chargeback, step.event)
    session.flush()
