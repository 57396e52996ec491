"""A relay and a worker that die at a named point."""

from __future__ import annotations

import os
import signal

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


def live(database_url, redis_url, clock_path, die_at):
    """Do what is due, once around."""
    unit_of_work.bind(Database.connect(database_url, offset=FileOffset(clock_path)))

    def die(stage, name):
        if f"{stage} {name}" == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    unit_of_work.observe(die)
    with queues.connect(redis_url) as redis:
        Relay(queues.queues(redis), {}, {}).turn()
        worker(redis).work(burst=True)
