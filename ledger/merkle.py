"""Merkle trees as RFC 9162 has them: one hash stands for a whole list, and a short path proves that something is in it.

Leaves and nodes are hashed with different first bytes, so that no node can pass for a leaf. A list is split at the
largest power of two below its length.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """The hash of one item of the list."""
    return sha256(_LEAF + data).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The hash that stands for the list of these leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(len(leaves))
    return _node(root(leaves[:middle]), root(leaves[middle:]))


def path(leaves: Sequence[bytes], position: int) -> tuple[bytes, ...]:
    """What has to be known besides the leaf at `position` to arrive at the root, from the leaf upwards."""
    assert 0 <= position < len(leaves), "only what is in the list can be proved to be in it"
    if len(leaves) == 1:
        return ()
    middle = _split(len(leaves))
    if position < middle:
        return (*path(leaves[:middle], position), root(leaves[middle:]))
    return (*path(leaves[middle:], position - middle), root(leaves[:middle]))


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


def _split(length: int) -> int:
    return 1 << (length - 1).bit_length() - 1
