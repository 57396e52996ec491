"""How an order goes to a gateway so that it is carried out at most once, whoever dies, overlaps or answers late.

An attempt has a key of its own. It was never sent, or it may be out, or it is answered; only an answered attempt is
followed by another. What answers it: its effect, found; a refusal out of the books of the gateway, heard by the one
call that was out; or a gateway that was asked, when no call could be out any more, and had never heard of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeVar

from gateways.keys import KEYS_LAST
from gateways.outcomes import Busy, Rejected, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from gateways.tables import Sent

Answer = TypeVar("Answer")

# A worker is stopped within a minute, and what it had sent has arrived or is lost long before this.
CALLS_END = timedelta(minutes=10)

_SOONEST = timedelta(seconds=5)
_LATEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One call about an order: of which attempt it is, whether it asks first, and whether it sends at all.

    `alone` is a call that begins when no other one of its attempt can still be out.
    """

    attempt: int
    number: int
    ask_first: bool
    may_send: bool
    forgotten: bool
    alone: bool
    out_since: datetime | None
    called_at: datetime | None


class Verdict(Enum):
    """What an answer that is not the effect itself says about the order."""

    # Nothing: it is not over this attempt any more.
    REPLACED = auto()
    # Nothing was done by this call; the order goes again later.
    PUT_OFF = auto()
    # Nothing was done and never will be, under any key.
    REFUSED = auto()
    # It may be out.
    UNANSWERED = auto()
    # The gateway was asked and has no such thing.
    NEVER_ARRIVED = auto()


def next_call(order: Sent, *, now: datetime, may_send: bool = True) -> Call:
    """Note, before anything is sent, that this attempt may be out from now on."""
    since, last = order.out_since, order.called_at
    # A gateway that has forgotten the key would do it again: from then on it is only asked.
    forgotten = since is not None and since + KEYS_LAST < now
    sends = may_send and not forgotten
    if sends:
        order.calls += 1
        order.out_since, order.called_at = since or now, now
    alone = last is None or last + CALLS_END <= now
    return Call(order.attempt, order.calls, since is not None, sends, forgotten, alone, since, last)


def carry_out(
    call: Call, *, find: Callable[[], Answer | None], create: Callable[[], Answer]
) -> Answer | None:
    """What the gateway says; None when it was only asked, and has no such thing."""
    known = find() if call.ask_first else None
    return known if known is not None or not call.may_send else create()


def judge(order: Sent, *, call: Call, outcome: Rejected | Busy | Unknown | None) -> Verdict:
    """What the answer to `call` means, with the order made ready to go again, under a new key where that is safe."""
    if call.attempt != order.attempt:
        return Verdict.REPLACED
    if isinstance(outcome, Unknown) or _refused_the_question(call, outcome):
        return Verdict.UNANSWERED
    # Another call may have gone out since this one began: then this answer is not the last word.
    last = call.number == order.calls
    if outcome is None:
        return _not_there(order, call, last=last)
    if isinstance(outcome, Busy) or outcome.at_the_door:
        return _turned_away(order, call, outcome, last=last)
    if not (last and call.alone):
        return Verdict.PUT_OFF if call.out_since is None else Verdict.UNANSWERED
    _renew(order)
    return Verdict.PUT_OFF if outcome.temporary else Verdict.REFUSED


def told(
    order: Sent, *, call: Call, outcome: Rejected | Busy | Unknown | None
) -> Rejected | Busy | Unknown | Verdict:
    """What to tell a person who waits for what the order makes; `NEVER_ARRIVED` when it may go again at once."""
    verdict = judge(order, call=call, outcome=outcome)
    if outcome is None and order.out_since is None:
        return Verdict.NEVER_ARRIVED
    if outcome is None or (verdict is not Verdict.PUT_OFF and verdict is not Verdict.REFUSED):
        return outcome if isinstance(outcome, Unknown) else Unknown("another call may still be out")
    return outcome


def next_try(*, now: datetime, since: datetime) -> datetime:
    """When to try again what has been tried since then: after as long again, but within the hour."""
    return now + min(max(now - since, _SOONEST), _LATEST)


def _refused_the_question(call: Call, outcome: Rejected | Busy | None) -> bool:
    # Who may only ask has sent no order, so nothing is said of one that went before.
    return isinstance(outcome, Rejected) and not (call.may_send or outcome.at_the_door)


def _not_there(order: Sent, call: Call, *, last: bool) -> Verdict:
    if call.forgotten and call.alone and last:
        _renew(order)
    return Verdict.NEVER_ARRIVED


def _turned_away(order: Sent, call: Call, outcome: Rejected | Busy, *, last: bool) -> Verdict:
    # It never came to the order or its key: what may have been out before is out as before, and nothing new is.
    order.calls_over += call.may_send
    if order.calls_over == order.calls:
        order.out_since = order.called_at = None
    elif last:
        order.out_since, order.called_at = call.out_since, call.called_at
    nothing_is_out = order.out_since is None
    for_good = isinstance(outcome, Rejected) and not outcome.temporary
    return Verdict.REFUSED if for_good and nothing_is_out else Verdict.PUT_OFF


def _renew(order: Sent) -> None:
    # A gateway repeats what it said to a key, so what it refused or never heard of goes again under a new one.
    order.attempt += 1
    order.calls_over = order.calls
    order.out_since = order.called_at = None
