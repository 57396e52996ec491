"""What is posted is in the books once, whole, and never below a floor."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from kernel.ids import new_id
from kernel.money import Money
from kernel.refusals import Conflict
from ledger import chart, movements
from ledger.balances import balance
from ledger.entries import Entry, Phase, credit, debit
from ledger.integrity import verify
from ledger.posting import (
    EntryNotFound,
    EntryNotReversible,
    hold,
    post,
    post_hold,
    posted_in,
    reverse,
    void_hold,
)
from ledger.statements import find_entry
from ledger.tables import entries
from ledger.writing import (
    EntryKeyReused,
    EntryReversed,
    HoldResolved,
    InsufficientBalance,
    ReasonMissing,
    SecondPersonMissing,
)
from persistence import clock as database_clock
from persistence.unit_of_work import atomically, examining, reading, rehearse
from tests.books import expect_refusal, nothing_moves
from tests.ledger.words import STRIPE, earned, escrow, funded, held, posted, released, usd, wallet

MILESTONE, WORKER, OTHER = new_id("ms"), new_id("us"), new_id("us")
IN_TRANSIT = chart.payouts_in_transit("USD")


@pytest.fixture(autouse=True)
def _books_are_right(database):
    yield
    assert examining(verify) == []


def held_of(account):
    found = reading(balance, account)
    return found.posted, found.held, found.available


def reserved(worker, amount, **said):
    return held(movements.payout_reserved(worker, amount=usd(amount)), **said)


def entry_count():
    return reading(lambda session: session.scalar(select(func.count()).select_from(entries)))


def test_a_funded_milestone_is_held_and_our_fee_is_earned():
    posted(funded(MILESTONE))
    assert reading(balance, escrow(MILESTONE)).posted == usd("100.00")
    assert reading(balance, chart.client_fees("USD")).posted == usd("5.00")
    assert reading(balance, chart.gateway_pending(STRIPE, "USD")).posted == usd("105.00")


def test_an_entry_keeps_what_was_said_about_it(clock):
    before = reading(database_clock.now)
    written = posted(
        funded(MILESTONE),
        key="py_1:funded",
        reference=MILESTONE,
        actor="us_client",
        reason="Deposit for the façade",
        value_date=date(2026, 2, 28),
    )
    kept = reading(find_entry, written.id)
    assert kept == written
    assert kept.movement == "milestone_funded"
    assert kept.phase is Phase.POSTED
    assert (kept.key, kept.reference, kept.actor) == ("py_1:funded", MILESTONE, "us_client")
    assert kept.reason == "Deposit for the façade"
    assert kept.value_date == date(2026, 2, 28)
    assert before <= kept.recorded_at <= reading(database_clock.now)
    assert kept.entry == funded(MILESTONE)


def test_an_entry_counts_for_the_day_on_which_it_is_recorded_unless_another_is_named(clock):
    clock.advance(days=40)
    written = posted(funded(MILESTONE))
    assert written.value_date == reading(database_clock.now).date() == written.recorded_at.date()


def test_an_account_that_was_never_touched_is_empty(database):
    assert held_of(wallet(WORKER)) == (usd("0.00"), usd("0.00"), usd("0.00"))


def test_the_same_entry_under_the_same_key_is_written_once():
    first = posted(funded(MILESTONE), key="funded")
    with nothing_moves():
        assert posted(funded(MILESTONE), key="funded") == first


def test_an_entry_is_the_same_whoever_tells_it_again_and_in_whichever_words():
    first = posted(funded(MILESTONE), key="funded", actor="stripe")
    with nothing_moves():
        again = posted(funded(MILESTONE), key="funded", actor="us_finance", reason="found by reconciliation")
    assert again == first


def test_a_spent_entry_told_again_is_found_although_the_money_is_gone():
    earned(WORKER, "90.00")
    first = reserved(WORKER, "90.00", key="reserve")
    with nothing_moves():
        assert reserved(WORKER, "90.00", key="reserve") == first


@pytest.mark.parametrize(
    "other",
    [
        {"entry": funded(MILESTONE, price="100.01")},
        {"entry": funded(new_id("ms"))},
        {"entry": released(MILESTONE, WORKER)},
        {"reference": "ms_other"},
        {"value_date": date(2026, 1, 1)},
    ],
    ids=["amount", "account", "movement", "reference", "value date"],
)
def test_the_same_key_for_another_entry_is_refused(other):
    posted(funded(MILESTONE), key="funded")
    told = {"entry": funded(MILESTONE), "key": "funded", **other}
    # The account of the other milestone is opened empty and rolled back with the refusal.
    with expect_refusal(EntryKeyReused):
        posted(told.pop("entry"), **told)


def test_the_same_key_twice_in_one_transaction_is_one_entry(database):
    def twice(session):
        told = {"key": "funded", "reference": MILESTONE, "actor": "system"}
        assert post(session, funded(MILESTONE), **told) == post(session, funded(MILESTONE), **told)
        assert len(posted_in(session)) == 1

    atomically(twice)
    assert entry_count() == 1


def test_more_than_is_held_cannot_be_released():
    posted(funded(MILESTONE))
    with expect_refusal(InsufficientBalance) as refused:
        posted(released(MILESTONE, WORKER, gross="100.01"))
    assert refused.value.code == "insufficient_balance"
    assert isinstance(refused.value, Conflict)


def test_a_refusal_does_not_tell_what_is_in_the_account():
    posted(funded(MILESTONE, price="87.65"))
    with expect_refusal(InsufficientBalance) as refused:
        posted(released(MILESTONE, WORKER, gross="100.00"))
    told = f"{refused.value.detail} {refused.value.details}"
    assert "87" not in told
    assert MILESTONE not in told


def test_a_refusal_that_is_caught_leaves_nothing_behind_in_the_transaction():
    posted(funded(MILESTONE))

    def try_both(session):
        with pytest.raises(InsufficientBalance):
            post(session, released(MILESTONE, WORKER, "100.01"), key="too much", reference="ms", actor="s")
        post(session, released(MILESTONE, WORKER, "100.00"), key="just enough", reference="ms", actor="s")

    atomically(try_both)
    assert reading(balance, wallet(WORKER)).posted == usd("90.00")
    assert entry_count() == 2


def test_a_floor_may_be_reached_and_the_account_used_again():
    posted(funded(MILESTONE))
    posted(released(MILESTONE, WORKER))
    assert held_of(escrow(MILESTONE))[0] == usd("0.00")
    posted(funded(MILESTONE, price="1.00"))
    assert held_of(escrow(MILESTONE))[0] == usd("1.00")


def test_a_worker_cannot_repay_more_than_is_owed():
    earned(WORKER, "90.00")
    with expect_refusal(InsufficientBalance):
        posted(movements.recovered_from_wallet(WORKER, amount=usd("0.01")))


def test_an_entry_may_take_from_an_account_what_it_puts_there():
    lines = (
        debit(wallet(WORKER), usd("5.00")),
        credit(wallet(WORKER), usd("5.00")),
        debit(chart.goodwill("USD"), usd("1.00")),
        credit(wallet(WORKER), usd("1.00")),
    )
    posted(
        movements.adjustment(*lines, approved_by="us_second"), reason="Moved between jobs", actor="us_first"
    )
    assert reading(balance, wallet(WORKER)).posted == usd("1.00")


def test_reserved_money_is_still_there_but_cannot_be_spent():
    earned(WORKER, "90.00")
    reserved(WORKER, "60.00")
    assert held_of(wallet(WORKER)) == (usd("90.00"), usd("60.00"), usd("30.00"))
    assert held_of(IN_TRANSIT) == (usd("0.00"), usd("0.00"), usd("0.00"))
    with expect_refusal(InsufficientBalance):
        reserved(WORKER, "30.01")
    reserved(WORKER, "30.00")
    assert held_of(wallet(WORKER)) == (usd("90.00"), usd("90.00"), usd("0.00"))


def test_a_hold_is_carried_out_in_full():
    earned(WORKER, "90.00")
    reservation = reserved(WORKER, "60.00")
    sent = atomically(post_hold, reservation.id, "payout_sent", key="sent", actor="system")
    assert (sent.phase, sent.resolves) == (Phase.POST_PENDING, reservation.id)
    assert sent.entry == movements.payout_sent(WORKER, amount=usd("60.00"))
    assert sent.reference == reservation.reference
    assert held_of(wallet(WORKER)) == (usd("30.00"), usd("0.00"), usd("30.00"))
    assert held_of(IN_TRANSIT)[0] == usd("60.00")


def test_a_hold_that_is_given_up_frees_the_money():
    earned(WORKER, "90.00")
    reservation = reserved(WORKER, "60.00")
    given_up = atomically(
        void_hold, reservation.id, key="void", actor="system", reason="The worker changed their mind"
    )
    assert (given_up.phase, given_up.resolves) == (Phase.VOID_PENDING, reservation.id)
    assert held_of(wallet(WORKER)) == (usd("90.00"), usd("0.00"), usd("90.00"))
    assert held_of(IN_TRANSIT)[0] == usd("0.00")


def resolve(way, reservation, key):
    if way == "post":
        return atomically(post_hold, reservation.id, "payout_sent", key=key, actor="system")
    return atomically(void_hold, reservation.id, key=key, actor="system")


@pytest.mark.parametrize("first", ["post", "void"])
@pytest.mark.parametrize("second", ["post", "void"])
def test_a_hold_is_resolved_once(first, second):
    earned(WORKER, "90.00")
    reservation = reserved(WORKER, "60.00")
    resolved = resolve(first, reservation, "first")
    with nothing_moves():
        assert resolve(first, reservation, "first") == resolved
    with expect_refusal(HoldResolved):
        resolve(second, reservation, "second")


def test_a_paid_out_wallet_can_resolve_no_hold_twice_even_when_it_is_empty():
    earned(WORKER, "60.00")
    reservation = reserved(WORKER, "60.00")
    resolve("post", reservation, "first")
    with expect_refusal(HoldResolved):
        resolve("post", reservation, "second")


def test_what_is_no_hold_is_not_resolved():
    entry = earned(WORKER, "60.00")
    with nothing_moves(), pytest.raises(AssertionError):
        resolve("post", entry, "key")
    with expect_refusal(EntryNotFound):
        atomically(void_hold, new_id("en"), key="key", actor="system")


def test_a_hold_is_not_posted_and_a_posting_is_not_held(database):
    for act, entry in (
        (post, movements.payout_reserved(WORKER, amount=usd("1.00"))),
        (post, movements.payout_sent(WORKER, amount=usd("1.00"))),
        (hold, funded(MILESTONE)),
    ):
        with pytest.raises(AssertionError):
            atomically(act, entry, key="key", reference="ms", actor="system")


def test_a_hold_is_carried_out_only_by_its_own_movement():
    earned(WORKER, "60.00")
    reservation = reserved(WORKER, "60.00")
    with nothing_moves(), pytest.raises(AssertionError):
        atomically(post_hold, reservation.id, "payout_paid", key="key", actor="system")


def test_a_payout_goes_to_the_bank_and_one_that_failed_or_came_back_is_in_the_wallet_again():
    earned(WORKER, "90.00")
    posted(movements.transferred_to_worker(STRIPE, WORKER, amount=usd("90.00"), settled=False))
    for number in range(3):
        reservation = reserved(WORKER, "30.00")
        resolve("post", reservation, f"sent {number}")
    posted(movements.payout_paid(STRIPE, WORKER, amount=usd("30.00")))
    posted(movements.payout_failed(WORKER, amount=usd("30.00")))
    posted(movements.payout_paid(STRIPE, WORKER, amount=usd("30.00")))
    posted(movements.payout_returned(STRIPE, WORKER, amount=usd("30.00")))
    assert held_of(wallet(WORKER))[0] == usd("60.00")
    assert held_of(IN_TRANSIT)[0] == usd("0.00")
    assert held_of(chart.connected(STRIPE, WORKER, "USD"))[0] == usd("60.00")


def test_a_wrong_entry_is_taken_back_and_both_stay():
    wrong = posted(funded(MILESTONE))
    right = atomically(reverse, wrong.id, key="back", actor="us_finance", reason="Charged twice")
    assert right.movement == "reversal"
    assert right.reverses == wrong.id
    assert right.reference == wrong.reference
    assert movements.mirrors(right.entry, wrong.entry)
    assert reading(balance, escrow(MILESTONE)).posted == usd("0.00")
    assert entry_count() == 2


def test_an_entry_is_reversed_once():
    wrong = posted(funded(MILESTONE))
    told = {"actor": "us_finance", "reason": "Charged twice"}
    first = atomically(reverse, wrong.id, key="back", **told)
    posted(funded(MILESTONE))
    with nothing_moves():
        assert atomically(reverse, wrong.id, key="back", **told) == first
    with expect_refusal(EntryReversed):
        atomically(reverse, wrong.id, key="back again", **told)


def test_money_that_has_left_cannot_be_taken_back():
    wrong = posted(funded(MILESTONE))
    posted(released(MILESTONE, WORKER))
    with expect_refusal(InsufficientBalance):
        atomically(reverse, wrong.id, key="back", actor="us_finance", reason="Charged twice")


def test_what_moved_nothing_and_what_is_a_reversal_cannot_be_reversed():
    earned(WORKER, "90.00")
    reservation = reserved(WORKER, "60.00")
    given_up = resolve("void", reservation, "void")
    back = atomically(
        reverse, posted(funded(MILESTONE)).id, key="back", actor="us_finance", reason="Charged twice"
    )
    for entry in (reservation, given_up, back):
        with expect_refusal(EntryNotReversible):
            atomically(reverse, entry.id, key="no", actor="us_finance", reason="Try")
    with expect_refusal(EntryNotFound):
        atomically(reverse, new_id("en"), key="no", actor="us_finance", reason="Try")


def adjusted(amount="7.00", approved_by="us_second"):
    lines = debit(chart.goodwill("USD"), usd(amount)), credit(wallet(WORKER), usd(amount))
    return movements.adjustment(*lines, approved_by=approved_by)


def test_an_adjustment_takes_two_people_and_a_reason(database):
    written = posted(adjusted(), actor="us_first", reason="Sorry for the delay")
    assert (written.actor, written.approved_by) == ("us_first", "us_second")
    assert reading(find_entry, written.id) == written
    with expect_refusal(SecondPersonMissing):
        posted(adjusted(approved_by="us_first"), actor="us_first", reason="Sorry for the delay")
    for reason in (None, "", "  "):
        with expect_refusal(ReasonMissing):
            posted(adjusted(), actor="us_first", reason=reason)


def test_an_adjustment_that_nobody_approved_is_refused():
    with expect_refusal(SecondPersonMissing):
        posted(adjusted(approved_by=""), reason="Sorry")


def test_an_entry_is_reversed_by_naming_it_and_in_no_other_way():
    taken = movements.reversal(posted(funded(MILESTONE)).postings)
    with nothing_moves(), pytest.raises(AssertionError):
        posted(taken, reason="Because")


def test_nothing_is_posted_under_a_name_that_is_not_in_the_catalogue(database):
    entry = Entry.of("gift", debit(chart.goodwill("USD"), usd("7.00")), credit(wallet(WORKER), usd("7.00")))
    with nothing_moves(), pytest.raises(AssertionError):
        posted(entry)


@pytest.mark.parametrize("key", ["", "x" * 161, "schlüssel"])
def test_a_key_is_short_and_ascii(database, key):
    with nothing_moves(), pytest.raises(AssertionError):
        atomically(post, funded(MILESTONE), key=key, reference="ms", actor="system")


def test_the_longest_key_is_kept_whole(database):
    posted(funded(MILESTONE), key="x" * 159 + "a")
    posted(funded(MILESTONE), key="x" * 159 + "b")
    assert entry_count() == 2


def test_a_rehearsal_says_what_would_be_posted_and_posts_nothing(database):
    def both(session):
        told = {"reference": MILESTONE, "actor": "system"}
        post(session, funded(MILESTONE), key="funded", **told)
        post(session, released(MILESTONE, WORKER), key="released", **told)
        return posted_in(session)

    with nothing_moves():
        foreseen = rehearse(both)
    assert [entry.movement for entry in foreseen] == ["milestone_funded", "milestone_released"]
    assert foreseen[1].entry == released(MILESTONE, WORKER)


def test_what_was_posted_in_one_transaction_is_forgotten_in_the_next(database):
    with database.sessions() as session:
        post(session, funded(MILESTONE), key="one", reference="ms", actor="system")
        assert len(posted_in(session)) == 1
        session.rollback()
        assert posted_in(session) == ()
        post(session, funded(MILESTONE), key="two", reference="ms", actor="system")
        session.commit()
        assert posted_in(session) == ()
    assert entry_count() == 1


def test_a_clock_that_goes_back_does_not_bring_the_books_out_of_order(clock):
    clock.advance(days=1)
    first = posted(funded(MILESTONE))
    clock.set(clock.now() - timedelta(hours=5))
    second = posted(released(MILESTONE, WORKER))
    assert second.recorded_at == first.recorded_at


def test_two_currencies_of_one_person_are_two_accounts(database):
    earned(WORKER, "90.00")
    in_euros = movements.payout_reserved(WORKER, amount=Money(1, "EUR"))
    with expect_refusal(InsufficientBalance):
        held(in_euros)


def test_books_of_two_workers_do_not_touch():
    earned(WORKER, "90.00")
    earned(OTHER, "10.00")
    reserved(WORKER, "90.00")
    assert held_of(wallet(OTHER)) == (usd("10.00"), usd("0.00"), usd("10.00"))
