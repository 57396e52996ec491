"""What banks and payers do at the three gateways, by dice: send money back, take it back, and decide about it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from kernel.money import Money
from sandbox.remote import SandboxRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.story.life import Life

Way = TypeVar("Way")
_UNDECIDED = {"warning_needs_response", "needs_response", "under_review"}
# How a dispute at Adyen may go on after each word; none is the end.
_AFTER: dict[str, tuple[str, ...]] = {
    "REQUEST_FOR_INFORMATION": ("CHARGEBACK", "DISPUTE_DEFENSE_PERIOD_ENDED"),
    "CHARGEBACK": ("CHARGEBACK_REVERSED", "DISPUTE_DEFENSE_PERIOD_ENDED"),
    "CHARGEBACK_REVERSED": ("SECOND_CHARGEBACK", "ISSUER_RESPONSE_TIMEFRAME_EXPIRED"),
    "SECOND_CHARGEBACK": ("PREARBITRATION_WON", "PREARBITRATION_LOST"),
}
_DECIDED_BY = {
    "REQUEST_FOR_INFORMATION": ("DISPUTE_DEFENSE_PERIOD_ENDED",),
    "CHARGEBACK": ("CHARGEBACK_REVERSED", "DISPUTE_DEFENSE_PERIOD_ENDED"),
}
_OUTCOMES = ("RESOLVED_BUYER_FAVOUR", "RESOLVED_SELLER_FAVOUR", "CANCELED_BY_BUYER", "ACCEPTED", "DENIED")
_HOUR = 3_600


def set_habits(life: Life) -> None:
    """How late Adyen captures, PayPal writes its list, and whether banks keep PayPal's refunds waiting."""
    life.house.peer.adyen.prices(capture_seconds=life.dice.choice([0, 0, _HOUR]))
    life.house.peer.paypal.prices(
        report_delay_seconds=life.dice.choice([0, 3 * _HOUR]), refunds_pending=life.dice.choice([0, 0, 1])
    )


def end(life: Life) -> None:
    """Every bank decides what it has not decided."""
    stripe, adyen, paypal = life.house.peer, life.house.peer.adyen, life.house.peer.paypal
    for dispute in _disputes_at_stripe(life):
        stripe.close_dispute(dispute["id"], won=life.dice.random() < 0.5)
    for dispute, word in sorted(life.disputed_at_adyen.items()):
        if word in _DECIDED_BY:
            said = life.disputed_at_adyen[dispute] = life.dice.choice(_DECIDED_BY[word])
            adyen.move_dispute(dispute, said)
    for dispute in _at_paypal(life, "dispute"):
        if dispute["status"] != "RESOLVED":
            paypal.resolve_dispute(dispute["dispute_id"], outcome=life.dice.choice(_OUTCOMES))
    paypal.prices(refunds_pending=0)
    while _pending_at_paypal(life):
        what_was_pending_is_decided(life)


def bank_returns_a_payout(life: Life) -> None:
    """The worker's bank sends a withdrawal back."""
    for payout in life.people.worker.get("/v1/payouts")["data"]:
        if payout["state"] in {"paid", "sent"} and payout["gateway_id"]:
            life.say("the bank returns", payout["id"])
            with suppress(SandboxRefusedError):
                life.house.peer.fail_payout(payout["gateway_id"])
            return


def bank_returns_a_refund(life: Life) -> None:
    """The client's bank sends a refund back, wherever it came from, before or after it was done."""
    fail = dict(_ways_to_return(life))
    for _, refund in life.all("refunds", "succeeded", "pending"):
        if refund["id"] in fail and life.dice.random() < 0.5:
            life.say("the client's bank returns", refund["id"])
            with suppress(SandboxRefusedError):
                fail[refund["id"]]()
            return


