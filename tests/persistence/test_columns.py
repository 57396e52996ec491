from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from kernel.ids import IdUnknown, encode, new_id
from persistence.tables import DueWork, IdempotencyKey, OutboxEvent
from persistence.unit_of_work import atomically, reading, rehearse

_LENIENT = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_LENIENT
@given(value=st.binary(min_size=16, max_size=16))
def test_an_id_comes_back_as_it_went_in_and_is_found(database, value):
    event_id = encode("ev", value)
    assert rehearse(_kept_and_read, OutboxEvent, id=event_id) == event_id


@_LENIENT
@given(
    instant=st.datetimes(
        # Hypothesis wants the bounds without a zone.
        min_value=datetime(1970, 1, 2),  # noqa: DTZ001
        max_value=datetime(9000, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30)), ZoneInfo("Asia/Tokyo")]),
    )
)
def test_an_instant_comes_back_to_the_microsecond_and_in_utc(database, instant):
    read = rehearse(_kept_and_read, OutboxEvent, occurred_at=instant)
    assert read == instant
    assert read.tzinfo is UTC


def test_both_halves_of_a_repeated_hour_are_kept_apart(database):
    new_york = ZoneInfo("America/New_York")
    first = datetime(2026, 11, 1, 1, 30, tzinfo=new_york)
    second = first.replace(fold=1)
    read = [rehearse(_kept_and_read, OutboxEvent, occurred_at=at) for at in (first, second)]
    assert read[1] - read[0] == timedelta(hours=1)


def test_no_instant_stays_no_instant(database):
    assert rehearse(_kept_and_read, OutboxEvent, told_at=None) is None


def test_an_instant_without_a_zone_is_a_bug(database):
    somewhere = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(Exception, match="an instant needs its zone"):
        rehearse(_kept_and_read, OutboxEvent, occurred_at=somewhere)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ev_",
        "ev",
        "us_06f3k00000000000000000000a",
        "ev_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "ev_06f3k0000000000000000000O0",
        "ev_06f3k00000000000000000000",
        "ev_06F3K00000000000000000000A",
        "ev_06f3k00000000000000000000a ",
        "ev_06f3k00000000000000000000ä",
    ],
)
def test_what_is_not_an_id_of_this_kind_is_simply_not_there(database, wrong):
    with pytest.raises(IdUnknown):
        reading(_event, wrong)


def test_ids_sort_as_they_were_made(database):
    early, late = (encode("ev", number.to_bytes(16, "big")) for number in (2**64, 2**127))

    def write(session):
        for event_id in (late, early):
            session.add(_row(OutboxEvent, id=event_id))
            session.flush()

    atomically(write)
    assert reading(
        lambda session: list(session.scalars(select(OutboxEvent.id).order_by(OutboxEvent.id)))
    ) == [
        early,
        late,
    ]


@_LENIENT
@given(
    payload=st.dictionaries(
        st.text(max_size=20),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**63), 2**63),
            st.text(max_size=50),
            st.lists(st.integers()),
        ),
        max_size=5,
    )
)
def test_a_structure_comes_back_as_it_went_in(database, payload):
    assert rehearse(_kept_and_read, OutboxEvent, payload=payload) == payload


def test_text_of_people_keeps_every_letter(database):
    text = "Żółw 龍 🐢 \u202e"
    assert rehearse(_kept_and_read, DueWork, last_error=text) == text


def test_bytes_come_back_as_they_went_in(database):
    every_byte = bytes(range(256))[::8]
    assert rehearse(_kept_and_read, IdempotencyKey, fingerprint=every_byte) == every_byte


def _kept_and_read(session, table, **value):
    (name,) = value
    row = _row(table, **value)
    session.add(row)
    session.flush()
    return session.execute(select(getattr(table, name)).where(table.id == row.id)).scalar_one()


def _event(session, event_id):
    return session.scalar(select(OutboxEvent).where(OutboxEvent.id == event_id))


def _row(table, **values):
    instant = datetime(2026, 11, 22, tzinfo=UTC)
    usual = {
        OutboxEvent: {
            "id": new_id("ev"),
            "name": "milestone.released",
            "subject": "ms_1",
            "payload": {},
            "occurred_at": instant,
        },
        DueWork: {
            "id": new_id("du"),
            "kind": "probe",
            "subject": "ms_1",
            "payload": {},
            "dedup_key": new_id("du"),
            "due_at": instant,
            "state": "due",
            "attempts": 0,
            "begun": 0,
            "failures": 0,
            "outages": 0,
        },
        IdempotencyKey: {
            "id": new_id("ik"),
            "owner": "us_1",
            "client_key": "key",
            "fingerprint": b"f" * 32,
            "recovery_point": "started",
            "created_at": instant,
            "expires_at": instant,
        },
    }
    return table(**{**usual[table], **values})
