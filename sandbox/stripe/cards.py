"""Stripe's test payment methods and what each of them does."""

from dataclasses import dataclass

from sandbox.stripe.errors import Json
from sandbox.stripe.state import World


@dataclass(frozen=True)
class Decline:
    """Why a bank refuses, in the words Stripe passes on."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True)
class Magic:
    """A payment method whose behaviour is known beforehand."""

    brand: str = "visa"
    last4: str = "4242"
    funding: str = "credit"
    decline: Decline | None = None
    # A card that is refused already when it is saved.
    decline_setup: bool = False
    # "always": for every payment; "setup": until it has been saved with authentication.
    authentication: str | None = None
    at_once: bool = False
    refund: str = "succeeds"
    disputed: bool = False
    bank: bool = False


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", "Your card was declined.")
STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.")
FRAUDULENT = Decline("card_declined", "fraudulent", "Your card was declined.")
EXPIRED = Decline("expired_card", None, "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", None, "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    None,
    "An error occurred while processing your card. Try again in a little bit.",
)
NEEDS_AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or "
    "a new PaymentMethod to attempt to fulfill this PaymentIntent again.",
)
NO_BANK_FUNDS = Decline(
    "payment_method_bank_account_insufficient_funds",
    None,
    "The customer's account has insufficient funds to cover this payment.",
)

MAGIC: dict[str, Magic] = {
    "pm_card_visa": Magic(),
    "pm_card_visa_debit": Magic(last4="5556", funding="debit"),
    "pm_card_mastercard": Magic(brand="mastercard", last4="4444"),
    "pm_card_amex": Magic(brand="amex", last4="8431"),
    "pm_card_discover": Magic(brand="discover", last4="9424"),
    "pm_card_bypassPending": Magic(last4="0077", at_once=True),
    "pm_card_chargeCustomerFail": Magic(last4="0341", decline=GENERIC),
    "pm_card_chargeDeclined": Magic(last4="0002", decline=GENERIC, decline_setup=True),
    "pm_card_visa_chargeDeclined": Magic(last4="0002", decline=GENERIC, decline_setup=True),
    "pm_card_chargeDeclinedInsufficientFunds": Magic(last4="9995", decline=INSUFFICIENT, decline_setup=True),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Magic(
        last4="9995", decline=INSUFFICIENT, decline_setup=True
    ),
    "pm_card_chargeDeclinedFraudulent": Magic(last4="0019", decline=FRAUDULENT, decline_setup=True),
    "pm_card_visa_chargeDeclinedLostCard": Magic(last4="9987", decline=LOST, decline_setup=True),
    "pm_card_visa_chargeDeclinedStolenCard": Magic(last4="9979", decline=STOLEN, decline_setup=True),
    "pm_card_chargeDeclinedExpiredCard": Magic(last4="0069", decline=EXPIRED, decline_setup=True),
    "pm_card_chargeDeclinedIncorrectCvc": Magic(last4="0127", decline=WRONG_CVC, decline_setup=True),
    "pm_card_chargeDeclinedProcessingError": Magic(last4="0119", decline=PROCESSING, decline_setup=True),
    "pm_card_authenticationRequired": Magic(last4="3184", authentication="always"),
    "pm_card_threeDSecure2Required": Magic(last4="3220", authentication="always"),
    "pm_card_threeDSecureRequired": Magic(last4="3220", authentication="always"),
    "pm_card_authenticationRequiredOnSetup": Magic(last4="3155", authentication="setup"),
    "pm_card_authenticationRequiredSetupForOffSession": Magic(last4="3155", authentication="setup"),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Magic(
        last4="8341", authentication="always", decline=INSUFFICIENT
    ),
    "pm_card_pendingRefund": Magic(last4="7726", refund="pending"),
    "pm_card_refundFail": Magic(last4="5126", refund="fails"),
    "pm_card_createDispute": Magic(last4="0259", disputed=True),
    "pm_usBankAccount_success": Magic(bank=True, last4="6789"),
    "pm_usBankAccount_insufficientFunds": Magic(bank=True, last4="2227", decline=NO_BANK_FUNDS),
}


def behaviour(world: World, payment_method: str) -> Magic:
    """What this payment method does when it is used."""
    return MAGIC[world.notes(payment_method)["magic"]]


def card_details(magic: Magic, fingerprint: str) -> Json:
    """The `card` of a payment method."""
    return {
        "brand": magic.brand,
        "checks": _checks(),
        "country": "US",
        "display_brand": magic.brand,
        "exp_month": 8,
        "exp_year": 2030,
        "fingerprint": fingerprint,
        "funding": magic.funding,
        "generated_from": None,
        "last4": magic.last4,
        "networks": {"available": [magic.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def charged_card(card: Json, *, amount: int, authenticated: bool) -> Json:
    """The `payment_method_details` of a charge on this card."""
    secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    details: Json = {
        name: card[name]
        for name in (
            "brand",
            "checks",
            "country",
            "exp_month",
            "exp_year",
            "fingerprint",
            "funding",
            "last4",
            "regulated_status",
            "wallet",
        )
    }
    return {
        "type": "card",
        "card": details
        | {
            "amount_authorized": amount,
            "authorization_code": "123456",
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "installments": None,
            "mandate": None,
            "multicapture": {"status": "unavailable"},
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": "104102978678771",
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "three_d_secure": secure if authenticated else None,
            "transaction_link_id": None,
        },
    }


def bank_details(magic: Magic, fingerprint: str) -> Json:
    """The `us_bank_account` of a payment method."""
    return {
        "account_holder_type": "individual",
        "account_type": "checking",
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": fingerprint,
        "last4": magic.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": "110000000",
        "status_details": {},
    }


def _checks() -> Json:
    return {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"}
