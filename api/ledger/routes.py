"""Reading the books: trial balance, statements, and whether everything fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import requires
from api.blueprints import Blueprint, refuses
from api.ledger import schemas as bodies
from api.paging import onward
from identity.permissions import Permission
from kernel.money import Money, total
from kernel.refusals import NotFound
from ledger import coverage
from ledger.balances import trial_balance
from ledger.statements import accounts_named, statement
from persistence.unit_of_work import examining, reading
from runtime import books

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from api.paging import ListAsked, PageAsked
    from ledger.balances import TrialLine

blueprint = Blueprint("ledger", __name__, description="The books, for finance.")


class AccountNotFound(NotFound):
    """Nothing was ever posted to an account of this code and currency."""

    code = "ledger_account_not_found"


@blueprint.get("/ledger/trial-balance")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.TrialQuery, location="query")
@blueprint.response(200, bodies.TrialBalanceSchema)
def get_trial_balance(asked: dict[str, datetime]) -> dict[str, Any]:
    """Every account that is not empty, now or at any past instant."""
    at = asked.get("at")
    lines = examining(trial_balance, at)
    return {"at": at, "lines": lines, "totals": _totals(lines)}


@blueprint.get("/ledger/accounts/<account_code>/statement")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.StatementQuery, location="query")
@blueprint.response(200, bodies.StatementSchema)
@refuses(AccountNotFound)
def get_statement(asked: ListAsked, account_code: str) -> dict[str, Any]:
    """The lines of an account, newest first, each with the balance after it."""
    return reading(_statement, code=account_code, page=asked.page, **asked.about)


@blueprint.get("/ledger/integrity")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.IntegritySchema)
def get_integrity() -> dict[str, Any]:
    """Derive everything in the books again, and compare."""
    return examining(_integrity)


def _statement(session: Session, *, code: str, currency: str, page: PageAsked) -> dict[str, Any]:
    account = next((found for found in accounts_named(session, code) if found.currency == currency), None)
    if account is None:
        raise AccountNotFound("Nothing was ever posted to this account in this currency.")
    shown = onward(statement(session, account, after=page.after, limit=page.limit))
    return {"account": code, "currency": currency, "data": shown.data, "next_cursor": shown.next_cursor}


def _integrity(session: Session) -> dict[str, Any]:
    return {"breaches": books.verify(session), "coverage": coverage.coverage(session)}


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
