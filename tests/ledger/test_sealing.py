"""What is posted is sealed once, however late it is committed; and what becomes of the seals themselves is found."""

# ruff: noqa: S608 - the statements are the point, and every part of them is ours

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, func, select, text

from kernel.ids import new_id
from ledger import merkle, movements
from ledger.leaves import contents
from ledger.posting import post
from ledger.seal_integrity import leaf_count, seal_breaches
from ledger.sealing import SHORTLY, THOROUGHLY, SealingKeyReplaced, head
from ledger.seals import Head, newest_seal, seal_numbered
from ledger.tables import entries, seal_leaves, seals
from persistence.unit_of_work import atomically, reading
from runtime.signing import keyring
from tests.books import expect_refusal
from tests.ledger.sealed import KEY, KEYS, a_little_of_everything, breaches, key, rules, seal
from tests.ledger.words import STRIPE, earned, usd
from tests.threads import together

WORKER = new_id("us")
NEXT = key(b"n")


def sealed():
    """The entries in every seal, in their order."""
    query = select(seal_leaves.c.seal, seal_leaves.c.entry_id).order_by(
        seal_leaves.c.seal, seal_leaves.c.position
    )
    found = {}
    for number, entry_id in reading(lambda session: session.execute(query).all()):
        found.setdefault(number, []).append(entry_id)
    return found


def tips(*amounts):
    return [earned(WORKER, amount).id for amount in amounts]


@pytest.fixture
def opened(database):
    """The accounts are there already: whoever opens one keeps everybody from it."""
    begun_and_ended()
    assert seal().number == 1


def begun(session, amount="1.00"):
    """Post a tip in a transaction that somebody else ends."""
    tip = movements.tip_paid(STRIPE, new_id("us"), amount=usd(amount))
    return post(session, tip, key=new_id("key"), reference="ms_late", actor="system").id


def test_what_is_posted_is_sealed_once_and_in_its_order(database):
    first = tips("1.00", "2.00")
    assert seal().number == 1
    then = tips("3.00")
    assert seal().number == 2
    assert seal() is None
    assert sealed() == {1: first, 2: then}
    assert breaches() == []


def test_empty_books_have_nothing_to_seal(database):
    assert seal() is None
    assert reading(head) is None
    assert breaches() == []


def test_a_long_stretch_is_sealed_piece_by_piece(database):
    ids = tips("1.00", "2.00", "3.00", "4.00", "5.00")
    while seal(most=2):
        pass
    # Those of one millisecond have no order among them.
    assert [len(stretch) for stretch in sealed().values()] == [2, 2, 1]
    assert sorted(entry for stretch in sealed().values() for entry in stretch) == sorted(ids)
    assert breaches() == []


def test_every_seal_names_the_one_before_it(database):
    tips("1.00")
    first = seal()
    tips("2.00")
    second = seal()
    last = reading(lambda session: newest_seal(session.connection()))
    assert last.stated["previous"] == first.hash.hex()
    assert reading(head) == second == Head(2, last.hash)


def test_sealers_at_the_same_moment_seal_every_entry_once(database):
    ids = tips(*["1.00"] * 12)
    together(lambda: seal(most=2), people=6)
    assert sorted(entry for stretch in sealed().values() for entry in stretch) == sorted(ids)
    assert list(sealed()) == [1, 2, 3, 4, 5, 6]
    assert breaches() == []


@pytest.mark.mariadb
def test_an_entry_that_is_committed_after_later_ones_were_sealed_is_sealed_next(database, opened):
    with database.sessions() as late:
        waiting = begun(late)
        others = tips("2.00")
        assert seal().number == 2
        assert sealed()[2] == others
        late.commit()
    assert seal().number == 3
    assert sealed()[3] == [waiting]
    assert breaches() == []


@pytest.mark.mariadb
def test_an_entry_that_is_committed_hours_late_is_missed_at_first_and_not_for_ever(database, clock, opened):
    with database.sessions() as late:
        waiting = begun(late)
        clock.advance(hours=2)
        others = tips("2.00")
        seal()
        late.commit()
    assert seal(reaching_back=SHORTLY) is None
    (breach,) = breaches()
    assert (breach.rule, breach.subject) == ("entry_is_sealed_in_time", waiting)
    assert seal(reaching_back=THOROUGHLY).number == 3
    assert (sealed()[2], sealed()[3]) == (others, [waiting])
    assert breaches() == []


@pytest.mark.mariadb
def test_one_that_is_later_still_is_sealed_when_somebody_says_where_to_look(database, clock, opened):
    with database.sessions() as late:
        waiting = begun(late)
        since = clock.now() - timedelta(hours=1)
        clock.advance(days=30)
        tips("2.00")
        seal()
        late.commit()
    assert seal(reaching_back=THOROUGHLY) is None
    assert seal(since=since).number == 3
    assert sealed()[3] == [waiting]


