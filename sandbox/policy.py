"""How badly the road between a gateway and the service behaves."""

import random
import re
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass
class Policy:
    """The chance of each misfortune, decided by seeded dice so that a run can be repeated."""

    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    delay_seconds: float = 30.0
    reorder: float = 0.0
    hold: bool = False
    types: str = ".*"
    seed: int = 0
    dice: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311 - faults must repeat, not surprise

    def strikes(self, chance: float, event: Json) -> bool:
        """Whether this misfortune befalls the event."""
        return self.dice.random() < chance and re.fullmatch(self.types, event["type"]) is not None
