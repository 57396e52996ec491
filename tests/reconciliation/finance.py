"""What finance does in these tests, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from jobs.reconciling import begin, carry_on
from persistence.unit_of_work import reading
from reconciliation import breaks, reports, runs, solvency
from reconciliation.tables import Line, Part
from tests.escrow.story import FINANCE

if TYPE_CHECKING:
    from reconciliation.breaks import BreakView
    from reconciliation.reports import ReportView
    from reconciliation.runs import RunView
    from reconciliation.solvency import StatementView
    from tests.payouts.world import World


@dataclass
class Finance:
    """Reconciles, and looks at what came of it."""

    world: World

    def reconcile(self) -> RunView:
        """One whole run."""
        run = begin("stripe", by=FINANCE.id)
        assert carry_on(run.id)
        return reading(runs.run_of, run_id=run.id)

    def open(self) -> list[BreakView]:
        """The open breaks."""
        return reading(breaks.breaks, after=None, limit=100, state="open")

    def differences(self) -> list[tuple[str, int]]:
        """Kind and difference of every open break, the oldest first."""
        return [(each.kind, each.difference_minor) for each in reversed(self.open())]

    def report(self, run: RunView) -> ReportView:
        """What a run reported in dollars."""
        return reading(reports.report_of, run_id=run.id, currency="USD")

    def statement(self) -> StatementView:
        """The last statement about dollars."""
        return reading(solvency.statements, after=None, limit=1, currency="USD")[0]

    def find(self, item: str) -> BreakView:
        """The open break over an item."""
        return next(each for each in self.open() if each.item == item)

    def sides(self) -> dict[str, int]:
        """How many lines there are, and how many sides of items of each kind."""
        return reading(_sides)


def _sides(session):
    counted = session.execute(select(Part.side, func.count()).group_by(Part.side))
    return {"kept": session.scalar(select(func.count()).select_from(Line)), **dict(counted.all())}