def test_a_clock_that_was_turned_forward_hides_nothing_that_follows(database, clock):
    now = clock.now()
    clock.set(datetime(2031, 1, 1, tzinfo=UTC))
    ahead = [begun_and_ended()]
    clock.set(now + timedelta(seconds=1))
    seal()
    # The account that was touched then goes on from there, but not the others.
    after = [begun_and_ended()]
    seal()
    assert sealed() == {1: ahead, 2: after}


def begun_and_ended():
    return atomically(begun)


def test_an_entry_that_waits_longer_than_it_should_is_named(database, clock):
    (waiting,) = tips("1.00")
    clock.advance(minutes=59)
    assert breaches() == []
    clock.advance(minutes=2)
    (breach,) = breaches()
    assert (breach.rule, breach.subject) == ("entry_is_sealed_in_time", waiting)


def test_no_look_reads_what_was_sealed_long_ago(database):
    tips("1.00")
    seal()
    tips("2.00")
    asked = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    seal()
    (query,) = [each for each in asked if "ledger_entries.recorded_at >= " in each[0]]
    explain = "EXPLAIN QUERY PLAN" if database.engine.dialect.name == "sqlite" else "EXPLAIN"
    with database.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"{explain} {query[0]}", query[1]).mappings().all()
    if database.engine.dialect.name == "sqlite":
        assert plan[0]["detail"].startswith(
            "SEARCH ledger_entries USING COVERING INDEX ix_ledger_entries_recorded_at_id (recorded_at>?)"
        )
        assert plan[1]["detail"].startswith("SEARCH ledger_seal_leaves USING ")
    else:
        assert [row["type"] for row in plan] == ["range", "eq_ref"]
        assert plan[0]["key"] == "ix_ledger_entries_recorded_at_id"


def test_a_key_that_is_replaced_stays_trusted_for_what_it_signed(database):
    tips("1.00")
    seal(signer=KEY)
    tips("2.00")
    seal(signer=NEXT)
    assert breaches(trusted=keyring(NEXT, [KEY.public.base64])) == []
    (unknown,) = breaches(trusted=keyring(NEXT, []))
    assert (unknown.rule, unknown.subject) == ("seal_is_of_a_known_key", "seal 1")


def test_a_key_that_was_replaced_seals_nothing_more(database):
    tips("1.00")
    seal(signer=KEY)
    tips("2.00")
    seal(signer=NEXT)
    tips("3.00")
    with expect_refusal(SealingKeyReplaced):
        seal(signer=KEY)
    assert seal(signer=NEXT).number == 3


def test_a_seal_by_a_replaced_key_is_found_should_it_be_there(database, tamper):
    for signer in (KEY, NEXT):
        tips("1.00")
        seal(signer=signer)
    tips("2.00")
    # Whoever has the old key leaves nothing to see of it having signed before.
    tamper("UPDATE ledger_seals SET key_id = 'x' WHERE number = 1")
    seal(signer=KEY)
    tamper(f"UPDATE ledger_seals SET key_id = '{KEY.key_id}' WHERE number = 1")
    assert rules(trusted=keyring(NEXT, [KEY.public.base64])) == ["retired_keys_sign_no_more"]


def test_a_head_that_was_noted_is_found_again(database):
    tips("1.00")
    noted = seal()
    tips("2.00")
    seal()
    assert breaches(noted=noted) == []


def test_an_end_that_was_cut_off_is_found_by_the_head_that_was_noted(database, tamper):
    tips("1.00")
    seal()
    tips("2.00")
    noted = seal()
    tamper("DELETE FROM ledger_seal_leaves WHERE seal = 2", "DELETE FROM ledger_seals WHERE number = 2")
    assert rules() == []
    assert rules(noted=noted) == ["head_is_as_noted"]
    # Sealed once more it is another seal, because the first one's seed is gone with it.
    seal()
    assert rules() == []
    assert rules(noted=noted) == ["head_is_as_noted"]


def test_an_end_that_was_cut_off_is_found_after_an_hour_even_without(database, tamper, clock):
    tips("1.00")
    seal()
    tamper("DELETE FROM ledger_seal_leaves", "DELETE FROM ledger_seals")
    clock.advance(hours=2)
    assert rules() == ["entry_is_sealed_in_time"]


