"""Closing the books stretch by stretch: what was committed and is in no seal yet goes into the next one.

Postings are committed by many writers at once, so there is no last entry: one that was recorded before the newest seal
may be committed after it. A stretch is therefore whatever is there and not sealed, oldest first, and every look begins
some time before the newest seal.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import insert, select, true
from sqlalchemy.exc import IntegrityError

from kernel.refusals import Conflict
from kernel.time import rfc3339
from ledger import leaves, merkle
from ledger.seals import NOTHING_BEFORE, Head, Seal, newest_seal
from ledger.tables import entries, seal_leaves, seals
from persistence import clock
from persistence.unit_of_work import Retry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection
    from sqlalchemy.orm import Session

    from ledger.seals import Signer

# How often it is sealed, and by when at the latest what was recorded is to be in a seal.
EVERY = timedelta(minutes=5)
LATEST = timedelta(hours=1)
# How long before the newest seal a usual look begins, and how long before it a thorough one. Half an hour is longer
# than any transaction of ours; a week is longer than the server keeps any connection open.
SHORTLY = timedelta(minutes=30)
THOROUGHLY = timedelta(days=7)

# So many hashes are read for one receipt, and so many rows are written in one transaction.
LARGEST_STRETCH = 2_000

_BY_INSTANT = "FORCE INDEX (ix_ledger_entries_recorded_at_id)"


class _Found(NamedTuple):
    id: str
    recorded_at: datetime


class SealingKeyReplaced(Conflict):
    """The key that would sign was replaced by the one that signed last; a key that was replaced never comes back."""

    code = "sealing_key_replaced"


def seal_stretch(
    session: Session,
    *,
    signer: Signer,
    reaching_back: timedelta = SHORTLY,
    since: datetime | None = None,
    most: int = LARGEST_STRETCH,
) -> Head | None:
    """Seal the oldest entries that no seal holds; None when there are none.

    It looks as far back as `reaching_back` before the newest seal, or to `since`. Two sealers at once are harmless:
    the second one waits, finds the number taken and looks again.
    """
    connection = session.connection()
    last = newest_seal(connection)
    _refuse_a_replaced_key(connection, last, signer)
    found = _unsealed(connection, since or _beginning(last, reaching_back), most)
    if not found:
        return None
    seed = os.urandom(32)
    hashes = _leaves(connection, [row.id for row in found], seed)
    stated = {
        "number": last.number + 1 if last else 1,
        "version": leaves.VERSION,
        "previous": last.hash if last else NOTHING_BEFORE,
        "root": merkle.root(hashes),
        "size": len(found),
        "first_recorded_at": found[0].recorded_at,
        "last_recorded_at": found[-1].recorded_at,
        "sealed_at": clock.now(session),
        "key_id": signer.key_id,
    }
    seal = _signed(signer, stated, seed)
    _insert(connection, stated | {"seed": seal.seed, "signature": seal.signature}, found, hashes)
    return seal.head


def head(session: Session) -> Head | None:
    """How far the books are sealed; None when nothing is yet."""
    last = newest_seal(session.connection())
    return None if last is None else last.head


def _refuse_a_replaced_key(connection: Connection, last: Seal | None, signer: Signer) -> None:
    # While a deployment is under way, a process that still has the old key must not sign after the new one has.
    if last is None or last.key_id == signer.key_id:
        return
    if connection.scalar(select(seals.c.number).where(seals.c.key_id == signer.key_id).limit(1)) is not None:
        raise SealingKeyReplaced(
            f"The last seal is signed by {last.key_id}, which replaced {signer.key_id}. Set SEALING_KEY to the new key."
        )


def _beginning(last: Seal | None, reaching_back: timedelta) -> datetime | None:
    if last is None:
        return None
    # By the clock as well: an entry that was recorded with the clock turned forward must not hide all that follows it.
    seen = (last.stated["last_recorded_at"], last.stated["sealed_at"])
    return min(map(datetime.fromisoformat, seen)) - reaching_back


def _unsealed(connection: Connection, since: datetime | None, most: int) -> list[_Found]:
    recorded: ColumnElement[bool] = true() if since is None else entries.c.recorded_at >= since
    in_order = (entries.c.recorded_at, entries.c.id)
    rows = connection.execute(
        select(entries.c.id, entries.c.recorded_at)
        .outerjoin(seal_leaves, seal_leaves.c.entry_id == entries.c.id)
        .where(recorded, seal_leaves.c.entry_id.is_(None))
        .order_by(*in_order)
        .limit(most)
        # From where the look begins, and no further than it goes.
        .with_hint(entries, _BY_INSTANT, "mysql")
        .with_hint(entries, _BY_INSTANT, "mariadb")
    )
    return [_Found(*row) for row in rows]


def _leaves(connection: Connection, entry_ids: Sequence[str], seed: bytes) -> list[bytes]:
    found = leaves.contents(connection, entry_ids)
    return [found[entry_id].leaf(seed) for entry_id in entry_ids]


def _signed(signer: Signer, stated: Mapping[str, object], seed: bytes) -> Seal:
    unsigned = Seal({name: _text(value) for name, value in stated.items()}, seed, b"")
    return replace(unsigned, signature=signer.sign(unsigned.statement))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    return value.hex() if isinstance(value, bytes) else str(value)


def _insert(
    connection: Connection, seal: Mapping[str, object], found: Sequence[_Found], hashes: Sequence[bytes]
) -> None:
    places = [
        {"entry_id": row.id, "seal": seal["number"], "position": position, "leaf": leaf}
        for position, (row, leaf) in enumerate(zip(found, hashes, strict=True))
    ]
    try:
        connection.execute(insert(seals), seal)
        connection.execute(insert(seal_leaves), places)
    except IntegrityError as taken:
        # Another sealer had the number or the entries; the next try begins behind it.
        raise Retry from taken