def bank_takes_a_payment_back(life: Life) -> None:
    """A client's bank takes back all or a part, or only asks; at PayPal the payer may complain as well."""
    ways = _some(life, _charges_at_stripe(life), _payments_at_adyen(life), _captures_at_paypal(life))
    if ways:
        money, take_back = life.dice.choice(ways)
        minor = life.dice.choice([money.amount_minor, life.steps(money, least=money.step)])
        take_back(minor, life.dice.random() < 0.33)


def bank_goes_on(life: Life) -> None:
    """Somebody decides about a dispute, or asks for more."""
    ways = _some(life, _decisions_at_stripe(life), _decisions_at_adyen(life), _decisions_at_paypal(life))
    if ways:
        with suppress(SandboxRefusedError):
            life.dice.choice(ways)()


def what_was_pending_is_decided(life: Life) -> None:
    """What PayPal waited for arrives, or it does not."""
    pending = _pending_at_paypal(life)
    if pending:
        thing, paypal = life.dice.choice(pending), life.house.peer.paypal
        ways: dict[str, tuple[Callable[[str], Any], ...]] = {
            "capture": (paypal.complete_capture, paypal.deny_capture),
            "refund": (paypal.complete_refund, paypal.complete_refund, paypal.fail_refund),
        }
        decide = life.dice.choice(ways[thing["object"]])
        life.say("PayPal's", decide.__name__, thing["id"])
        decide(thing["id"])


def _some(life: Life, *by_gateway: Iterator[Way]) -> list[Way]:
    """What can be done at one of the gateways at which anything can."""
    possible = [ways for each in by_gateway if (ways := list(each))]
    return life.dice.choice(possible) if possible else []


def _ways_to_return(life: Life) -> Iterator[tuple[str, Callable[[], Any]]]:
    stripe, adyen, paypal = life.house.peer, life.house.peer.adyen, life.house.peer.paypal
    for refund in _at_stripe(life, "refund"):
        ours = (refund.get("metadata") or {}).get("holdfast_id")
        yield ours, lambda refund=refund: stripe.fail_refund(refund["id"])
    for refund in _at_adyen(life, "refund"):
        yield refund["reference"], lambda refund=refund: adyen.fail_refund(refund["id"])
    for refund in _at_paypal(life, "refund"):
        if refund["status"] != "FAILED":
            yield refund["custom_id"], lambda refund=refund: paypal.fail_refund(refund["id"])


# How much can be taken back, and how: so many minor units, or only a question about them.
_TakeBack = tuple[Money, "Callable[[int, bool], None]"]


def _charges_at_stripe(life: Life) -> Iterator[_TakeBack]:
    for charge in _at_stripe(life, "charge"):
        money = Money(charge["amount"] - charge["amount_refunded"], charge["currency"].upper())
        stands = charge.get("payment_intent") and charge["status"] == "succeeded" and not charge["disputed"]
        if stands and money:

            def take_back(minor: int, inquiry: bool, of: str = charge["id"]) -> None:
                about = {"amount": minor} | ({"inquiry": True} if inquiry else {})
                life.say("the card's bank takes back", of, about)
                life.house.peer.dispute(of, **about)

            yield money, take_back


def _payments_at_adyen(life: Life) -> Iterator[_TakeBack]:
    disputed = {dispute["payment"] for dispute in _at_adyen(life, "dispute")}
    for payment in _at_adyen(life, "payment"):
        money = Money(payment["amount"]["value"] - payment["refunded"], payment["amount"]["currency"])
        if payment["state"] == "captured" and payment["id"] not in disputed and money:

            def take_back(minor: int, inquiry: bool, of: str = payment["id"]) -> None:
                life.say("the card's bank takes back at Adyen", of, minor, "asking" if inquiry else "")
                made = life.house.peer.adyen.dispute(of, amount=minor, inquiry=inquiry)
                life.disputed_at_adyen[made["id"]] = "REQUEST_FOR_INFORMATION" if inquiry else "CHARGEBACK"

            yield money, take_back


