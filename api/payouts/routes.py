"""The worker's way to their money: an account to be paid to, a wallet, and withdrawals to a bank."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from api.auth import actor, public, requires
from api.blueprints import Blueprint, leads_to, refuses
from api.idempotency import idempotent, naturally_idempotent, once
from api.paging import onward, page_of, paged
from api.payouts import schemas as bodies
from api.preview import previewable
from escrow.queries import milestone
from gateways.contract import BalanceFound, PayoutMethod, Rejected
from gateways.orders import Verdict
from identity.permissions import Permission
from kernel.ids import new_id
from kernel.money import AmountNotMovable
from kernel.pages import CursorMalformed
from payments.answers import GatewayRefused, GatewayUnavailable, found
from payouts import (
    account_news,
    accounts,
    booking,
    history,
    instant,
    minimums,
    queries,
    schedules,
    transfers,
    wallet,
    withdrawals,
)
from payouts.funds import NotEnoughAvailable
from payouts.instant import Asked, InstantFee, nothing
from persistence.unit_of_work import atomically, reading, staged
from runtime.wiring import paying_out, wired

if TYPE_CHECKING:
    from flask import Response
    from sqlalchemy.orm import Session

    from api.paging import ListAsked, Page
    from gateways.contract import Busy, OnboardingLink, PaysOut, Unknown
    from kernel.money import Money
    from payouts.connected import Place
    from payouts.history import HistoryLine
    from payouts.views import AccountView, PayoutView
    from payouts.wallet import Wallet

blueprint = Blueprint("payouts", __name__, description="Paying out: accounts, wallets and withdrawals.")

Answer = TypeVar("Answer")

# Workers are paid through one gateway; another comes with accounts of its own.
_RAIL = "stripe"
_ASKS_THE_GATEWAY = (GatewayRefused, GatewayUnavailable)
_MADE_ONCE = "The account is made once; what is handed out is short-lived, and nothing of it is kept."
_NOTHING_IN_IT = "It says only that the app goes on from here."


@blueprint.post("/payouts/onboarding-link")
@requires(Permission.SET_UP_PAYOUTS)
@naturally_idempotent(_MADE_ONCE)
@blueprint.response(200, bodies.OnboardingLinkSchema)
@refuses(*_ASKS_THE_GATEWAY)
def create_onboarding_link() -> OnboardingLink:
    """A page on which you tell the payment provider who you are and where your bank is; made anew each time."""
    account = _account()
    here = wired().settings.PUBLIC_URL
    link = _heard(
        _rail().onboarding_link(
            account,
            return_url=f"{here}/v1/payouts/onboarding/finished",
            refresh_url=f"{here}/v1/payouts/onboarding/expired",
        )
    )
    atomically(account_news.expect_news, user_id=actor().id, gateway=_RAIL)
    return link


@blueprint.get("/payouts/onboarding/finished")
@public(reason=_NOTHING_IN_IT)
@blueprint.response(200, bodies.OnboardingEndSchema)
def show_onboarding_finished() -> dict[str, str]:
    """Where the payment provider's page sends the worker when they have finished or closed it."""
    return {"message": "Thank you. Go back to the Holdfast app; it shows whether anything is still missing."}


@blueprint.get("/payouts/onboarding/expired")
@public(reason=_NOTHING_IN_IT)
@blueprint.response(200, bodies.OnboardingEndSchema)
def show_onboarding_expired() -> dict[str, str]:
    """Where the payment provider's page sends the worker when their link was used up."""
    return {"message": "This link was used up. Go back to the Holdfast app and open a new one."}


@blueprint.post("/payouts/account-session")
@requires(Permission.SET_UP_PAYOUTS)
@naturally_idempotent(_MADE_ONCE)
@blueprint.response(200, bodies.AccountSessionSchema)
@refuses(*_ASKS_THE_GATEWAY)
def create_account_session() -> dict[str, Any]:
    """A secret with which the app shows your payout account's own pages."""
    secret = _heard(_rail().account_session(_account()))
    return {
        "client_secret": secret.value,
        "expires_at": secret.expires_at,
        "publishable_key": _rail().client_settings()["publishable_key"],
    }


