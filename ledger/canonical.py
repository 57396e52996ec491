"""Bytes that can be read in one way only: the form of what is hashed and signed (`docs/sealing.md`).

Every piece is a netstring, its length in bytes before it, so that no text can pass for the end of one field and the
beginning of the next. `~` stands for a field that has no value, which is not the same as an empty one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Fields = Mapping[str, str | None]

_NOTHING = b"~"


def canonical(kind: str, fields: Fields) -> bytes:
    """The one way to write down these fields of a thing of this kind: by name, whatever order they come in."""
    written = [_word(kind)]
    for name in sorted(fields):
        value = fields[name]
        written += (_word(name), _NOTHING if value is None else _netstring(value))
    return b"".join(written)


# Kinds and names are few, and come again with every entry.
@cache
def _word(text: str) -> bytes:
    return _netstring(text)


def _netstring(text: str) -> bytes:
    encoded = text.encode()
    return b"%d:%b," % (len(encoded), encoded)
