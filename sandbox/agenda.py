"""Business that happens by itself when its time comes."""

import heapq
from collections.abc import Callable
from typing import Any

from sandbox.world import World

# Each peer names its own kinds and takes its own world.
Handler = Callable[[Any, str], None]
_HANDLERS: dict[str, Handler] = {}


def due(kind: str) -> Callable[[Handler], Handler]:
    """Name the function that does this kind of business."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[kind] = handler
        return handler

    return register


def schedule(world: World, *, at: int, kind: str, subject: str) -> None:
    """Have the business done for the subject as soon as the clock shows `at`."""
    heapq.heappush(world.data["agenda"], [at, world.serial(), kind, subject])
    world.touch()


def run_due(world: World) -> int:
    """Do, in the order of time, all that has fallen due; returns how much that was."""
    agenda, done = world.data["agenda"], 0
    while agenda and agenda[0][0] <= world.clock.now():
        at, _serial, kind, subject = heapq.heappop(agenda)
        with world.at(at):
            _HANDLERS[kind](world, subject)
        done += 1
    if done:
        world.touch()
    return done


def next_due(world: World) -> int | None:
    """When the next business falls due."""
    agenda = world.data["agenda"]
    return agenda[0][0] if agenda else None
