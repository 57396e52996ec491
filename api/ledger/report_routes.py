"""The reports: trial balance, income statement and balance sheet, to be read or taken along as a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import requires
from api.blueprints import Blueprint, refuses
from api.ledger import schemas as bodies
from api.ledger.downloads import MEDIA, FormUnknown, check_form, download
from api.ledger.pdf_file import ReportTooLong
from api.ledger.report_tables import income_table, sheet_table, trial_table
from identity.permissions import Permission
from kernel.money import Money, total
from ledger.balances import trial_balance
from ledger.reports import PeriodBackwards, balance_sheet, income_statement
from persistence.unit_of_work import examining
from runtime.past import InstantNotReached, settled

if TYPE_CHECKING:
    from flask import Response

    from ledger.balances import TrialLine

blueprint = Blueprint("reports", __name__, description="Reports of the books, as known at an instant.")


@blueprint.get("/staff/ledger/trial-balance")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.AsOfQuery, location="query")
@blueprint.response(200, bodies.TrialBalanceSchema)
@refuses(InstantNotReached)
def get_trial_balance(asked: dict[str, Any]) -> dict[str, Any]:
    """Every account that is not empty, now or at any past instant."""
    at = settled(asked.get("at"))
    lines = examining(trial_balance, at)
    return {"at": at, "lines": lines, "totals": _totals(lines)}


@blueprint.get("/staff/ledger/trial-balance/<form>")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.AsOfQuery, location="query")
@blueprint.download(*MEDIA)
@refuses(InstantNotReached, FormUnknown, ReportTooLong)
def download_trial_balance(asked: dict[str, Any], form: str) -> Response:
    """The trial balance as a file."""
    check_form(form)
    at = settled(asked.get("at"))
    return download(form, "trial-balance", lambda session: trial_table(session, at=at))


@blueprint.get("/staff/ledger/income-statement")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.IncomeQuery, location="query")
@blueprint.response(200, bodies.IncomeStatementSchema)
@refuses(InstantNotReached, PeriodBackwards)
def get_income_statement(asked: dict[str, Any]) -> dict[str, Any]:
    """What was earned and what it cost, by the days for which it counts."""
    at = settled(asked.get("at"))
    days = {"first": asked["from_"], "last": asked["to"]}
    return {**days, "at": at, "statements": examining(income_statement, at=at, **days)}


@blueprint.get("/staff/ledger/income-statement/<form>")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.IncomeQuery, location="query")
@blueprint.download(*MEDIA)
@refuses(InstantNotReached, FormUnknown, ReportTooLong, PeriodBackwards)
def download_income_statement(asked: dict[str, Any], form: str) -> Response:
    """The income statement as a file."""
    check_form(form)
    at = settled(asked.get("at"))
    days = {"first": asked["from_"], "last": asked["to"]}
    return download(form, "income-statement", lambda session: income_table(session, at=at, **days))


@blueprint.get("/staff/ledger/balance-sheet")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.SheetQuery, location="query")
@blueprint.response(200, bodies.BalanceSheetSchema)
@refuses(InstantNotReached)
def get_balance_sheet(asked: dict[str, Any]) -> dict[str, Any]:
    """What there is at the end of a day, what of it is owed, and what is ours."""
    at = settled(asked.get("at"))
    return {"day": asked["day"], "at": at, "sheets": examining(balance_sheet, day=asked["day"], at=at)}


@blueprint.get("/staff/ledger/balance-sheet/<form>")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.SheetQuery, location="query")
@blueprint.download(*MEDIA)
@refuses(InstantNotReached, FormUnknown, ReportTooLong)
def download_balance_sheet(asked: dict[str, Any], form: str) -> Response:
    """The balance sheet as a file."""
    check_form(form)
    at = settled(asked.get("at"))
    return download(form, "balance-sheet", lambda session: sheet_table(session, day=asked["day"], at=at))


def _totals(lines: list[TrialLine]) -> list[dict[str, Any]]:
    currencies = sorted({line.currency for line in lines})
    return [
        {
            "currency": currency,
            "debit": _sum(lines, currency, "debit"),
            "credit": _sum(lines, currency, "credit"),
        }
        for currency in currencies
    ]


def _sum(lines: list[TrialLine], currency: str, column: str) -> Money:
    return total([getattr(line, column) for line in lines if line.currency == currency], currency)
