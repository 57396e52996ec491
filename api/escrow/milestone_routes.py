"""The acts on a milestone: each moves money or stops it, each can be looked at before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.escrow import milestone_schemas as bodies
from api.escrow import money
from api.escrow.contract_schemas import MilestoneSchema
from api.etags import etag
from api.idempotency import idempotent, once
from api.preview import previewable
from escrow import acts, clawbacks, disputes, queries, refunds, release, submissions
from escrow.states import MILESTONE
from identity.permissions import Permission
from kernel.ids import new_id
from kernel.money import AmountNotMovable
from payments import queries as payment_queries
from payments import refunds as payment_refunds
from persistence.unit_of_work import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Response
    from sqlalchemy.orm import Session

    from api.escrow.trail import MoneyTrail
    from identity.actors import Actor

blueprint = Blueprint("milestones", __name__, description="Held money, and every act on it.")

_ACT = (acts.MilestoneNotFound, acts.NotYourAct, acts.ActNotPossible)
_ACTS = (
    "submitWork",
    "requestChanges",
    "releaseMilestone",
    "refundMilestone",
    "giveBack",
    "requestRefund",
    "openDispute",
    "settleDispute",
)
_AMOUNT = (release.AmountNotHeld, release.AmountNotPositive, release.OtherCurrency, AmountNotMovable)


@blueprint.get("/milestones/<milestone_id>")
@requires(Permission.VIEW_CONTRACTS)
@blueprint.response(200, bodies.MilestoneDetailSchema)
@leads_to("getMoney", "beginCheckout", "giveUpFunding", *_ACTS, milestone_id="$response.body#/id")
@leads_to("orderRefundAgain", refund_id="$response.body#/refunds/0/id")
@refuses(acts.MilestoneNotFound)
def get_milestone(milestone_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """A milestone with all that happened to it, and what you can do now."""
    detail = reading(_detail, milestone_id=milestone_id, by=actor())
    return detail, etag(detail["version"])


@blueprint.get("/milestones/<milestone_id>/money")
@requires(Permission.VIEW_CONTRACTS)
@blueprint.response(200, bodies.MoneyTrailSchema)
@leads_to("getReceipt", entry_id="$response.body#/steps/0/entry_id")
@refuses(acts.MilestoneNotFound)
def get_money(milestone_id: str) -> MoneyTrail:
    """Where each cent is now and how it got there, as far as it is yours to know."""
    return reading(money.money_of, milestone_id=milestone_id, by=actor())


@blueprint.post("/milestones/<milestone_id>/submit")
@requires(Permission.SUBMIT_WORK)
@idempotent
@previewable
@blueprint.arguments(bodies.SubmitSchema)
@blueprint.response(200, bodies.SubmittedSchema)
@refuses(*_ACT)
def submit_work(submitted: dict[str, str], milestone_id: str) -> Response:
    """Hand work in; without an answer the money is released after 72 hours."""
    return once(
        _both("submission", submissions.submit_work),
        milestone_id=milestone_id,
        submission_id=new_id("sb"),
        note=submitted["note"],
        by=actor(),
    )


@blueprint.post("/milestones/<milestone_id>/request-changes")
@requires(Permission.REQUEST_CHANGES)
@idempotent
@previewable
@blueprint.arguments(bodies.ChangesSchema)
@blueprint.response(200, bodies.ActedSchema)
@refuses(*_ACT, submissions.ReviewWindowOver)
def request_changes(changes: dict[str, str], milestone_id: str) -> Response:
    """Send work back with what to change; the clock stops."""
    return once(_request_changes, milestone_id=milestone_id, what=changes["what"], by=actor())


@blueprint.post("/milestones/<milestone_id>/release")
@requires(Permission.RELEASE_ESCROW)
@idempotent
@previewable
@blueprint.arguments(bodies.ReleaseOrderSchema)
@blueprint.response(200, bodies.ReleasedSchema)
@refuses(*_ACT, *_AMOUNT)
def release_milestone(order: dict[str, Any], milestone_id: str) -> Response:
    """Accept the work: pay the worker what is held, or a part of it."""
    return once(
        _both("release", release.release),
        milestone_id=milestone_id,
        release_id=new_id("rl"),
        amount=order["amount"],
        by=actor(),
    )


@blueprint.post("/milestones/<milestone_id>/refund")
@requires(Permission.REFUND_ESCROW)
@idempotent
@previewable
@blueprint.arguments(bodies.RefundOrderSchema)
@blueprint.response(200, bodies.RefundedSchema)
@refuses(*_ACT, *_AMOUNT)
def refund_milestone(order: dict[str, Any], milestone_id: str) -> Response:
    """The worker gives the client what is held, or a part of it."""
    return once(
        _both("refund", refunds.refund),
        milestone_id=milestone_id,
        refund_id=new_id("rf"),
        amount=order["amount"],
        reason=order["reason"],
        by=actor(),
    )


@blueprint.post("/milestones/<milestone_id>/give-back")
@requires(Permission.REFUND_ESCROW)
@idempotent
@previewable
@blueprint.arguments(bodies.GiveBackSchema)
@blueprint.response(200, bodies.RefundedSchema)
@refuses(
    *_ACT,
    release.AmountNotPositive,
    release.OtherCurrency,
    AmountNotMovable,
    clawbacks.AmountNotReleased,
    clawbacks.WalletTooSmall,
    payment_refunds.ChargebackUndecided,
    payment_refunds.RefundTooLarge,
)
def give_back(order: dict[str, Any], milestone_id: str) -> Response:
    """The worker gives back what was released, or a part of it; or finance claws it back, and the worker owes it."""
    return once(
        _both("refund", clawbacks.give_back),
        milestone_id=milestone_id,
        refund_id=new_id("rf"),
        clawback_id=new_id("cw"),
        amount=order["amount"],
        reason=order["reason"],
        by=actor(),
    )


@blueprint.post("/refunds/<refund_id>/order-again")
@requires(Permission.REFUND_ESCROW)
@idempotent
@previewable
@blueprint.response(200, bodies.RefundedSchema)
@refuses(payment_refunds.RefundNotFound, acts.NotYourAct, acts.ActNotPossible)
def order_refund_again(refund_id: str) -> Response:
    """The client, or staff for them, has a refund that came back sent once more."""
    return once(
        _both("refund", refunds.order_refund_again), refund_id=refund_id, again_id=new_id("rf"), by=actor()
    )


@blueprint.post("/milestones/<milestone_id>/refund-requests")
@requires(Permission.REFUND_ESCROW)
@idempotent
@previewable
@blueprint.arguments(bodies.RefundOrderSchema)
@blueprint.response(201, bodies.RefundRequestSchema)
@leads_to("agreeToRefund", "declineRefund", "withdrawRefundRequest", request_id="$response.body#/id")
@refuses(*_ACT, *_AMOUNT)
def request_refund(order: dict[str, Any], milestone_id: str) -> Response:
    """The client asks for held money back; it goes when the worker agrees."""
    return once(
        refunds.request_refund,
        milestone_id=milestone_id,
        request_id=new_id("rr"),
        amount=order["amount"],
        reason=order["reason"],
        by=actor(),
    )


@blueprint.post("/refund-requests/<request_id>/agree")
@requires(Permission.REFUND_ESCROW)
@idempotent
@previewable
@blueprint.response(200, bodies.RefundedSchema)
@refuses(refunds.RefundRequestNotFound, *_ACT)
def agree_to_refund(request_id: str) -> Response:
    """The worker agrees, and the money goes back."""
    return once(
        _both("refund", refunds.agree_to_refund), request_id=request_id, refund_id=new_id("rf"), by=actor()
    )


@blueprint.post("/refund-requests/<request_id>/decline")
@requires(Permission.REFUND_ESCROW)
@idempotent
@previewable
@blueprint.response(200, bodies.RefundRequestSchema)
@refuses(refunds.RefundRequestNotFound, *_ACT)
def decline_refund(request_id: str) -> Response:
    """The worker does not agree; the money stays held."""
    return once(refunds.close_request, request_id=request_id, act="decline", by=actor())


@blueprint.post("/refund-requests/<request_id>/withdraw")
@requires(Permission.REFUND_ESCROW)
@idempotent
@previewable
@blueprint.response(200, bodies.RefundRequestSchema)
@refuses(refunds.RefundRequestNotFound, *_ACT)
def withdraw_refund_request(request_id: str) -> Response:
    """The client no longer asks; the money stays held."""
    return once(refunds.close_request, request_id=request_id, act="withdraw", by=actor())


@blueprint.post("/milestones/<milestone_id>/dispute")
@requires(Permission.OPEN_DISPUTE)
@idempotent
@previewable
@blueprint.arguments(bodies.DisputeOrderSchema)
@blueprint.response(200, bodies.DisputedSchema)
@refuses(*_ACT, submissions.ReviewWindowOver)
def open_dispute(order: dict[str, str], milestone_id: str) -> Response:
    """Stop everything until a mediator has decided."""
    return once(
        _both("dispute", disputes.open_dispute),
        milestone_id=milestone_id,
        dispute_id=new_id("dp"),
        reason=order["reason"],
        by=actor(),
    )


@blueprint.post("/milestones/<milestone_id>/settle")
@requires(Permission.MEDIATE_DISPUTE)
@idempotent
@previewable
@blueprint.arguments(bodies.SettlementSchema)
@blueprint.response(200, bodies.DisputedSchema)
@refuses(*_ACT, disputes.SplitDoesNotAddUp, AmountNotMovable)
def settle_dispute(settlement: dict[str, Any], milestone_id: str) -> Response:
    """The mediator decides how much is the worker's and how much goes back to the client; together it is all."""
    return once(
        _both("dispute", disputes.settle_dispute),
        milestone_id=milestone_id,
        release_id=new_id("rl"),
        refund_id=new_id("rf"),
        by=actor(),
        **settlement,
    )


