"""The people and contracts that are there when somebody looks at Holdfast for the first time."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.people import OutsideWorld, Person

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FINANCE = "finance@holdfast.example"


@dataclass(frozen=True)
class Staff:
    """The login of the finance person."""

    email: str
    password: str

    def sign_in(self, web: str) -> Person:
        """The finance person, signed in."""
        return Person(web, self.email, self.password).sign_in()


def make_staff(environment: Mapping[str, str], root: Path) -> Staff:
    """Make the finance person, as whoever runs the service does: by command, never over HTTP."""
    staff = Staff(_FINANCE, secrets.token_urlsafe(18))
    command = [
        sys.executable, "-m", "flask", "--app", "wsgi", "identity", "create-staff",
        "--email", staff.email, "--name", "Fiona Finance", "--role", "finance",
    ]  # fmt: skip
    # The password goes over standard input, where no process list shows it.
    made = subprocess.run(  # noqa: S603 - our own command
        command, cwd=root, env=dict(environment), input=f"{staff.password}\n{staff.password}\n".encode(),
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise SystemExit(
            f"The finance login could not be made:\n{made.stderr.decode()}{made.stdout.decode()}"
        )
    return staff


def prepare(web: str, peer: str, environment: Mapping[str, str], root: Path, kept: Path) -> None:
    """Make the demo's people and one funded milestone; a second start finds them."""
    if kept.exists():
        return
    staff = make_staff(environment, root)
    client = Person(web, "client@example.com", secrets.token_urlsafe(18))
    worker = Person(web, "worker@example.com", secrets.token_urlsafe(18))
    client.register(role="client", name="Clara Client")
    worker.register(role="worker", name="Walt Worker")
    milestone = _funded_milestone(client.sign_in(), worker.sign_in(), OutsideWorld(peer))
    kept.touch(mode=0o600)
    logins = {person.email: person.password for person in (client, worker, staff)}
    kept.write_text(json.dumps({"logins": logins, "milestone": milestone}, indent=2))


def welcome(web: str, peer: str, state: Path) -> str:
    """What to print when everything is up."""
    kept = json.loads((state / "demo.json").read_text())
    logins = "\n".join(f"    {email:<28}{password}" for email, password in kept["logins"].items())
    return f"""
Holdfast is running.

  API               {web}/v1        reference: {web}/docs
  Stripe's peer     {peer}

  Logins
{logins}

  Try next
    1. Sign in as the worker:
       curl -s {web}/v1/sessions -H 'Content-Type: application/json' \\
         -d '{{"email": "worker@example.com", "password": "{kept["logins"]["worker@example.com"]}"}}'
    2. See where the money of the demo milestone is, with the access token from 1:
       curl -s {web}/v1/milestones/{kept["milestone"]}/money -H "Authorization: Bearer $TOKEN"
    3. Submit the work, let 72 hours pass, and look again:
       curl -s -X POST {web}/v1/milestones/{kept["milestone"]}/submit -H "Authorization: Bearer $TOKEN" \\
         -H 'Content-Type: application/json' -d '{{"note": "Done"}}'
       curl -s -X POST {peer}/_sandbox/clock -H 'Content-Type: application/json' -d '{{"advance_seconds": 259200}}'
    4. The whole story in one go: ./run tour

  Data and logs are in {state.name}/ (delete it to begin anew). Ctrl-C stops everything.
"""


def _funded_milestone(client: Person, worker: Person, world: OutsideWorld) -> str:
    link = worker.post("/v1/payouts/onboarding-link")
    world.complete_onboarding(link["url"])
    offer = {
        "worker_id": worker.get("/v1/me")["id"],
        "title": "Repaint the shop front",
        "currency": "USD",
        "milestones": [{"title": "Paint", "price": {"amount": "450.00", "currency": "USD"}}],
    }
    contract = client.post("/v1/contracts", offer)
    worker.post(f"/v1/contracts/{contract['id']}/accept", version=contract["version"])
    milestone: str = contract["milestones"][0]["id"]
    checkout = client.post(f"/v1/milestones/{milestone}/checkout")
    world.pay(checkout["paymentIntent"])
    client.wait_for(f"/v1/milestones/{milestone}", lambda found: found["state"] == "funded")
    return milestone
