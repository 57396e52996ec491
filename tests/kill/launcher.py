"""Starts processes of Holdfast that die where they are told to: `python -m tests.kill.launcher`.

It makes the application once, as its environment says, and forks for every process, because a hundred of them are
started. Nothing is connected before the fork. Each process is the leader of a group of its own and the real thing: the
application on a port, the relay, a worker.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path

from sqlalchemy.orm import configure_mappers

from api import create_app
from jobs import queues
from jobs.relay import Relay
from jobs.schedule import RECURRING
from jobs.subscriptions import SUBSCRIBERS
from jobs.work import handlers
from jobs.worker import worker
from persistence import unit_of_work
from runtime import wiring
from tests.drain import drain
from tests.story.house import serving

_PAUSE_SECONDS = 0.02


def main():
    """For every line that comes in, start a process or wait for its end; after the last line, end what still runs."""
    app = create_app()
    handlers()
    configure_mappers()
    children = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            children.discard(order["wait"])
            answer = {"code": os.waitstatus_to_exitcode(status)}
        else:
            answer = _start(app, order)
            children.add(answer["pid"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    for child in children:
        os.killpg(child, signal.SIGKILL)


def _start(app, order):
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _become(app, order, writing)
    os.close(writing)
    with os.fdopen(reading) as first_words:
        # Nothing, if it died before it could say where it is.
        return {"pid": child, "address": first_words.read()}


def _become(app, order, writing):
    os.setsid()
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _watch(order)
    code = 1
    try:
        _ROLES[order["role"]](app, lambda address="": _say(writing, address))
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def _say(writing, address):
    os.write(writing, address.encode())
    os.close(writing)


def _watch(order):
    passed = set()

    def observe(*point):
        if order["record"] and point not in passed:
            with Path(order["record"]).open("a") as record:
                record.write(json.dumps(point) + "\n")
        passed.add(point)
        if order["die_at"] and point == tuple(order["die_at"]):
            os.killpg(0, signal.SIGKILL)

    unit_of_work.observe(observe)


def _serve(app, started):
    with serving(app) as address:
        started(address)
        signal.pause()


def _relay(_app, started):
    with queues.connect(_redis()) as redis:
        started()
        _hand_over(redis)


def _work(_app, started):
    with queues.connect(_redis()) as redis:
        started()
        worker(redis).work(logging_level="WARNING")


def _relay_and_work(_app, started):
    with queues.connect(_redis()) as redis:
        threading.Thread(target=_hand_over, args=(redis,), daemon=True).start()
        started()
        worker(redis).work(logging_level="WARNING")


def _work_off(_app, started):
    started()
    drain(_redis())


def _hand_over(redis):
    Relay(queues.queues(redis), SUBSCRIBERS, RECURRING).run(threading.Event(), pause_seconds=_PAUSE_SECONDS)


def _redis():
    return wiring.wired().settings.REDIS_URL.get_secret_value()


_ROLES = {
    "web": _serve,
    "relay": _relay,
    "worker": _work,
    "background": _relay_and_work,
    # The same, but it ends when nothing is due.
    "burst": _work_off,
}


if __name__ == "__main__":
    main()
