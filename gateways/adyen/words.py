"""What Adyen says in codes, in our own words: its own are written for whoever writes programs."""

from __future__ import annotations

_IN_WORDS = {
    "accountHierarchyNotActive": "The payout account cannot be used at the moment.",
    "amountLimitExceeded": "A limit of the payment provider is reached.",
    "balanceAccountTemporarilyBlockedByTransactionRule": "A limit of the payment provider is reached.",
    "counterpartyAccountBlocked": "The bank account is blocked.",
    "counterpartyAccountClosed": "The bank account is closed.",
    "counterpartyAccountNotFound": "The bank account was not found.",
    "counterpartyBankTimedOut": "The bank did not answer.",
    "counterpartyBankUnavailable": "The bank cannot be reached.",
    "declinedByTransactionRule": "A limit of the payment provider is reached.",
    "invalidAmount": "The amount is not one that the payment provider takes.",
    "no_bank_account": "There is no bank account that can be paid out to yet.",
    "notEnoughBalance": "The payment provider has not released the money yet.",
    "refusedByCounterpartyBank": "The bank refused.",
    "routeNotFound": "The bank account does not take this kind of payout.",
    "transferInstrumentDoesNotExist": "The bank account is not known to the payment provider any more.",
}
_REFUSED = "The payment provider refused."


def refusal(code: object) -> str:
    """What a refusal means to the person who waits."""
    return _IN_WORDS.get(code, _REFUSED) if isinstance(code, str) else _REFUSED
