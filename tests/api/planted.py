"""A resource that moves money, as small as one can be: what every such route relies on is tried on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from marshmallow import fields

from api import create_app
from api.auth import actor, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.idempotency import begun_once, idempotent, once
from api.preview import previewable
from api.schemas import MoneyField, Strict
from identity.permissions import Permission
from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import Conflict, Invalid
from ledger.movements import milestone_funded
from ledger.posting import post

if TYPE_CHECKING:
    from flask import Flask, Response
    from sqlalchemy.orm import Session

    from runtime.settings import Settings

BROKE = "17.00"
NEVER = "13.00"
BROKEN = "99.99"


class NeverAllowed(Invalid):
    """This amount is never allowed."""

    code = "planted_never_allowed"


class NotNow(Conflict):
    """This amount is not possible now."""

    code = "planted_not_now"


class DepositOrder(Strict):
    """How much."""

    amount = MoneyField(required=True)
    note = fields.String()


class DepositSchema(Strict):
    """What was deposited."""

    id = fields.String(required=True)
    amount = MoneyField(required=True)


@dataclass(frozen=True)
class Deposit:
    """What was deposited."""

    id: str
    amount: Money
    version: int = 1


def deposit(session: Session, *, milestone_id: str, amount: Money, by: str) -> Deposit:
    """Move real money on the real books, and refuse some amounts afterwards."""
    post(
        session,
        milestone_funded("stripe", milestone_id, price=amount, client_fee=Money.zero(amount.currency)),
        key=f"{milestone_id}:planted",
        reference=milestone_id,
        actor=by,
    )
    if amount.decimal == NEVER:
        raise NeverAllowed("Never this amount.", field="amount", tried=amount)
    if amount.decimal == BROKE:
        raise NotNow("Not now.", field="amount")
    if amount.decimal == BROKEN:
        message = "the password is hunter2"
        raise RuntimeError(message)
    return Deposit(milestone_id, amount)


def resource() -> Blueprint:
    """The routes."""
    blueprint = Blueprint("planted", __name__, description="Planted.")

    @blueprint.post("/planted/deposits")
    @blueprint.arguments(DepositOrder)
    @blueprint.response(201, DepositSchema)
    @requires(Permission.MANAGE_OWN_ACCOUNT)
    @idempotent
    @previewable
    @leads_to("getAccount")
    @refuses(NeverAllowed, NotNow)
    def make_deposit(order: dict[str, Any]) -> Response:
        """Deposit."""
        return once(deposit, milestone_id=new_id("ms"), amount=order["amount"], by=actor().id)

    @blueprint.post("/planted/<place>/secrets")
    @blueprint.arguments(DepositOrder)
    @blueprint.response(200, DepositSchema)
    @requires(Permission.MANAGE_OWN_ACCOUNT)
    @idempotent
    @refuses(NeverAllowed, NotNow)
    def make_secret(order: dict[str, Any], place: str) -> dict[str, Any]:
        """Begin what goes on with a gateway."""
        begun = begun_once(deposit, milestone_id=new_id("ms"), amount=order["amount"], by=actor().id)
        return {"id": f"{begun}_secret_{place}_{new_id('wh')}", "amount": order["amount"]}

    return blueprint


@pytest.fixture
def application(settings: Settings) -> Flask:
    """The application with these routes besides its own."""
    app = create_app(settings)
    app.extensions["flask-smorest"]["apis"][""]["ext_obj"].register_blueprint(resource())
    return app
