"""What every movement is to each side: a title, a sentence, and the lines of it that are theirs to see.

A line that is not named here for a side is not shown to it. So a movement that nobody has thought about is nobody's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledger.entries import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

CLIENT, WORKER, STAFF = "client", "worker", "staff"
_BOTH = (CLIENT, WORKER)

# Which kind of account a code is; where it is one person's, whose.
_KINDS = {
    "escrow": r"liabilities:escrow:(?P<milestone>.+)",
    "owed": r"liabilities:owed:(?P<milestone>.+)",
    "wallet": r"liabilities:wallet:(?P<person>.+)",
    "payout account": r"assets:gateway:[^:]+:connected:(?P<person>.+)",
    "closed account": r"liabilities:left:(?P<person>.+)",
    "debt": r"assets:receivable:(?P<person>.+)",
    "gateway": r"assets:gateway:[^:]+:(pending|available)",
    "refund": r"liabilities:refunds:in_transit",
    "payout": r"liabilities:payouts:in_transit",
    "withholding": r"liabilities:withholding:.+",
    "client's fee": r"income:fees:client",
    "worker's fee": r"income:fees:worker",
}


@dataclass(frozen=True, slots=True)
class Place:
    """An account as a receipt sees it."""

    kind: str
    milestone_id: str | None = None
    person_id: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """What the line of a kind of account says, and to whom."""

    kind: str
    label: str
    sides: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A movement as a receipt tells it; `{amount}` is that of the first line a side sees, `{about}` what it is for."""

    title: str
    lines: tuple[Line, ...] = ()
    sentences: Mapping[str, str] = field(default_factory=dict)

    def line(self, kind: str) -> Line | None:
        """What it says of this kind of account."""
        return next((line for line in self.lines if line.kind == kind), None)


def place_of(code: str) -> Place:
    """The account with this code; of a kind of no account of a person's when it is nobody's business."""
    for kind, shape in _KINDS.items():
        match = re.fullmatch(shape, code)
        if match:
            named = match.groupdict()
            return Place(kind, named.get("milestone"), named.get("person"))
    return Place("our own")


def told(movement: str, phase: Phase) -> Told:
    """What a receipt says of an entry of this movement."""
    if phase is Phase.VOID_PENDING:
        return _GIVEN_UP
    return TOLD[movement]


_WALLET_ONLY = (WORKER,)
_GIVEN_UP = Told(
    "Withdrawal given up",
    (Line("wallet", "Free again in your wallet", _WALLET_ONLY),),
    {WORKER: "The withdrawal of {amount} was not possible. The money is free again in your wallet."},
)
_CORRECTED = (
    Line("escrow", "Held for the milestone, corrected", _BOTH),
    Line("wallet", "Wallet, corrected", _WALLET_ONLY),
    Line("payout account", "Payout account, corrected", _WALLET_ONLY),
    Line("closed account", "Left at your closed payout account, corrected", _WALLET_ONLY),
    Line("debt", "Owed to us, corrected", _WALLET_ONLY),
)

