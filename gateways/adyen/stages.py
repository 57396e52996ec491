"""What Adyen has told of a dispute, in stages: the bank's question, its chargeback, its appeal.

All of a dispute has one reference, and the date of a notification is not signed: whoever has an old one can write
another date on it. So each word that opens a stage counts once, every other word once in a stage, and always as it was
first received. That a word of an earlier stage is believed once in a later one cannot be helped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateways.adyen.lists import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from gateways.adyen.client import Json

QUESTION, CHARGEBACK, APPEAL = "question", "chargeback", "appeal"
# What is first noticed and then taken is one chargeback. Of one second, a notice comes first.
OPENING = {
    "REQUEST_FOR_INFORMATION": QUESTION,
    "NOTIFICATION_OF_CHARGEBACK": CHARGEBACK,
    # Where no notice came before (docs.adyen.com/api-explorer/Webhooks/1/post/DISPUTE_OPENED_WITH_CHARGEBACK).
    "DISPUTE_OPENED_WITH_CHARGEBACK": CHARGEBACK,
    "CHARGEBACK": CHARGEBACK,
    "PREARBITRATION_OPEN": APPEAL,
}
_ANSWER = "INFORMATION_SUPPLIED"
# Said of a dispute without changing how it stands.
IN_PASSING = ("ISSUER_COMMENTS",)


@dataclass(slots=True)
class Stage:
    """What was told from one opening word to the next; of what was told before the first of them, `kind` is None."""

    kind: str | None = None
    begins: datetime | None = None
    words: dict[str, Json] = field(default_factory=dict)

    @property
    def items(self) -> list[Json]:
        """All of it, in the order in which it happened."""
        return sorted(self.words.values(), key=_order)

    @property
    def last(self) -> Json | None:
        """What says how it stands: that a chargeback is taken after it was noticed does not make it a new one."""
        told = [item for item in self.items if item["eventCode"] not in IN_PASSING]
        since = [item for item in told if item["eventCode"] not in OPENING]
        return next(reversed(since or told), None)

    @property
    def is_defended_by_adyen(self) -> bool:
        """Whether Adyen answered by itself, out of what it knew."""
        return any(
            item.get("additionalData", {}).get("autoDefended") == "true" for item in self.words.values()
        )

    @property
    def is_answered(self) -> bool:
        """Whether somebody of ours has answered the bank."""
        return _ANSWER in self.words and not self.is_defended_by_adyen


def stages_of(told: Iterable[Json]) -> list[Stage]:
    """The stages of a dispute, first to last, out of what was told of it, first received first."""
    items = list(told)
    opening: dict[str, Json] = {}
    for item in items:
        if item["eventCode"] in OPENING:
            opening.setdefault(item["eventCode"], item)
    stages = [Stage(), *_opened(sorted(opening.values(), key=_order))]
    for item in items:
        if item["eventCode"] not in OPENING:
            at = instant(item["eventDate"])
            began = [each for each in stages if each.begins is None or each.begins <= at]
            began[-1].words.setdefault(item["eventCode"], item)
    return [each for each in stages if each.words]


def stage_at(stages: Sequence[Stage], at: datetime | None) -> Stage | None:
    """The stage that was the last one then; the last of all for None."""
    begun = [each for each in stages if at is None or each.begins is None or each.begins <= at]
    return next(reversed(begun or stages), None)


def _opened(opening: Sequence[Json]) -> list[Stage]:
    stages: dict[str, Stage] = {}
    for item in opening:
        kind = OPENING[item["eventCode"]]
        stage = stages.setdefault(kind, Stage(kind, instant(item["eventDate"])))
        stage.words[item["eventCode"]] = item
    return list(stages.values())


def _order(item: Json) -> tuple[datetime, int]:
    code, words = item["eventCode"], list(OPENING)
    return instant(item["eventDate"]), words.index(code) if code in words else len(words)