SECOND = "(SELECT entry_id FROM (SELECT * FROM ledger_seal_leaves) l WHERE seal = 2 AND position = 0)"
TAMPERING = [
    (["DELETE FROM ledger_seals WHERE number = 1"], "seals_are_numbered"),
    (["DELETE FROM ledger_seals WHERE number = 1"], "leaf_has_a_seal"),
    (["UPDATE ledger_seals SET number = 3 WHERE number = 2"], "seals_are_numbered"),
    (
        [
            "UPDATE ledger_seals SET number = 3 WHERE number = 2",
            "UPDATE ledger_seal_leaves SET seal = 3 WHERE seal = 2",
        ],
        "seals_are_numbered",
    ),
    (["DELETE FROM ledger_seal_leaves WHERE seal = 1 AND position = 5"], "seal_is_complete"),
    (["DELETE FROM ledger_seal_leaves WHERE seal = 1 AND position = 5"], "seal_has_its_root"),
    (["DELETE FROM ledger_seal_leaves WHERE seal = 1 AND position = 2"], "leaf_is_in_its_place"),
    (
        ["UPDATE ledger_seal_leaves SET seal = 1, position = 6 WHERE seal = 2 AND position = 4"],
        "seal_is_complete",
    ),
    (
        ["UPDATE ledger_seal_leaves SET seal = 1, position = 6 WHERE seal = 2 AND position = 4"],
        "entry_is_as_sealed",
    ),
    (
        [
            "UPDATE ledger_seal_leaves SET position = 99 WHERE seal = 1 AND position = 0",
            "UPDATE ledger_seal_leaves SET position = 0 WHERE seal = 1 AND position = 1",
            "UPDATE ledger_seal_leaves SET position = 1 WHERE seal = 1 AND position = 99",
        ],
        "seal_has_its_root",
    ),
    ([f"DELETE FROM ledger_entries WHERE id = {SECOND}"], "sealed_entry_is_there"),
    ([f"DELETE FROM ledger_postings WHERE entry_id = {SECOND}"], "entry_is_as_sealed"),
    ([f"DELETE FROM ledger_postings WHERE entry_id = {SECOND} AND line = 1"], "entry_is_as_sealed"),
    ([f"UPDATE ledger_seals SET signature = x'{'00' * 64}'"], "seal_is_signed"),
    (["UPDATE ledger_seals SET size = 5 WHERE number = 1"], "seal_is_signed"),
    (["UPDATE ledger_seals SET key_id = 'nobody' WHERE number = 2"], "seal_is_of_a_known_key"),
    (["UPDATE ledger_seals SET version = 2 WHERE number = 2"], "seal_version_is_known"),
]


@pytest.mark.parametrize(
    ("statements", "rule"), TAMPERING, ids=[str(number) for number in range(len(TAMPERING))]
)
def test_what_is_done_to_the_seals_is_found(database, tamper, statements, rule):
    a_little_of_everything()
    assert breaches() == []
    tamper(*statements)
    assert rule in rules()


def remade(session, number):
    """The root of a seal as the entries are now, and its leaves with it: all that needs no key."""
    connection = session.connection()
    seed = seal_numbered(connection, number).seed
    now = contents(connection, sealed()[number])
    hashes = [now[entry_id].leaf(seed) for entry_id in sealed()[number]]
    return merkle.root(hashes), hashes


def test_a_seal_that_was_made_to_fit_what_was_changed_lacks_the_signature(database, tamper):
    a_little_of_everything()
    tamper("UPDATE ledger_entries SET reason = 'other' WHERE idempotency_key = 'adjusted'")
    root, hashes = reading(remade, 2)
    changes = [
        f"UPDATE ledger_seal_leaves SET leaf = x'{leaf.hex()}' WHERE seal = 2 AND position = {position}"
        for position, leaf in enumerate(hashes)
    ]
    tamper(f"UPDATE ledger_seals SET root = x'{root.hex()}' WHERE number = 2", *changes)
    assert rules() == ["seal_is_signed"]
    forged = reading(lambda session: seal_numbered(session.connection(), 2)).statement
    signature = NEXT.sign(forged.replace(KEY.key_id.encode(), NEXT.key_id.encode()))
    tamper(
        f"UPDATE ledger_seals SET key_id = '{NEXT.key_id}', signature = x'{signature.hex()}' WHERE number = 2"
    )
    assert rules() == ["seal_is_of_a_known_key"]


def test_the_first_entry_that_does_not_fit_comes_first(database, tamper):
    a_little_of_everything()
    tamper(
        "UPDATE ledger_entries SET reason = 'other' WHERE idempotency_key IN ('void', 'released', 'reversed')"
    )
    named = [breach.subject for breach in breaches()]
    order = [entry for stretch in sealed().values() for entry in stretch]
    changed = reading(
        lambda session: (
            session.execute(
                select(entries.c.id).where(entries.c.idempotency_key.in_(("void", "released", "reversed")))
            )
            .scalars()
            .all()
        )
    )
    places = sorted(order.index(entry) for entry in changed)
    assert [subject.rpartition(" ")[2] for subject in named] == [order[place] for place in places]


def test_the_seals_are_kept_from_the_service_and_from_their_owner(database, owner):
    tips("1.00")
    seal()
    for change in (
        "UPDATE ledger_seals SET size = 2",
        "DELETE FROM ledger_seals",
        "UPDATE ledger_seal_leaves SET position = 2",
        "DELETE FROM ledger_seal_leaves",
    ):
        with pytest.raises(Exception, match=r"append-only|denied"):
            atomically(lambda session, change=change: session.execute(text(change)))
        with pytest.raises(Exception, match="append-only"):
            owner(change)
    counted = select(func.count()).select_from(seals)
    assert reading(lambda session: session.scalar(counted)) == 1


def test_what_is_read_is_told_to_the_end(database):
    a_little_of_everything()
    told = []
    found = reading(lambda session: list(seal_breaches(session, trusted=KEYS, read=told.append)))
    assert found == []
    assert sum(told) == reading(lambda session: leaf_count(session.connection())) == 11
