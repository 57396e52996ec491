"""One Holdfast for many deaths: people who stay, money that has settled, and a new milestone for every death."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sandbox
from runtime import wiring
from runtime.settings import Settings
from tests.clock import Clock
from tests.kill.processes import Launcher, launching
from tests.story.agreement import check_agreement
from tests.story.house import House, environment, open_house
from tests.story.plot import Cast, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


_NEWS_OF_NO_USE = (
    r"(balance|capability|charge|payment|transfer)\..*|account\.external_account\..*|payment_intent\.created"
)


@dataclass
class World:
    """Everything that runs; `sound` until a test has left it in a state that the next one should not begin with."""

    people: Cast
    launcher: Launcher
    settings: Settings
    sound: bool = True
    deaths: int = 0

    @property
    def house(self) -> House:
        """The processes that do not die."""
        return self.people.house

    @contextmanager
    def at_stake(self) -> Iterator[None]:
        """What is done inside ends with everything in agreement, or the world is not used again."""
        self.sound = False
        self.deaths += 1
        wiring.build(self.settings)
        for person in (self.people.client, self.people.worker, self.people.finance):
            # Months pass here, and a session that is never used ends.
            person.get("/v1/me")
        yield
        check_agreement(self.house.peer)
        wiring.wired().database.engine.dispose()
        self.sound = True

    def leases_run_out(self) -> None:
        """So much time passes that whatever a dead process had begun is taken up by others."""
        self.house.pass_time(seconds=61)


@contextmanager
def made(database_url: str, redis_url: str, directory: Path) -> Iterator[World]:
    """A world in this database."""
    clock = Clock(directory / "clock.json")
    peer = sandbox.start(clock_file=clock.path)
    clock.hand_to(lambda step: peer.advance(step.total_seconds()))
    told = environment(database_url, redis_url, peer, clock.path)
    with open_house(database_url, redis_url, peer, clock) as house, launching(told, directory) as launcher:
        # Each piece of news that nobody needs would be two jobs more for every death.
        peer.webhooks(drop=1.0, types=_NEWS_OF_NO_USE)
        people = cast(house)
        _give_them_money(people)
        yield World(people, launcher, Settings(**told))
    peer.close()


def _give_them_money(people: Cast) -> None:
    # The worker has something to withdraw, and Stripe enough of ours to give back from at once.
    people.set_up_payouts()
    earned, kept = people.agree("1000.00", "1000.00")
    people.fund(earned)
    people.fund(kept)
    people.release(earned)
    people.house.pass_time(hours=49)
