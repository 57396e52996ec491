"""What the app's PaymentSheet and CustomerSheet ask for. Secrets pass through to the device and stay nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from api.auth import actor, public, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.idempotency import begun_once, idempotent, naturally_idempotent
from api.payments import schemas as bodies
from api.payments.checkout import begin_at_a_gateway, collect_what_was_agreed, customer_at, pay_with_token
from api.payments.sheets import NO_MEANS, id_of, means_of_paying
from api.preview import foreseen, is_preview, previewable
from escrow import acts, funding, queries
from gateways.contract import VANISHED, PaymentState, TakesCards
from identity.permissions import Permission
from kernel.ids import new_id
from kernel.money import EXPONENTS
from payments import cards, customers
from payments.answers import GatewayRefused, GatewayUnavailable, found
from payments.collecting import AnotherWayUnderWay, GatewayDisagrees, PaymentNotFound
from payments.queries import payment
from payments.routing import MethodNotOffered
from payments.sending import SheetEnded
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import paying_in, taking_cards, wired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask import Response
    from sqlalchemy.orm import Session

    from api.payments.checkout import Collecting
    from payments.customers import CustomerView
    from payments.routing import Route
    from payments.views import PaymentView

blueprint = Blueprint("payments", __name__, description="Paying in: payment sheets and saved cards.")

# Cards are taken by one gateway; others come with their own sheets.
_CARDS = "stripe"
_COLLECTS = (funding.PaymentGivenUp, GatewayDisagrees, AnotherWayUnderWay, MethodNotOffered, SheetEnded)
_ASKS_THE_GATEWAY = (GatewayRefused, GatewayUnavailable)
_NOTHING_IS_KEPT = "It hands out a short-lived secret and changes nothing that is kept."


@blueprint.get("/payments/config")
@requires(Permission.MANAGE_CARDS)
@blueprint.response(200, bodies.PaymentsConfigSchema)
def get_payments_config() -> dict[str, Any]:
    """What the app needs before it can show a sheet."""
    settings, known = wired().settings, _cards().client_settings()
    return {
        "methods": list(dict.fromkeys(route.method for route in wired().routes)),
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
        asked = {"milestone_id": milestone_id, "payment_id": new_id("py"), "by": actor()}
        return foreseen(_foresee, routes=wired().routes, **order, **asked)
    return _sheet(milestone_id, routes=wired().routes, **order)


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
    # A token is made by the SDK of a gateway that keeps cards, and is worth nothing at another.
    routes = [route for route in wired().routes if route.gateway in wired().card_takers]
    return _sheet(method="card", routes=routes, **order)


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
        call=lambda wanted: funding.stop_collecting(paying_in(wanted.payment.gateway), wanted),
        record=funding.record_stopped,
        payment_id=payment_id,
    )
    if outcome is not None and outcome != VANISHED:
        found(outcome)
    return reading(payment, payment_id=payment_id, by=actor())


@blueprint.get("/checkout/returned")
@public(reason="It says only that the app goes on from here.")
@blueprint.response(200, bodies.CheckoutReturnedSchema)
def show_checkout_returned() -> dict[str, str]:
    """Where a payment provider's page sends the payer when they have agreed, or have gone away from it."""
    return {"message": "Go back to the Holdfast app; it shows whether the payment is complete."}


@blueprint.post("/payments/<payment_id>/capture")
@requires(Permission.FUND_MILESTONE)
@naturally_idempotent("A payment is collected once, however often that is asked for.")
@blueprint.response(200, bodies.PaymentSchema)
@refuses(PaymentNotFound, GatewayDisagrees, *_ASKS_THE_GATEWAY)
def capture_payment(payment_id: str) -> PaymentView:
    """Collect what you have agreed to on the provider's page. It is collected without this, too, a moment later.

    Where nothing was agreed to yet, or all is collected, nothing happens: see `state` and `gateway_state`.
    """
    collect_what_was_agreed(reading(payment, payment_id=payment_id, by=actor()))
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
    secret = found(_cards().customer_session(id_of(customer), component="customer_sheet"))
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
    setup = found(_cards().create_setup(id_of(customer), key=setup_id))
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
    secret = found(_cards().ephemeral_key(id_of(customer), api_version=order["api_version"]))
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
    shown = found(_cards().cards(id_of(customer)))
    return {"items": [cards.card_view(card, customer) for card in shown]}


@blueprint.put("/wallet/payment-methods/<card_id>/default")
@requires(Permission.MANAGE_CARDS)
@naturally_idempotent("Setting the same card twice sets it once.")
@blueprint.response(204)
@refuses(customers.NoCardsYet, cards.CardNotFound, *_ASKS_THE_GATEWAY)
def set_default_card(card_id: str) -> None:
    """Offer this card first from now on."""
    customer = _own_card(card_id)
    found(_cards().set_default_card(id_of(customer), card_id))
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
    return {**_amounts(funding.foresee_funding(session, **asked)), **NO_MEANS}


def _amounts(of: PaymentView) -> dict[str, Any]:
    return {
        "payment_id": of.id,
        "method": of.method,
        "gateway": of.gateway,
        "state": of.state,
        "decline_code": of.decline_code,
        "amount": of.charged,
        "lines": [
            {"label": "Held for the milestone", "amount": of.price},
            {"label": "Holdfast's fee", "amount": of.client_fee},
        ],
    }


def _sheet(
    milestone_id: str,
    *,
    method: str,
    save_card: bool,
    routes: Sequence[Route],
    confirmation_token: str | None = None,
) -> dict[str, Any]:
    # Before anything is made at the gateway, so that strangers leave no traces there.
    reading(queries.milestone, milestone_id=milestone_id, by=actor())
    payment_id = begun_once(
        funding.begin_checkout,
        milestone_id=milestone_id,
        payment_id=new_id("py"),
        method=method,
        routes=routes,
        save_card=save_card,
        by=actor(),
    )
    collecting = begin_at_a_gateway(payment_id, routes=routes)
    if confirmation_token is not None and collecting.there.state is not PaymentState.SUCCEEDED:
        if not isinstance(collecting.at, TakesCards):
            raise AnotherWayUnderWay(
                "You have begun to pay on another page. Go on there, or give it up and begin anew.",
                payment_id=payment_id,
            )
        paid = pay_with_token(collecting.at, confirmation_token, payment_id)
        collecting = replace(collecting, there=paid)
    return _sheet_body(collecting, payment_id)


def _sheet_body(collecting: Collecting, payment_id: str) -> dict[str, Any]:
    # It may have been given up while the gateway was making it; nobody is handed the means to pay it then.
    wanted = funding.still_wanted(reading(payment, payment_id=payment_id, by=actor()))
    return {**_amounts(wanted), **NO_MEANS, **means_of_paying(collecting)}


def _own_card(card_id: str) -> CustomerView:
    customer = reading(customers.customer_of, user_id=actor().id, gateway=_CARDS)
    cards.check_own(_cards().card(card_id), customer)
    return customer


def _customer() -> CustomerView:
    return customer_at(_cards())


def _cards() -> TakesCards:
    return taking_cards(_CARDS)
