from __future__ import annotations

import pytest

from escrow import queries
from escrow.acts import ActNotPossible
from escrow.fees import FeeSchedule
from escrow.release import AmountNotHeld, AmountNotPositive, OtherCurrency, release
from kernel.ids import new_id
from kernel.money import Money
from ledger.posting import posted_in
from persistence import due
from persistence.unit_of_work import atomically, reading, rehearse
from tests.books import expect_refusal, nothing_moves
from tests.escrow.story import (
    CLIENT,
    WORKER,
    accept,
    draft,
    fund,
    funded,
    look,
    look_at_contract,
    money,
    payment_of,
    submit,
    submitted,
    time_is_up,
    told,
    told_last,
    usd,
)
from tests.threads import at_once, succeeded

_RELEASED = {
    "pending": "101.65",
    "wallet": "90.00",
    "client fees": "5.00",
    "worker fees": "10.00",
    "gateway fees": "3.35",
}


@pytest.mark.parametrize("milestone", [funded, submitted])
def test_accepted_work_is_paid_less_our_fee(milestone):
    done = milestone()
    released = accept(done)
    assert (released.gross, released.worker_fee, released.net) == (usd("100.00"), usd("10.00"), usd("90.00"))
    assert money() == _RELEASED
    seen = look(done)
    assert (seen.state, seen.held, seen.released, seen.worker_fee) == (
        "released",
        usd("0.00"),
        usd("100.00"),
        usd("10.00"),
    )
    assert (seen.deadline_at, look_at_contract(done).state) == (None, "completed")


def test_a_second_release_is_refused_and_moves_nothing():
    milestone = funded()
    accept(milestone)
    with expect_refusal(ActNotPossible) as caught:
        accept(milestone)
    assert caught.value.details["state"] == "released"
    assert money() == _RELEASED


def test_ten_clicks_at_once_pay_once():
    milestone = submitted()
    results = at_once(*[lambda: accept(milestone)] * 10)
    assert len(succeeded(results)) == 1
    assert {type(result) for result in results if isinstance(result, Exception)} == {ActNotPossible}
    assert money() == _RELEASED
    assert told()["milestone.released"] == 1


def test_parts_cost_the_worker_what_the_whole_would_have():
    milestone = funded()
    fees = [accept(milestone, part).worker_fee.decimal for part in ("33.33", "33.33", "33.33")]
    assert (fees, look(milestone).held, look(milestone).state) == (
        ["3.33", "3.34", "3.33"],
        usd("0.01"),
        "funded",
    )
    assert accept(milestone).worker_fee == usd("0.00")
    assert money() == _RELEASED
    assert [one.gross.decimal for one in _releases(milestone)].count("33.33") == 3


def test_the_last_part_ends_the_milestone_by_whatever_name_it_is_asked_for():
    milestone = funded()
    accept(milestone, "40.00")
    accept(milestone, "60.00")
    assert look(milestone).state == "released"
    assert money() == _RELEASED


def test_a_part_of_what_was_submitted_leaves_the_clock_running(clock):
    milestone = funded()
    submission = submit(milestone)
    accept(milestone, "30.00")
    seen = look(milestone)
    assert (seen.state, seen.held, seen.deadline_at) == ("submitted", usd("70.00"), submission.deadline_at)
    clock.advance(hours=73)
    time_is_up(submission.id)
    assert money() == _RELEASED
    assert [one.cause for one in _releases(milestone)] in (["accepted", "by_time"], ["by_time", "accepted"])


def test_late_the_client_may_still_pay_before_the_sweep_does(clock):
    milestone = submitted()
    clock.advance(hours=80)
    accept(milestone)
    with nothing_moves():
        assert time_is_up(milestone.submission_id) is None
    assert money() == _RELEASED


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [
        (usd("100.01"), AmountNotHeld),
        (usd("9999999.00"), AmountNotHeld),
        (usd("0.00"), AmountNotPositive),
        (usd("-1.00"), AmountNotPositive),
        (Money(10_000, "EUR"), OtherCurrency),
        (Money(100, "JPY"), OtherCurrency),
    ],
)
def test_only_a_part_of_what_is_held_can_be_paid(amount, refusal):
    milestone = funded()
    with expect_refusal(refusal) as caught:
        _release(milestone, amount)
    assert caught.value.field == "amount"


def test_what_was_paid_already_cannot_be_paid_again_in_parts():
    milestone = funded()
    accept(milestone, "60.00")
    with expect_refusal(AmountNotHeld) as caught:
        accept(milestone, "40.01")
    assert caught.value.details == {"held": "40.00"}


def test_parallel_parts_never_pay_more_than_is_held():
    milestone = funded()
    results = at_once(*[lambda: accept(milestone, "30.00")] * 6)
    assert len(succeeded(results)) == 3
    assert {type(result) for result in results if isinstance(result, Exception)} == {AmountNotHeld}
    assert (money()["held"], money()["wallet"], money()["worker fees"]) == ("10.00", "81.00", "9.00")


def test_the_same_release_told_twice_is_no_second_payment():
    milestone = funded()
    release_id = new_id("rl")
    _release(milestone, usd("30.00"), release_id=release_id)
    with nothing_moves(), pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        _release(milestone, usd("30.00"), release_id=release_id)
    assert money()["held"] == "70.00"


def test_a_worker_whose_fee_is_the_whole_price_gets_nothing_and_everything_adds_up():
    milestone = draft(fees=FeeSchedule(0, 10_000))
    fund(milestone.id, fee="0.00")
    assert accept(milestone).net == usd("0.00")
    assert money() == {"pending": "100.00", "worker fees": "100.00"}


def test_the_event_says_all_that_sending_the_money_needs():
    milestone = funded()
    released = accept(milestone, "40.00")
    payment = payment_of(milestone)
    assert told_last("milestone.released") == {
        "milestone_id": milestone.id,
        "contract_id": milestone.contract_id,
        "client_id": CLIENT.id,
        "worker_id": WORKER.id,
        "release_id": released.id,
        "amount_minor": 3600,
        "currency": "USD",
        "gateway": "stripe",
        "payment_id": payment.id,
        "source_charge": payment.charge_id,
        "cause": "accepted",
    }


def test_a_preview_shows_the_entries_and_moves_nothing():
    milestone = funded()

    def preview(session):
        seen, released = release(
            session, milestone_id=milestone.id, release_id=new_id("rl"), amount=usd("40.00"), by=CLIENT
        )
        return seen.held, released.net, [entry.movement for entry in posted_in(session)]

    with nothing_moves():
        assert rehearse(preview) == (usd("60.00"), usd("36.00"), ["milestone_released"])


def test_a_preview_refuses_what_the_act_would_refuse():
    milestone = funded()
    with expect_refusal(AmountNotHeld):
        rehearse(release, milestone_id=milestone.id, release_id=new_id("rl"), amount=usd("100.01"), by=CLIENT)


def test_accepted_work_leaves_a_timer_that_finds_nothing_to_do(clock):
    milestone = funded()
    submission = submit(milestone)
    accept(milestone)
    clock.advance(hours=73)
    assert [work.subject for work in atomically(due.lease) if work.kind == "release_by_time"] == [
        submission.id
    ]
    with nothing_moves():
        assert time_is_up(submission.id) is None


def _release(milestone, amount, *, release_id=None):
    return atomically(
        release, milestone_id=milestone.id, release_id=release_id or new_id("rl"), amount=amount, by=CLIENT
    )


def _releases(milestone):
    return reading(queries.releases, milestone.id)
