"""Reading the books: accounts, what is in them and what happened in them, and whether everything fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import requires
from api.blueprints import Blueprint, leads_to, refuses
from api.ledger import schemas as bodies
from api.ledger.downloads import MEDIA, FormUnknown, check_form, download
from api.ledger.pdf_file import ReportTooLong
from api.ledger.report_tables import statement_table
from api.paging import onward, page_of
from identity.permissions import Permission
from kernel.pages import CursorMalformed
from kernel.refusals import NotFound
from ledger import coverage
from ledger.account_tree import AccountLine, accounts_found, tree
from ledger.balances import balance, balance_as_of
from ledger.statements import accounts_named, statement
from persistence.unit_of_work import examining, reading
from runtime import books
from runtime.past import InstantNotReached, settled

if TYPE_CHECKING:
    from datetime import datetime

    from flask import Response
    from sqlalchemy.orm import Session

    from api.ledger.tables import Table
    from api.paging import ListAsked, Page, PageAsked
    from ledger.chart import Account

blueprint = Blueprint("ledger", __name__, description="The books, for finance.")


class AccountNotFound(NotFound):
    """Nothing was ever posted to an account of this code and currency."""

    code = "ledger_account_not_found"


@blueprint.get("/staff/ledger/accounts")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.AccountsQuery, location="query")
@blueprint.response(200, page_of(bodies.HoldingSchema))
@refuses(InstantNotReached)
def list_ledger_accounts(asked: ListAsked) -> Page:
    """The accounts by code, and what they hold, or held at an instant; a page may be short and still not the last."""
    at = asked.about.pop("at", None)
    found = reading(
        accounts_found,
        after=asked.page.after,
        limit=asked.page.limit,
        at=settled(at) if at else None,
        **asked.about,
    )
    return onward(found)


@blueprint.get("/staff/ledger/account-tree")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.TreeQuery, location="query")
@blueprint.response(200, bodies.TreeSchema)
@refuses(InstantNotReached)
def get_account_tree(asked: dict[str, Any]) -> dict[str, Any]:
    """The accounts as a tree, each place with the sum of what is below it; people are not told apart."""
    at = settled(asked.pop("at", None))
    return {"at": at, "nodes": examining(tree, at=at, **asked)}


@blueprint.get("/staff/ledger/accounts/<account_code>")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.AccountQuery, location="query")
@blueprint.response(200, bodies.HoldingSchema)
@leads_to("getStatement", account_code="$response.body#/account")
@refuses(AccountNotFound, InstantNotReached)
def get_ledger_account(asked: dict[str, Any], account_code: str) -> AccountLine:
    """What an account holds, or held at an instant."""
    at = settled(asked["at"]) if "at" in asked else None
    return reading(_holding, code=account_code, currency=asked["currency"], at=at)


@blueprint.get("/staff/ledger/accounts/<account_code>/statement")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.StatementQuery, location="query")
@blueprint.response(200, bodies.StatementSchema)
@refuses(AccountNotFound, CursorMalformed, InstantNotReached)
def get_statement(asked: ListAsked, account_code: str) -> dict[str, Any]:
    """The lines of an account, newest first, each with the balance after it; send `at` back to go on as of it."""
    at = settled(asked.about.pop("at", None))
    return reading(_statement, code=account_code, page=asked.page, at=at, **asked.about)


@blueprint.get("/staff/ledger/accounts/<account_code>/statement/<form>")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.AccountQuery, location="query")
@blueprint.download(*MEDIA)
@refuses(AccountNotFound, InstantNotReached, FormUnknown, ReportTooLong)
def download_statement(asked: dict[str, Any], account_code: str, form: str) -> Response:
    """The whole statement of an account until an instant, as a file."""
    check_form(form)
    at = settled(asked.get("at"))

    def table(session: Session) -> Table:
        return statement_table(session, _account(session, account_code, asked["currency"]), at=at)

    return download(form, "statement", table)


@blueprint.get("/staff/ledger/integrity")
@requires(Permission.READ_LEDGER)
@blueprint.response(200, bodies.IntegritySchema)
def get_integrity() -> dict[str, Any]:
    """Derive everything in the books again, and compare."""
    return examining(_integrity)


def _account(session: Session, code: str, currency: str) -> Account:
    account = next((found for found in accounts_named(session, code) if found.currency == currency), None)
    if account is None:
        raise AccountNotFound("Nothing was ever posted to this account in this currency.")
    return account


def _holding(session: Session, *, code: str, currency: str, at: datetime | None) -> AccountLine:
    account = _account(session, code, currency)
    held = balance(session, account) if at is None else balance_as_of(session, account, at)
    return AccountLine(code, currency, held)


def _statement(
    session: Session, *, code: str, currency: str, page: PageAsked, at: datetime
) -> dict[str, Any]:
    account = _account(session, code, currency)
    shown = onward(statement(session, account, after=page.after, limit=page.limit, at=at))
    return {
        "account": code,
        "currency": currency,
        "at": at,
        "data": shown.data,
        "next_cursor": shown.next_cursor,
    }


def _integrity(session: Session) -> dict[str, Any]:
    return {"breaches": books.verify(session), "coverage": coverage.coverage(session)}
