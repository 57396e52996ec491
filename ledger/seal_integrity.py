"""Whether the seals hold: every leaf, every root, every link of the chain and every signature, checked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kernel.time import rfc3339
from ledger import leaves, merkle
from ledger.breaches import Breach
from ledger.sealing import LATEST
from ledger.seals import NOTHING_BEFORE, chain, seal_numbered
from ledger.tables import entries, seal_leaves, seals
from persistence import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from sqlalchemy import Connection, Row
    from sqlalchemy.orm import Session

    from ledger.seals import Head, Seal, TrustedKeys

_BATCH = 1_000


def seal_breaches(
    session: Session, *, trusted: TrustedKeys, read: Callable[[int], None], noted: Head | None = None
) -> Iterator[Breach]:
    """What does not fit in the seals, in their order; `noted` is a head that was written down somewhere else.

    `read` is told how many leaves were read since it was last told.
    """
    connection = session.connection()
    links = _Chain(trusted)
    for seal in chain(connection):
        yield from links.follow(seal)
        yield from _leaves(connection, seal, read)
    yield from _strays(connection)
    yield from _overdue(session)
    if noted is not None:
        yield from _missing_head(connection, noted)


def leaf_count(connection: Connection) -> int:
    """How many leaves there are to read."""
    return connection.execute(select(func.count()).select_from(seal_leaves)).scalar_one()


class _Chain:
    """The seals, followed from the first to the last."""

    def __init__(self, trusted: TrustedKeys) -> None:
        self._trusted = trusted
        self._number, self._hash = 0, NOTHING_BEFORE
        self._keys: list[str] = []

    def follow(self, seal: Seal) -> Iterator[Breach]:
        """Go on by one more seal."""
        subject = f"seal {seal.number}"
        if seal.number != self._number + 1:
            yield Breach("seals_are_numbered", subject, f"it follows seal {self._number}")
        elif seal.stated["previous"] != self._hash.hex():
            yield Breach(
                "seal_names_the_one_before",
                subject,
                f"it names {seal.stated['previous']}, and seal {self._number} is {self._hash.hex()}",
            )
        if seal.version != leaves.VERSION:
            yield Breach("seal_version_is_known", subject, f"it is of version {seal.version}")
        if not self._trusted.knows(seal.key_id):
            yield Breach("seal_is_of_a_known_key", subject, f"nobody trusts {seal.key_id}")
        elif not self._trusted.signed(seal.key_id, seal.statement, seal.signature):
            yield Breach("seal_is_signed", subject, "it does not say what was signed")
        elif seal.key_id in self._keys[:-1]:
            # Whoever found an old key could otherwise write a new end of the chain with it.
            yield Breach("retired_keys_sign_no_more", subject, f"{seal.key_id} was replaced before it")
        if seal.key_id not in self._keys:
            self._keys.append(seal.key_id)
        self._number, self._hash = seal.number, seal.hash


def _leaves(connection: Connection, seal: Seal, read: Callable[[int], None]) -> Iterator[Breach]:
    hashes: list[bytes] = []
    for rows in _in_order(connection, seal.number):
        found = leaves.contents(connection, [row.entry_id for row in rows])
        for row in rows:
            yield from _leaf(seal, row, len(hashes), found.get(row.entry_id))
            hashes.append(row.leaf)
        read(len(rows))
    if len(hashes) != seal.size:
        yield Breach("seal_is_complete", f"seal {seal.number}", f"{len(hashes)} entries of {seal.size}")
    if merkle.root(hashes).hex() != seal.stated["root"]:
        yield Breach("seal_has_its_root", f"seal {seal.number}", "its entries make another one")


def _in_order(connection: Connection, number: int) -> Iterator[Sequence[Row[Any]]]:
    after = -1
    while rows := connection.execute(
        select(seal_leaves)
        .where(seal_leaves.c.seal == number, seal_leaves.c.position > after)
        .order_by(seal_leaves.c.position)
        .limit(_BATCH)
    ).all():
        yield rows
        after = rows[-1].position


def _leaf(seal: Seal, row: Row[Any], position: int, now: leaves.Contents | None) -> Iterator[Breach]:
    subject = f"seal {seal.number}, entry {row.entry_id}"
    if row.position != position:
        yield Breach("leaf_is_in_its_place", subject, f"it is at {row.position}, and {position} is next")
    if now is None:
        yield Breach("sealed_entry_is_there", subject, "it is not in the books any more")
    elif now.leaf(seal.seed) != row.leaf:
        yield Breach("entry_is_as_sealed", subject, "it or its lines or accounts are not what was sealed")


def _strays(connection: Connection) -> Iterator[Breach]:
    stray = (
        select(seal_leaves.c.seal, func.count().label("leaves"))
        .outerjoin(seals, seals.c.number == seal_leaves.c.seal)
        .where(seals.c.number.is_(None))
        .group_by(seal_leaves.c.seal)
    )
    for row in connection.execute(stray):
        yield Breach(
            "leaf_has_a_seal", f"seal {row.seal}", f"it is not there, and {row.leaves} entries are in it"
        )


def _overdue(session: Session) -> Iterator[Breach]:
    late = (
        select(entries.c.id, entries.c.recorded_at)
        .outerjoin(seal_leaves, seal_leaves.c.entry_id == entries.c.id)
        .where(seal_leaves.c.entry_id.is_(None), entries.c.recorded_at < clock.now(session) - LATEST)
    )
    first = session.execute(late.order_by(entries.c.recorded_at, entries.c.id).limit(1)).first()
    if first is not None:
        count = session.scalar(select(func.count()).select_from(late.subquery()))
        yield Breach(
            "entry_is_sealed_in_time",
            first.id,
            f"recorded at {rfc3339(first.recorded_at)} and in no seal yet; so are {count} in all",
        )


def _missing_head(connection: Connection, noted: Head) -> Iterator[Breach]:
    seal = seal_numbered(connection, noted.number)
    if seal is None:
        yield Breach("head_is_as_noted", f"seal {noted.number}", "it is not there any more")
    elif seal.hash != noted.hash:
        yield Breach("head_is_as_noted", f"seal {noted.number}", f"its hash is {seal.hash.hex()} now")
