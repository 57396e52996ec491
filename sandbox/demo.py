"""The people and contracts that are there when somebody looks at Holdfast for the first time."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox import place
from sandbox.people import OutsideWorld, Person, StillNot

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.stack import Stack

_FINANCE = "finance@holdfast.example"


@dataclass(frozen=True)
class Staff:
    """The login of the finance person."""

    email: str
    password: str

    def sign_in(self, web: str) -> Person:
        """The finance person, signed in."""
        return Person(web, self.email, self.password).sign_in()


def make_staff(stack: Stack) -> Staff:
    """Make the finance person, as whoever runs the service does: by command, never over HTTP."""
    staff = Staff(_FINANCE, secrets.token_urlsafe(18))
    command = [
        sys.executable, "-m", "flask", "--app", "wsgi", "identity", "create-staff",
        "--email", staff.email, "--name", "Fiona Finance", "--role", "finance",
    ]  # fmt: skip
    # The password goes over standard input, where no process list shows it.
    made = subprocess.run(  # noqa: S603 - our own command
        command, cwd=stack.root, env=dict(stack.environment), input=f"{staff.password}\n{staff.password}\n".encode(),
        capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise SystemExit(
            f"The finance login could not be made:\n{made.stderr.decode()}{made.stdout.decode()}"
        )
    return staff


def prepare(stack: Stack, logins: Path) -> None:
    """Make the demo's people and one funded milestone, and write their logins last, for the next start to find."""
    staff = make_staff(stack)
    client = Person(stack.web, "client@example.com", secrets.token_urlsafe(18))
    worker = Person(stack.web, "worker@example.com", secrets.token_urlsafe(18))
    client.register(role="client", name="Clara Client")
    worker.register(role="worker", name="Walt Worker")
    try:
        milestone = _funded_milestone(client.sign_in(), worker.sign_in(), OutsideWorld(stack.peer))
    except StillNot as late:
        stack.check()
        raise SystemExit(f"The demo could not be made: {late}. See the logs in {stack.folder}.") from None
    passwords = {person.email: person.password for person in (client, worker, staff)}
    place.write(logins, {"logins": passwords, "milestone": milestone})


def welcome(web: str, peer: str, kept: Path) -> str:
    """What to print when everything is up."""
    known = json.loads(kept.read_text())
    logins = "\n".join(f"    {email:<28}{password}" for email, password in known["logins"].items())
    milestone = f"{web}/v1/milestones/{known['milestone']}"
    worker = json.dumps({"email": "worker@example.com", "password": known["logins"]["worker@example.com"]})
    return f"""
Holdfast is running.

  API               {web}/v1        reference: {web}/docs
  Stripe's peer     {peer}

  Logins
{logins}

  Try next, in another terminal
    1. Sign in as the worker:
       sign_in() {{ curl -s {web}/v1/sessions -H 'Content-Type: application/json' -d '{worker}' |
         python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])'; }}
       TOKEN=$(sign_in)
    2. See where the money of the demo milestone is:
       curl -s {milestone}/money -H "Authorization: Bearer $TOKEN"
    3. Submit the work (the key makes sending it twice submitting it once) and let 72 hours pass:
       curl -s -X POST {milestone}/submit -H "Authorization: Bearer $TOKEN" \\
         -H 'Idempotency-Key: my-first-submission' -H 'Content-Type: application/json' -d '{{"note": "Done"}}'
       curl -s -X POST {peer}/_sandbox/clock -H 'Content-Type: application/json' -d '{{"advance_seconds": 259200}}'
    4. Sign in again, for a token lives 15 minutes. A second later, when the sweep has come by, the worker is paid:
       TOKEN=$(sign_in)
       curl -s {milestone}/money -H "Authorization: Bearer $TOKEN"
    5. Ask the books: ./run ledger verify, ./run ledger trial-balance. The whole story in one go: ./run tour

  Data and logs are in {kept.parent.name}/ (delete it to begin anew). Ctrl-C stops everything.
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
