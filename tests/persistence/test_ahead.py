"""Statements that are sent ahead are carried out in their order, and nothing after one that failed."""

from __future__ import annotations

import sys

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from persistence.ahead import sent_ahead
from persistence.tables import OutboxEvent
from persistence.unit_of_work import atomically, reading

_INSERT = "INSERT INTO outbox_events (id, name, subject, payload, occurred_at) VALUES "


def row(number, subject="ms_1"):
    return f"(x'{number:032x}', 'told', '{subject}', '{{}}', '2026-01-01 00:00:00.000000')"


def subjects():
    return reading(
        lambda session: list(session.scalars(select(OutboxEvent.subject).order_by(OutboxEvent.id)))
    )


def test_all_of_it_is_there_when_the_block_ends(database):
    def write(session):
        with sent_ahead(session.connection()) as ahead:
            for number in range(20):
                ahead.exec_driver_sql(_INSERT + row(number))
            ahead.exec_driver_sql("UPDATE outbox_events SET subject = 'ms_2'")
        return session.scalar(text("SELECT COUNT(*) FROM outbox_events WHERE subject = 'ms_2'"))

    assert atomically(write) == 20
    assert subjects() == ["ms_2"] * 20


def test_what_fails_is_raised_and_nothing_after_it_is_sent(database):
    seen = []

    def send(connection):
        with sent_ahead(connection) as ahead:
            ahead.exec_driver_sql(_INSERT + row(1, "first"))
            ahead.exec_driver_sql(_INSERT + row(1, "taken"))
            ahead.exec_driver_sql(_INSERT + row(2, "later"))

    def write(session):
        with pytest.raises(IntegrityError):
            send(session.connection())
        seen.extend(session.scalars(select(OutboxEvent.subject)))

    atomically(write)
    assert seen == ["first"]


def test_the_process_takes_its_turns_as_before(database):
    usual = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError):
        atomically(_fail_while_sending)
    assert sys.getswitchinterval() == usual


def _fail_while_sending(session):
    with sent_ahead(session.connection()) as ahead:
        ahead.exec_driver_sql(_INSERT + row(1))
        raise ZeroDivisionError
