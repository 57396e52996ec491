"""Runs and their reports, breaks and what is done about them, and statements about solvency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.idempotency import idempotent, once
from api.ledger.downloads import MEDIA, FormUnknown, check_form, download
from api.ledger.pdf_file import ReportTooLong
from api.paging import page_of, paged
from api.preview import previewable
from api.reconciliation import schemas as bodies
from api.reconciliation.report_table import day_table
from identity.permissions import Permission
from kernel.ids import new_id
from ledger.adjustments import AdjustmentNotFound
from payments.conversions import MoreThanIsOpen, open_positions
from persistence.unit_of_work import reading
from reconciliation import breaks, changing_back, reports, runs, solvency
from runtime.past import settled
from runtime.wiring import GatewayUnknown, gateway

if TYPE_CHECKING:
    from flask import Response

    from api.paging import ListAsked, Page
    from reconciliation.breaks import BreakView
    from reconciliation.runs import RunView

blueprint = Blueprint(
    "reconciliation", __name__, description="What gateways say happened, beside the books, for finance."
)


@blueprint.post("/staff/reconciliation/runs")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@blueprint.arguments(bodies.RunOrderSchema)
@blueprint.response(201, bodies.RunSchema)
@leads_to("getReconciliationRun", run_id="$response.body#/id")
@refuses(GatewayUnknown, runs.DayNotReached)
def start_reconciliation_run(asked: dict[str, Any]) -> Response:
    """Reconcile a gateway now; a run that is under way is answered instead of a second one."""
    gateway(asked["gateway"])
    return once(runs.order, run_id=new_id("rn"), at=settled(), by=actor().id, **asked)


@blueprint.get("/staff/reconciliation/runs")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.RunsQuery, location="query")
@blueprint.response(200, page_of(bodies.RunSchema))
@leads_to("getReconciliationRun", "listReconciliationReports", run_id="$response.body#/data/0/id")
def list_reconciliation_runs(asked: ListAsked) -> Page:
    """Runs, newest first."""
    return paged(runs.runs, asked.page, key=lambda found: found.id, **asked.about)


@blueprint.get("/staff/reconciliation/runs/<run_id>")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.RunSchema)
@refuses(runs.RunNotFound)
def get_reconciliation_run(run_id: str) -> RunView:
    """A run, and how far it is."""
    return reading(runs.run_of, run_id=run_id)


@blueprint.get("/staff/reconciliation/runs/<run_id>/reports")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.RunReportsSchema)
@refuses(runs.RunNotFound)
def list_reconciliation_reports(run_id: str) -> dict[str, Any]:
    """What a run reported, by currency."""
    reading(runs.run_of, run_id=run_id)
    return {"reports": reading(reports.reports_of, run_id=run_id)}


@blueprint.get("/staff/reconciliation/runs/<run_id>/reports/<currency>/<form>")
@requires(Permission.READ_LEDGER)
@blueprint.download(*MEDIA)
@refuses(reports.ReportNotFound, FormUnknown, ReportTooLong)
def download_reconciliation_report(run_id: str, currency: str, form: str) -> Response:
    """What a run reported of one currency, with every break that was open, as a file."""
    check_form(form)
    report = reading(reports.report_of, run_id=run_id, currency=currency)
    name = f"reconciliation-{report.gateway}-{report.day}-{report.currency}"
    return download(form, name, lambda session: day_table(session, report))


@blueprint.get("/staff/reconciliation/breaks")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.BreaksQuery, location="query")
@blueprint.response(200, page_of(bodies.BreakSchema))
@leads_to("getBreak", break_id="$response.body#/data/0/id")
def list_breaks(asked: ListAsked) -> Page:
    """Breaks, newest first."""
    return paged(breaks.breaks, asked.page, key=lambda found: found.id, **asked.about)


@blueprint.get("/staff/reconciliation/breaks/<break_id>")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.BreakSchema)
@refuses(breaks.BreakNotFound)
def get_break(break_id: str) -> BreakView:
    """A break, as it is now."""
    return reading(breaks.break_of, break_id=break_id)


@blueprint.post("/staff/reconciliation/breaks/<break_id>/assign")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@blueprint.arguments(bodies.AssignmentSchema)
@blueprint.response(200, bodies.BreakSchema)
@refuses(breaks.BreakNotFound, breaks.BreakClosed, breaks.OwnerNotStaff)
def assign_break(said: dict[str, Any], break_id: str) -> Response:
    """Make somebody of staff the one who looks into it."""
    return once(breaks.assign, break_id=break_id, by=actor().id, **said)


@blueprint.post("/staff/reconciliation/breaks/<break_id>/resolve")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@previewable
@blueprint.arguments(bodies.ResolutionSchema)
@blueprint.response(200, bodies.BreakSchema)
@refuses(
    breaks.BreakNotFound,
    breaks.BreakClosed,
    breaks.BreakMayComeOut,
    breaks.BreakNotBookable,
    breaks.AdjustmentDoesNotExplain,
    AdjustmentNotFound,
    changing_back.NotOneConversion,
    MoreThanIsOpen,
)
def resolve_break(said: dict[str, Any], break_id: str) -> Response:
    """Say what it was, and have the books say so too; what is no cost of ours takes an adjustment by two people.

    Two lines that changed one currency into another at the gateway are a `conversion`, and resolved together.
    """
    other = said.pop("other_break_id")
    if other is not None:
        return once(
            changing_back.resolve,
            break_id=break_id,
            other_break_id=other,
            reason=said["reason"],
            by=actor().id,
        )
    return once(breaks.resolve, break_id=break_id, by=actor().id, **said)


@blueprint.get("/staff/reconciliation/open-positions")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.OpenPositionsSchema)
def list_open_positions() -> dict[str, Any]:
    """What gateways have changed into other currencies and is not changed back, by gateway and currency."""
    return {"items": reading(open_positions)}


@blueprint.get("/staff/reconciliation/statements")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.StatementsQuery, location="query")
@blueprint.response(200, page_of(bodies.SolvencySchema))
def list_solvency_statements(asked: ListAsked) -> Page:
    """Whether what is held for others was there: what was stated and signed, newest first."""
    return paged(solvency.statements, asked.page, key=lambda found: found.number, **asked.about)


@blueprint.get("/staff/reconciliation/minimum-balance")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.MinimumQuery, location="query")
@blueprint.response(200, bodies.MinimumSchema)
@refuses(GatewayUnknown)
def get_minimum_balance(asked: dict[str, Any]) -> dict[str, Any]:
    """What must stay on our balance at a gateway, whoever pays out from it."""
    gateway(asked["gateway"])
    return {
        "gateway": asked["gateway"],
        "minimum_balance": reading(solvency.minimum_balance, **asked),
        "there": reading(solvency.ours_at, **asked),
    }
