"""Collecting at Stripe: PaymentIntents, captured at once, and the charges they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import stripe

from gateways.contract import Charge, PaymentFound, PaymentState, Rejected
from gateways.stripe.amounts import converted, from_stripe, to_stripe
from gateways.stripe.client import keyed
from gateways.stripe.outcomes import answered, our_id_of, searched, understood
from kernel.time import from_epoch

if TYPE_CHECKING:
    from datetime import timedelta

    from stripe.params import PaymentIntentCreateParams

    from gateways.contract import Busy, PaymentOrder, Unknown
    from gateways.stripe.client import Connection
    from gateways.stripe.outcomes import Json

_WITH_CHARGE = ["latest_charge.balance_transaction"]

_STATES = {
    "requires_payment_method": PaymentState.NEEDS_METHOD,
    "requires_confirmation": PaymentState.NEEDS_ACTION,
    "requires_action": PaymentState.NEEDS_ACTION,
    "processing": PaymentState.PROCESSING,
    # We capture at once; should Stripe ever hold one back, the money is not ours yet.
    "requires_capture": PaymentState.PROCESSING,
    "succeeded": PaymentState.SUCCEEDED,
    "canceled": PaymentState.CANCELED,
}


class Payments:
    """Money in."""

    connection: Connection
    # Its secret is told with the payment for as long as nobody has paid.
    means_last: timedelta | None = None

    def create_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown:
        """Begin to collect; the same order twice begins once."""
        amount = to_stripe(order.amount)
        if isinstance(amount, Rejected):
            return amount
        params = _creation(order, amount)
        intents = self.connection.client.v1.payment_intents
        return answered(lambda: intents.create(params, keyed(order.key)), read_payment)

    def payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """The payment now, with its charge when it succeeded."""
        intents = self.connection.client.v1.payment_intents
        return answered(lambda: intents.retrieve(gateway_id, {"expand": _WITH_CHARGE}), read_payment)

    def find_payment(self, order: PaymentOrder) -> PaymentFound | Rejected | Busy | Unknown | None:
        """The payment that came of an order whose answer was lost; None when Stripe never made one."""
        intents = self.connection.client.v1.payment_intents
        found = searched(
            lambda: intents.list({"customer": order.customer, "limit": 100}).auto_paging_iter(),
            lambda values: str(values["id"]),
            our_id=order.payment_id,
        )
        # A list does not go deep enough to bring the charge with it.
        return self.payment(found) if isinstance(found, str) else found

    def confirm_payment(
        self, gateway_id: str, *, token: str, key: str
    ) -> PaymentFound | Rejected | Busy | Unknown:
        """Pay with what the payer's device has made a token of; how the payment is after it, declined or not."""
        outcome = answered(lambda: self._confirmed(gateway_id, token, key), read_payment)
        # To a key Stripe repeats how it was then, and the error of a decline has no charge with it.
        return self.payment(gateway_id) if isinstance(outcome, PaymentFound) else outcome

    def save_card_of(self, gateway_id: str, *, save: bool) -> PaymentFound | Rejected | Busy | Unknown:
        """Keep the card of a payment that is not paid yet, or do not."""
        intents = self.connection.client.v1.payment_intents
        usage: Literal["", "off_session"] = "off_session" if save else ""
        return answered(lambda: intents.update(gateway_id, {"setup_future_usage": usage}), read_payment)

    def cancel_payment(self, gateway_id: str) -> PaymentFound | Rejected | Busy | Unknown:
        """Stop collecting; a payment that has succeeded stays as it is."""
        intents = self.connection.client.v1.payment_intents
        outcome = answered(lambda: intents.cancel(gateway_id, {"expand": _WITH_CHARGE}), read_payment)
        if isinstance(outcome, Rejected) and outcome.code == "payment_intent_unexpected_state":
            return self.payment(gateway_id)
        return outcome

    def _confirmed(self, gateway_id: str, token: str, key: str) -> stripe.StripeObject:
        try:
            return self.connection.client.v1.payment_intents.confirm(
                gateway_id, {"confirmation_token": token, "use_stripe_sdk": True}, keyed(key)
            )
        except stripe.CardError as error:
            # Declined: the payment is there all the same and waits for another card.
            if error.error is not None and error.error.payment_intent is not None:
                return error.error.payment_intent
            raise


def _creation(order: PaymentOrder, amount: int) -> PaymentIntentCreateParams:
    params: PaymentIntentCreateParams = {
        "amount": amount,
        "currency": order.amount.currency.lower(),
        "customer": order.customer,
        "description": order.description,
        "automatic_payment_methods": {"enabled": True},
        # An authorisation dies within a week, long before most work is accepted.
        "capture_method": "automatic",
        "transfer_group": order.milestone_id,
        "metadata": {"holdfast_id": order.payment_id, "milestone": order.milestone_id},
        "expand": _WITH_CHARGE,
    }
    if order.save_card:
        params["setup_future_usage"] = "off_session"
    return params


def read_payment(values: Json) -> PaymentFound:
    """A PaymentIntent in our words."""
    state = _STATES[values["status"]]
    problem = values.get("last_payment_error") or {}
    return PaymentFound(
        gateway_id=values["id"],
        state=state,
        amount=from_stripe(values["amount"], values["currency"]),
        client_secret=values.get("client_secret"),
        charge=_charge_of(values) if state is PaymentState.SUCCEEDED else None,
        decline_code=problem.get("decline_code") or problem.get("code"),
        decline_message=problem.get("message"),
        payment_id=our_id_of(values),
        livemode=values["livemode"],
        saves_card=bool(values.get("setup_future_usage")),
    )


def _charge_of(values: Json) -> Charge | None:
    charge = values["latest_charge"]
    # Stripe may still be writing the charge's line on our balance; its `charge.updated` follows.
    written = isinstance(charge, dict) and isinstance(charge.get("balance_transaction"), dict)
    return understood(charge, read_charge) if written else None


def read_charge(values: Json) -> Charge:
    """A charge with its line on our balance, which may be in another currency."""
    line = values["balance_transaction"]
    received = converted(line, values["currency"])
    card = (values.get("payment_method_details") or {}).get("card") or {}
    return Charge(
        gateway_id=values["id"],
        amount=from_stripe(
            line["amount"] if received is None else values["amount_captured"], values["currency"]
        ),
        fee=from_stripe(line["fee"], line["currency"]),
        available_on=from_epoch(line["available_on"]),
        settled=line["status"] == "available",
        balance_transaction=line["id"],
        card_brand=card.get("brand"),
        card_last4=card.get("last4"),
        received=received,
    )
