"""What is over is dropped after three months; what somebody still waits for is kept however old it is."""

from __future__ import annotations

from sqlalchemy import select

from gateways.contract import Event, Listed, ObjectKind
from gateways.inbox import receive, settle
from gateways.tables import WebhookEvent
from jobs.work import perform
from kernel.ids import new_id
from persistence import clock as database_clock
from persistence import due, outbox
from persistence.tables import DueWork, OutboxEvent
from persistence.unit_of_work import atomically, reading


def clean_up():
    """Do the housekeeping that is due now."""

    def write(session):
        instant = database_clock.now(session)
        due.schedule(session, kind="forget_what_is_over", subject="now", due_at=instant, key=f"now:{instant}")

    atomically(write)
    for work in atomically(due.lease, limit=2000):
        if work.kind == "forget_what_is_over":
            perform(work.id)


def schedule(key, *, state):
    def write(session):
        due.schedule(session, kind="of_a_test", subject="x", due_at=database_clock.now(session), key=key)
        session.flush()
        session.scalars(select(DueWork).where(DueWork.dedup_key == key)).one().state = state

    atomically(write)


def webhook(state, kind=ObjectKind.PAYMENT):
    webhook_id = new_id("wh")

    def write(session):
        instant = database_clock.now(session)
        event = Event(f"evt_{state}_{kind}", "of_a_test", kind, "pi_1", None, instant, False)
        receive(session, gateway="stripe", told=[Listed(event, b"{}")], webhook_ids=[webhook_id])
        if state != "received":
            settle(session, webhook_id, state=state)

    atomically(write)


def keys():
    of_ours = select(DueWork.dedup_key).where(DueWork.kind == "of_a_test").order_by(DueWork.dedup_key)
    return reading(lambda session: list(session.scalars(of_ours)))


def webhooks():
    return reading(lambda session: sorted(session.scalars(select(WebhookEvent.state))))


def events():
    return reading(lambda session: sorted(session.scalars(select(OutboxEvent.name))))


def test_work_that_was_done_three_months_ago_is_dropped_and_no_other(database, clock):
    for state in ("done", "parked", "due"):
        schedule(state, state=state)
    clock.advance(days=89)
    clean_up()
    assert keys() == ["done", "due", "parked"]
    schedule("done lately", state="done")
    clock.advance(days=2)
    clean_up()
    assert keys() == ["done lately", "due", "parked"]


def test_more_than_one_batch_is_dropped_at_once(database, clock):
    def write(session):
        instant = database_clock.now(session)
        for number in range(1100):
            due.schedule(session, kind="of_a_test", subject="x", due_at=instant, key=f"old {number}")

    atomically(write)
    while some := [work for work in atomically(due.lease, limit=500) if work.kind == "of_a_test"]:
        atomically(_complete, some)
    clock.advance(days=91)
    clean_up()
    assert keys() == []


def test_events_that_were_told_three_months_ago_are_dropped_and_untold_ones_are_not(database, clock):
    atomically(outbox.publish, name="told.early", subject="x")
    atomically(outbox.fan_out, {})
    clock.advance(days=50)
    atomically(outbox.publish, name="told.late", subject="x")
    atomically(outbox.fan_out, {})
    atomically(outbox.publish, name="untold", subject="x")
    clock.advance(days=41)
    clean_up()
    assert events() == ["told.late", "untold"]
    clock.advance(days=50)
    clean_up()
    assert events() == ["untold"]


def test_webhooks_that_were_handled_three_months_ago_are_dropped_and_those_to_look_at_are_not(
    database, clock
):
    for state in ("handled", "ignored", "parked", "received"):
        webhook(state)
    clock.advance(days=89)
    clean_up()
    assert webhooks() == ["handled", "ignored", "parked", "received"]
    clock.advance(days=2)
    clean_up()
    assert webhooks() == ["parked", "received"]


def _complete(session, works):
    for work in works:
        due.complete(session, work.id)


def test_what_was_told_of_a_chargeback_is_kept_because_it_cannot_be_asked_for_everywhere(database, clock):
    webhook("handled")
    webhook("handled", ObjectKind.CHARGEBACK)
    webhook("ignored", None)
    clock.advance(days=91)
    clean_up()
    (kept,) = reading(lambda session: list(session.scalars(select(WebhookEvent.object_kind))))
    assert kept == ObjectKind.CHARGEBACK
