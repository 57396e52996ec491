"""How clients pay, by dice: with a card at Stripe or at Adyen, or at PayPal, where they agree and we collect."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.people import Refused
from sandbox.remote import SandboxRefusedError

if TYPE_CHECKING:
    from tests.story.life import Life

# Americans' cards go to Stripe and all others' to Adyen, while they answer.
ROUTES = "stripe card country=US; adyen card; stripe card; paypal paypal"
# PayPal knows no Kuwaiti dinars.
AT_PAYPAL = ("USD", "EUR", "JPY")
CARDS = (
    *["pm_card_visa"] * 3,
    *["pm_card_bypassPending"] * 2,
    "pm_card_refundFail",
    "pm_card_pendingRefund",
    "pm_card_chargeDeclined",
)
_AT_ADYEN: tuple[dict[str, Any], ...] = (*[{}] * 5, {"refuse": "Refused"}, {"challenge": True})
_AT_PAYPAL = (*["good"] * 5, "declined", "echeck", "denied")


class Sheet(NamedTuple):
    """What the client's app was handed to pay a milestone with, and may still have."""

    gateway: str
    milestone: str
    payment: str
    secret: str


def pay_for(life: Life, milestone: str) -> None:
    """The client pays, or begins to and goes away."""
    if life.dice.random() < 0.4:
        _begin(life, milestone, "paypal")
    elif life.dice.random() < 0.3:
        _pay_with_token(life, milestone)
    else:
        _begin(life, milestone, "card")


def pay_at(life: Life, milestone: str, method: str) -> None:
    """Pay on good days, so that money lies at the gateway afterwards."""
    sheet = _sheet(life, milestone, method)
    assert sheet is not None
    if sheet.gateway == "adyen":
        life.house.peer.adyen.pay(sheet.secret)
    elif sheet.gateway == "paypal":
        life.house.peer.paypal.approve(sheet.secret)
    else:
        life.house.peer.pay(sheet.secret)
    life.house.settle()


def use(life: Life, sheet: Sheet) -> None:
    """The client does with the sheet what the dice say; one that is used up, or over, does nothing."""
    ways = {"stripe": _use_at_stripe, "adyen": _use_at_adyen, "paypal": _use_at_paypal}
    with suppress(SandboxRefusedError):
        ways[sheet.gateway](life, sheet)


def _begin(life: Life, milestone: str, method: str) -> None:
    sheet = _sheet(life, milestone, method)
    if sheet is not None:
        life.sheets[milestone] = sheet
        if life.dice.random() < 0.85:
            use(life, sheet)


def _sheet(life: Life, milestone: str, method: str) -> Sheet | None:
    handed = life.clients[milestone].post(f"/v1/milestones/{milestone}/checkout", {"method": method})
    session = (handed["session"] or {}).get("id")
    order = (handed["approvalUrl"] or "").rpartition("=")[2]
    secret = handed["paymentIntent"] or session or order
    life.say("begin to pay for", milestone, "by", method, "at", handed["gateway"])
    return Sheet(handed["gateway"], milestone, handed["payment_id"], secret) if secret else None


def _pay_with_token(life: Life, milestone: str) -> None:
    card = life.dice.choice(CARDS)
    life.say("pay for", milestone, "with a token of", card)
    token = life.house.peer.confirmation_token(card)
    order = {"milestone_id": milestone, "confirmation_token": token}
    life.clients[milestone].post("/v1/checkout/confirm", order)


def _use_at_stripe(life: Life, sheet: Sheet) -> None:
    card = life.dice.choice(CARDS)
    life.say("pay", sheet.secret.partition("_secret")[0], "with", card)
    life.house.peer.pay(sheet.secret, card)


def _use_at_adyen(life: Life, sheet: Sheet) -> None:
    how = life.dice.choice(_AT_ADYEN)
    life.say("pay", sheet.secret, "at Adyen", how or "")
    life.house.peer.adyen.pay(sheet.secret, **how)
    if "challenge" in how and life.dice.random() < 0.8:
        life.house.peer.adyen.authenticate(sheet.secret, succeeds=life.dice.random() < 0.7)


def _use_at_paypal(life: Life, sheet: Sheet) -> None:
    instrument = life.dice.choice(_AT_PAYPAL)
    life.say("agree to", sheet.secret, "at PayPal, with what is", instrument)
    life.house.peer.paypal.approve(sheet.secret, instrument=instrument)
    # Half of them never come back to the app.
    if life.dice.random() < 0.5:
        life.say("capture", sheet.payment)
        with suppress(Refused):
            life.clients[sheet.milestone].post(f"/v1/payments/{sheet.payment}/capture")
