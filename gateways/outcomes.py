"""What can become of an order: an answer of its own kind, or one of these."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that tells: the effect may stand. Ask before anything is sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The gateway refused and did nothing. `code` is its own; `temporary` when waiting (funds, limits) may help.

    `at_the_door` it looked at who asks and not at the order: that says nothing of the same order sent before.
    """

    code: str
    message: str
    temporary: bool = False
    at_the_door: bool = False


# A payment that nobody paid, and that the gateway has let go of: it can never be paid.
VANISHED = Rejected(
    "payment_vanished", "The payment provider has let go of this payment, since nobody paid it. Begin anew."
)


@dataclass(frozen=True, slots=True)
class Busy:
    """The gateway did nothing and asks to slow down."""

    retry_after_seconds: int


class AnswerNotUnderstood(Exception):  # noqa: N818 - it says what is the case
    """The gateway said something this adapter does not know; a person has to look, and nothing is guessed."""
