"""What Stripe says in codes, in our own words: its own are written for whoever writes programs, and name our keys."""

from __future__ import annotations

_IN_WORDS = {
    "account_closed": "The account is closed.",
    "account_invalid": "The payout account is no longer connected to Holdfast.",
    "amount_too_large": "The amount is more than the payment provider takes at once.",
    "amount_too_small": "The amount is less than the payment provider takes.",
    "authentication_required": "The bank asks you to confirm this payment.",
    "balance_insufficient": "The payment provider has not released the money yet.",
    "bank_account_declined": "The bank account was declined.",
    "call_issuer": "The card was declined. Ask your bank, or use another card.",
    "card_declined": "The card was declined. Ask your bank, or use another card.",
    "card_not_supported": "The card does not take this kind of payment. Use another card.",
    "card_velocity_exceeded": "The card's limit is reached. Ask your bank, or use another card.",
    "charge_already_refunded": "The payment has been refunded already.",
    "charge_disputed": "The payment is disputed at the bank, and cannot be refunded.",
    "country_unsupported": "The payment provider does not pay out to this country.",
    "currency_not_supported": "The card does not take this currency. Use another card.",
    "do_not_honor": "The card was declined. Ask your bank, or use another card.",
    "email_invalid": "The payment provider does not take the e-mail address of the account.",
    "expired_card": "The card has expired. Use another card.",
    "incorrect_cvc": "The security code of the card is wrong.",
    "incorrect_number": "The number of the card is wrong.",
    "incorrect_zip": "The postal code of the card is wrong.",
    "insufficient_capabilities_for_transfer": "The payout account cannot take money yet.",
    "insufficient_funds": "There is not enough money on the card. Use another card.",
    "invalid_expiry_month": "The card's date of expiry is wrong.",
    "invalid_expiry_year": "The card's date of expiry is wrong.",
    "payment_intent_authentication_failure": "The payment was not confirmed. Try again, or use another card.",
    "payment_intent_unexpected_state": "The payment has moved on meanwhile. Look at it again.",
    "payment_method_unactivated": "This kind of payment is not available.",
    "payouts_limit_exceeded": "A limit of the payment provider is reached.",
    "payouts_not_allowed": "The payout account cannot pay out at the moment.",
    "processing_error": "The bank could not process it. Please try again in a moment.",
    "resource_missing": "The payment provider knows nothing of this.",
    "token_already_used": "The card was entered for another payment. Enter it again.",
    "try_again_later": "The bank could not process it. Please try again in a moment.",
    "withdrawal_count_limit_exceeded": "The card's limit is reached. Ask your bank, or use another card.",
}
_REFUSED = "The payment provider refused."


def refusal(*codes: object) -> str:
    """What a refusal means to the person who waits; the first of `codes` that says something decides."""
    known = [_IN_WORDS[code] for code in codes if isinstance(code, str) and code in _IN_WORDS]
    return known[0] if known else _REFUSED
