"""The rules by which orders go to a gateway, against every mixture of deaths, overlaps, answers and waits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateways import orders
from gateways.keys import attempt_key
from gateways.orders import Verdict
from gateways.outcomes import Busy, Rejected, Unknown

_START = datetime(2026, 11, 2, 9, tzinfo=UTC)
_A_DAY = timedelta(days=1)
# What a worker has sent arrives within this, or never.
_ON_THE_WAY = timedelta(minutes=2)
# Until then its lists may not show what it has just made.
_LISTED_AFTER = timedelta(minutes=1)

_LATER = Rejected("balance_insufficient", "Not now.", temporary=True)
_NEVER = Rejected("account_closed", "No.")
_KEY_REFUSED = Rejected("credentials_refused", "Not available.", temporary=True, at_the_door=True)
_LEFT_US = Rejected("account_invalid", "No.", at_the_door=True)

# What the gateway is like: what it does with an order whose key is new to it, and what it says.
_CARRIES_OUT = "carries out"
_BREAKS_AFTER = "carries out and breaks"
_BREAKS = "breaks"
# Refused before it was looked into: nothing is kept under the key.
_UNREAD_LATER = Rejected("lock_timeout", "Not now.", temporary=True)
_UNREAD_NEVER = Rejected("parameter_invalid", "No.")
_UNREAD = (_UNREAD_LATER, _UNREAD_NEVER)
_MOODS = [
    _CARRIES_OUT,
    _BREAKS_AFTER,
    _BREAKS,
    _LATER,
    _NEVER,
    *_UNREAD,
    _KEY_REFUSED,
    _LEFT_US,
    Busy(2),
]
_BROKEN = Unknown("status 500")


@dataclass
class Row:
    """The order as it is kept; `ended` once it is booked or failed."""

    attempt: int = 1
    calls: int = 0
    calls_over: int = 0
    out_since: datetime | None = None
    called_at: datetime | None = None
    ended: str | None = None


@dataclass
class Peer:
    """A gateway that keeps what it said to a key for a day, and counts what it did."""

    mood: object = _CARRIES_OUT
    effects: int = 0
    done_at: datetime | None = None
    said: dict[str, tuple[datetime, object]] = field(default_factory=dict)

    def hear(self, key, now):
        if isinstance(self.mood, Busy) or getattr(self.mood, "at_the_door", False):
            return self.mood
        at, answer = self.said.get(key, (_START, None))
        if answer is None or at + _A_DAY <= now:
            answer = self._decide(now)
            if answer not in _UNREAD:
                self.said[key] = (now, answer)
        return answer

    def _decide(self, now):
        if self.mood in (_CARRIES_OUT, _BREAKS_AFTER):
            self.effects, self.done_at = self.effects + 1, now
            return "done" if self.mood == _CARRIES_OUT else _BROKEN
        return _BROKEN if self.mood == _BREAKS else self.mood

    def find(self, now):
        return "done" if self.done_at is not None and self.done_at + _LISTED_AFTER <= now else None


@dataclass
class Worker:
    """Somebody who does the work: what they are to do, since when, and what they have heard."""

    call: orders.Call
    since: datetime
    asked: bool = False
    answer: object = "nothing"


class House:
    """An order, a gateway and any number of workers."""

    def __init__(self):
        self.now = _START
        self.row, self.peer, self.workers = Row(), Peer(), []

    def begin(self):
        worker = Worker(orders.next_call(self.row, now=self.now), self.now)
        self.workers.append(worker)
        return worker

    def go_on(self, worker):
        """The next thing the worker sends arrives: first the question, if there is one, then the order."""
        call, worker.asked = replace(worker.call, ask_first=worker.call.ask_first and not worker.asked), True
        only_asks = replace(call, may_send=False)
        if call.ask_first and call.may_send:
            known = orders.carry_out(only_asks, find=self._find, create=self._send(worker))
            worker.answer = known or "nothing"
        else:
            worker.answer = orders.carry_out(call, find=self._find, create=self._send(worker))

    def reach(self, worker):
        while worker.answer == "nothing":
            self.go_on(worker)

    def _find(self):
        return self.peer.find(self.now)

    def _send(self, worker):
        return lambda: self.peer.hear(attempt_key("tr_1", worker.call.attempt), self.now)

    def record(self, worker, answer=...):
        self.workers.remove(worker)
        answer = worker.answer if answer is ... else answer
        if answer == "done":
            self.row.ended = "booked"
        elif self.row.ended is None:
            verdict = orders.judge(self.row, call=worker.call, outcome=answer)
            if verdict is Verdict.REFUSED:
                self.row.ended = "failed"

    def wait(self, distance):
        self.now += distance
        # Whoever has not sent by now has been stopped.
        self.workers = [
            worker
            for worker in self.workers
            if worker.since + _ON_THE_WAY >= self.now or worker.answer != "nothing"
        ]

    def check(self):
        assert self.peer.effects <= 1
        if self.row.ended == "failed":
            assert self.peer.effects == 0
        if self.row.ended is None and self.row.out_since is None:
            # Then another gateway may be asked.
            assert self.peer.effects == 0
            assert not any(self._may_still_send(worker) for worker in self.workers)

    def _may_still_send(self, worker):
        return worker.answer == "nothing" and worker.call.attempt == self.row.attempt

    def finish(self):
        """The gateway is well again, and somebody works on it every hour."""
        self.peer.mood = _CARRIES_OUT
        for _ in range(60):
            self.wait(timedelta(hours=1))
            if self.row.ended is not None:
                break
            worker = self.begin()
            self.reach(worker)
            self.record(worker)
            self.check()
        assert (self.row.ended, self.peer.effects) in {("booked", 1), ("failed", 0)}


class Sending(RuleBasedStateMachine):
    """Anything may happen next."""

    def __init__(self):
        super().__init__()
        self.house = House()

    @precondition(lambda self: self.house.row.ended is None and len(self.house.workers) < 4)
    @rule()
    def somebody_begins(self):
        self.house.begin()

    @precondition(lambda self: any(worker.answer == "nothing" for worker in self.house.workers))
    @rule(pick=st.integers(0, 3))
    def a_call_arrives(self, pick):
        waiting = [worker for worker in self.house.workers if worker.answer == "nothing"]
        self.house.go_on(waiting[pick % len(waiting)])

    @precondition(lambda self: any(worker.answer != "nothing" for worker in self.house.workers))
    @rule(pick=st.integers(0, 3), lost=st.booleans())
    def an_answer_is_written_down(self, pick, lost):
        answered = [worker for worker in self.house.workers if worker.answer != "nothing"]
        worker = answered[pick % len(answered)]
        self.house.record(worker, Unknown("no answer") if lost else worker.answer)

    @precondition(lambda self: self.house.workers)
    @rule(pick=st.integers(0, 3))
    def a_worker_dies(self, pick):
        self.house.workers.pop(pick % len(self.house.workers))

    @rule(mood=st.sampled_from(_MOODS))
    def the_gateway_changes(self, mood):
        self.house.peer.mood = mood

    @rule(minutes=st.sampled_from([1, 1, 3, 9, 11, 60, 22 * 60, 23 * 60, 25 * 60]))
    def time_passes(self, minutes):
        self.house.wait(timedelta(minutes=minutes))

    @invariant()
    def the_money_moves_at_most_once(self):
        self.house.check()

    def teardown(self):
        for worker in list(self.house.workers):
            if worker.answer != "nothing":
                self.house.record(worker)
        self.house.workers.clear()
        self.house.finish()


TestSending = Sending.TestCase
TestSending.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)

_ENDS = (
    "dies before",
    "dies after",
    "loses the answer",
    "writes it down",
    "writes it down late",
    "arrives late",
)
_GAPS = tuple(timedelta(minutes=minutes) for minutes in (0, 11, 24 * 60))


@pytest.mark.parametrize("first", _MOODS, ids=str)
def test_every_pair_of_tries_in_every_weather_moves_the_money_at_most_once(first):
    for second, gap, then, one, two in product(_MOODS, _GAPS, _GAPS, _ENDS, _ENDS):
        house, late = House(), []
        for mood, end, pause in (
            (first, one, gap),
            (second, two, then),
            (_CARRIES_OUT, "writes it down", gap),
        ):
            house.peer.mood = mood
            if house.row.ended is None:
                _try(house, end, late)
            house.wait(pause)
        for worker in late:
            if worker in house.workers:
                house.reach(worker)
                house.record(worker)
                house.check()
        house.finish()


def _try(house, end, late):
    worker = house.begin()
    if end == "arrives late":
        late.append(worker)
        return
    if end != "dies before":
        house.reach(worker)
        house.check()
    if end.startswith("dies"):
        house.workers.remove(worker)
    elif end == "writes it down late":
        late.append(worker)
    else:
        house.record(worker, Unknown("no answer") if end == "loses the answer" else worker.answer)
    house.check()


def _row(*calls):
    """An order of which these calls were made, and what was answered to each: (minutes since the first, answer)."""
    row = Row()
    for minutes, answer in calls:
        call = orders.next_call(row, now=_START + timedelta(minutes=minutes))
        orders.judge(row, call=call, outcome=answer)
    return row


def _begin(row, **later):
    return orders.next_call(row, now=_START + timedelta(**later))


def test_a_key_is_as_old_as_the_first_call_that_may_be_out():
    row = _row((0, _BROKEN), (60, _BROKEN), (22 * 60, _BROKEN))
    assert _begin(row, hours=23).may_send
    assert not _begin(row, hours=23, minutes=1).may_send


def test_a_gateway_that_has_forgotten_is_believed_only_when_no_call_can_be_out():
    row = _row((0, _BROKEN), (23 * 60, _BROKEN))
    soon = _begin(row, hours=23, minutes=9)
    assert orders.judge(row, call=soon, outcome=None) is Verdict.NEVER_ARRIVED
    assert (row.attempt, _begin(row, hours=23, minutes=9).may_send) == (1, False)
    later = _begin(row, hours=23, minutes=10)
    assert orders.judge(row, call=later, outcome=None) is Verdict.NEVER_ARRIVED
    assert (row.attempt, _begin(row, hours=23, minutes=10).may_send) == (2, True)


@pytest.mark.parametrize("answer", [_KEY_REFUSED, Busy(2)], ids=["key refused", "slow down"])
def test_who_is_turned_away_at_the_door_changes_nothing(answer):
    untouched, out = _row((0, answer)), _row((0, _BROKEN), (60, answer))
    assert (untouched.attempt, untouched.out_since, untouched.called_at) == (1, None, None)
    assert (out.attempt, out.out_since, out.called_at) == (1, _START, _START)


@pytest.mark.parametrize("answers", [(0, 1), (1, 0)], ids=["first first", "last first"])
def test_of_calls_that_were_all_turned_away_at_once_nothing_is_out(answers):
    row = Row()
    calls = [_begin(row), _begin(row, minutes=1)]
    one, other = (calls[number] for number in answers)
    orders.judge(row, call=one, outcome=Busy(2))
    assert row.out_since == _START
    orders.judge(row, call=other, outcome=_KEY_REFUSED)
    assert (row.attempt, row.out_since, row.called_at) == (1, None, None)
    assert not _begin(row, hours=1).ask_first


def test_of_calls_of_which_one_was_not_turned_away_that_one_is_out():
    row = _row((0, _BROKEN))
    calls = [_begin(row, minutes=1), _begin(row, minutes=2)]
    for call in calls:
        orders.judge(row, call=call, outcome=Busy(2))
    assert (row.attempt, row.out_since) == (1, _START)


def test_an_account_that_has_left_fails_what_was_never_sent_and_nothing_that_may_be_out():
    row = Row()
    assert orders.judge(row, call=_begin(row), outcome=_LEFT_US) is Verdict.REFUSED
    row = _row((0, _BROKEN))
    assert orders.judge(row, call=_begin(row, hours=1), outcome=_LEFT_US) is Verdict.PUT_OFF


@pytest.mark.parametrize("late", [_LATER, _NEVER, _BROKEN, Busy(2), None], ids=str)
def test_an_answer_to_an_earlier_attempt_says_nothing_of_this_one(late):
    row = Row()
    first = _begin(row)
    orders.judge(row, call=first, outcome=_LATER)
    _begin(row, minutes=1)
    before = replace(row)
    assert orders.judge(row, call=first, outcome=late) is Verdict.REPLACED
    assert row == before


def test_what_may_not_be_sent_is_asked_about_and_leaves_no_trace():
    row = _row((0, _BROKEN))
    before = replace(row)
    call = orders.next_call(row, now=_START + timedelta(hours=1), may_send=False)
    asked = orders.carry_out(call, find=lambda: "done", create=lambda: pytest.fail("it was sent"))
    assert (asked, row) == ("done", before)


def test_who_may_only_ask_and_is_refused_has_learnt_nothing_of_the_order():
    row = _row((0, _BROKEN))
    before = replace(row)
    asked = _begin(row, hours=96)
    assert orders.judge(row, call=asked, outcome=_NEVER) is Verdict.UNANSWERED
    assert row == before
