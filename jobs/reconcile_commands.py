"""What finance types: `flask --app wsgi reconcile run | report | replay`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from jobs.ledger_commands import table
from jobs.reconciling import begin, carry_on
from kernel.money import EXPONENTS, Money
from kernel.refusals import Refusal
from kernel.time import rfc3339
from persistence.unit_of_work import examining, reading
from reconciliation import reports, runs, solvency
from runtime.commands import Commands

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from reconciliation.reports import ReportView
    from reconciliation.runs import RunView

reconcile_commands = Commands("reconcile", help="What gateways say happened, beside the books.")

_RUN = click.argument("run_id", required=False)
_STEPS = len(runs.STATES) - 1


@reconcile_commands.command("run")
@click.option("--gateway", default="stripe", show_default=True)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="The day to report (UTC); today without it.")
def run_now(gateway: str, day: datetime | None) -> None:
    """Reconcile a gateway now, or go on with the run that is under way."""
    try:
        run = begin(gateway, by="command", day=day.date() if day else None)
        with click.progressbar(length=_STEPS, label="Reconciling", file=sys.stderr) as bar:

            def told(state: str, done: int) -> None:
                bar.label = f"{state.capitalize()}, {done} steps"
                bar.update(runs.STATES.index(state) - bar.pos)

            carry_on(run.id, told=told)
            bar.update(_STEPS - bar.pos)
    except Refusal as refusal:
        again = "Nothing is lost: type it again, and it goes on where it stopped."
        raise click.ClickException(f"{refusal.detail} {again}") from None
    _show(reading(runs.run_of, run_id=run.id))


@reconcile_commands.command("report")
@_RUN
@click.option("--gateway", default="stripe", show_default=True, help="Whose last run, where none is named.")
@click.option("--json", "as_json", is_flag=True, help="As it is kept.")
def report(run_id: str | None, gateway: str, as_json: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Show what the run RUN_ID reported, or the last one that is done."""
    run = _run(run_id, gateway)
    if as_json:
        kept = reading(reports.reports_of, run_id=run.id)
        click.echo(json.dumps({each.currency: each.said for each in kept}, indent=2, sort_keys=True))
        return
    _show(run)


@reconcile_commands.command("replay")
@_RUN
@click.option("--gateway", default="stripe", show_default=True, help="Whose last run, where none is named.")
def replay(run_id: str | None, gateway: str) -> None:
    """Make the reports of a run again, as of then, and compare; exits with 1 when one is not the same."""
    run = _run(run_id, gateway)
    kept = reading(reports.reports_of, run_id=run.id)
    with click.progressbar(kept, label="Making them again", file=sys.stderr) as each_of:
        differing = [
            each.currency for each in each_of if examining(reports.made_again, report=each) != each.said
        ]
    if differing:
        click.echo(
            f"Not the same in {', '.join(differing)}. Run `ledger verify` before anything else.", err=True
        )
        sys.exit(1)
    click.echo(f"{len(kept)} reports of {run.id} are the same as when they were made.")


def _run(run_id: str | None, gateway: str) -> RunView:
    try:
        run = reading(runs.run_of, run_id=run_id) if run_id else reading(_last_done, gateway=gateway)
    except Refusal as refusal:
        raise click.ClickException(refusal.detail) from None
    if run is None:
        raise click.ClickException(f"No run of {gateway} is done yet. Type `reconcile run` first.")
    return run


def _last_done(session: Session, *, gateway: str) -> RunView | None:
    found = runs.runs(session, after=None, limit=20, gateway=gateway)
    return next((run for run in found if run.state == "done"), None)


def _show(run: RunView) -> None:
    click.echo(f"{run.id} of {run.gateway}, for {run.day}: {run.state}, {run.lines} new lines")
    for kept in reading(reports.reports_of, run_id=run.id):
        click.echo(f"\n{kept.currency}, as known at {rfc3339(kept.known_at)}")
        table(("", "kind", "whose", "lines", "net"), _rows(kept), right={3, 4})
        for of_kind in kept.said["breaks"]:
            click.echo(
                f"{of_kind['breaks']} {of_kind['kind']}, {_said(of_kind['difference'], kept.currency)} together,"
                f" the oldest {of_kind['oldest_hours']} hours old"
            )
        if not kept.said["breaks"]:
            click.echo("No breaks are open.")
        _show_solvency(kept)


def _rows(kept: ReportView) -> list[tuple[str, ...]]:
    def one(name: str) -> tuple[str, ...]:
        return (name.replace("_", " "), "", "", "", _said(kept.said[name], kept.currency))

    moved = [
        (line["type"], line["kind"], line["whose"], str(line["lines"]), _said(line["net"], kept.currency))
        for line in kept.said["movements"]
    ]
    return [one("opening"), *moved, one("closing"), one("books"), one("difference")]


def _show_solvency(kept: ReportView) -> None:
    for stated in reading(solvency.statements_of, run_id=kept.run_id):
        if stated.currency == kept.currency:
            held, there = (
                _said(int(stated.stated[f"{name}_minor"]), kept.currency) for name in ("held", "there")
            )
            click.echo(f"Held for others {held}, there {there}: {stated.state} (statement {stated.number})")


def _said(minor: Any, currency: str) -> str:  # noqa: ANN401 - a number of a kept report
    return Money(minor, currency).decimal if currency in EXPONENTS else f"{minor} in its smallest unit"
