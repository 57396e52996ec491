"""Whether a call can have reached anybody: of one for which no connection was ever made, nothing can have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from gateways.outcomes import Rejected, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

# Turned away before anybody looked at it, so the order is as it was, and another gateway may be asked.
UNREACHABLE = Rejected(
    "unreachable", "The payment provider cannot be reached at the moment.", temporary=True, at_the_door=True
)


_NO_CONNECTION = (NewConnectionError, ConnectTimeoutError, NameResolutionError)


def without_answer(error: BaseException) -> Rejected | Unknown:
    """What a call stands for that ended with an error of the network and not with an answer.

    Only for an order, which is tried once: of several tries, the last one says nothing of those before.
    """
    if any(isinstance(each, _NO_CONNECTION) for each in _chain(error)):
        return UNREACHABLE
    return Unknown(f"no answer: {type(error.__cause__ or error).__name__}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
