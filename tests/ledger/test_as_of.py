"""The past does not change: whoever asks about an instant twice is answered alike, whatever was open meanwhile."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import text

from kernel.ids import new_id
from ledger import chart, movements
from ledger.balances import balance_as_of, trial_balance
from ledger.posting import post
from ledger.statements import statement
from persistence import clock as database_clock
from persistence.unit_of_work import atomically, examining, reading
from runtime.past import InstantNotReached, settled
from tests.books import expect_refusal
from tests.ledger.words import STRIPE, earned, funded, posted, released, usd, wallet
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("database")

MILESTONE, WORKER, OTHER = new_id("ms"), new_id("us"), new_id("us")
TIP = movements.tip_paid(STRIPE, WORKER, amount=usd("5.00"))
# Between two accounts of one person: it touches nothing that everybody shares.
RECOVERED = movements.recovered_from_wallet(WORKER, amount=usd("5.00"))


class Poster:
    """Somebody who posts, and commits only when told to."""

    def __init__(self, database, *entries):
        self._database, self._entries = database, entries
        self._posted, self._may_commit = threading.Event(), threading.Event()
        self.recorded_at = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._posted.wait(30)

    def _run(self):
        with self._database.sessions() as session:
            for entry in self._entries:
                written = post(session, entry, key=new_id("key"), reference="ms_open", actor="system")
                self.recorded_at.append(written.recorded_at)
            self._posted.set()
            self._may_commit.wait(30)
            session.commit()

    def commit(self):
        self._may_commit.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


class Asker:
    """Somebody who asks, in a thread of their own, and may have to wait."""

    def __init__(self, ask):
        self.answer = None
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self._thread.start()

    def _run(self, ask):
        self.answer = ask()

    def answered(self):
        self._thread.join(60)
        return self.answer


def someone_waits(database):
    """Whether a transaction waits for a row of another."""
    with database.engine.connect() as connection:
        waiting = (
            "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT%ledger_lanes%UPDATE'"
        )
        return connection.execute(text(waiting)).scalar_one() > 0


def told(at):
    """Everything that can be asked about an instant."""
    at = settled(at)
    return at, examining(
        lambda session: (
            trial_balance(session, at),
            [balance_as_of(session, account, at) for account in (wallet(WORKER), wallet(OTHER))],
            statement(session, wallet(WORKER), at=at).items,
        )
    )


@pytest.fixture
def before(database):
    """Money that is there: in a wallet, and owed to us by the same person."""
    posted(funded(MILESTONE))
    posted(released(MILESTONE, WORKER))
    posted(movements.chargeback_withdrawn(STRIPE, fee=usd("1.00"), owed=(WORKER, usd("50.00"))))


@pytest.mark.mariadb
@pytest.mark.usefixtures("before")
@pytest.mark.parametrize(
    ("entries", "in_wallets"),
    [
        ((TIP,), ("95.00", "0.00")),
        ((RECOVERED,), ("85.00", "0.00")),
        ((RECOVERED, TIP), ("90.00", "0.00")),
        ((movements.tip_paid(STRIPE, OTHER, amount=usd("5.00")),), ("90.00", "5.00")),
        ((RECOVERED, movements.recovered_from_wallet(WORKER, amount=usd("1.00"))), ("84.00", "0.00")),
    ],
    ids=["shared", "personal", "both", "opening an account", "personal twice"],
)
def test_what_is_being_posted_is_waited_for_before_the_past_is_told(database, entries, in_wallets):
    poster = Poster(database, *entries)
    at = reading(database_clock.now)
    assert all(recorded < at for recorded in poster.recorded_at)
    asker = Asker(lambda: told(at))
    until(lambda: someone_waits(database) or asker.answer is not None)
    poster.commit()
    first = asker.answered()
    assert first == told(at)
    assert tuple(balance.posted.decimal for balance in first[1][1]) == in_wallets


@pytest.mark.mariadb
@pytest.mark.usefixtures("before")
def test_nobody_who_posts_waits_for_somebody_who_asks(database):
    slow = Poster(database, TIP)
    asker = Asker(lambda: told(None))
    until(lambda: someone_waits(database))
    # The one who asks waits for the slow one, and the others go on.
    for _ in range(5):
        earned(OTHER, "1.00")
    assert asker.answer is None
    slow.commit()
    at, first = asker.answered()
    assert told(at)[1] == first


@pytest.mark.mariadb
@pytest.mark.usefixtures("before")
def test_while_a_long_report_is_read_everybody_posts(database):
    at = settled()
    with database.sessions() as session:
        session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        first = trial_balance(session, at)
        earned(WORKER, "1.00")
        posted(RECOVERED)
        assert trial_balance(session, at) == first
    assert reading(trial_balance, at) == first
    assert reading(trial_balance) != first


def test_the_present_instant_has_everything_that_was_committed():
    entry = earned(WORKER, "5.00")
    at = settled()
    assert at >= entry.recorded_at
    assert reading(balance_as_of, wallet(WORKER), at).posted == usd("5.00")
    later = earned(WORKER, "1.00")
    assert later.recorded_at > at
    assert reading(balance_as_of, wallet(WORKER), at).posted == usd("5.00")


def test_an_instant_to_come_is_refused():
    earned(WORKER, "5.00")
    with expect_refusal(InstantNotReached) as refused:
        settled(reading(database_clock.now) + timedelta(seconds=30))
    assert refused.value.field == "at"


def test_a_statement_at_an_instant_is_the_same_page_by_page_for_ever(clock):
    for _ in range(5):
        earned(WORKER, "1.00")
    at = settled()
    first = reading(statement, wallet(WORKER), limit=2, at=at)
    clock.advance(minutes=5)
    earned(WORKER, "7.00")
    posted(movements.tip_paid(STRIPE, WORKER, amount=usd("9.00")), value_date=at.date() - timedelta(days=40))
    assert reading(statement, wallet(WORKER), limit=2, at=at) == first
    assert [line.after.posted for line in first.items] == [usd("5.00"), usd("4.00")]
    second = reading(statement, wallet(WORKER), after=first.next_after, limit=10, at=at)
    assert [line.after.posted for line in second.items] == [usd("3.00"), usd("2.00"), usd("1.00")]
    newest = reading(statement, wallet(WORKER), limit=1).items[0]
    assert newest.after.posted == usd("21.00")
    assert newest.backdated
    assert not first.items[0].backdated


def test_a_shared_account_at_an_instant_is_the_sum_of_its_lanes():
    posted(funded(MILESTONE))
    at = settled()
    posted(funded(new_id("ms")))
    pending = chart.gateway_pending(STRIPE, "USD")
    assert reading(balance_as_of, pending, at).posted == usd("105.00")
    page = reading(statement, pending, at=at)
    assert [line.after.posted for line in page.items] == [usd("105.00")]


def test_a_posting_that_was_given_up_was_never_there(database):
    earned(WORKER, "5.00")
    with database.sessions() as session:
        post(session, TIP, key="given up", reference="ms_open", actor="system")
        session.rollback()
    at = settled()
    assert reading(balance_as_of, wallet(WORKER), at).posted == usd("5.00")
    atomically(post, TIP, key="given up", reference="ms_open", actor="system")
    assert reading(balance_as_of, wallet(WORKER), at).posted == usd("5.00")
