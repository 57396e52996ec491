"""People who fund, hand in, release and withdraw as fast as they can, and insist until each act is answered.

What they do is the real thing: each act of a person is `answered_once` under a key of its own, as over HTTP; what the
gateway answers is written down as a job writes it, again until it is done.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from escrow import contracts, funding, release, submissions
from escrow.contracts import MilestoneTerms
from escrow.tables import Milestone
from identity.actors import Actor
from identity.permissions import Role
from identity.tables import User, UserRole
from kernel.ids import new_id
from kernel.money import Money
from payments.tables import Customer, Payment
from payouts import transfers, withdrawals
from payouts.tables import Transfer
from persistence import unit_of_work
from persistence.idempotency import Answer, Request, answered_once
from persistence.tables import OutboxEvent
from persistence.unit_of_work import DatabaseBusy, OutcomeUnknown, atomically, reading
from tests.escrow.story import FEES, ROUTES, answer, usd
from tests.payouts.story import account, transfer_answer
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.orm import Session

_GATEWAY = "stripe"
_ORDER = ("release_id", "milestone_id", "worker_id", "payment_id", "gateway", "source_charge")


@dataclass(frozen=True)
class Pair:
    """A client and the worker who works for them."""

    client: Actor
    worker: Actor


@dataclass
class Load:
    """What was answered, and how often it was unknown whether something had been done."""

    pairs: list[Pair]
    # The idempotency keys of the entries that have to be in the books, because what made them was answered.
    entries: set[str] = field(default_factory=set)
    # The keys under which people asked and were answered.
    answered: set[str] = field(default_factory=set)
    # When each answer came.
    moments: list[float] = field(default_factory=list)
    # `unknown`, and of these those that `stood` when they were looked up; `busy` is how often nobody could be asked.
    counts: Counter[str] = field(default_factory=Counter)
    _failures: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _meeting: threading.Barrier | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        unit_of_work.observe(self._meet)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Everybody at once, until what is inside is done; then each ends the story they are in."""
        people = [threading.Thread(target=self._go_on, args=(pair,)) for pair in self.pairs]
        for person in people:
            person.start()
        try:
            yield
        finally:
            self._stop.set()
            for person in people:
                person.join()
        self.check()

    def check(self) -> None:
        """Nothing but an outage has kept anybody from anything."""
        for failure in self._failures:
            raise failure

    def go_on(self, acts: int) -> None:
        """Return when so many more acts have been answered."""
        enough = len(self.moments) + acts
        until(lambda: self.check() is None and len(self.moments) >= enough, patience_seconds=180)

    def while_committing(self, do: Callable[[], None], *, people: int) -> None:
        """Do something while so many at once are at their COMMIT: half of them send it now, half when it is done."""
        self._done.clear()
        meeting = self._met(people)
        do()
        self._done.set()
        # Who came a moment too late does not wait for a meeting that is over.
        meeting.abort()

    def _met(self, people: int) -> threading.Barrier:
        while True:
            self._meeting = meeting = threading.Barrier(people + 1, action=self._go_separate_ways)
            # Who has come may have what the others wait for, such as an account that nobody had used before.
            with suppress(threading.BrokenBarrierError):
                meeting.wait(timeout=15)
                return meeting
            self.check()

    def longest_stop(self, since: float, to: float) -> float:
        """For how many seconds at most nobody was answered."""
        within = sorted(moment for moment in self.moments if since <= moment <= to)
        return max(later - earlier for earlier, later in itertools.pairwise([since, *within, to]))

    def _go_separate_ways(self) -> None:
        self._meeting = None

    def _meet(self, stage: str, _name: str) -> None:
        meeting = self._meeting
        if stage == "before_commit" and meeting is not None:
            with suppress(threading.BrokenBarrierError):
                if meeting.wait() % 2:
                    self._done.wait()

    def _go_on(self, pair: Pair) -> None:
        try:
            while not self._stop.is_set():
                self._story(pair)
        except BaseException as failure:  # noqa: BLE001 - raised where the test looks
            self._failures.append(failure)

    def _story(self, pair: Pair) -> None:
        """A milestone of 100.00 is agreed on, funded, handed in and released, and the worker withdraws 50.00."""
        milestone = self._agree(pair)
        self._fund(pair, milestone)
        self._ask(
            pair.worker,
            submissions.submit_work,
            milestone_id=milestone,
            submission_id=new_id("sb"),
            note="Done.",
        )
        released = new_id("rl")
        self._ask(
            pair.client, release.release, milestone_id=milestone, release_id=released, amount=usd("100.00")
        )
        self.entries.add(f"{released}:released")
        self._transfer(milestone)
        payout = new_id("po")
        self._ask(
            pair.worker,
            withdrawals.request_payout,
            payout_id=payout,
            amount=usd("50.00"),
            gateway=_GATEWAY,
        )
        self.entries.add(f"{payout}:reserved")

    def _agree(self, pair: Pair) -> str:
        contract = new_id("ct")
        self._ask(
            pair.client,
            contracts.offer_contract,
            contract_id=contract,
            worker_id=pair.worker.id,
            title="A website",
            description="",
            currency="USD",
            milestones=[MilestoneTerms("A logo", usd("100.00"))],
        )
        self._ask(
            pair.worker,
            contracts.accept_contract,
            contract_id=contract,
            version=None,
            fees=FEES,
            country="US",
        )
        return str(self._look(_milestone_of, contract))

    def _fund(self, pair: Pair, milestone: str) -> None:
        payment = new_id("py")
        self._ask(
            pair.client,
            funding.begin_checkout,
            milestone_id=milestone,
            payment_id=payment,
            method="card",
            routes=ROUTES,
            save_card=False,
        )
        ordered = self._look(funding.checkout, payment_id=payment).payment
        self._work(
            lambda session: session.get_one(Payment, payment).state == "succeeded",
            funding.record_payment,
            payment_id=payment,
            outcome=answer(ordered),
        )
        self.entries |= {f"{payment}:funded", f"{payment}:gateway_fee"}

    def _transfer(self, milestone: str) -> None:
        told, transfer = self._look(_released, milestone), new_id("tr")
        ordered = self._work(
            lambda session: session.get(Transfer, transfer) is not None,
            transfers.order,
            transfer_id=transfer,
            amount=Money(told["amount_minor"], told["currency"]),
            **{name: told[name] for name in _ORDER},
        )
        self._work(
            lambda session: session.get_one(Transfer, transfer).state == "sent",
            transfers.record,
            intent=self._work(lambda _session: False, transfers.to_send, transfer_id=transfer),
            outcome=transfer_answer(ordered, usable_in=timedelta(seconds=-1)),
        )
        self.entries.add(f"{transfer}:sent")

    def _ask(self, who: Actor, operation: Callable[..., Any], **arguments: Any) -> None:
        """As over HTTP: the same key until it is answered, and the answer says whether it is a repetition."""
        request = Request(who.id, f"key-{next(self._numbers)}", b"f" * 32)

        def act(session: Session) -> Answer:
            operation(session, by=who, **arguments)
            return Answer(200, operation.__name__)

        found, unknown = self._insist(lambda: answered_once(request, act, lambda _refusal: None))
        assert found.body == operation.__name__
        assert unknown or not found.replayed, "nobody had asked before"
        self._note(unknown, stood=found.replayed)
        self.answered.add(request.client_key)

    def _work(
        self, is_done: Callable[[Session], bool], operation: Callable[..., Any], **arguments: Any
    ) -> Any:
        """As a job does: again until it is done, which it bears; what is unknown is looked up by its id."""
        looked: list[bool] = []

        def attempt() -> Any:
            try:
                return atomically(operation, **arguments)
            except OutcomeUnknown:
                looked.append(self._look(is_done))
                raise

        result, unknown = self._insist(attempt)
        self._note(unknown, stood=any(looked))
        return result

    def _look(self, query: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return self._insist(lambda: reading(query, *arguments, **named))[0]

    def _note(self, unknown: int, *, stood: bool) -> None:
        self.moments.append(time.monotonic())
        self.counts["unknown"] += unknown
        self.counts["stood"] += stood

    def _insist(self, attempt: Callable[[], Any]) -> tuple[Any, int]:
        unknown = 0
        while True:
            try:
                return attempt(), unknown
            except OutcomeUnknown:
                unknown += 1
            except DatabaseBusy:
                self.counts["busy"] += 1


def people(number: int) -> list[Pair]:
    """So many clients whom the gateway knows, each with a worker who can be paid."""
    pairs = [
        Pair(Actor(new_id("us"), frozenset({Role.CLIENT})), Actor(new_id("us"), frozenset({Role.WORKER})))
        for _ in range(number)
    ]
    atomically(_enrol, pairs)
    for pair in pairs:
        account(pair.worker, gateway_id=f"acct_{pair.worker.id}")
    return pairs


def _enrol(session: Session, pairs: list[Pair]) -> None:
    actors = [actor for pair in pairs for actor in (pair.client, pair.worker)]
    session.add_all(_account(actor) for actor in actors)
    session.flush()
    session.add_all(UserRole(user_id=actor.id, role=role.value) for actor in actors for role in actor.roles)
    session.add_all(
        Customer(
            id=new_id("cu"),
            user_id=client.id,
            gateway=_GATEWAY,
            gateway_id=f"cus_{client.id}",
            attempt=1,
            calls=0,
            calls_over=0,
        )
        for client in (pair.client for pair in pairs)
    )


def _account(actor: Actor) -> User:
    email = f"{actor.id}@example.com"
    return User(
        id=actor.id,
        email=email,
        email_key=email,
        password_hash="none",
        name="Somebody",
        country="US",
        locale="en-US",
        time_zone="UTC",
        version=1,
        created_at=datetime(2026, 11, 22, tzinfo=UTC),
    )


def _milestone_of(session: Session, contract_id: str) -> str:
    return session.scalars(select(Milestone.id).where(Milestone.contract_id == contract_id)).one()


def _released(session: Session, milestone_id: str) -> dict[str, Any]:
    event = (OutboxEvent.name == "milestone.released") & (OutboxEvent.subject == milestone_id)
    return dict(session.scalars(select(OutboxEvent.payload).where(event)).one())
