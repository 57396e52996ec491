"""The closed catalogue of what can happen to money: one pure function per business fact, returning a balanced entry.

Each function says which fact it records; the lines say where the money was and where it is afterwards. Nothing is
posted under a name that is not here.
"""

from __future__ import annotations

from ledger.movements.catalogue import BY_HAND, CATALOGUE, HOLDS
from ledger.movements.charging_back import (
    chargeback_covered,
    chargeback_lost,
    chargeback_withdrawn,
    chargeback_won,
    debt_forgiven,
    recovered_from_wallet,
    released_money_refunded,
)
from ledger.movements.converting import conversion_explained, fx_difference, gateway_converted
from ledger.movements.ours import (
    own_payout_failed,
    own_payout_ordered,
    own_payout_paid,
    own_payout_returned,
)
from ledger.movements.paying_in import (
    funds_settled,
    gateway_fee_charged,
    late_payment_received,
    milestone_funded,
    refund_came_back,
    refund_confirmed,
    refund_failed,
    refund_ordered,
    refund_ordered_again,
    tip_paid,
)
from ledger.movements.paying_out import (
    instant_payout_failed,
    instant_payout_reserved,
    instant_payout_sent,
    left_with_account,
    milestone_released,
    payout_failed,
    payout_fee_collected,
    payout_paid,
    payout_reserved,
    payout_returned,
    payout_sent,
    returned_with_account,
    transfer_reversed,
    transferred_to_worker,
)
from ledger.movements.putting_right import (
    COSTS,
    adjustment,
    gateway_billed,
    mirrors,
    reversal,
    suspense_explained,
    unexplained_line,
)

__all__ = [
    "BY_HAND",
    "CATALOGUE",
    "COSTS",
    "HOLDS",
    "adjustment",
    "chargeback_covered",
    "chargeback_lost",
    "chargeback_withdrawn",
    "chargeback_won",
    "conversion_explained",
    "debt_forgiven",
    "funds_settled",
    "fx_difference",
    "gateway_billed",
    "gateway_converted",
    "gateway_fee_charged",
    "instant_payout_failed",
    "instant_payout_reserved",
    "instant_payout_sent",
    "late_payment_received",
    "left_with_account",
    "milestone_funded",
    "milestone_released",
    "mirrors",
    "own_payout_failed",
    "own_payout_ordered",
    "own_payout_paid",
    "own_payout_returned",
    "payout_failed",
    "payout_fee_collected",
    "payout_paid",
    "payout_reserved",
    "payout_returned",
    "payout_sent",
    "recovered_from_wallet",
    "refund_came_back",
    "refund_confirmed",
    "refund_failed",
    "refund_ordered",
    "refund_ordered_again",
    "released_money_refunded",
    "returned_with_account",
    "reversal",
    "suspense_explained",
    "tip_paid",
    "transfer_reversed",
    "transferred_to_worker",
    "unexplained_line",
]
