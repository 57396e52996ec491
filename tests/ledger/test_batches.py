"""A batch is what its entries would have been one by one, in a handful of statements."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, func, select

from kernel.ids import new_id
from kernel.refusals import Refusal
from ledger import chart, movements
from ledger.balances import balance, trial_balance
from ledger.integrity import verify
from ledger.posting import PostedEntry, draft, post, post_many
from ledger.statements import statement
from ledger.tables import entries
from ledger.writing import EntryKeyReused, InsufficientBalance, ReasonMissing, SecondPersonMissing
from persistence import unit_of_work
from persistence.unit_of_work import atomically, examining, reading
from tests.books import nothing_moves
from tests.ledger.words import STRIPE, earned, escrow, funded, posted, released, usd, wallet
from tests.threads import at_once, together

WORKERS = [f"us_{number:026d}" for number in range(3)]
MILESTONES = [f"ms_{number:026d}" for number in range(3)]


@pytest.fixture(autouse=True)
def _books_are_right(database):
    yield
    assert examining(verify) == []


def tip(worker, amount="1.00"):
    return movements.tip_paid(STRIPE, worker, amount=usd(amount))


def told(entry, key=None, **said):
    return draft(entry, reference="ms_reference", actor="system", key=key or new_id("key"), **said)


def batch(*drafts, **how):
    return atomically(post_many, drafts, **how)


def entry_count():
    return reading(lambda session: session.scalar(select(func.count()).select_from(entries)))


def test_all_of_a_batch_is_in_the_books():
    first, second, third = batch(
        told(funded(MILESTONES[0])),
        told(released(MILESTONES[0], WORKERS[0], "40.00", "4.00")),
        told(tip(WORKERS[0])),
    )
    assert [answer.movement for answer in (first, second, third)] == [
        "milestone_funded",
        "milestone_released",
        "tip_paid",
    ]
    assert reading(balance, escrow(MILESTONES[0])).posted == usd("60.00")
    assert reading(balance, wallet(WORKERS[0])).posted == usd("37.00")
    assert reading(balance, chart.gateway_pending(STRIPE, "USD")).posted == usd("106.00")


def test_the_entries_of_a_batch_are_told_in_its_order():
    batch(*(told(tip(WORKERS[0], f"{number}.00"), key=f"tip:{number}") for number in range(1, 6)))
    lines = reading(statement, wallet(WORKERS[0])).items
    assert [line.change for line in lines] == [usd(f"{number}.00") for number in (5, 4, 3, 2, 1)]
    assert [line.after.posted for line in lines] == [usd(f"{total}.00") for total in (15, 10, 6, 3, 1)]


def test_nothing_to_write_writes_nothing():
    assert batch() == []
    assert entry_count() == 0


def test_a_batch_holds_what_only_holds_money_back():
    earned(WORKERS[0], "10.00")
    batch(told(movements.payout_reserved(WORKERS[0], amount=usd("6.00"))), told(tip(WORKERS[0])))
    found = reading(balance, wallet(WORKERS[0]))
    assert (found.posted, found.held, found.available) == (usd("11.00"), usd("6.00"), usd("5.00"))


def test_one_bad_entry_stops_the_batch_and_names_itself():
    posted(funded(MILESTONES[0]))
    with nothing_moves(), pytest.raises(InsufficientBalance) as refused:
        batch(
            told(tip(WORKERS[0])),
            told(released(MILESTONES[0], WORKERS[0], "100.01"), key="too-much"),
            told(tip(WORKERS[1])),
        )
    assert refused.value.details["key"] == "too-much"


def test_one_bad_entry_is_left_out_and_the_others_stand():
    posted(funded(MILESTONES[0]))
    first, second, third = batch(
        told(released(MILESTONES[0], WORKERS[0], "60.00", "6.00")),
        told(released(MILESTONES[0], WORKERS[1], "40.01"), key="too-much"),
        told(released(MILESTONES[0], WORKERS[2], "40.00", "4.00")),
        leave_out_refused=True,
    )
    assert isinstance(second, InsufficientBalance)
    assert second.details["key"] == "too-much"
    assert [type(answer) for answer in (first, third)] == [PostedEntry, PostedEntry]
    assert reading(balance, escrow(MILESTONES[0])).posted == usd("0.00")
    assert reading(balance, wallet(WORKERS[1])).posted == usd("0.00")
    assert reading(balance, wallet(WORKERS[2])).posted == usd("36.00")


def test_an_entry_is_judged_by_what_the_ones_before_it_left():
    posted(funded(MILESTONES[0]))
    answers = batch(
        *(told(released(MILESTONES[0], WORKERS[0], "40.00", "4.00")) for _ in range(3)),
        leave_out_refused=True,
    )
    assert [type(answer) for answer in answers] == [PostedEntry, PostedEntry, InsufficientBalance]
    assert reading(balance, escrow(MILESTONES[0])).posted == usd("20.00")


def test_a_batch_told_again_is_written_once():
    drafts = [told(tip(WORKERS[0]), key=f"tip:{number}") for number in range(5)]
    first = batch(*drafts)
    again = batch(*(told(tip(WORKERS[0]), key=f"tip:{number}") for number in range(5)))
    assert again == first
    assert reading(balance, wallet(WORKERS[0])).posted == usd("5.00")


def test_a_spent_entry_told_again_in_a_batch_is_found_although_the_money_is_gone():
    posted(funded(MILESTONES[0]))
    spent = posted(released(MILESTONES[0], WORKERS[0]), key="spent")
    assert batch(told(released(MILESTONES[0], WORKERS[0]), key="spent")) == [spent]


def test_a_batch_of_many_parts_is_one_batch():
    drafts = [told(tip(WORKERS[number % 3]), key=f"tip:{number}") for number in range(701)]
    before = batch(drafts[500])
    answers = batch(*drafts)
    assert [answer.key for answer in answers] == [f"tip:{number}" for number in range(701)]
    assert answers[500:501] == before
    assert entry_count() == 701
    assert reading(balance, chart.gateway_pending(STRIPE, "USD")).posted == usd("701.00")


def test_a_batch_of_many_parts_of_which_one_is_refused_writes_nothing():
    posted(funded(MILESTONES[0]))
    drafts = [told(tip(WORKERS[0])) for _ in range(600)]
    drafts.insert(450, told(released(MILESTONES[0], WORKERS[0], "100.01"), key="too-much"))
    with nothing_moves(), pytest.raises(InsufficientBalance):
        batch(*drafts)


def test_the_same_entry_twice_in_a_batch_is_one():
    first, second = batch(told(tip(WORKERS[0]), key="tip"), told(tip(WORKERS[0]), key="tip"))
    assert first == second
    assert entry_count() == 1


def test_a_key_that_stands_for_something_else_is_refused_wherever_it_was_used():
    posted(tip(WORKERS[0]), key="before")
    answers = batch(
        told(tip(WORKERS[0], "2.00"), key="before"),
        told(tip(WORKERS[0]), key="within"),
        told(tip(WORKERS[0], "3.00"), key="within"),
        leave_out_refused=True,
    )
    assert [type(answer) for answer in answers] == [EntryKeyReused, PostedEntry, EntryKeyReused]
    assert reading(balance, wallet(WORKERS[0])).posted == usd("2.00")


def test_a_batch_asks_for_the_reason_and_the_second_person_as_well():
    mistake = movements.adjustment(*tip(WORKERS[0]).postings, approved_by="us_2")
    answers = batch(
        told(mistake),
        draft(mistake, reference="x", actor="us_2", key="own", reason="Because"),
        leave_out_refused=True,
    )
    assert [type(answer) for answer in answers] == [ReasonMissing, SecondPersonMissing]
    assert entry_count() == 0


def test_more_accounts_than_fit_into_one_list_are_locked_and_moved():
    workers = [new_id("us") for _ in range(1_200)]
    for _ in range(2):
        batch(*(told(tip(worker)) for worker in workers))
    total = {(line.code, line.credit) for line in reading(trial_balance) if line.code.startswith("liab")}
    assert total == {(f"liabilities:wallet:{worker}", usd("2.00")) for worker in workers}


def test_a_batch_takes_two_statements_for_every_part_of_it_and_a_handful_for_the_whole(database):
    def statements(number):
        batch(*(told(tip(worker)) for worker in WORKERS))
        counted = []
        listener = lambda *_: counted.append(1)  # noqa: E731 - removed again by its name
        event.listen(database.engine, "before_cursor_execute", listener)
        batch(*(told(tip(WORKERS[index % 3])) for index in range(number)))
        event.remove(database.engine, "before_cursor_execute", listener)
        return len(counted)

    whole = statements(10) - 2
    assert statements(249) == whole + 2
    assert statements(1_000) == whole + 8


@pytest.mark.mariadb
def test_two_batches_of_the_same_entries_at_once_are_one():
    earned(WORKERS[0], "1.00")
    answers = together(
        lambda: batch(*(told(tip(WORKERS[0]), key=f"tip:{number}") for number in range(50))), people=4
    )
    assert all(answer == answers[0] for answer in answers)
    assert reading(balance, wallet(WORKERS[0])).posted == usd("51.00")


@pytest.mark.mariadb
def test_batches_and_single_entries_on_the_same_accounts_all_arrive():
    def some(order):
        return lambda: batch(*(told(tip(worker)) for worker in order for _ in range(20)))

    singles = [lambda: [posted(tip(worker)) for worker in WORKERS]] * 3
    results = at_once(some(WORKERS), some(WORKERS[::-1]), some(WORKERS), *singles)
    assert [result for result in results if isinstance(result, Exception)] == []
    assert [reading(balance, wallet(worker)).posted for worker in WORKERS] == [usd("63.00")] * 3


KINDS = st.one_of(
    st.builds(lambda worker, cents: tip(worker, f"{cents}.00"), st.sampled_from(WORKERS), st.integers(1, 3)),
    st.builds(funded, st.sampled_from(MILESTONES), st.sampled_from(["3.00", "5.00"])),
    st.builds(
        released, st.sampled_from(MILESTONES), st.sampled_from(WORKERS), st.sampled_from(["2.00", "4.00"]),
        st.just("1.00"),
    ),
    st.builds(
        lambda worker: movements.payout_reserved(worker, amount=usd("2.00")), st.sampled_from(WORKERS)
    ),
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(KINDS, st.integers(0, 12)), max_size=16), st.integers(0, 16))
def test_any_batch_is_what_its_entries_would_have_been_one_by_one(empty_database, story, cut):
    drafts = [
        draft(entry, reference="ms_reference", actor="system", key=f"key:{number}") for entry, number in story
    ]

    def outcome(answers):
        books = (
            reading(trial_balance),
            [
                [
                    (line.movement, line.change, line.after)
                    for line in reading(statement, wallet(worker)).items
                ]
                for worker in WORKERS
            ],
        )
        assert examining(verify) == []
        empty_database()
        return [getattr(answer, "fingerprint", type(answer)) for answer in answers], books

    in_batches = outcome(
        batch(*drafts[:cut], leave_out_refused=True) + batch(*drafts[cut:], leave_out_refused=True)
    )
    assert outcome([alone(each) for each in drafts]) == in_batches


def alone(each):
    try:
        return atomically(post_many, [each])[0]
    except Refusal as refusal:
        return refusal


def test_a_batch_in_a_longer_transaction_comes_after_what_was_posted_in_it(database):
    def several(session):
        post(session, tip(WORKERS[0]), key="one", reference="x", actor="system")
        post_many(session, [told(tip(WORKERS[0])), told(tip(WORKERS[0]))])
        return post(session, tip(WORKERS[0]), key="two", reference="x", actor="system")

    last = unit_of_work.atomically(several)
    lines = reading(statement, wallet(WORKERS[0])).items
    assert lines[0].entry_id == last.id
    assert len({line.recorded_at for line in lines}) == 4
