"""What workers owe: seen, paid out of the wallet, and borne by us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.debts import schemas as bodies
from api.idempotency import idempotent, once
from api.paging import page_of, paged
from api.preview import previewable
from identity.permissions import Permission
from kernel.ids import new_id
from payments import debts
from payouts import recovery, wallet
from payouts.funds import NotEnoughAvailable

if TYPE_CHECKING:
    from flask import Response

    from api.paging import ListAsked, Page

blueprint = Blueprint("debts", __name__, description="What workers owe for money that clients have back.")


@blueprint.get("/payouts/debts")
@requires(Permission.VIEW_WALLET)
@blueprint.arguments(bodies.DebtsQuery, location="query")
@blueprint.response(200, page_of(bodies.DebtSchema))
@leads_to("payDebt", "forgiveDebt", debt_id="$response.body#/data/0/id")
@refuses(wallet.WalletNotFound)
def list_debts(asked: ListAsked) -> Page:
    """What you owe, oldest first. Money of the same milestone is taken by itself, other money when you say so."""
    whose = asked.about.get("worker_id") or actor().id
    wallet.check_may_see(whose, actor())
    return paged(debts.of_worker, asked.page, key=lambda debt: debt.id, worker_id=whose)


@blueprint.post("/payouts/debts/<debt_id>/pay")
@requires(Permission.WITHDRAW)
@idempotent
@previewable
@blueprint.arguments(bodies.DebtPaymentSchema)
@blueprint.response(200, bodies.DebtSchema)
@refuses(debts.DebtNotFound, debts.NotOwed, NotEnoughAvailable)
def pay_debt(said: dict[str, Any], debt_id: str) -> Response:
    """Pay what you owe, or a part of it, out of your wallet; nothing is asked of your bank."""
    return once(recovery.pay, debt_id=debt_id, amount=said["amount"], recovery_id=new_id("rc"), by=actor())


@blueprint.post("/staff/debts/<debt_id>/forgive")
@requires(Permission.ADJUST_LEDGER)
@idempotent
@previewable
@blueprint.arguments(bodies.ForgivenessSchema)
@blueprint.response(200, bodies.DebtSchema)
@refuses(debts.DebtNotFound, debts.NotOwed)
def forgive_debt(said: dict[str, Any], debt_id: str) -> Response:
    """Bear what a worker owes, or a part of it: it becomes our loss."""
    return once(debts.forgive, debt_id=debt_id, by=actor().id, **said)
