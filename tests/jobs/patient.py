"""A worker whose Redis dies while it is inside a job: `python -m tests.jobs.patient`, and its environment."""

from __future__ import annotations

import os
import signal

from jobs import queues
from jobs.work import handler
from jobs.worker import work
from persistence import clock, due, unit_of_work
from persistence.engine import Database


@handler("end_redis")
def end_redis(piece):
    """Take Redis away before the worker can tell it that the job is done."""
    os.kill(int(piece.subject), signal.SIGKILL)


@handler("go_on")
def go_on(piece):
    """Do something that can be counted."""
    unit_of_work.atomically(trace, subject=piece.subject)


def trace(session, *, subject):
    """The effect."""
    due.schedule(session, kind="seen", subject=subject, due_at=clock.now(session), key=f"seen:{subject}")


def main():
    """Do what is handed over, until SIGTERM."""
    unit_of_work.bind(Database.connect(os.environ["DATABASE_URL"]))
    with queues.connect(os.environ["REDIS_URL"]) as redis:
        work(redis, burst=False)


if __name__ == "__main__":
    main()
