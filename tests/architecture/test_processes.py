"""The drawn state machines are the tables that run the code, and the tables are sound."""

from __future__ import annotations

import pytest

from api.processes.commands import PAGE, drawn
from api.processes.routes import PROCESSES


def test_the_drawn_processes_are_the_present_ones():
    assert PAGE.read_text(encoding="utf-8") == drawn(), "run `flask --app wsgi processes draw`"


@pytest.mark.parametrize("name", PROCESSES)
def test_every_state_can_be_reached_and_left_or_is_terminal(name):
    process = PROCESSES[name]
    reached, todo = set(), [process.initial]
    while todo:
        state = todo.pop()
        reached.add(state)
        todo += [
            step.to for (start, _), step in process.table.items() if start == state and step.to not in reached
        ]
    assert reached == set(process.states)
    assert {state for state in process.states if not process.acts(state)} <= process.terminal


@pytest.mark.parametrize("name", PROCESSES)
def test_the_events_of_a_process_are_named_after_a_thing_and_what_happened(name):
    assert all(
        len(step.event.split(".")) == 2 and all(step.event.split("."))
        for step in PROCESSES[name].table.values()
    )
