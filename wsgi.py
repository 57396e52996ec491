"""What a WSGI server and the `flask` command start: `flask --app wsgi …`."""

from __future__ import annotations

from api import create_app
from api.identity.commands import identity
from api.reference.commands import openapi

app = create_app()
app.cli.add_command(identity)
app.cli.add_command(openapi)
