"""What the app's PaymentSheet and CustomerSheet ask for. Secrets pass through to the device and stay nowhere."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.idempotency import begun_once, idempotent, naturally_idempotent
from api.payments import schemas as bodies
from api.preview import foreseen, is_preview, previewable
from escrow import acts, funding, queries
from gateways.contract import PaymentState
from gateways.orders import Verdict
from identity.accounts import account
from identity.permissions import Permission
from kernel.ids import new_id
from kernel.money import EXPONENTS
from payments import cards, customers
from payments.answers import GatewayRefused, GatewayUnavailable, found
from payments.collecting import GatewayDisagrees, PaymentNotFound
from payments.queries import payment
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import taking_cards, wired

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy.orm import Session

    from gateways.contract import PaymentFound, TakesCards
    from payments.customers import CustomerView
    from payments.views import PaymentView

blueprint = Blueprint("payments", __name__, description="Paying in: payment sheets and saved cards.")

# Cards are taken by one gateway; others come with their own sheets.
_CARDS = "stripe"
_COLLECTS = (funding.PaymentGivenUp, GatewayDisagrees)
_ASKS_THE_GATEWAY = (GatewayRefused, GatewayUnavailable)
_NOTHING_IS_KEPT = "It hands out a short-lived secret and changes nothing that is kept."


@blueprint.get("/payments/config")
@requires(Permission.MANAGE_CARDS)
@blueprint.response(200, bodies.PaymentsConfigSchema)
def get_payments_config() -> dict[str, Any]:
    """What the app needs before it can show a sheet."""
    settings, known = wired().settings, _cards().client_settings()
    return {
        "gateway": _CARDS,
        "publishable_key": known["publishable_key"],
        "api_version": known["api_version"],
        "merchant_display_name": settings.MERCHANT_NAME,
        "merchant_country_code": settings.MERCHANT_COUNTRY,
        "currencies": list(EXPONENTS),
    }


@blueprint.post("/milestones/<milestone_id>/checkout")
@requires(Permission.FUND_MILESTONE)
@idempotent
@previewable
@blueprint.arguments(bodies.CheckoutOrderSchema)
@blueprint.response(200, bodies.CheckoutSchema)
@leads_to("getPayment", payment_id="$response.body#/payment_id")
@refuses(acts.MilestoneNotFound, acts.NotYourAct, acts.ActNotPossible, *_COLLECTS, *_ASKS_THE_GATEWAY)
def begin_checkout(order: dict[str, Any], milestone_id: str) -> Any:  # noqa: ANN401 - a sheet, or its preview
    """Begin, or go on, to pay for a milestone; the amount is the milestone's, never the app's."""
    if is_preview():
        asked = {"milestone_id": milestone_id, "payment_id": new_id("py"), "gateway": _CARDS, "by": actor()}
        return foreseen(_foresee, save_card=order["save_card"], **asked)
    return _sheet(milestone_id, save_card=order["save_card"], confirmation_token=None)


@blueprint.post("/checkout/confirm")
@requires(Permission.FUND_MILESTONE)
@idempotent
@blueprint.arguments(bodies.DeferredCheckoutSchema)
@blueprint.response(200, bodies.CheckoutSchema)
@leads_to("getPayment", payment_id="$response.body#/payment_id")
@refuses(acts.MilestoneNotFound, acts.NotYourAct, acts.ActNotPossible, *_COLLECTS, *_ASKS_THE_GATEWAY)
def confirm_checkout(order: dict[str, Any]) -> dict[str, Any]:
    """Pay with a confirmation token made on the device; after a card that was declined, with that of another.

    The client secret is for the next action, if there is one.
    """
    return _sheet(
        order["milestone_id"], save_card=order["save_card"], confirmation_token=order["confirmation_token"]
    )


@blueprint.post("/milestones/<milestone_id>/give-up-funding")
@requires(Permission.FUND_MILESTONE)
@idempotent
@previewable
@blueprint.response(200, bodies.PaymentSchema)
@refuses(acts.MilestoneNotFound, acts.NotYourAct, acts.ActNotPossible, GatewayDisagrees, *_ASKS_THE_GATEWAY)
def give_up_funding(milestone_id: str) -> PaymentView | Response:
    """Stop paying; a payment that succeeds meanwhile funds the milestone all the same, and can be refunded."""
    if is_preview():
        return foreseen(funding.foresee_giving_up, milestone_id=milestone_id, by=actor())
    payment_id = begun_once(funding.payment_to_cancel, milestone_id=milestone_id, by=actor())
    outcome = staged(
        begin=funding.checkout_to_stop,
        call=partial(funding.stop_collecting, _cards()),
        record=funding.record_collected,
        payment_id=payment_id,
    )
    if outcome is not None:
        found(outcome)
    return reading(payment, payment_id=payment_id, by=actor())


@blueprint.get("/payments/<payment_id>")
@requires(Permission.VIEW_PAYMENTS)
@blueprint.response(200, bodies.PaymentSchema)
@refuses(PaymentNotFound)
def get_payment(payment_id: str) -> PaymentView:
    """How a payment is, after the app came back from a redirect; ask again until it is decided."""
    return reading(payment, payment_id=payment_id, by=actor())


@blueprint.post("/wallet/customer-session")
@requires(Permission.MANAGE_CARDS)
@naturally_idempotent(_NOTHING_IS_KEPT)
@blueprint.response(200, bodies.CustomerSessionSchema)
@refuses(*_ASKS_THE_GATEWAY)
def create_customer_session() -> dict[str, Any]:
    """What CustomerSheet takes to show and manage saved cards."""
    customer = _customer()
    secret = found(_cards().customer_session(_id(customer), component="customer_sheet"))
    return {
        "customer": customer.gateway_id,
        "customer_session_client_secret": secret.value,
        "expires_at": secret.expires_at,
    }


@blueprint.post("/wallet/setup-intent")
@requires(Permission.MANAGE_CARDS)
@idempotent
@blueprint.response(200, bodies.SetupIntentSchema)
@refuses(*_ASKS_THE_GATEWAY)
def create_setup_intent() -> dict[str, Any]:
    """Begin to save a card without paying."""
    customer = _customer()
    # Each key of the client's makes one; the gateway sees an id of ours that the key always leads to.
    setup_id = begun_once(cards.begin_setup, setup_id=new_id("su"), user_id=actor().id)
    setup = found(_cards().create_setup(_id(customer), key=setup_id))
    return {"setup_intent": setup.client_secret.value, "customer": customer.gateway_id}


@blueprint.post("/wallet/ephemeral-key")
@requires(Permission.MANAGE_CARDS)
@naturally_idempotent(_NOTHING_IS_KEPT)
@blueprint.arguments(bodies.EphemeralKeyOrderSchema)
@blueprint.response(200, bodies.EphemeralKeySchema)
@refuses(*_ASKS_THE_GATEWAY)
def create_ephemeral_key(order: dict[str, str]) -> dict[str, Any]:
    """What older apps take in place of a customer session, in the API version of their own SDK."""
    customer = _customer()
    secret = found(_cards().ephemeral_key(_id(customer), api_version=order["api_version"]))
    return {"customer": customer.gateway_id, "ephemeral_key": secret.value}


@blueprint.get("/wallet/payment-methods")
@requires(Permission.MANAGE_CARDS)
@blueprint.response(200, bodies.CardsSchema)
@leads_to("setDefaultCard", "deleteCard", card_id="$response.body#/items/0/id")
@refuses(*_ASKS_THE_GATEWAY)
def list_cards() -> dict[str, Any]:
    """Your saved cards, as far as anyone may know them."""
    try:
        customer = reading(customers.customer_of, user_id=actor().id, gateway=_CARDS)
    except customers.NoCardsYet:
        return {"items": []}
    shown = found(_cards().cards(_id(customer)))
    return {"items": [cards.card_view(card, customer) for card in shown]}


@blueprint.put("/wallet/payment-methods/<card_id>/default")
@requires(Permission.MANAGE_CARDS)
@naturally_idempotent("Setting the same card twice sets it once.")
@blueprint.response(204)
@refuses(customers.NoCardsYet, cards.CardNotFound, *_ASKS_THE_GATEWAY)
def set_default_card(card_id: str) -> None:
    """Offer this card first from now on."""
    customer = _own_card(card_id)
    found(_cards().set_default_card(_id(customer), card_id))
    atomically(customers.remember_default, user_id=actor().id, gateway=_CARDS, card=card_id)


@blueprint.delete("/wallet/payment-methods/<card_id>")
@requires(Permission.MANAGE_CARDS)
@naturally_idempotent("A card that is gone is gone.")
@blueprint.response(204)
@refuses(customers.NoCardsYet, cards.CardNotFound, *_ASKS_THE_GATEWAY)
def delete_card(card_id: str) -> None:
    """Forget a card."""
    _own_card(card_id)
    found(_cards().detach_card(card_id))


def _foresee(session: Session, /, **asked: Any) -> dict[str, Any]:  # noqa: ANN401 - begin_checkout's own
    return {
        **_amounts(funding.foresee_funding(session, **asked)),
        "payment_intent": None,
        "customer": None,
        "customer_session_client_secret": None,
        "publishable_key": _cards().client_settings()["publishable_key"],
    }


def _amounts(of: PaymentView) -> dict[str, Any]:
    return {
        "payment_id": of.id,
        "state": of.state,
        "decline_code": of.decline_code,
        "amount": of.charged,
        "lines": [
            {"label": "Held for the milestone", "amount": of.price},
            {"label": "Holdfast's fee", "amount": of.client_fee},
        ],
    }


def _sheet(milestone_id: str, *, save_card: bool, confirmation_token: str | None) -> dict[str, Any]:
    # Before anything is made at the gateway, so that strangers leave no traces there.
    reading(queries.milestone, milestone_id=milestone_id, by=actor())
    customer = _customer()
    payment_id = begun_once(
        funding.begin_checkout,
        milestone_id=milestone_id,
        payment_id=new_id("py"),
        gateway=_CARDS,
        save_card=save_card,
        by=actor(),
    )
    at = _cards()
    outcome = staged(
        begin=funding.checkout,
        call=partial(funding.collect, at),
        record=funding.record_collected,
        payment_id=payment_id,
    )
    assert outcome is not None
    collected = found(outcome)
    if confirmation_token is not None and collected.state is not PaymentState.SUCCEEDED:
        collected = _paid_with(at, confirmation_token, payment_id)
    return _sheet_body(at, customer, payment_id, collected)


def _paid_with(at: TakesCards, confirmation_token: str, payment_id: str) -> PaymentFound:
    outcome = staged(
        begin=funding.to_pay,
        call=partial(funding.pay_with, at, confirmation_token),
        record=funding.record_paid,
        payment_id=payment_id,
    )
    assert outcome is not None
    return found(outcome)


def _sheet_body(
    at: TakesCards, customer: CustomerView, payment_id: str, at_gateway: PaymentFound
) -> dict[str, Any]:
    # It may have been given up while the gateway was making it; nobody is handed the means to pay it then.
    wanted = funding.still_wanted(reading(payment, payment_id=payment_id, by=actor()))
    session = found(at.customer_session(_id(customer), component="payment_sheet"))
    return {
        **_amounts(wanted),
        "payment_intent": at_gateway.client_secret,
        "customer": customer.gateway_id,
        "customer_session_client_secret": session.value,
        "publishable_key": at.client_settings()["publishable_key"],
    }


def _customer() -> CustomerView:
    me = reading(account, actor().id)
    outcome: customers.Answer | Verdict | None = Verdict.NEVER_ARRIVED
    while isinstance(outcome, Verdict):
        outcome = staged(
            begin=customers.order_customer,
            call=partial(customers.make_customer, _cards()),
            record=customers.record_customer,
            user_id=me.id,
            email=me.email,
            gateway=_CARDS,
        )
    if outcome is not None:
        found(outcome)
    return reading(customers.customer_of, user_id=me.id, gateway=_CARDS)


def _own_card(card_id: str) -> CustomerView:
    customer = reading(customers.customer_of, user_id=actor().id, gateway=_CARDS)
    cards.check_own(_cards().card(card_id), customer)
    return customer


def _cards() -> TakesCards:
    return taking_cards(_CARDS)


def _id(customer: CustomerView) -> str:
    assert customer.gateway_id is not None, "it was made at the gateway before"
    return customer.gateway_id
