"""Putting the books right by hand, and closing months: what takes a reason and, mostly, two people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.idempotency import idempotent, once
from api.ledger import entry_schemas as bodies
from api.paging import page_of, paged
from api.preview import foreseen, is_preview, previewable
from identity.permissions import Permission
from kernel.ids import new_id
from ledger import adjustments, periods
from ledger.writing import InsufficientBalance
from persistence.unit_of_work import reading

if TYPE_CHECKING:
    from flask import Response

    from api.paging import ListAsked, Page, PageAsked
    from ledger.adjustments import AdjustmentView
    from ledger.periods import Period

blueprint = Blueprint("adjustments", __name__, description="Adjustments and periods, for finance.")

_PROPOSED = (adjustments.AccountUnknown, adjustments.AdjustmentUnbalanced)
_POSTED = (InsufficientBalance, periods.PeriodClosed)
_DECIDED = (adjustments.AdjustmentNotFound, adjustments.AdjustmentDecided)
_PERIOD = (periods.PeriodUnknown, periods.PeriodActNotPossible)


@blueprint.post("/staff/ledger/adjustments")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@previewable
@blueprint.arguments(bodies.ProposalSchema)
@blueprint.response(201, bodies.AdjustmentSchema)
@leads_to("getAdjustment", adjustment_id="$response.body#/id")
@refuses(*_PROPOSED, *_POSTED)
def propose_adjustment(asked: dict[str, Any]) -> Response:
    """Propose to put the books right; somebody else in finance approves. A preview shows what would be posted then."""
    said = {**asked, "lines": asked["postings"], "adjustment_id": new_id("aj"), "by": actor().id}
    del said["postings"]
    return foreseen(adjustments.foresee, **said) if is_preview() else once(adjustments.propose, **said)


@blueprint.get("/staff/ledger/adjustments")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.AdjustmentsQuery, location="query")
@blueprint.response(200, page_of(bodies.AdjustmentSchema))
@leads_to("getAdjustment", adjustment_id="$response.body#/data/0/id")
def list_adjustments(asked: ListAsked) -> Page:
    """Adjustments, newest first; `state=proposed` is what waits for a second person."""
    return paged(adjustments.adjustments, asked.page, key=lambda found: found.id, **asked.about)


@blueprint.get("/staff/ledger/adjustments/<adjustment_id>")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.AdjustmentSchema)
@refuses(adjustments.AdjustmentNotFound)
def get_adjustment(adjustment_id: str) -> AdjustmentView:
    """An adjustment, and what was decided about it."""
    return reading(adjustments.adjustment, adjustment_id=adjustment_id)


@blueprint.post("/staff/ledger/adjustments/<adjustment_id>/approve")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@previewable
@blueprint.arguments(bodies.DecisionSchema)
@blueprint.response(200, bodies.AdjustmentSchema)
@refuses(*_DECIDED, periods.SamePersonTwice, *_POSTED)
def approve_adjustment(said: dict[str, Any], adjustment_id: str) -> Response:
    """Post what somebody else has proposed."""
    return once(adjustments.approve, adjustment_id=adjustment_id, by=actor().id, **said)


@blueprint.post("/staff/ledger/adjustments/<adjustment_id>/reject")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@blueprint.arguments(bodies.DecisionSchema)
@blueprint.response(200, bodies.AdjustmentSchema)
@refuses(*_DECIDED, periods.SamePersonTwice)
def reject_adjustment(said: dict[str, Any], adjustment_id: str) -> Response:
    """Decide against what somebody else has proposed."""
    return once(adjustments.reject, adjustment_id=adjustment_id, by=actor().id, **said)


@blueprint.post("/staff/ledger/adjustments/<adjustment_id>/withdraw")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@blueprint.response(200, bodies.AdjustmentSchema)
@refuses(*_DECIDED)
def withdraw_adjustment(adjustment_id: str) -> Response:
    """Take your own proposal back."""
    return once(adjustments.withdraw, adjustment_id=adjustment_id, by=actor().id)


@blueprint.get("/staff/ledger/periods")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.PeriodsQuery, location="query")
@blueprint.response(200, page_of(bodies.PeriodSchema))
@leads_to("getPeriod", period="$response.body#/data/0/period")
def list_periods(page: PageAsked) -> Page:
    """The months that were ever closed, newest first."""
    return paged(periods.periods, page, key=lambda found: found.period)


@blueprint.get("/staff/ledger/periods/<period>")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.PeriodSchema)
@refuses(periods.PeriodUnknown)
def get_period(period: str) -> Period:
    """A month, and everything that was done to it."""
    return reading(periods.period_of, period=period)


@blueprint.post("/staff/ledger/periods/<period>/close")
@requires(Permission.CLOSE_PERIODS)
@idempotent
@blueprint.arguments(bodies.PeriodReasonSchema)
@blueprint.response(200, bodies.PeriodSchema)
@refuses(*_PERIOD, periods.PeriodNotOver)
def close_period(said: dict[str, Any], period: str) -> Response:
    """Close a month that has ended: no entry counts for a day of it any more."""
    return once(periods.close_period, period=period, by=actor().id, **said)


@blueprint.post("/staff/ledger/periods/<period>/ask-to-reopen")
@requires(Permission.CLOSE_PERIODS)
@idempotent
@blueprint.arguments(bodies.ReopeningSchema)
@blueprint.response(200, bodies.PeriodSchema)
@refuses(*_PERIOD)
def ask_to_reopen_period(said: dict[str, Any], period: str) -> Response:
    """Ask for a closed month to be opened again; somebody else in finance decides."""
    return once(periods.ask_to_reopen, period=period, by=actor().id, **said)


@blueprint.post("/staff/ledger/periods/<period>/reopen")
@requires(Permission.CLOSE_PERIODS)
@idempotent
@blueprint.arguments(bodies.PeriodReasonSchema)
@blueprint.response(200, bodies.PeriodSchema)
@refuses(*_PERIOD, periods.SamePersonTwice)
def reopen_period(said: dict[str, Any], period: str) -> Response:
    """Open a month again, as somebody else has asked."""
    return once(periods.reopen, period=period, by=actor().id, **said)


@blueprint.post("/staff/ledger/periods/<period>/keep-closed")
@requires(Permission.CLOSE_PERIODS)
@idempotent
@blueprint.arguments(bodies.PeriodReasonSchema)
@blueprint.response(200, bodies.PeriodSchema)
@refuses(*_PERIOD)
def keep_period_closed(said: dict[str, Any], period: str) -> Response:
    """Decide that the month stays closed."""
    return once(periods.keep_closed, period=period, by=actor().id, **said)
