"""What finance types besides: `ledger income-statement | balance-sheet | close-period | reopen-period`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import click

from identity.permissions import Permission
from identity.sessions import authenticate, end_session
from identity.sign_in import sign_in
from jobs.ledger_commands import amount, ledger_commands, table
from kernel.refusals import Refusal
from kernel.time import rfc3339
from ledger import periods
from ledger.reports import balance_sheet, income_statement
from persistence.unit_of_work import atomically, examining, reading
from runtime.past import settled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kernel.money import Money
    from ledger.periods import Period
    from ledger.reports import ReportLine

# With everything below.
__all__ = ["ledger_commands"]

Result = TypeVar("Result")

_DAY = click.DateTime(["%Y-%m-%d"])
_INSTANT = click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"])
_AT = click.option("--at", type=_INSTANT, help="As recorded until this instant (UTC).")
_EMAIL = click.option("--email", required=True, help="Of the person in finance who does it.")
_PASSWORD = click.password_option(confirmation_prompt=False, help="Asked for when it is not given.")


@ledger_commands.command("income-statement")
@click.argument("period")
@_AT
def show_income_statement(period: str, at: datetime | None) -> None:
    """What was earned in the month PERIOD (such as 2026-10) and what it cost."""
    month = _refusing(lambda: periods.Month.named(period))
    instant = _refusing(lambda: settled(_aware(at)))
    click.echo(f"From {month.first} to {month.last}, as of {rfc3339(instant)}")
    for found in examining(income_statement, first=month.first, last=month.last, at=instant):
        rows = [
            *_lines(found.income),
            ("total income", *_total(found.total_income)),
            *_lines(found.expenses),
            ("total expenses", *_total(found.total_expenses)),
            ("net", *_total(found.net)),
        ]
        table(("account", "currency", "amount"), rows, right={2})


@ledger_commands.command("balance-sheet")
@click.argument("day", type=_DAY)
@_AT
def show_balance_sheet(day: datetime, at: datetime | None) -> None:
    """What there is at the end of DAY, what of it is owed, and what is ours."""
    instant = _refusing(lambda: settled(_aware(at)))
    click.echo(f"At the end of {day.date()}, as of {rfc3339(instant)}")
    for found in examining(balance_sheet, day=day.date(), at=instant):
        rows = [
            *_lines(found.assets),
            ("total assets", *_total(found.total_assets)),
            *_lines(found.liabilities),
            ("total liabilities", *_total(found.total_liabilities)),
            *_lines(found.equity),
            ("total equity", *_total(found.total_equity)),
        ]
        table(("account", "currency", "amount"), rows, right={2})


@ledger_commands.command("close-period")
@click.argument("period")
@click.option("--reason")
@_EMAIL
@_PASSWORD
def close_period(period: str, reason: str | None, email: str, password: str) -> None:
    """Close the month PERIOD: no entry counts for a day of it any more."""
    _tell(_signed_in(email, password, lambda by: _do(periods.close_period, period, by, reason)))


@ledger_commands.command("reopen-period")
@click.argument("period")
@click.option("--reason", required=True)
@_EMAIL
@_PASSWORD
def reopen_period(period: str, reason: str, email: str, password: str) -> None:
    """Open the month PERIOD again: asked for by the first who types it, and done by another one."""

    def act(by: str) -> Period:
        asked = reading(periods.period_of, period=period).state == "reopening"
        return _do(periods.reopen if asked else periods.ask_to_reopen, period, by, reason)

    _tell(_signed_in(email, password, act))


def _do(act: Callable[..., Period], period: str, by: str, reason: str | None) -> Period:
    return atomically(act, period=period, by=by, reason=reason)


def _signed_in(email: str, password: str, act: Callable[[str], Period]) -> Period:
    """What `act` does as whoever has this e-mail and password, where finance's permission is held."""
    return _refusing(lambda: _acted(email, password, act))


def _acted(email: str, password: str, act: Callable[[str], Period]) -> Period:
    signed = sign_in(email=email, password=password, address="console", user_agent="flask ledger")
    person = reading(authenticate, access_token=signed.access_token)
    try:
        if not person.may(Permission.CLOSE_PERIODS):
            raise click.ClickException("Only finance closes and opens periods.")
        return act(person.id)
    finally:
        atomically(end_session, session_id=signed.session.id, by=person)


def _refusing(act: Callable[[], Result]) -> Result:
    try:
        return act()
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None


def _tell(period: Period) -> None:
    click.echo(f"{period.period} is {period.state}.")
    for act in period.acts:
        click.echo(f"  {rfc3339(act.acted_at)}  {act.act}  {act.actor}  {act.reason or ''}".rstrip())


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None


def _lines(lines: Iterable[ReportLine]) -> list[tuple[str, str, str]]:
    return [(line.code, *_total(line.amount)) for line in lines]


def _total(money: Money) -> tuple[str, str]:
    return money.currency, amount(money) or money.decimal
