"""A web process that dies at a named point of taking a webhook in: `python -m tests.webhooks.mortal`."""

from __future__ import annotations

import os
import signal
import sys

from api import create_app
from persistence import unit_of_work


def main():
    """Take in what stands on standard input, signed by the header in the environment."""
    environment = os.environ

    def die(stage, name):
        if f"{stage} {name}" == environment["DIE_AT"]:
            os.kill(os.getpid(), signal.SIGKILL)

    app = create_app()
    unit_of_work.observe(die)
    headers = {"Stripe-Signature": environment["SIGNATURE"]}
    app.test_client().post("/v1/webhooks/stripe", data=sys.stdin.read(), headers=headers)


if __name__ == "__main__":
    main()
