"""Every way that money takes, once, in a few steps; whatever goes wrong on the way, the end is always the same."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.story.agreement import check_agreement
from tests.story.plot import cast

if TYPE_CHECKING:
    from tests.story.house import House
    from tests.story.plot import Cast

# 105.00 and 63.00 were charged; Stripe kept 3.35 and 2.13; 21.00 went back, 90.00 to the bank, and 36.00 is the
# worker's to withdraw.
BOOKS = {
    "assets:gateway:stripe:available": "15.52",
    "assets:gateway:stripe:connected": "36.00",
    "expenses:gateway_fees": "5.48",
    "income:fees:client": "-7.00",
    "income:fees:worker": "-14.00",
    "liabilities:wallet": "-36.00",
}


def play(house: House) -> None:
    """Two milestones: one released by time and withdrawn, one given back in part and released for the rest."""
    people = cast(house)
    people.set_up_payouts()
    whole, parts = people.agree("100.00", "60.00")
    people.wait_for(lambda: people.worker.get("/v1/payouts/account")["can_be_paid_out"])
    people.fund(whole)
    people.fund_with_token(parts)
    people.wait_for(lambda: people.state(whole) == people.state(parts) == "funded")
    people.submit(whole)
    people.refund(parts, "20.00")
    people.release(parts)
    people.house.pass_time(hours=73)
    people.wait_for(lambda: people.wallet() == {"available": "126.00"})
    payout = people.withdraw("90.00")
    people.wait_for(lambda: people.payout(payout)["state"] == "sent")
    people.house.pass_time(hours=73)
    people.wait_for(lambda: people.payout(payout)["state"] == "paid")
    people.wait_for(lambda: people.where(parts).get("refunded") == "21.00")
    check_end(people, whole, parts)


def check_end(people: Cast, whole: str, parts: str) -> None:
    """The end: what everybody sees, what the books say, and what Stripe has."""
    # What reached the worker first is withdrawn first, and which that is hangs on what went wrong.
    assert together(people.where(whole), people.where(parts)) == {
        "bank": Decimal("90.00"),
        "wallet": Decimal("36.00"),
        "worker_fee": Decimal("14.00"),
        "client_fee": Decimal("7.00"),
        "refunded": Decimal("21.00"),
    }
    assert people.wallet() == {"available": "36.00"}
    assert people.books() == BOOKS
    check_agreement(people.house.peer)


def together(*trails: dict[str, str]) -> dict[str, Decimal]:
    """What lies in each place of all of them."""
    sums: Counter[str] = Counter()
    for trail in trails:
        sums.update({place: Decimal(amount) for place, amount in trail.items()})
    return dict(sums)
