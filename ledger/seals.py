"""A seal: one signed statement about a stretch of entries, which names the statement before it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import select

from ledger.canonical import canonical
from ledger.tables import seals
from ledger.written import reader, written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Row, Select

KIND = "holdfast seal"
# What the first seal names as the hash of the one before it.
NOTHING_BEFORE = bytes(32)

_BATCH = 500
_STATED = (
    "number",
    "version",
    "previous",
    "root",
    "size",
    "first_recorded_at",
    "last_recorded_at",
    "sealed_at",
    "key_id",
)
_READERS = {name: reader(seals.c[name]) for name in _STATED}


class Signer(Protocol):
    """Whoever signs seals; which key that is, `ledger` need not know."""

    @property
    def key_id(self) -> str:
        """The name by which the key is found again."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature under these bytes."""
        ...


class TrustedKeys(Protocol):
    """The keys whose signatures count, the present one and those before it."""

    def knows(self, key_id: str) -> bool:
        """Whether this is one of them."""
        ...

    def signed(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """Whether the key signed these bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """How far the books are sealed: noted somewhere else, it shows later that no seal was taken away."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as it was signed: what it states, in canonical text, and the signature under it."""

    stated: dict[str, str]
    seed: bytes = field(repr=False)
    signature: bytes

    @property
    def number(self) -> int:
        """Its place in the chain; the first is 1."""
        return int(self.stated["number"])

    @property
    def size(self) -> int:
        """How many entries it holds."""
        return int(self.stated["size"])

    @property
    def version(self) -> int:
        """By which rules its leaves are made."""
        return int(self.stated["version"])

    @property
    def key_id(self) -> str:
        """The key it says that it was signed with."""
        return self.stated["key_id"]

    @property
    def statement(self) -> bytes:
        """The bytes that are signed."""
        return canonical(KIND, self.stated)

    @property
    def hash(self) -> bytes:
        """What the next seal names it by."""
        return sha256(self.statement).digest()

    @property
    def head(self) -> Head:
        """How far the books are sealed by it."""
        return Head(self.number, self.hash)


def newest_seal(connection: Connection) -> Seal | None:
    """The last seal of the chain."""
    return _first(connection, _read(connection).order_by(seals.c.number.desc()).limit(1))


def seal_numbered(connection: Connection, number: int) -> Seal | None:
    """The seal with this number."""
    return _first(connection, _read(connection).where(seals.c.number == number))


def chain(connection: Connection) -> Iterator[Seal]:
    """Every seal, first to last, a few at a time."""
    after: int | None = None
    while True:
        query = _read(connection).order_by(seals.c.number).limit(_BATCH)
        rows = connection.execute(query if after is None else query.where(seals.c.number > after)).all()
        yield from map(_seal, rows)
        if len(rows) < _BATCH:
            return
        after = rows[-1].number


def _read(connection: Connection) -> Select[Any]:
    dialect = connection.dialect.name
    return select(*(written(column, dialect).label(column.name) for column in seals.columns))


def _first(connection: Connection, query: Select[Any]) -> Seal | None:
    row = connection.execute(query).first()
    return None if row is None else _seal(row)


def _seal(row: Row[Any]) -> Seal:
    stated = {name: read(getattr(row, name)) or "" for name, read in _READERS.items()}
    return Seal(stated, row.seed, row.signature)
