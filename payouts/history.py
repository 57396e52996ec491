"""What happened in a worker's wallet, line by line, each with its reason in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from kernel.money import Money
from kernel.pages import Page
from ledger import chart
from ledger.entries import Phase
from ledger.statements import entries_about, statement
from payouts import words
from payouts.tables import Payout
from payouts.wallet import check_may_see

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from identity.actors import Actor
    from ledger.journal import PostedEntry
    from ledger.statements import StatementLine

_RELEASED = "milestone_released"


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One line: `change` came in or went out (nothing where money was only held back), `balance` was there after it."""

    entry_id: str
    kind: str
    at: datetime
    reason: str
    amount: Money
    change: Money
    balance: Money
    available: Money
    milestone_id: str | None
    payout_id: str | None
    gross: Money | None
    fee: Money | None
    bank_last4: str | None
    # Payouts know milestones by their ids; whoever shows the line gives it its title.
    milestone_title: str | None = None


def history(
    session: Session, *, user_id: str, currency: str, after: str | None, limit: int, by: Actor
) -> Page[HistoryLine]:
    """The lines of the wallet in one currency, newest first; `after` is the `next_after` of the page before."""
    check_may_see(user_id, by)
    page = statement(session, chart.wallet(user_id, currency), after=after, limit=limit)
    told = _Told(session, page.items)
    return Page(tuple(told.line(line) for line in page.items), page.next_after)


class _Told:
    """What the lines of one page are about, read at once."""

    def __init__(self, session: Session, lines: Iterable[StatementLine]) -> None:
        lines = list(lines)
        released = {line.reference for line in lines if line.movement == _RELEASED}
        # Of the same milestone more may be on the page: what was taken back for a chargeback, and given again.
        self._releases = {
            entry.id: entry for entry in entries_about(session, released) if entry.movement == _RELEASED
        }
        about = {line.reference for line in lines if line.reference.startswith("po_")}
        self._payouts = {row.id: row for row in session.scalars(select(Payout).where(Payout.id.in_(about)))}

    def line(self, line: StatementLine) -> HistoryLine:
        """The line with its reason."""
        payout = self._payouts.get(line.reference)
        release = self._releases.get(line.entry_id)
        gross = _gross(release, line.amount.currency) if release is not None else None
        return HistoryLine(
            entry_id=line.entry_id,
            kind=_kind(line),
            at=line.recorded_at,
            reason=(_payout_reason(line, payout) if payout is not None else None) or _reason(line, gross),
            amount=line.amount,
            change=line.change,
            balance=line.after.posted,
            available=line.after.available,
            milestone_id=line.reference if line.reference.startswith("ms_") else None,
            payout_id=payout.id if payout is not None else None,
            gross=gross,
            fee=_fee(line, gross, payout),
            bank_last4=payout.bank_last4 if payout is not None else None,
        )


def _kind(line: StatementLine) -> str:
    return "payout_released" if line.phase is Phase.VOID_PENDING else line.movement


def _gross(entry: PostedEntry, currency: str) -> Money:
    held = chart.escrow(entry.reference, currency)
    return next(line.amount for line in entry.postings if line.account == held)


def _reason(line: StatementLine, gross: Money | None) -> str:
    if gross is not None:
        if gross == line.amount:
            return f"Milestone paid: {gross.format()}, without a fee."
        return f"Milestone paid: {gross.format()} less our fee of {(gross - line.amount).format()}."
    return _OTHER.get(line.movement) or line.reason or "Put right by our accountants."


def _fee(line: StatementLine, gross: Money | None, payout: Payout | None) -> Money | None:
    if gross is not None:
        return gross - line.amount
    withdrawn = payout is not None and payout.fee_minor and line.movement != "payout_returned"
    return Money(payout.fee_minor, payout.currency) if payout is not None and withdrawn else None


def _payout_reason(line: StatementLine, payout: Payout) -> str | None:
    bank = words.to_bank(payout.bank_last4)
    why = f" {payout.reason}" if payout.reason else ""
    fee = Money(payout.fee_minor, payout.currency).format()
    planned = " by your schedule" if payout.by_schedule else ""
    if line.phase is Phase.VOID_PENDING:
        return f"Withdrawal {bank} was not possible; the money is free again.{why}"
    return {
        "payout_reserved": f"Withdrawal {bank}{planned}: held back until it is sent.",
        "payout_sent": f"Withdrawal {bank}: sent.",
        "payout_failed": f"Withdrawal {bank} did not arrive; the money is back.{why}",
        "instant_payout_reserved": f"Instant withdrawal {bank}: held back with its fee of {fee} until it is sent.",
        "instant_payout_sent": f"Instant withdrawal {bank}: sent, for a fee of {fee}.",
        "instant_payout_failed": f"Instant withdrawal {bank} did not arrive; money and fee are back.{why}",
        "payout_returned": f"The bank sent a withdrawal {bank} back.{why}",
    }.get(line.movement)


_OTHER = {
    "tip_paid": "A tip from your client.",
    "recovered_from_wallet": "Kept for what you owe, because a client has that money back.",
    "left_with_account": "It stayed at your payout account that was closed, and cannot be taken back from there.",
    "returned_with_account": "It is back from your payout account that was closed.",
    "chargeback_won": "Paid back: the client's bank decided for us.",
}
