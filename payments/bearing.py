"""Who bears what a client's bank takes back: the rule, and the same in reverse when the bank gives it back."""

from __future__ import annotations

from dataclasses import dataclass, fields

from kernel.money import Money, total


@dataclass(frozen=True, slots=True)
class Shares:
    """An amount by who bears it, or what there is of a payment by where it lies.

    `held` for the milestone; `owed` to the client already, because a refund came back; `worker`, who has it or had it;
    `client_fee` and `worker_fee`, which were ours; `lost`, which nobody else bears.
    """

    held: Money
    owed: Money
    worker: Money
    client_fee: Money
    worker_fee: Money
    lost: Money

    @property
    def total(self) -> Money:
        """All of them."""
        return total([getattr(self, each.name) for each in fields(self)], self.held.currency)

    def __add__(self, other: Shares) -> Shares:
        return Shares(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __neg__(self) -> Shares:
        return Shares(*(-getattr(self, each.name) for each in fields(self)))

    @classmethod
    def none(cls, currency: str) -> Shares:
        """Nobody bears anything."""
        return cls(*[Money.zero(currency)] * len(fields(cls)))


def taken(amount: Money, *, there: Shares) -> Shares:
    """Who bears `amount`, when so much of the payment is `there`.

    What the client was owed anyway comes first. Of the rest our fee to the client goes in proportion, as with a refund.
    Then what is still held; then what was released: the worker bears what reached the wallet, we our fee on it. What
    exceeds all of that is our loss: the client has been given it before.
    """
    owed = min(amount, there.owed)
    rest = amount - owed
    released = there.worker + there.worker_fee
    client_fee = part(there.client_fee, rest, there.held + released + there.client_fee)
    price = rest - client_fee
    held = min(price, there.held)
    price -= held
    worker_fee = part(there.worker_fee, price, released)
    worker = min(price - worker_fee, there.worker)
    return Shares(held, owed, worker, client_fee, worker_fee, price - worker_fee - worker)


def given_back(amount: Money, *, borne: Shares) -> Shares:
    """Who is made whole by `amount`, when this is what each bears now.

    What the client had been given before comes back first: a bank that took it all returns that part even where it
    decides for the client. Then people, then we.
    """
    parts, left = {}, amount
    for name in ("lost", "held", "worker", "owed", "client_fee", "worker_fee"):
        parts[name] = min(left, getattr(borne, name))
        left -= parts[name]
    parts["lost"] += left
    return Shares(**parts)


def part(whole: Money, of: Money, out_of: Money) -> Money:
    """As much of `whole` as `of` is of `out_of`, and all of it with the last step."""
    if of >= out_of:
        return whole
    steps = whole.amount_minor * of.amount_minor // (out_of.amount_minor * whole.step)
    return Money(steps * whole.step, whole.currency)
