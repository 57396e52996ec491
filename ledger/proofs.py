"""What proves that an entry is in the sealed books: its parts, its place in a seal, and the way to the root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from ledger import merkle
from ledger.leaves import contents
from ledger.seals import seal_numbered
from ledger.tables import seal_leaves

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from ledger.leaves import Part
    from ledger.seals import Seal


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry within its seal. Not every part of it is for everybody's eyes."""

    seal: Seal
    position: int
    path: tuple[bytes, ...]
    parts: tuple[Part, ...]


def proof_of(session: Session, entry_id: str) -> Proof | None:
    """The proof of an entry; None as long as no seal holds it."""
    connection = session.connection()
    place = connection.execute(select(seal_leaves).where(seal_leaves.c.entry_id == entry_id)).first()
    if place is None:
        return None
    seal = seal_numbered(connection, place.seal)
    assert seal is not None, "a leaf names its seal"
    hashes = connection.scalars(
        select(seal_leaves.c.leaf).where(seal_leaves.c.seal == place.seal).order_by(seal_leaves.c.position)
    ).all()
    return Proof(
        seal,
        place.position,
        merkle.path(hashes, place.position),
        contents(connection, [entry_id])[entry_id].salted(seal.seed),
    )
