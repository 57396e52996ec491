"""Who may do what: every act behind a permission, every permission behind the roles that hold it."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a person is to Holdfast; one person may be several."""

    CLIENT = "client"
    WORKER = "worker"
    SUPPORT = "support"
    MEDIATOR = "mediator"
    FINANCE = "finance"
    ADMIN = "admin"
    # The clock and the gateways acting through our own jobs; no person ever has it.
    SYSTEM = "system"


class Permission(StrEnum):
    """One kind of act; whose things it may be done to is checked where the thing is loaded."""

    MANAGE_OWN_ACCOUNT = "manage_own_account"
    MANAGE_CARDS = "manage_cards"
    OFFER_CONTRACT = "offer_contract"
    ANSWER_OFFER = "answer_offer"
    VIEW_CONTRACTS = "view_contracts"
    CANCEL_CONTRACT = "cancel_contract"
    FUND_MILESTONE = "fund_milestone"
    SUBMIT_WORK = "submit_work"
    REQUEST_CHANGES = "request_changes"
    RELEASE_ESCROW = "release_escrow"
    REFUND_ESCROW = "refund_escrow"
    OPEN_DISPUTE = "open_dispute"
    MEDIATE_DISPUTE = "mediate_dispute"
    VIEW_PAYMENTS = "view_payments"
    VIEW_CHARGEBACKS = "view_chargebacks"
    ANSWER_CHARGEBACKS = "answer_chargebacks"
    SET_UP_PAYOUTS = "set_up_payouts"
    VIEW_WALLET = "view_wallet"
    VIEW_RECEIPTS = "view_receipts"
    WITHDRAW = "withdraw"
    READ_LEDGER = "read_ledger"
    ADJUST_LEDGER = "adjust_ledger"
    CLOSE_PERIODS = "close_periods"
    OPERATE = "operate"


OWN_ACCOUNT = frozenset({Permission.MANAGE_OWN_ACCOUNT})
_BOTH_SIDES = OWN_ACCOUNT | {
    Permission.VIEW_CONTRACTS,
    Permission.CANCEL_CONTRACT,
    Permission.REFUND_ESCROW,
    Permission.OPEN_DISPUTE,
    Permission.VIEW_RECEIPTS,
}
_STAFF = OWN_ACCOUNT | {
    Permission.VIEW_CONTRACTS,
    Permission.VIEW_PAYMENTS,
    Permission.VIEW_CHARGEBACKS,
    Permission.VIEW_RECEIPTS,
}

PERMISSIONS = MappingProxyType(
    {
        Role.CLIENT: _BOTH_SIDES
        | {
            Permission.MANAGE_CARDS,
            Permission.VIEW_PAYMENTS,
            Permission.OFFER_CONTRACT,
            Permission.FUND_MILESTONE,
            Permission.REQUEST_CHANGES,
            Permission.RELEASE_ESCROW,
        },
        Role.WORKER: _BOTH_SIDES
        | {
            Permission.ANSWER_OFFER,
            Permission.SUBMIT_WORK,
            Permission.SET_UP_PAYOUTS,
            Permission.VIEW_WALLET,
            Permission.WITHDRAW,
        },
        Role.SUPPORT: _STAFF,
        Role.MEDIATOR: _STAFF | {Permission.MEDIATE_DISPUTE, Permission.ANSWER_CHARGEBACKS},
        Role.FINANCE: _STAFF
        | {
            Permission.ANSWER_CHARGEBACKS,
            Permission.READ_LEDGER,
            Permission.ADJUST_LEDGER,
            Permission.CLOSE_PERIODS,
            Permission.REFUND_ESCROW,
            Permission.VIEW_WALLET,
        },
        Role.ADMIN: _STAFF
        | {Permission.READ_LEDGER, Permission.REFUND_ESCROW, Permission.VIEW_WALLET, Permission.OPERATE},
        Role.SYSTEM: frozenset(Permission),
    }
)

# Only these can be chosen at registration; the others are given by whoever runs the service.
SELF_CHOSEN = frozenset({Role.CLIENT, Role.WORKER})
STAFF = frozenset({Role.SUPPORT, Role.MEDIATOR, Role.FINANCE, Role.ADMIN})