def _captures_at_paypal(life: Life) -> Iterator[_TakeBack]:
    undecided = {each["_capture"] for each in _at_paypal(life, "dispute") if each["status"] != "RESOLVED"}
    refunds = _at_paypal(life, "refund")
    for capture in _at_paypal(life, "capture"):
        money = _paypals(capture["amount"])
        for refund in refunds:
            if refund["_capture"] == capture["id"] and refund["status"] != "FAILED":
                money -= _paypals(refund["amount"])
        stands = capture["status"] in {"COMPLETED", "PARTIALLY_REFUNDED"} and capture["id"] not in undecided
        if stands and money:

            def take_back(minor: int, inquiry: bool, of: str = capture["id"]) -> None:
                stage = "INQUIRY" if inquiry else "CHARGEBACK"
                channel = life.dice.choice(["INTERNAL", "EXTERNAL"])
                life.say("the payer disputes", of, minor, stage, channel)
                life.house.peer.paypal.dispute(of, amount=minor, stage=stage, channel=channel)

            yield money, take_back


def _decisions_at_stripe(life: Life) -> Iterator[Callable[[], object]]:
    for dispute in _disputes_at_stripe(life):

        def decide(dispute: Any = dispute) -> None:
            status = life.dice.choice(["needs_response", "under_review", "won", "lost"])
            life.say("the card's bank decides", dispute["id"], status)
            if status in {"won", "lost"}:
                life.house.peer.close_dispute(dispute["id"], won=status == "won")
            elif dispute["status"] != "under_review":
                life.house.peer.move_dispute(dispute["id"], status=status)

        yield decide


def _decisions_at_adyen(life: Life) -> Iterator[Callable[[], object]]:
    for dispute, word in sorted(life.disputed_at_adyen.items()):
        if word in _AFTER:

            def decide(dispute: str = dispute, word: str = word) -> None:
                said = life.disputed_at_adyen[dispute] = life.dice.choice(_AFTER[word])
                life.say("Adyen tells of", dispute, said)
                life.house.peer.adyen.move_dispute(dispute, said)

            yield decide


def _decisions_at_paypal(life: Life) -> Iterator[Callable[[], object]]:
    for dispute in _at_paypal(life, "dispute"):
        if dispute["status"] != "RESOLVED":

            def decide(dispute: Any = dispute) -> None:
                paypal = life.house.peer.paypal
                said = life.dice.choice(["UNDER_REVIEW", "CHARGEBACK", *_OUTCOMES])
                life.say("PayPal decides", dispute["dispute_id"], said)
                if said == "UNDER_REVIEW":
                    paypal.move_dispute(dispute["dispute_id"], status=said)
                elif said == "CHARGEBACK":
                    if dispute["dispute_life_cycle_stage"] == "INQUIRY":
                        paypal.move_dispute(dispute["dispute_id"], stage=said)
                else:
                    paypal.resolve_dispute(dispute["dispute_id"], outcome=said)

            yield decide


def _disputes_at_stripe(life: Life) -> list[Any]:
    return [each for each in _at_stripe(life, "dispute") if each["status"] in _UNDECIDED]


def _pending_at_paypal(life: Life) -> list[Any]:
    return [
        each
        for kind in ("capture", "refund")
        for each in _at_paypal(life, kind)
        if each["status"] == "PENDING"
    ]


def _at_stripe(life: Life, kind: str) -> list[Any]:
    objects = life.house.peer.state()["objects"].values()
    return [thing for thing in objects if thing.get("object") == kind]


def _at_adyen(life: Life, kind: str) -> list[Any]:
    there = life.house.peer.adyen.state()
    return [there["objects"][thing] for thing in there["shelves"].get(kind, ())]


def _at_paypal(life: Life, kind: str) -> list[Any]:
    objects = life.house.peer.paypal.state()["objects"].values()
    return [thing for thing in objects if thing.get("object") == kind]


def _paypals(amount: Any) -> Money:
    return Money.parse(amount["value"], amount["currency_code"])
