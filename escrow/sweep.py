"""Many windows that closed at once: the workers are paid in one transaction, each as if alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select

from escrow import states
from escrow.acts import Held, move_contract, take
from escrow.release import Pay, keep
from escrow.tables import Contract, Milestone, Submission
from identity.actors import SYSTEM
from kernel.refusals import Refusal
from ledger.posting import draft, post_many
from payments import collecting
from persistence import clock
from persistence.locks import locked_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of the submissions: `settled` need nothing more; `left` are to be looked at one by one."""

    settled: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def release_many_by_time(session: Session, *, releases: Mapping[str, str]) -> Swept:
    """Pay the workers whose submissions nobody answered for 72 hours; `releases` has the id of each one's release.

    Each is judged as `release_by_time` judges it: one that is no longer waited for is settled, one whose window is
    still open is left, and so is one that the ledger refuses.
    """
    swept = Swept()
    submissions = _submissions(session, releases)
    held = _hold(session, {row.milestone_id for row in submissions})
    at, pays = clock.now(session), []
    for row in submissions:
        on = held[row.milestone_id]
        if on.milestone.state != "submitted" or on.milestone.submission_id != row.id:
            swept.settled.append(row.id)
        elif at < row.deadline_at:
            swept.left.append(row.id)
        else:
            pay = Pay.of(on, release_id=releases[row.id], gross=on.held, cause="by_time", by=SYSTEM.id)
            pays.append((row.id, pay))
    _pay(session, pays, swept, at)
    return swept


def _submissions(session: Session, ids: Iterable[str]) -> list[Submission]:
    return list(session.scalars(select(Submission).where(Submission.id.in_(sorted(ids)))))


def _hold(session: Session, milestone_ids: Iterable[str]) -> dict[str, Held]:
    ids = sorted(milestone_ids)
    found = session.scalars(select(Milestone.contract_id).where(Milestone.id.in_(ids)))
    # The contracts first, always, and each kind in id order: what happens to one milestone may end the whole.
    contracts = {row.id: row for row in locked_rows(session, Contract, found)}
    milestones = locked_rows(session, Milestone, ids)
    return {row.id: Held(contracts[row.contract_id], row, states.SYSTEM) for row in milestones}


def _pay(session: Session, pays: list[tuple[str, Pay]], swept: Swept, at: datetime) -> None:
    answers = post_many(session, [draft(pay.entry, **pay.told) for _, pay in pays], leave_out_refused=True)
    payments = collecting.live_payments(session, (pay.on.milestone.id for _, pay in pays))
    for (submission_id, pay), answer in zip(pays, answers, strict=True):
        if isinstance(answer, Refusal):
            swept.left.append(submission_id)
            continue
        take(pay.on, "release_by_time")
        keep(session, pay, answer.id, payment=payments.get(pay.on.milestone.id), at=at)
        swept.settled.append(submission_id)
    session.flush()
    _follow(session, [pay.on.contract for _, pay in pays], at)


def _follow(session: Session, contracts: Iterable[Contract], at: datetime) -> None:
    """Contracts end with their last milestone."""
    active = {contract.id: contract for contract in contracts if contract.state == "active"}
    ending = select(Milestone.contract_id).where(
        Milestone.contract_id.in_(sorted(active)), Milestone.state.not_in(states.MILESTONE.terminal)
    )
    for contract_id in active.keys() - set(session.scalars(ending)):
        move_contract(session, active[contract_id], "complete", states.SYSTEM, at=at)
