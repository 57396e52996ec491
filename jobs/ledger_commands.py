"""What finance types: `flask --app wsgi ledger verify | seal | trial-balance | statement ACCOUNT | export`."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

import click

from kernel.money import Money
from kernel.refusals import Refusal
from kernel.time import rfc3339
from ledger import export, sealing
from ledger.balances import trial_balance
from ledger.coverage import coverage
from ledger.seals import Head
from ledger.statements import accounts_named, statement
from persistence.unit_of_work import atomically, examining, reading
from runtime import books
from runtime.commands import Commands
from runtime.past import settled
from runtime.wiring import wired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from click._termui_impl import ProgressBar
    from sqlalchemy.orm import Session

    from ledger.breaches import Breach
    from ledger.chart import Account
    from ledger.coverage import Coverage
    from ledger.statements import StatementLine

ledger_commands = Commands("ledger", help="The books: check them, read them, hand them over.")

_PAGE = 200


class _HeadNoted(click.ParamType[Head]):
    name = "NUMBER:HASH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        noted = re.fullmatch(r"(\d{1,18}):([0-9a-f]{64})", value, re.ASCII)
        if noted is None:
            self.fail("Write the head as `seal` and `verify` print it, such as 12:9f86d0…", param, ctx)
        return Head(int(noted[1]), bytes.fromhex(noted[2]))


@ledger_commands.command("verify")
@click.option(
    "--head", "noted", type=_HeadNoted(), help="A head that was noted earlier, which must still be there."
)
def verify(noted: Head | None) -> None:
    """Derive everything in the books again and compare; exits with 1 when something does not fit."""
    with _bar("Reading the books") as bar:
        breaches, covered, head = examining(_checked, _following(bar), noted)
    click.echo(_sealed_up_to(head))
    for line in covered:
        click.echo(_coverage(line))
    for breach in breaches:
        click.echo(f"{breach.rule}: {breach.subject}: {breach.detail}", err=True)
    if breaches:
        click.echo(f"{len(breaches)} things do not fit.", err=True)
        sys.exit(1)
    click.echo("The books are right.")


@ledger_commands.command("seal")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]),
    help="Look for entries recorded from this instant on (UTC); a week back without it.",
)
def seal(since: datetime | None) -> None:
    """Seal everything that is posted and in no seal yet, now; a job does so every few minutes."""
    while head := atomically(
        sealing.seal_stretch,
        signer=wired().sealing_key,
        reaching_back=sealing.THOROUGHLY,
        since=since.replace(tzinfo=UTC) if since else None,
    ):
        click.echo(f"Seal {head.number} is made.")
    click.echo(_sealed_up_to(reading(sealing.head)))


@ledger_commands.command("trial-balance")
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]), help="As of this instant (UTC)."
)
def show_trial_balance(at: datetime | None) -> None:
    """Every account that is not empty, with the sums of both columns."""
    try:
        instant = settled(at.replace(tzinfo=UTC)) if at else None
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    lines = examining(trial_balance, instant)
    rows = [(line.code, line.currency, amount(line.debit), amount(line.credit)) for line in lines]
    for currency in sorted({line.currency for line in lines}):
        debits = sum(line.debit.amount_minor for line in lines if line.currency == currency)
        credit = sum(line.credit.amount_minor for line in lines if line.currency == currency)
        rows.append(("total", currency, amount(Money(debits, currency)), amount(Money(credit, currency))))
    table(("account", "currency", "debit", "credit"), rows, right={2, 3})


@ledger_commands.command("statement")
@click.argument("account")
@click.option(
    "--limit", type=click.IntRange(min=0), default=50, show_default=True, help="How many lines; 0 for all."
)
def show_statement(account: str, limit: int) -> None:
    """The lines of ACCOUNT, newest first, in every currency it has."""
    shown = examining(_statements, account, limit)
    if not shown:
        raise click.ClickException(f"Nothing was ever posted to {account}.")
    for opened, lines in shown:
        click.echo(f"{opened.code} {opened.currency}")
        heads = ("recorded", "movement", "phase", "reference", "change", "balance", "held", "reason")
        table(heads, [_cells(line) for line in lines], right={4, 5, 6})


@ledger_commands.command("export")
@click.option("--format", "form", type=click.Choice(sorted(export.FORMS)), required=True)
@click.option(
    "--output",
    type=click.File("w", encoding="utf-8", lazy=False),
    default="-",
    help="A file; standard output without it.",
)
def write_export(form: str, output: TextIO) -> None:
    """Write the whole journal for hledger, beancount or a spreadsheet."""
    with _bar("Writing the journal") as bar:
        examining(_exported, form, output.write, _following(bar))


def _checked(
    session: Session, follow: Callable[[int, int], None], noted: Head | None
) -> tuple[list[Breach], list[Coverage], Head | None]:
    return books.verify(session, follow, noted=noted), coverage(session), sealing.head(session)


def _sealed_up_to(head: Head | None) -> str:
    # To be noted where nobody who can write to this database can change it: only so is a missing end seen later.
    return f"Sealed up to {head}" if head else "Nothing is sealed yet."


def _statements(session: Session, code: str, limit: int) -> list[tuple[Account, list[StatementLine]]]:
    return [(account, _lines(session, account, limit)) for account in accounts_named(session, code)]


def _lines(session: Session, account: Account, limit: int) -> list[StatementLine]:
    lines: list[StatementLine] = []
    after: str | None = None
    while not limit or len(lines) < limit:
        page = statement(
            session, account, after=after, limit=min(_PAGE, limit - len(lines)) if limit else _PAGE
        )
        lines += page.items
        after = page.next_after
        if after is None:
            break
    return lines


def _exported(
    session: Session, form: str, write: Callable[[str], object], follow: Callable[[int, int], None]
) -> None:
    for piece in export.export(session, form, follow):
        write(piece)


def _coverage(line: Coverage) -> str:
    said = f"{line.held} held for others: {line.at_gateways} at the gateways, {line.receivable} owed to us"
    return f"{said}, {line.missing} to be topped up" if line.missing else said


def _cells(line: StatementLine) -> tuple[str, ...]:
    return (
        rfc3339(line.recorded_at),
        line.movement,
        line.phase.value,
        line.reference,
        amount(line.change),
        line.after.posted.decimal,
        amount(line.after.held),
        # On one line, so that no reason can pass for a line of the statement.
        " ".join((line.reason or "").split()),
    )


def amount(money: Money) -> str:
    """An amount in a column; nothing for nothing."""
    return money.decimal if money else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[int]) -> None:
    """Rows under their heads, in columns; those named in `right` stand to the right."""
    table = [heads, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        cells = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        click.echo("  ".join(cells).rstrip())


def _bar(label: str) -> AbstractContextManager[ProgressBar[int]]:
    # On the error channel, because the other one may be a file; shown only to a person.
    return click.progressbar(length=1, label=label, file=sys.stderr)


def _following(bar: ProgressBar[int]) -> Callable[[int, int], None]:
    def follow(done: int, total: int) -> None:
        bar.length = max(total, 1)
        bar.update(done - bar.pos)

    return follow