def _both(name: str, act: Callable[..., tuple[Any, Any]]) -> Callable[..., dict[str, Any]]:
    def acted(session: Session, /, **named: Any) -> dict[str, Any]:  # noqa: ANN401 - the act's own
        milestone, other = act(session, **named)
        return {"milestone": milestone, name: other}

    return acted


def _request_changes(session: Session, /, **named: Any) -> dict[str, Any]:  # noqa: ANN401 - the act's own
    return {"milestone": submissions.request_changes(session, **named)}


def _detail(session: Session, *, milestone_id: str, by: Actor) -> dict[str, Any]:
    milestone = queries.milestone(session, milestone_id=milestone_id, by=by)
    party = {milestone.client_id: "client", milestone.worker_id: "worker"}.get(by.id)
    shown = {name: getattr(milestone, name) for name in MilestoneSchema().fields}
    return {
        **shown,
        "submissions": queries.submissions(session, milestone_id),
        "releases": queries.releases(session, milestone_id),
        "refund_requests": queries.refund_requests(session, milestone_id),
        # What came after it had been given up never was for the work.
        "refunds": [
            refund
            for refund in payment_queries.refunds_of(session, milestone_id)
            if not (refund.late and party == "worker")
        ],
        "disputes": queries.disputes(session, milestone),
        "possible": [
            act
            for act in MILESTONE.acts(milestone.state)
            if party in MILESTONE.table[milestone.state, act].by
        ],
    }
