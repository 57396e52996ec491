"""What a WSGI server and the `flask` command start: `flask --app wsgi …`."""

from __future__ import annotations

from api import create_app
from api.identity.commands import identity
from api.processes.commands import processes
from api.reference.commands import openapi
from jobs.commands import jobs_commands, webhooks_commands
from jobs.database_commands import database_commands
from jobs.finance_commands import ledger_commands
from jobs.reconcile_commands import reconcile_commands
from runtime.settings import SettingsRefused

try:
    app = create_app()
except SettingsRefused as refused:
    # Whoever typed the command, or reads the log of the server, needs the sentence and not where it was said.
    raise SystemExit(str(refused)) from None
for commands in (
    identity,
    openapi,
    processes,
    database_commands,
    jobs_commands,
    ledger_commands,
    reconcile_commands,
    webhooks_commands,
):
    app.cli.add_command(commands)