@blueprint.get("/payouts/account")
@requires(Permission.VIEW_WALLET)
@blueprint.arguments(bodies.WhoseQuery, location="query")
@blueprint.response(200, bodies.PayoutAccountSchema)
@refuses(accounts.PayoutAccountNotFound)
def get_payout_account(asked: dict[str, str]) -> AccountView:
    """Whether you can be paid, what is missing for it, and the one thing to do next."""
    return reading(accounts.account_of, user_id=_whose(asked), gateway=_RAIL, by=actor())


@blueprint.get("/payouts/balance")
@requires(Permission.VIEW_WALLET)
@blueprint.arguments(bodies.WhoseQuery, location="query")
@blueprint.response(200, bodies.WalletSchema)
@refuses(wallet.WalletNotFound)
def get_wallet(asked: dict[str, str]) -> Wallet:
    """Your wallet: what you can withdraw and how fast, what waits for what, and what is on its way to your bank."""
    place = reading(wallet.place_at_gateway, user_id=_whose(asked), gateway=_RAIL, by=actor())
    terms = wallet.InstantTerms(_instant_fee(), _lies_there(place) if place is not None else {})
    return reading(wallet.wallet, user_id=_whose(asked), gateway=_RAIL, by=actor(), terms=terms)


@blueprint.get("/payouts/history")
@requires(Permission.VIEW_WALLET)
@blueprint.arguments(bodies.HistoryQuery, location="query")
@blueprint.response(200, page_of(bodies.HistoryLineSchema))
@leads_to("getPayout", payout_id="$response.body#/data/0/payout_id")
@leads_to("getReceipt", entry_id="$response.body#/data/0/entry_id")
@refuses(wallet.WalletNotFound, CursorMalformed)
def list_wallet_history(asked: ListAsked) -> Page:
    """Everything that happened in your wallet, newest first, each line with its reason."""
    page = reading(
        history.history,
        user_id=_whose(asked.about),
        currency=asked.about["currency"],
        after=asked.page.after,
        limit=asked.page.limit,
        by=actor(),
    )
    return onward(replace(page, items=reading(_titled, lines=page.items)))


@blueprint.post("/payouts")
@requires(Permission.WITHDRAW)
@idempotent
@previewable
@blueprint.arguments(bodies.PayoutOrderSchema)
@blueprint.response(201, bodies.PayoutSchema)
@leads_to("getPayout", payout_id="$response.body#/id")
@refuses(
    withdrawals.PayoutAccountNotReady,
    NotEnoughAvailable,
    withdrawals.PayoutAmountNotPositive,
    minimums.PayoutBelowMinimum,
    instant.InstantPayoutNotPossible,
    instant.InstantPayoutNotCovered,
    AmountNotMovable,
    *_ASKS_THE_GATEWAY,
)
def request_payout(order: dict[str, Any]) -> Response:
    """Withdraw to your bank account; the money is held back now and sent in a moment.

    `amount` is what arrives. `standard` is free. `instant` costs a fee on top, which the preview shows.
    """
    amount: Money = order["amount"]
    return once(
        withdrawals.request_payout,
        payout_id=new_id("po"),
        amount=amount,
        gateway=_RAIL,
        by=actor(),
        instant=_instantly(amount.currency) if order["method"] == PayoutMethod.INSTANT else None,
    )


@blueprint.post("/payouts/schedule")
@requires(Permission.WITHDRAW)
@idempotent
@previewable
@blueprint.arguments(bodies.ScheduleOrderSchema)
@blueprint.response(200, bodies.PayoutScheduleSchema)
@refuses(schedules.PayoutScheduleMalformed, AmountNotMovable)
def change_payout_schedule(order: dict[str, Any]) -> Response:
    """Be paid daily, weekly, or only when you ask; at six in the morning, UTC, all that is available, without a fee."""
    return once(
        schedules.change_schedule,
        gateway=_RAIL,
        interval=order["interval"],
        weekday=order["weekday"],
        minimum=order.get("minimum"),
        by=actor(),
    )


@blueprint.get("/payouts")
@requires(Permission.VIEW_WALLET)
@blueprint.arguments(bodies.PayoutsQuery, location="query")
@blueprint.response(200, page_of(bodies.PayoutSchema))
@leads_to("getPayout", payout_id="$response.body#/data/0/id")
def list_payouts(asked: ListAsked) -> Page:
    """Your withdrawals, newest first; staff sees everybody's."""
    return paged(queries.payouts, asked.page, key=lambda payout: payout.id, by=actor(), **asked.about)


