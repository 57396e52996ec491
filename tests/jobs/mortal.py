"""A relay and a worker that die at a named point: `python -m tests.jobs.mortal`, told the rest by its environment."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from jobs import queues
from jobs.relay import Relay
from jobs.work import handler
from jobs.worker import worker
from kernel.time import FileOffset
from persistence import clock, due, unit_of_work
from persistence.engine import Database


@handler("leave_a_trace")
def leave_a_trace(work):
    """Do something that can be counted, in a transaction of its own."""
    unit_of_work.atomically(trace, subject=work.subject)


def trace(session, *, subject):
    """The effect."""
    unit_of_work.reached("at", subject)
    due.schedule(session, kind="seen", subject=subject, due_at=clock.now(session), key=f"seen:{subject}")


def leave_all(works):
    """The same for many, in one transaction with their being done."""
    return unit_of_work.atomically(traces, works=works)


def traces(session, *, works):
    """The effects."""
    for work in works:
        trace(session, subject=work.subject)
    ids = [work.id for work in works]
    due.complete_all(session, ids)
    return ids


@handler("leave_traces", together=leave_all)
def leave_one(work):
    """What is left of many is done one by one."""
    unit_of_work.atomically(trace, subject=work.subject)


def main():
    """Do what is due, once around."""
    environment = os.environ
    offset = FileOffset(Path(environment["CLOCK_FILE"]))
    unit_of_work.bind(Database.connect(environment["DATABASE_URL"], offset=offset))

    def die(stage, name):
        if f"{stage} {name}" == environment["DIE_AT"]:
            os.kill(os.getpid(), signal.SIGKILL)

    unit_of_work.observe(die)
    with queues.connect(environment["REDIS_URL"]) as redis:
        Relay(queues.queues(redis), {}, {}).turn()
        worker(redis).work(burst=True)


if __name__ == "__main__":
    main()
