"""What a seal holds of an entry: every column of every row that the entry is made of, cut into parts.

A party to an entry may see some of it and not the rest, and must be able to prove what they see. So a leaf is made of
the hashes of parts, and a receipt shows some parts and of the others the hash alone. Each part is hashed with a salt,
because a hidden amount is easily guessed; and there are always as many as of a common entry, because even how many
lines it has would tell (of tax withheld, say).
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from kernel import ids
from ledger import merkle
from ledger.canonical import canonical
from ledger.tables import accounts, entries, postings
from ledger.written import reader, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Column, Connection, Row

# A seal says by which version it was made, and it is read by that version for ever: a column that comes later is put
# into the next version, and never into this one.
VERSION = 1

HEAD, SAID, KEPT, MOVED, EMPTY = "head", "said", "kept", "moved", "empty"

# What happened, who said so and why; and, not for the parties, what the ledger keeps for itself.
_HEAD = (
    "id",
    "movement",
    "phase",
    "reference",
    "value_date",
    "recorded_at",
    "resolves_id",
    "reverses_id",
)
_SAID = ("actor", "approved_by", "reason")
_KEPT = ("idempotency_key", "fingerprint")
# What a line moved; and where that stands in its account.
_MOVED = ("line", "side", "amount_minor")
_MOVED_ACCOUNT = ("code", "currency")
_KEPT_LINE = ("account_id", "lane", "sequence", "entry_id", "balance_minor", "held_minor", "recorded_at")
_KEPT_ACCOUNT = ("id", "normal", "floor", "shared")

_LINES_AT_ONCE = 6
_PART = b"\x02"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an entry: what it says, and the salt it was hashed with."""

    kind: str
    fields: Mapping[str, str | None]
    salt: bytes

    @property
    def content(self) -> bytes:
        """The bytes that are hashed, after the salt."""
        return b"" if self.kind == EMPTY else canonical(self.kind, self.fields)

    @property
    def digest(self) -> bytes:
        """What stands for it in the leaf."""
        return sha256(_PART + self.salt + self.content).digest()


@dataclass(frozen=True, slots=True)
class Contents:
    """An entry as it stands in the tables, in the order of its parts."""

    entry_id: str
    parts: tuple[tuple[str, Mapping[str, str | None]], ...]

    def salted(self, seed: bytes) -> tuple[Part, ...]:
        """Its parts with their salts, each derived from the seed, the entry and the part's number."""
        entry = ids.decode("en", self.entry_id)
        return tuple(
            Part(kind, fields, hmac.digest(seed, entry + number.to_bytes(2, "big"), "sha256"))
            for number, (kind, fields) in enumerate(self.parts)
        )

    def leaf(self, seed: bytes) -> bytes:
        """The leaf hash of the entry under this seed."""
        return merkle.leaf_hash(b"".join(part.digest for part in self.salted(seed)))


def contents(connection: Connection, entry_ids: Sequence[str]) -> dict[str, Contents]:
    """What stands in the tables about these entries; one that is not there is left out."""
    found: dict[str, Contents] = {}
    for start in range(0, len(entry_ids), _BATCH):
        found |= _contents(connection, entry_ids[start : start + _BATCH])
    return found


def _contents(connection: Connection, entry_ids: Sequence[str]) -> dict[str, Contents]:
    lines: defaultdict[bytes, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(_LINES.read(connection, entry_ids)):
        lines[row.posting_entry_id].append(row)
    rows = connection.execute(_ENTRIES.read(connection, entry_ids)).all()
    found = (
        Contents(_ENTRIES.texts(row)["entry_id"] or "", _parts(row, lines[row.entry_id])) for row in rows
    )
    return {each.entry_id: each for each in found}


def _parts(row: Row[Any], lines: Sequence[Row[Any]]) -> tuple[tuple[str, Mapping[str, str | None]], ...]:
    entry = _ENTRIES.texts(row)
    moved, kept = [], {name: entry[f"entry_{name}"] for name in _KEPT}
    for number, line in enumerate(map(_LINES.texts, lines)):
        moved.append((MOVED, _line(line, _MOVED, _MOVED_ACCOUNT)))
        kept |= {f"{number}.{name}": value for name, value in _line(line, _KEPT_LINE, _KEPT_ACCOUNT).items()}
    empty: list[tuple[str, Mapping[str, str | None]]] = [(EMPTY, {})] * (-len(moved) % _LINES_AT_ONCE)
    return (
        (HEAD, {name: entry[f"entry_{name}"] for name in _HEAD}),
        (SAID, {name: entry[f"entry_{name}"] for name in _SAID}),
        (KEPT, kept),
        *moved,
        *empty,
    )


def _line(
    texts: Mapping[str, str | None], of_posting: Sequence[str], of_account: Sequence[str]
) -> dict[str, str | None]:
    said = {name: texts[f"posting_{name}"] for name in of_posting}
    return said | {f"account.{name}": texts[f"account_{name}"] for name in of_account}


class _Reading:
    """Columns that are read together, each under a name of its own."""

    def __init__(self, **columns: Sequence[Column[Any]]) -> None:
        self._columns = {
            f"{whose}_{column.name}": column for whose, named in columns.items() for column in named
        }
        self._readers = [(name, reader(column)) for name, column in self._columns.items()]

    def read(self, connection: Connection, entry_ids: Sequence[str]) -> Any:  # noqa: ANN401 - a Select of either kind
        dialect = connection.dialect.name
        query = select(*(written(column, dialect).label(name) for name, column in self._columns.items()))
        if "posting_line" not in self._columns:
            return query.where(entries.c.id.in_(entry_ids))
        return (
            query.select_from(postings)
            .outerjoin(accounts, accounts.c.id == postings.c.account_id)
            .where(postings.c.entry_id.in_(entry_ids))
            .order_by(postings.c.entry_id, postings.c.line, postings.c.lane, postings.c.sequence)
        )

    def texts(self, row: Row[Any]) -> dict[str, str | None]:
        return {name: read(value) for (name, read), value in zip(self._readers, row, strict=True)}


def _columns(table: Any, *names: str) -> Iterator[Column[Any]]:  # noqa: ANN401 - a Table
    return (table.c[name] for name in names)


_ENTRIES = _Reading(entry=[*_columns(entries, *_HEAD, *_SAID, *_KEPT)])
_LINES = _Reading(
    posting=[*_columns(postings, *_MOVED, *_KEPT_LINE)],
    account=[*_columns(accounts, *_MOVED_ACCOUNT, *_KEPT_ACCOUNT)],
)
