"""What is answered to a client's bank: drafted as often as is needed, and handed in once whenever the bank asks.

A bank may ask first, then take the money back, and in the end appeal: in each of these stages it reads one answer.
"""

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
# It was never sent, and the bank asks something else by now.
_ASKED_ANEW = "asked_anew"


class EvidenceTooLong(Invalid):
    """A field, or all of them together, are longer than the bank reads."""

    code = "evidence_too_long"


class EvidenceUnknownField(Invalid):
    """The bank has no such field."""

    code = "evidence_unknown_field"


class EvidenceHandedIn(Conflict):
    """It was handed in, and the bank reads it once, until it asks anew."""

    code = "evidence_handed_in"


class EvidenceMissing(Conflict):
    """Nothing was drafted that could be handed in."""

    code = "evidence_missing"


class NotToBeAnswered(Conflict):
    """The bank does not ask for evidence, or not any more."""

    code = "chargeback_not_to_be_answered"


@dataclass(frozen=True, slots=True)
class EvidenceToSend:
    """Evidence for the gateway, and the call that is to be made about it.

    It is `late` when the bank asks something else by now: then it is only asked whether it arrived.
    """

    gateway: str
    order: EvidenceOrder
    call: Call
    late: bool


def draft(
    session: Session, *, chargeback_id: str, evidence_id: str, fields: Mapping[str, str], by: str
) -> EvidenceView:
    """Keep what is going to be answered; what was drafted before is replaced. Refuses what the bank would not read."""
    _refuse_unreadable(fields)
    chargeback = locked_row(session, chargeback_id)
    row, instant = _draft_of(session, chargeback), clock.now(session)
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
    row.stage = chargeback.state
    row.fields, row.drafted_by, row.drafted_at = dict(fields), by, instant
    try:
        session.flush()
    except IntegrityError as error:
        raise Retry from error
    return evidence_view(row)


def hand_in(session: Session, *, chargeback_id: str, by: str) -> EvidenceView:
    """Have the draft handed in, for good; refuses when the bank does not ask, or its time is over."""
    chargeback = locked_row(session, chargeback_id)
    row = _draft_of(session, chargeback)
    if row is None or not row.fields:
        raise EvidenceMissing("Draft the evidence first.")
    instant = clock.now(session)
    over = chargeback.respond_by is not None and chargeback.respond_by <= instant
    if chargeback.state not in _ANSWERABLE or over:
        raise NotToBeAnswered("The bank does not ask for evidence any more.", state=chargeback.state)
    row.submitted_by, row.submitted_at, row.stage = by, instant, chargeback.state
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
    """What was drafted or handed in last."""
    known = find(session, chargeback_id)
    row = _last(session, known.id)
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
    late = chargeback.state in _ANSWERABLE and chargeback.state != row.stage
    call = orders.next_call(row, now=clock.now(session), may_send=not late)
    order = EvidenceOrder(row.id, chargeback.gateway_id, row.fields, call.attempt, row.submitted_at)
    return EvidenceToSend(chargeback.gateway, order, call, late)


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
    refusal = _refusal(intent, verdict, outcome)
    if refusal is not None:
        # So that it can be mended and handed in while there is time.
        row.failure_code = refusal[:_LONGEST_CODE]
        _step(session, row, chargeback, "refuse")
        return None
    if verdict is Verdict.UNANSWERED:
        _step(session, row, chargeback, "lose_answer")
    instant = clock.now(session)
    if isinstance(outcome, Busy):
        return instant + timedelta(seconds=outcome.retry_after_seconds)
    assert row.submitted_at is not None, "it was handed in"
    sends_at_once = outcome is None and not intent.late
    return instant if sends_at_once else orders.next_try(now=instant, since=row.submitted_at)


def _refusal(intent: EvidenceToSend, verdict: Verdict, outcome: Answer | None) -> str | None:
    """Why nothing of it will come, if that is certain."""
    if verdict is Verdict.REFUSED:
        assert isinstance(outcome, Rejected), "only a refusal is for good"
        return outcome.code
    never = verdict is Verdict.NEVER_ARRIVED and intent.call.alone
    return _ASKED_ANEW if intent.late and never else None


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


def _draft_of(session: Session, chargeback: Chargeback) -> ChargebackEvidence | None:
    """The draft to go on with; None where one is to be begun. Refuses when the bank has its answer."""
    row = _last(session, chargeback.id)
    answers = select(ChargebackEvidence.state).where(
        ChargebackEvidence.chargeback_id == chargeback.id,
        ChargebackEvidence.stage == chargeback.state,
        ChargebackEvidence.state != "drafted",
    )
    answered = session.scalar(answers)
    if answered is None and (row is None or row.state == "drafted"):
        return row
    if answered is None and chargeback.state in _ANSWERABLE:
        return None
    state = answered or (row and row.state)
    raise EvidenceHandedIn("The evidence was handed in, and the bank reads it once.", state=state)


def _last(session: Session, chargeback_id: str) -> ChargebackEvidence | None:
    of = ChargebackEvidence.chargeback_id == chargeback_id
    return session.scalar(
        select(ChargebackEvidence).where(of).order_by(ChargebackEvidence.id.desc()).limit(1)
    )


def _step(session: Session, row: ChargebackEvidence, chargeback: Chargeback, act: str) -> None:
    step = EVIDENCE_PROCESS.step(row.state, act)
    if step is None:
        return
    row.state = step.to
    tell(session, chargeback, step.event)
    session.flush()
