"""What a gateway says moved on a balance: ours, or that of one worker's account there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class LineKind(StrEnum):
    """What a line is about. What moved and what undid it later are one kind: together they are what stands."""

    CHARGE = "charge"
    REFUND = "refund"
    # Money out of our balance into a worker's account, and the same money as it arrives there.
    TRANSFER = "transfer"
    ARRIVAL = "arrival"
    PAYOUT = "payout"
    DISPUTE = "dispute"
    # What the gateway takes for itself by a line of its own; nothing of ours ever orders it.
    FEE = "fee"
    TOPUP = "topup"
    RESERVE = "reserve"
    # Known to the gateway's customers, and no business of ours.
    OTHER = "other"
    # A word that this version does not know.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class BalanceLine:
    """One line: `gross` less `fee` is `net`, in the smallest unit of `currency`, which need not be one of ours.

    `our_id` is what we ordered it as, where the gateway says so. What came of something else of ours (an arrival of its
    transfer, what was taken back of a transfer) names that, by the gateway's id, as `transfer`.
    """

    line_id: str
    kind: LineKind
    type: str
    gross_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    created_at: datetime
    available_on: datetime
    source: str | None
    our_id: str | None
    transfer: str | None


@dataclass(frozen=True, slots=True)
class LinesPage:
    """Some lines, newest first; `after` is where the next page begins, None where this was the last.

    A gateway that writes its list later than things happen says until when it is written.
    """

    lines: tuple[BalanceLine, ...]
    after: str | None
    written_until: datetime | None = None
