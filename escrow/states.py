"""The states of contracts, milestones and disputes; nothing about them is decided anywhere else."""

from __future__ import annotations

from datetime import timedelta

from kernel.states import Process, Transition

# Elapsed time from the submission, in UTC: 72 hours are 72 hours when clocks change too.
REVIEW_WINDOW = timedelta(hours=72)
_IN_REVIEW = "72 hours after the submission"

CLIENT = "client"
WORKER = "worker"
SYSTEM = "system"
GATEWAY = "gateway"
MEDIATOR = "mediator"
STAFF = "staff"

CONTRACT = Process(
    "contract",
    "offered",
    frozenset({"completed", "cancelled"}),
    {
        ("offered", "accept"): Transition("active", "contract.accepted", (WORKER,)),
        ("offered", "decline"): Transition("cancelled", "contract.declined", (WORKER,)),
        ("offered", "cancel"): Transition("cancelled", "contract.cancelled", (CLIENT,)),
        ("active", "cancel"): Transition("cancelled", "contract.cancelled", (CLIENT, WORKER)),
        ("active", "complete"): Transition("completed", "contract.completed", (SYSTEM,)),
    },
)

_CHANGES = Transition("funded", "milestone.changes_requested", (CLIENT,), _IN_REVIEW)
_DISPUTED = Transition("disputed", "milestone.disputed", (CLIENT, WORKER))
_FROZEN = Transition("frozen", "milestone.frozen", (GATEWAY,))

MILESTONE = Process(
    "milestone",
    "draft",
    frozenset({"released", "refunded", "split", "charged_back"}),
    {
        ("draft", "begin_funding"): Transition("funding", "milestone.funding", (CLIENT,)),
        ("funding", "give_up_funding"): Transition("draft", "milestone.funding_given_up", (CLIENT, GATEWAY)),
        ("funding", "confirm_funding"): Transition("funded", "milestone.funded", (GATEWAY,)),
        ("funded", "submit"): Transition("submitted", "milestone.submitted", (WORKER,)),
        ("submitted", "request_changes"): _CHANGES,
        ("funded", "release"): Transition("released", "milestone.released", (CLIENT,)),
        ("submitted", "release"): Transition("released", "milestone.released", (CLIENT,)),
        ("submitted", "release_by_time"): Transition("released", "milestone.released", (SYSTEM,), _IN_REVIEW),
        ("funded", "release_part"): Transition("funded", "milestone.released", (CLIENT,)),
        ("submitted", "release_part"): Transition("submitted", "milestone.released", (CLIENT,)),
        ("funded", "refund"): Transition("refunded", "milestone.refunded", (WORKER,)),
        ("funded", "refund_by_limit"): Transition(
            "refunded", "milestone.refunded", (SYSTEM,), "when it has been held for as long as it may be"
        ),
        ("funded", "refund_part"): Transition("funded", "milestone.refunded", (WORKER,)),
        ("funded", "dispute"): _DISPUTED,
        ("submitted", "dispute"): Transition("disputed", "milestone.disputed", (CLIENT, WORKER), _IN_REVIEW),
        ("disputed", "settle_for_worker"): Transition("released", "milestone.settled", (MEDIATOR,)),
        ("disputed", "settle_for_client"): Transition("refunded", "milestone.settled", (MEDIATOR,)),
        ("disputed", "settle_by_split"): Transition("split", "milestone.settled", (MEDIATOR,)),
        # What was released goes back to the client after all; what is held is refunded first.
        ("released", "give_back"): Transition("released", "milestone.given_back", (WORKER, STAFF)),
        ("split", "give_back"): Transition("split", "milestone.given_back", (WORKER, STAFF)),
        ("refunded", "give_back"): Transition("refunded", "milestone.given_back", (WORKER, STAFF)),
        # The client's bank takes the payment back, or asks about it: until it has decided, nothing moves.
        ("funded", "freeze"): _FROZEN,
        ("submitted", "freeze"): _FROZEN,
        ("disputed", "freeze"): _FROZEN,
        ("frozen", "thaw_to_funded"): Transition("funded", "milestone.thawed", (GATEWAY,)),
        ("frozen", "thaw_to_submitted"): Transition("submitted", "milestone.thawed", (GATEWAY,)),
        ("frozen", "thaw_to_disputed"): Transition("disputed", "milestone.thawed", (GATEWAY,)),
        ("frozen", "charge_back"): Transition("charged_back", "milestone.charged_back", (GATEWAY,)),
    },
)

DISPUTE = Process(
    "dispute",
    "opened",
    frozenset({"settled", "overridden"}),
    {
        ("opened", "settle"): Transition("settled", "dispute.settled", (MEDIATOR,)),
        # The client's bank has given all of it to the client, and nothing is left to decide.
        ("opened", "override"): Transition("overridden", "dispute.overridden", (GATEWAY,)),
    },
)

REFUND_REQUEST = Process(
    "refund_request",
    "open",
    frozenset({"agreed", "declined", "withdrawn"}),
    {
        ("open", "agree"): Transition("agreed", "refund_request.agreed", (WORKER,)),
        ("open", "decline"): Transition("declined", "refund_request.declined", (WORKER,)),
        ("open", "withdraw"): Transition("withdrawn", "refund_request.withdrawn", (CLIENT,)),
    },
)

# States in which a milestone's money is with us, or on its way to us.
UNSETTLED = frozenset({"funding", "funded", "submitted", "disputed", "frozen"})
HOLDING = frozenset({"funded", "submitted", "disputed", "frozen"})