TOLD: dict[str, Told] = {
    "milestone_funded": Told(
        "Milestone funded",
        (
            Line("gateway", "Charged to your card", (CLIENT,)),
            Line("escrow", "Held for the milestone", _BOTH),
            Line("client's fee", "Our fee", (CLIENT,)),
        ),
        {
            CLIENT: "You paid {amount} for {about}. We hold the price until the work is accepted.",
            WORKER: "Your client paid for {about}. We hold {amount} until the work is accepted.",
        },
    ),
    "gateway_fee_charged": Told("Fee of the payment provider"),
    "funds_settled": Told("Payment settled"),
    "milestone_released": Told(
        "Milestone released",
        (
            Line("wallet", "Paid into your wallet", (WORKER,)),
            Line("escrow", "Released for the milestone", _BOTH),
            Line("worker's fee", "Our fee", (WORKER,)),
            Line("withholding", "Tax withheld", (WORKER,)),
        ),
        {
            CLIENT: "{amount} that we held for {about} was released to the worker.",
            WORKER: "You were paid {amount} for {about}. It is in your wallet.",
        },
    ),
    "tip_paid": Told(
        "Tip received",
        (Line("wallet", "Tip", (WORKER,)),),
        {WORKER: "Your client gave you a tip of {amount}, without a fee of ours."},
    ),
    "refund_ordered": Told(
        "Refund ordered",
        (
            Line("refund", "On its way back to your card", (CLIENT,)),
            Line("escrow", "Out of what we held", _BOTH),
            Line("client's fee", "Our fee, given back", (CLIENT,)),
        ),
        {
            CLIENT: "{amount} for {about} is on its way back to your card.",
            WORKER: "{amount} that we held for {about} goes back to the client.",
        },
    ),
    "late_payment_received": Told(
        "Paid after it was given up",
        (
            Line("gateway", "Charged to your card", (CLIENT,)),
            Line("refund", "On its way back to your card", (CLIENT,)),
        ),
        {
            CLIENT: "Your card was charged {amount} for {about} after that payment had been given up."
            " All of it goes back to your card."
        },
    ),
    "refund_confirmed": Told(
        "Refund paid",
        (Line("gateway", "Given back to your card", (CLIENT,)),),
        {
            CLIENT: "{amount} for {about} was given back to your card. Your bank may take some days to show it."
        },
    ),
    "refund_came_back": Told(
        "Refund came back",
        (Line("gateway", "Came back from your card", (CLIENT,)),),
        {
            CLIENT: "Your card did not take the {amount} for {about}; we have the money again and owe it to you."
        },
    ),
    "refund_failed": Told(
        "Refund not possible",
        (
            Line("refund", "Did not reach your card", (CLIENT,)),
            Line("owed", "Owed to you", (CLIENT,)),
        ),
        {
            CLIENT: "{amount} for {about} did not reach your card. We owe it to you until you have it sent again."
        },
    ),
    "refund_ordered_again": Told(
        "Refund ordered again",
        (
            Line("refund", "On its way back to your card", (CLIENT,)),
            Line("owed", "No longer owed to you", (CLIENT,)),
        ),
        {CLIENT: "{amount} for {about} is on its way back to your card once more."},
    ),
    "transferred_to_worker": Told(
        "Moved to your payout account",
        (Line("payout account", "Moved to your payout account", _WALLET_ONLY),),
        {
            WORKER: "{amount} was moved to your payout account, from where you can withdraw it once it has settled."
        },
    ),
    "transfer_reversed": Told(
        "Taken back from your payout account",
        (Line("payout account", "Taken back from your payout account", _WALLET_ONLY),),
        {
            WORKER: "{amount} was moved back out of your payout account: a client has it, or the account was closed."
        },
    ),
    "left_with_account": Told(
        "Left at your closed payout account",
        (
            Line("wallet", "Taken out of your wallet", _WALLET_ONLY),
            Line("closed account", "Left at your closed payout account", _WALLET_ONLY),
        ),
        {
            WORKER: "{amount} lies at your payout account that was closed. We cannot take it back; it is yours there."
        },
    ),
    "returned_with_account": Told(
        "Back from your closed payout account",
        (
            Line("closed account", "No longer left there", _WALLET_ONLY),
            Line("wallet", "Back in your wallet", _WALLET_ONLY),
        ),
        {WORKER: "{amount} that had stayed at your closed payout account is in your wallet again."},
    ),
    "payout_reserved": Told(
        "Withdrawal requested",
        (Line("wallet", "Held back in your wallet", _WALLET_ONLY),),
        {WORKER: "You asked for a withdrawal of {amount}. It is held back in your wallet until it is sent."},
    ),
    "payout_sent": Told(
        "Withdrawal sent",
        (Line("wallet", "Sent to your bank", _WALLET_ONLY),),
        {WORKER: "{amount} left your wallet and is on its way to your bank."},
    ),
    "instant_payout_reserved": Told(
        "Instant withdrawal requested",
        (Line("wallet", "Held back in your wallet, with our fee", _WALLET_ONLY),),
        {
            WORKER: "You asked for an instant withdrawal. {amount}, our fee included, is held back until it is sent."
        },
    ),
    "instant_payout_sent": Told(
        "Instant withdrawal sent",
        (Line("wallet", "Sent to your bank, with our fee", _WALLET_ONLY),),
        {WORKER: "{amount}, our fee included, left your wallet; the rest of it is on its way to your bank."},
    ),
    "instant_payout_failed": Told(
        "Instant withdrawal failed",
        (Line("wallet", "Back in your wallet, with our fee", _WALLET_ONLY),),
        {
            WORKER: "The instant withdrawal did not reach your bank. {amount}, fee included, is in your wallet again."
        },
    ),
    "payout_fee_collected": Told(
        "Fee of an instant withdrawal",
        (Line("payout account", "Our fee, from your payout account", _WALLET_ONLY),),
        {
            WORKER: "{amount}, the fee of an instant withdrawal that arrived, was moved out of your payout account."
        },
    ),
    "payout_paid": Told(
        "Withdrawal paid",
        (Line("payout account", "Paid to your bank", _WALLET_ONLY),),
        {WORKER: "{amount} was paid to your bank."},
    ),
    "payout_failed": Told(
        "Withdrawal failed",
        (Line("wallet", "Back in your wallet", _WALLET_ONLY),),
        {WORKER: "The withdrawal of {amount} did not reach your bank. The money is in your wallet again."},
    ),
    "payout_returned": Told(
        "Withdrawal returned",
        (Line("wallet", "Back in your wallet", _WALLET_ONLY),),
        {WORKER: "Your bank sent {amount} back. The money is in your wallet again."},
    ),
    "chargeback_withdrawn": Told(
        "Payment taken back by the bank",
        (
            Line("debt", "You owe us", _WALLET_ONLY),
            Line("escrow", "No longer held for the milestone", _BOTH),
            Line("owed", "No longer owed to you", (CLIENT,)),
            Line("client's fee", "Our fee, given back", (CLIENT,)),
            Line("worker's fee", "Our fee, not taken", _WALLET_ONLY),
        ),
        {
            CLIENT: "Your bank took your payment for {about} back.",
            WORKER: "The client's bank took the payment for {about} back; {amount} of it is yours to bear for now.",
        },
    ),
    "chargeback_won": Told(
        "Payment given back by the bank",
        (
            Line("wallet", "Paid back into your wallet", _WALLET_ONLY),
            Line("debt", "You no longer owe us", _WALLET_ONLY),
            Line("escrow", "Held for the milestone again", _BOTH),
            Line("owed", "Owed to you again", (CLIENT,)),
            Line("client's fee", "Our fee", (CLIENT,)),
            Line("worker's fee", "Our fee", _WALLET_ONLY),
        ),
        {
            CLIENT: "Your bank gave the payment for {about} back.",
            WORKER: "The client's bank gave the payment for {about} back, and you are made whole: {amount}.",
        },
    ),
    "chargeback_covered": Told(
        "Refund given by your bank",
        (Line("owed", "No longer owed to you", (CLIENT,)),),
        {
            CLIENT: "Your bank has given you {amount} for {about} already, so the refund that came back is not owed."
        },
    ),
    "chargeback_lost": Told(
        "Debt forgiven",
        (Line("debt", "You no longer owe us", _WALLET_ONLY),),
        {WORKER: "The client's bank kept the payment, and we bear {amount} that you owed for it."},
    ),
    "released_money_refunded": Told(
        "Refund of released money",
        (
            Line("debt", "You owe us", _WALLET_ONLY),
            Line("client's fee", "Our fee, given back", (CLIENT,)),
            Line("worker's fee", "Our fee, given back", _WALLET_ONLY),
        ),
        {
            CLIENT: "What you had paid for {about} goes back to your card.",
            WORKER: "Of what was paid for {about} the client has a part back; {amount} of it is yours to bear.",
        },
    ),
    "debt_forgiven": Told(
        "Debt forgiven",
        (Line("debt", "You no longer owe us", _WALLET_ONLY),),
        {WORKER: "We bear {amount} that you owed for what went back to the client."},
    ),
    "recovered_from_wallet": Told(
        "Kept from your wallet",
        (Line("wallet", "Kept from your wallet", _WALLET_ONLY),),
        {WORKER: "{amount} was kept from your wallet for what you owed us."},
    ),
    "own_payout_ordered": Told("Our own payout ordered"),
    "own_payout_paid": Told("Our own payout arrived"),
    "own_payout_failed": Told("Our own payout failed"),
    "own_payout_returned": Told("Our own payout returned"),
    "gateway_converted": Told("Changed into another currency by the payment provider"),
    "conversion_explained": Told("Line of the payment provider, explained"),
    "fx_difference": Told("Difference of exchange"),
    "gateway_billed": Told("Bill of the payment provider"),
    "unexplained_line": Told("Line of the payment provider that nobody has explained"),
    "suspense_explained": Told("Line of the payment provider, explained"),
    "adjustment": Told(
        "Correction",
        _CORRECTED,
        dict.fromkeys(_BOTH, "Our accountants corrected the books by {amount}; write to support to ask why."),
    ),
    "reversal": Told(
        "Correction",
        _CORRECTED,
        dict.fromkeys(
            _BOTH, "An entry of {amount} was wrong and was taken back; write to support to ask why."
        ),
    ),
}
