"""The five ways in which Holdfast says no; `api.errors` alone turns them into statuses."""

from __future__ import annotations

from typing import ClassVar


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A request that was understood and not carried out; the books are as they were.

    `args[0]` is one sentence for a person, `field` the input at fault, `details` further facts that are safe to show.
    """

    code: ClassVar[str]

    def __init__(self, detail: str, *, field: str | None = None, **details: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.details = details


class NotFound(Refusal):
    """There is no such thing, or it is somebody else's: the two look alike from outside."""


class Forbidden(Refusal):
    """The person may not do this."""


class Conflict(Refusal):
    """The thing is not in a state in which this can be done."""


class Invalid(Refusal):
    """The request itself is wrong; sending it again unchanged cannot help."""


class Unavailable(Refusal):
    """It could not be done now; sending it again later may help."""
