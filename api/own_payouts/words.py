"""What each word about payouts of ours means."""

from __future__ import annotations

OWN_PAYOUTS = {
    "OwnPayout.amount": "What goes from the payment provider to our bank.",
    "OwnPayout.arrives_on": "When our bank is to have it.",
    "OwnPayout.automatic": "Whether the payment provider began it by itself, which our accounts are set not to do.",
    "OwnPayout.carried": "What the lines add up to that an automatic one carries; null until the provider has told.",
    "OwnPayout.failure_code": "Why it failed, in the provider's words; `blocked` where too little would have stayed.",
    "OwnPayout.finished_at": "When nothing more was to be expected of it.",
    "OwnPayout.gateway_id": "What the payment provider calls it.",
    "OwnPayout.proposed_by": "Who proposed it; null for one that nobody here has ordered.",
    "OwnPayout.reason": "Why it was proposed.",
    "OwnPayout.state": "How far it is.",
    "OwnPayoutProposal.amount": "What is to go to our bank; what is held for others has to stay.",
    "OwnPayoutProposal.gateway": "From which payment provider.",
    "OwnPayoutProposal.reason": "Why.",
}
