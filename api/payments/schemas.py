"""Bodies of PaymentSheet's and CustomerSheet's endpoints, with the names their SDKs use."""

from __future__ import annotations

from marshmallow import fields, validate

from api.schemas import IdField, Instant, MoneyField, Strict, StrictBoolean
from payments.routing import METHODS
from payments.states import PAYMENT


class PaymentsConfigSchema(Strict):
    """What the app needs before it can show a payment sheet."""

    methods = fields.List(fields.String(metadata={"enum": list(METHODS)}), required=True)
    gateway = fields.String(required=True)
    publishable_key = fields.String(data_key="publishableKey", required=True)
    api_version = fields.String(data_key="apiVersion", required=True)
    merchant_display_name = fields.String(data_key="merchantDisplayName", required=True)
    merchant_country_code = fields.String(data_key="merchantCountryCode", required=True)
    currencies = fields.List(fields.String(), required=True)


class CheckoutOrderSchema(Strict):
    """How to pay, and whether the card (or account) is kept for the next milestone."""

    method = fields.String(load_default="card", validate=validate.OneOf(METHODS))
    save_card = StrictBoolean(load_default=False)


class DeferredCheckoutSchema(Strict):
    """A payment that the app confirms with a token made beforehand."""

    save_card = StrictBoolean(load_default=False)
    milestone_id = IdField("ms", required=True)
    confirmation_token = fields.String(
        required=True, validate=validate.Regexp(r"^ctoken_[A-Za-z0-9_]{1,100}\Z")
    )


class FeeLineSchema(Strict):
    """One line of what the client pays."""

    label = fields.String(required=True)
    amount = MoneyField(required=True)


class DropInSchema(Strict):
    """What Adyen's Drop-in takes."""

    id = fields.String(required=True)
    data = fields.String(required=True)
    client_key = fields.String(data_key="clientKey", required=True)
    environment = fields.String(required=True, metadata={"enum": ["test", "live"]})


class CheckoutSchema(Strict):
    """What the gateway's own sheet takes: `initPaymentSheet`, `session` for a Drop-in, or `approval_url` to go to.

    The secrets are for this device and this payment alone; a preview has none.
    """

    payment_id = IdField("py", required=True)
    method = fields.String(required=True, metadata={"enum": list(METHODS)})
    gateway = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(PAYMENT.states)})
    decline_code = fields.String(required=True, allow_none=True)
    payment_intent = fields.String(
        data_key="paymentIntent", required=True, allow_none=True, metadata={"description": "Client secret."}
    )
    customer = fields.String(required=True, allow_none=True)
    customer_session_client_secret = fields.String(
        data_key="customerSessionClientSecret", required=True, allow_none=True
    )
    publishable_key = fields.String(data_key="publishableKey", required=True, allow_none=True)
    session = fields.Nested(DropInSchema, required=True, allow_none=True)
    approval_url = fields.Url(
        data_key="approvalUrl",
        required=True,
        allow_none=True,
        metadata={"description": "Where the payer agrees; afterwards, `POST /v1/payments/{id}/capture`."},
    )
    amount = MoneyField(required=True)
    lines = fields.List(fields.Nested(FeeLineSchema), required=True)


class CheckoutReturnedSchema(Strict):
    """A word to whoever comes back from a payment provider's page."""

    message = fields.String(required=True)


class PaymentSchema(Strict):
    """A payment; the truth about it comes from the gateway's events, never from the app."""

    id = IdField("py", required=True)
    milestone_id = IdField("ms", required=True)
    method = fields.String(required=True, metadata={"enum": list(METHODS)})
    gateway = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": list(PAYMENT.states)})
    gateway_state = fields.String(required=True, allow_none=True)
    charged = MoneyField(required=True)
    price = MoneyField(required=True)
    client_fee = MoneyField(required=True)
    refunded = MoneyField(required=True)
    decline_code = fields.String(required=True, allow_none=True)
    card_brand = fields.String(required=True, allow_none=True)
    card_last4 = fields.String(required=True, allow_none=True)
    ordered_at = Instant(required=True)
    succeeded_at = Instant(required=True, allow_none=True)


class CustomerSessionSchema(Strict):
    """What CustomerSheet takes to show saved cards."""

    customer = fields.String(required=True)
    customer_session_client_secret = fields.String(data_key="customerSessionClientSecret", required=True)
    expires_at = Instant(data_key="expiresAt", required=True, allow_none=True)


class SetupIntentSchema(Strict):
    """What saves a card without paying."""

    setup_intent = fields.String(
        data_key="setupIntent", required=True, metadata={"description": "Client secret."}
    )
    customer = fields.String(required=True)


class EphemeralKeyOrderSchema(Strict):
    """The API version that the app's own SDK speaks."""

    api_version = fields.String(
        required=True, validate=validate.Regexp(r"^\d{4}-\d{2}-\d{2}(\.[a-z]{1,30})?\Z")
    )


class EphemeralKeySchema(Strict):
    """What older apps take in place of a customer session."""

    customer = fields.String(required=True)
    ephemeral_key = fields.String(data_key="ephemeralKey", required=True)


class CardSchema(Strict):
    """A saved card, as far as anyone may know it."""

    id = fields.String(required=True, attribute="gateway_id")
    brand = fields.String(required=True)
    last4 = fields.String(required=True)
    expiry_month = fields.Integer(required=True)
    expiry_year = fields.Integer(required=True)
    wallet = fields.String(required=True, allow_none=True)
    default = StrictBoolean(required=True)


class CardsSchema(Strict):
    """The client's saved cards."""

    items = fields.List(fields.Nested(CardSchema), required=True)


class EmptySchema(Strict):
    """No fields."""
