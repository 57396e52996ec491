"""A process as a table: which act leads from which state to which, by whom, and what is told afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an act leads, the event it publishes, who may do it, and by when in words where time matters."""

    to: str
    event: str
    by: tuple[str, ...]
    deadline: str | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """All states and acts of one kind of thing. `terminal` states hold no money."""

    name: str
    initial: str
    terminal: frozenset[str]
    table: Mapping[tuple[str, str], Transition]

    def step(self, state: str, act: str) -> Transition | None:
        """What `act` does in `state`; None when it cannot be done there."""
        return self.table.get((state, act))

    def acts(self, state: str) -> tuple[str, ...]:
        """What can be done in `state`."""
        return tuple(act for start, act in self.table if start == state)

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order in which the table names them."""
        named = [self.initial]
        for (start, _), transition in self.table.items():
            named += [start, transition.to]
        return tuple(dict.fromkeys(named))

    def mermaid(self) -> str:
        """The state diagram, as the documentation draws it."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        lines += [
            f"    {start} --> {step.to}: {act} ({', '.join(step.by)})"
            for (start, act), step in self.table.items()
        ]
        lines += [f"    {state} --> [*]" for state in self.states if state in self.terminal]
        return "\n".join(lines)
