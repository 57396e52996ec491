"""Who is in the stories of these tests, what they do, and where the money is afterwards."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from escrow import (
    chargebacks,
    clawbacks,
    contracts,
    disputes,
    funding,
    queries,
    refunds,
    release,
    submissions,
)
from escrow.contracts import MilestoneTerms
from escrow.fees import FeeSchedule
from gateways.contract import (
    Charge,
    ChargebackFound,
    ChargebackLine,
    ChargebackState,
    PaymentFound,
    PaymentState,
    RefundFound,
    RefundState,
)
from identity.actors import Actor
from identity.permissions import Role
from identity.tables import User, UserRole
from kernel.ids import encode, new_id
from kernel.money import Money
from ledger.balances import trial_balance
from payments import collecting
from payments import queries as payment_queries
from payments import refunds as payment_refunds
from payments.routing import Route
from payments.tables import Customer
from persistence import clock as database_clock
from persistence.tables import OutboxEvent
from persistence.unit_of_work import atomically, reading

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from escrow.views import (
        ContractView,
        DisputeView,
        MilestoneView,
        RefundRequestView,
        ReleaseView,
        SubmissionView,
    )
    from payments.views import ChargebackView, PaymentView, RefundView


def _person(number: int, *roles: Role) -> Actor:
    return Actor(encode("us", number.to_bytes(16, "big")), frozenset(roles))


CLIENT = _person(1, Role.CLIENT)
WORKER = _person(2, Role.WORKER)
OTHER_CLIENT = _person(3, Role.CLIENT)
OTHER_WORKER = _person(4, Role.WORKER)
MEDIATOR = _person(5, Role.MEDIATOR)
SUPPORT = _person(6, Role.SUPPORT)
FINANCE = _person(7, Role.FINANCE)
ADMIN = _person(8, Role.ADMIN)
EVERYBODY = (CLIENT, WORKER, OTHER_CLIENT, OTHER_WORKER, MEDIATOR, SUPPORT, FINANCE, ADMIN)

# Of a milestone of 100.00 the client pays 105.00, and the worker gets 90.00.
ROUTES = (Route("stripe", "card"),)
FEES = FeeSchedule(client_basis_points=500, worker_basis_points=1000)
# What the gateway keeps of 105.00.
GATEWAY_FEE = "3.35"

_PLACES = {
    "assets:gateway:stripe:pending": "pending",
    "assets:gateway:stripe:available": "available",
    "assets:gateway:stripe:connected": "connected",
    "liabilities:escrow": "held",
    "liabilities:owed": "owed",
    "liabilities:wallet": "wallet",
    "liabilities:refunds:in_transit": "refunds",
    "income:fees:client": "client fees",
    "income:fees:worker": "worker fees",
    "expenses:gateway_fees": "gateway fees",
    "expenses:chargebacks": "chargebacks",
    "expenses:chargeback_fees": "chargeback fees",
    "assets:receivable": "receivable",
}
_DEBITS = ("assets:", "expenses:")


def usd(amount: str) -> Money:
    """An amount of dollars."""
    return Money.parse(amount, "USD")


def enrol(session: Session) -> None:
    """Everybody has an account, and the gateway knows the clients."""
    for number, actor in enumerate(EVERYBODY):
        session.add(_account(actor, f"person{number}@example.com"))
    session.flush()
    for actor in EVERYBODY:
        session.add_all(UserRole(user_id=actor.id, role=role.value) for role in actor.roles)
    for client in (CLIENT, OTHER_CLIENT):
        customer = Customer(
            id=new_id("cu"),
            user_id=client.id,
            gateway="stripe",
            gateway_id=f"cus_{client.id}",
            attempt=1,
            calls=0,
            calls_over=0,
        )
        session.add(customer)


def money() -> dict[str, str]:
    """Where all the money is, by place; what has nothing is left out."""
    places: dict[str, Money] = {}
    for line in reading(trial_balance):
        place = next(place for code, place in _PLACES.items() if line.code.startswith(code))
        net = line.debit - line.credit if line.code.startswith(_DEBITS) else line.credit - line.debit
        places[place] = places.get(place, Money.zero(line.currency)) + net
    return {place: amount.decimal for place, amount in places.items() if amount}


def told() -> Counter[str]:
    """How often each event was published."""
    return Counter(reading(lambda session: list(session.scalars(select(OutboxEvent.name)))))


def told_last(name: str) -> dict[str, Any]:
    """What the last event of this name said."""
    last = (
        select(OutboxEvent.payload).where(OutboxEvent.name == name).order_by(OutboxEvent.id.desc()).limit(1)
    )
    return reading(lambda session: session.scalars(last).one())


def now() -> datetime:
    """The instant that decides."""
    return reading(database_clock.now)


def offered(*prices: str, currency: str = "USD", by: Actor = CLIENT, to: Actor = WORKER) -> ContractView:
    """A contract with a milestone of each price, offered and not yet answered."""
    terms = [
        MilestoneTerms(f"Part {number}", Money.parse(price, currency))
        for number, price in enumerate(prices, 1)
    ]
    return atomically(
        contracts.offer_contract,
        contract_id=new_id("ct"),
        worker_id=to.id,
        title="A website",
        description="With a shop.",
        currency=currency,
        milestones=terms,
        by=by,
    )


def accepted(*prices: str, currency: str = "USD", fees: FeeSchedule = FEES) -> ContractView:
    """A contract that the worker has accepted."""
    contract = offered(*prices, currency=currency)
    return atomically(
        contracts.accept_contract,
        contract_id=contract.id,
        version=contract.version,
        fees=fees,
        country="US",
        by=WORKER,
    )


def draft(price: str = "100.00", *, fees: FeeSchedule = FEES) -> MilestoneView:
    """The only milestone of an accepted contract."""
    return accepted(price, fees=fees).milestones[0]


def checkout(milestone_id: str, *, by: Actor = CLIENT, save_card: bool = False) -> PaymentView:
    """The client begins to pay."""
    return atomically(
        funding.begin_checkout,
        milestone_id=milestone_id,
        payment_id=new_id("py"),
        method="card",
        routes=ROUTES,
        save_card=save_card,
        by=by,
    )


def answer(
    payment: PaymentView,
    state: PaymentState = PaymentState.SUCCEEDED,
    *,
    amount: Money | None = None,
    fee: str = GATEWAY_FEE,
    gateway_id: str | None = None,
) -> PaymentFound:
    """What the gateway says of a payment; a charge comes with success."""
    amount = amount or payment.charged
    gateway_id = gateway_id or f"pi_{payment.id}"
    charge = Charge(
        gateway_id=f"ch_{payment.id}",
        amount=amount,
        fee=Money.parse(fee, amount.currency),
        available_on=datetime.now(UTC) + timedelta(days=2),
        settled=False,
        balance_transaction=f"txn_{payment.id}",
        card_brand="visa",
        card_last4="4242",
    )
    return PaymentFound(
        gateway_id=gateway_id,
        state=state,
        amount=amount,
        client_secret=None,
        charge=charge if state is PaymentState.SUCCEEDED else None,
        decline_code=None,
        decline_message=None,
        payment_id=payment.id,
        livemode=False,
    )


def record(payment: PaymentView, outcome: object) -> PaymentView:
    """Write down what the gateway says."""
    return atomically(funding.record_payment, payment_id=payment.id, outcome=outcome)


def fund(milestone_id: str, *, fee: str = GATEWAY_FEE) -> PaymentView:
    """The client pays, and the gateway says so."""
    payment = checkout(milestone_id)
    return record(payment, answer(payment, fee=fee))


def funded(price: str = "100.00", *, fees: FeeSchedule = FEES) -> MilestoneView:
    """A milestone whose price is held."""
    milestone = draft(price, fees=fees)
    fund(milestone.id)
    return look(milestone)


def submit(milestone: MilestoneView, *, by: Actor = WORKER) -> SubmissionView:
    """The worker hands work in."""
    _, submission = atomically(
        submissions.submit_work,
        milestone_id=milestone.id,
        submission_id=new_id("sb"),
        note="Done.",
        by=by,
    )
    return submission


def submitted(price: str = "100.00") -> MilestoneView:
    """A milestone whose work was handed in."""
    milestone = funded(price)
    submit(milestone)
    return look(milestone)


def request_changes(milestone: MilestoneView, *, by: Actor = CLIENT) -> MilestoneView:
    """The client sends the work back."""
    return atomically(submissions.request_changes, milestone_id=milestone.id, what="The logo.", by=by)


def accept(milestone: MilestoneView, amount: str | None = None, *, by: Actor = CLIENT) -> ReleaseView:
    """The client pays the worker all that is held, or a part of it."""
    part = _part(milestone, amount)
    _, released = atomically(
        release.release, milestone_id=milestone.id, release_id=new_id("rl"), amount=part, by=by
    )
    return released


def time_is_up(submission_id: str) -> MilestoneView | None:
    """The sweep finds the submission."""
    return atomically(release.release_by_time, submission_id=submission_id, release_id=new_id("rl"))


def give_back(milestone: MilestoneView, amount: str | None = None, *, by: Actor = WORKER) -> RefundView:
    """The worker gives the client all that is held, or a part of it."""
    part = _part(milestone, amount)
    _, refund = atomically(
        refunds.refund,
        milestone_id=milestone.id,
        refund_id=new_id("rf"),
        amount=part,
        reason="Not my trade.",
        by=by,
    )
    return refund


def give_back_after_release(
    milestone: MilestoneView, amount: str, *, by: Actor = WORKER
) -> tuple[MilestoneView, RefundView]:
    """What was released goes back to the client, or a part of it."""
    return atomically(
        clawbacks.give_back,
        milestone_id=milestone.id,
        refund_id=new_id("rf"),
        clawback_id=new_id("cw"),
        amount=usd(amount),
        reason="It was not what was agreed.",
        by=by,
    )


def refund_answer(
    refund: RefundView, state: RefundState = RefundState.SUCCEEDED, *, amount: Money | None = None
) -> RefundFound:
    """What the gateway says of a refund."""
    return RefundFound(
        gateway_id=f"re_{refund.id}",
        state=state,
        amount=amount or refund.amount,
        pending_reason="charge_pending" if state is RefundState.PENDING else None,
        failure_reason="lost_or_stolen_card" if state is RefundState.FAILED else None,
        reference=None,
        refund_id=refund.id,
    )


def record_refund(refund: RefundView, outcome: object) -> RefundView:
    """Write down what the gateway says: of the refund it has, or to a call that brought none."""
    known = isinstance(outcome, RefundFound)
    intent = None if known else atomically(payment_refunds.refund_to_send, refund_id=refund.id)
    return atomically(refunds.record_refund, refund_id=refund.id, outcome=outcome, intent=intent)


def order_again(refund: RefundView, *, by: Actor = CLIENT) -> RefundView:
    """A refund that came back is sent once more."""
    _, again = atomically(refunds.order_refund_again, refund_id=refund.id, again_id=new_id("rf"), by=by)
    return again


def chargeback(
    milestone: MilestoneView,
    state: ChargebackState = ChargebackState.NEEDS_RESPONSE,
    *amounts: str,
    gateway_id: str = "du_1",
) -> ChargebackFound:
    """What the gateway says of a chargeback: each amount is a line, below zero where it was given back."""
    currency = milestone.price.currency
    lines = [Money.parse(amount, currency) for amount in amounts]
    return ChargebackFound(
        kind="fraud_warning" if state is ChargebackState.WARNED else "chargeback",
        gateway_id=gateway_id,
        payment=f"pi_{payment_of(milestone).id}",
        state=state,
        word=state.value,
        amount=payment_of(milestone).charged,
        reason="fraudulent",
        respond_by=datetime(2030, 1, 15, tzinfo=UTC),
        lines=tuple(
            ChargebackLine(f"{gateway_id}_{number}", amount, Money.zero(currency))
            for number, amount in enumerate(lines)
        ),
    )


def charge_back(
    milestone: MilestoneView, state: ChargebackState, *amounts: str, gateway_id: str = "du_1"
) -> ChargebackView:
    """The gateway is asked how the chargeback is."""
    return atomically(
        chargebacks.record_chargeback,
        chargeback_id=new_id("cb"),
        payment=payment_of(milestone),
        found=chargeback(milestone, state, *amounts, gateway_id=gateway_id),
    )


def dispute(milestone: MilestoneView, *, by: Actor = CLIENT) -> DisputeView:
    """One side disagrees."""
    _, opened = atomically(
        disputes.open_dispute,
        milestone_id=milestone.id,
        dispute_id=new_id("dp"),
        reason="It does not work.",
        by=by,
    )
    return opened


def disputed(price: str = "100.00") -> MilestoneView:
    """A milestone on which the two sides disagree."""
    milestone = submitted(price)
    dispute(milestone)
    return look(milestone)


def settle(milestone: MilestoneView, to_worker: str, *, by: Actor = MEDIATOR) -> DisputeView:
    """A mediator decides."""
    part = Money.parse(to_worker, milestone.price.currency)
    _, settled = atomically(
        disputes.settle_dispute,
        milestone_id=milestone.id,
        to_worker=part,
        to_client=max(look(milestone).held - part, Money.zero(part.currency)),
        release_id=new_id("rl"),
        refund_id=new_id("rf"),
        decision="Half of it works.",
        by=by,
    )
    return settled


def _part(milestone: MilestoneView, amount: str | None) -> Money:
    return look(milestone).held if amount is None else Money.parse(amount, milestone.price.currency)


def look(milestone: MilestoneView) -> MilestoneView:
    """The milestone as it stands now."""
    return reading(queries.milestone, milestone_id=milestone.id, by=ADMIN)


def look_at_contract(milestone: MilestoneView) -> ContractView:
    """Its contract as it stands now."""
    return reading(queries.contract, contract_id=milestone.contract_id, by=ADMIN)


def ask_back(milestone: MilestoneView, amount: str | None = None, *, by: Actor = CLIENT) -> RefundRequestView:
    """The client asks for held money back."""
    part = _part(milestone, amount)
    return atomically(
        refunds.request_refund,
        milestone_id=milestone.id,
        request_id=new_id("rr"),
        amount=part,
        reason="Too late.",
        by=by,
    )


def agree(request: RefundRequestView, *, by: Actor = WORKER) -> RefundView:
    """The worker agrees to give back what was asked for."""
    _, refund = atomically(refunds.agree_to_refund, request_id=request.id, refund_id=new_id("rf"), by=by)
    return refund


def close(request: RefundRequestView, act: str, *, by: Actor) -> RefundRequestView:
    """The worker declines, or the client withdraws."""
    return atomically(refunds.close_request, request_id=request.id, act=act, by=by)


def refunds_of(milestone: MilestoneView) -> list[RefundView]:
    """All refunds of the milestone."""
    return list(reading(payment_queries.refunds_of, milestone.id))


def requests_of(milestone: MilestoneView) -> list[RefundRequestView]:
    """All the client asked back."""
    return list(reading(queries.refund_requests, milestone.id))


def payment_of(milestone: MilestoneView) -> PaymentView:
    """The payment that collects, or has collected, for the milestone."""
    payment = reading(collecting.live_payment, milestone.id)
    assert payment is not None
    return payment


def _account(actor: Actor, email: str) -> User:
    return User(
        id=actor.id,
        email=email,
        email_key=email,
        password_hash="none",
        name="Somebody",
        country="US",
        locale="en-US",
        time_zone="America/New_York",
        version=1,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
