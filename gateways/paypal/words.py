"""What PayPal says in codes, in our own words: its own are written for whoever writes programs."""

from __future__ import annotations

_IN_WORDS = {
    "CAPTURE_FULLY_REFUNDED": "The payment has been refunded already.",
    "CURRENCY_NOT_SUPPORTED": "PayPal does not take this currency.",
    "DUPLICATE_INVOICE_ID": "This has been paid already.",
    "INSTRUMENT_DECLINED": "PayPal declined this way of paying. Choose another one there.",
    "INSUFFICIENT_FUNDS": "The payment provider has not released the money yet.",
    "INVALID_RESOURCE_ID": "The payment provider knows nothing of this.",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED": "PayPal declined this payment too often. Begin it again.",
    "ORDER_NOT_APPROVED": "The payment was not approved at PayPal yet.",
    "INVALID_ACCOUNT_STATUS": "The payment provider is not available.",
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED": "The payment provider is not available.",
    "PAYEE_ACCOUNT_RESTRICTED": "The payment provider is not available.",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED": "The PayPal account cannot be used.",
    "PAYER_ACCOUNT_RESTRICTED": "The PayPal account cannot be used.",
    "PAYER_ACTION_REQUIRED": "PayPal asks you to confirm this payment.",
    "PAYER_CANNOT_PAY": "PayPal declined this way of paying. Choose another one there.",
    "PENDING_CAPTURE": "The payment has not arrived yet.",
    "RECEIVER_UNREGISTERED": "Nobody has opened a PayPal account for this address yet.",
    "REFUND_AMOUNT_EXCEEDED": "That is more than was paid.",
    "REFUND_FAILED_INSUFFICIENT_FUNDS": "The payment provider has not released the money yet.",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK": "The payment is disputed at the bank, and cannot be refunded.",
    "REFUND_TIME_LIMIT_EXCEEDED": "The payment is too old to be refunded.",
    "RESOURCE_NOT_FOUND": "The payment provider knows nothing of this.",
    "TRANSACTION_DISPUTED": "The payment is disputed at PayPal, and cannot be refunded in part.",
    "TRANSACTION_REFUSED": "PayPal refused this payment. Choose another way of paying.",
}
_REFUSED = "The payment provider refused."


def refusal(*codes: object) -> str:
    """What a refusal means to the person who waits; the first of `codes` that says something decides."""
    known = [_IN_WORDS[code] for code in codes if isinstance(code, str) and code in _IN_WORDS]
    return known[0] if known else _REFUSED
