"""Which fact causes which work: events of the outbox, and news about objects at a gateway."""

from __future__ import annotations

from gateways.contract import ObjectKind

# Event of the outbox: the kinds of work it asks for, each done once for every event.
SUBSCRIBERS: dict[str, tuple[str, ...]] = {
    "milestone.released": ("order_transfer",),
    "transfer.ordered": ("send_transfer",),
    "payout.reserved": ("send_payout",),
    "chargeback.moved": ("recover_debt",),
    "clawback.ordered": ("recover_debt",),
    "chargeback.repaid": ("order_repayment",),
    "reversal.ordered": ("send_reversal",),
    "reversal.reversed": ("order_transfer_anew",),
}

# Object at the gateway: the work that asks the gateway how it is now. Which event told of it does not matter, nor in
# which order or how often. Transfers and cards are not here: a transfer has moved when it is made, and cards are read
# where they live.
ON_GATEWAY_OBJECT: dict[ObjectKind, str] = {
    ObjectKind.PAYMENT: "refresh_payment",
    ObjectKind.REFUND: "refresh_refund",
    ObjectKind.CHARGEBACK: "refresh_chargeback",
    ObjectKind.FRAUD_WARNING: "refresh_fraud_warning",
    ObjectKind.PAYOUT: "refresh_payout",
    ObjectKind.PAYOUT_ORDER: "refresh_payout",
    ObjectKind.ACCOUNT: "refresh_account",
}
