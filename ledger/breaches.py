"""What the checks of the books find."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing in the books that does not fit: the rule it breaks, where, and how."""

    rule: str
    subject: str
    detail: str
