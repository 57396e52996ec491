"""What each word about milestones and refunds means."""

from __future__ import annotations

MILESTONES = {
    "Milestone.charged_back": "Was held until the client's bank took it.",
    "Milestone.given_back": "Of the released, what went back to the client after all.",
    "Milestone.held": "With Holdfast now.",
    "Milestone.owed": "Came back of refunds, with the fee; the client's, until it is ordered again.",
    "Milestone.refunded": "Decided to go back to the client, out of the price.",
    "Milestone.released": "Released to the worker, before our fee.",
    "Milestone.state": "Where it stands; `GET /v1/processes/milestone` draws all of it.",
    "GiveBack.amount": "How much of what was released, before our fee on it.",
    "GiveBack.reason": "Why, in your own words; the other side reads it.",
    "RefundOrder.amount": "How much of the hold.",
    "RefundOrder.reason": "Why, in your own words; the other side reads it.",
}