@blueprint.get("/payouts/<string(length=29):payout_id>")
@requires(Permission.VIEW_WALLET)
@blueprint.response(200, bodies.PayoutSchema)
@refuses(booking.PayoutNotFound)
def get_payout(payout_id: str) -> PayoutView:
    """How far a withdrawal is, and of which milestones' money it is made."""
    return reading(queries.payout, payout_id=payout_id, by=actor())


@blueprint.get("/transfers")
@requires(Permission.READ_LEDGER)
@blueprint.arguments(bodies.TransfersQuery, location="query")
@blueprint.response(200, page_of(bodies.TransferSchema))
@leads_to("orderTransferAgain", transfer_id="$response.body#/data/0/id")
def list_transfers(asked: ListAsked) -> Page:
    """Released money on its way to workers' accounts, newest first; `state=failed` is what needs somebody."""
    return paged(queries.transfers, asked.page, key=lambda transfer: transfer.id, **asked.about)


@blueprint.post("/transfers/<transfer_id>/order-again")
@requires(Permission.OPERATE)
@idempotent
@previewable
@blueprint.response(200, bodies.TransferSchema)
@refuses(transfers.TransferNotFound, transfers.TransferNotFailed)
def order_transfer_again(transfer_id: str) -> Response:
    """Once it is cleared up why the gateway refused a transfer, have it sent as a new order."""
    return once(transfers.order_again, transfer_id=transfer_id)


def _account() -> str:
    """What the gateway calls the caller's account, made there now if it was not before."""
    outcome: account_news.Answer | Verdict | None = Verdict.NEVER_ARRIVED
    while isinstance(outcome, Verdict):
        outcome = staged(
            begin=accounts.order_account,
            call=partial(accounts.open_account, _rail()),
            record=account_news.record_account,
            user_id=actor().id,
            gateway=_RAIL,
        )
    if outcome is not None:
        found(outcome)
    return reading(accounts.account_at_gateway, user_id=actor().id, gateway=_RAIL)


def _heard(outcome: Answer | Rejected | Busy | Unknown) -> Answer:
    """What the gateway answers; where it refuses, the account may have left us, and that is looked into."""
    if isinstance(outcome, Rejected) and not outcome.temporary:
        atomically(account_news.look_now, user_id=actor().id, gateway=_RAIL)
    return found(outcome)


def _instant_fee() -> InstantFee:
    settings = wired().settings
    return InstantFee(settings.INSTANT_PAYOUT_FEE_BASIS_POINTS, settings.INSTANT_PAYOUT_FEE_LEAST_MINOR)


def _instantly(currency: str) -> Asked:
    """The terms of an instant withdrawal, as the gateway has the worker's account now."""
    place = reading(wallet.place_at_gateway, user_id=actor().id, gateway=_RAIL, by=actor())
    # Who has no account that can be paid out is refused for that, before it is asked what lies there.
    seen = _rail().balance(currency, account=place.gateway_id) if place is not None else nothing(currency)
    return Asked(_instant_fee(), seen)


def _lies_there(place: Place) -> dict[str, BalanceFound]:
    """What the gateway says lies at the worker's account; what it does not say is left out, and the wallet shown."""
    answers = {currency: _rail().balance(currency, account=place.gateway_id) for currency in place.currencies}
    return {currency: seen for currency, seen in answers.items() if isinstance(seen, BalanceFound)}


def _rail() -> PaysOut:
    return paying_out(_RAIL)


def _whose(asked: dict[str, Any]) -> str:
    return asked.get("worker_id") or actor().id


def _titled(session: Session, *, lines: tuple[HistoryLine, ...]) -> tuple[HistoryLine, ...]:
    """The lines with the titles of their milestones, which payouts know by id only."""
    named = {line.milestone_id for line in lines if line.milestone_id is not None}
    titles = {about: milestone(session, milestone_id=about, by=actor()).title for about in named}
    return tuple(replace(line, milestone_title=titles.get(line.milestone_id or "")) for line in lines)
