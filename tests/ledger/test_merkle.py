"""One hash for a list, and a short way from each item to it, as RFC 9162 computes them."""

from __future__ import annotations

from hashlib import sha256

import pytest

from ledger import merkle

# The inputs and roots that implementations of Certificate Transparency are tried with.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("length", range(1, 9))
def test_the_root_is_the_one_that_others_compute(length):
    assert merkle.root([merkle.leaf_hash(data) for data in INPUTS[:length]]).hex() == ROOTS[length - 1]


def test_the_root_of_nothing_is_the_hash_of_nothing():
    assert merkle.root([]) == sha256(b"").digest()


@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 9, 64, 100])
def test_every_item_has_a_way_to_the_root(length):
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(length)]
    for position, leaf in enumerate(leaves):
        way = merkle.path(leaves, position)
        assert len(way) <= (length - 1).bit_length()
        assert followed(leaf, position, length, way) == merkle.root(leaves)


def test_a_node_does_not_pass_for_a_leaf():
    left, right = merkle.leaf_hash(b"left"), merkle.leaf_hash(b"right")
    assert merkle.root([left, right]) != merkle.leaf_hash(left + right)


def followed(leaf, position, size, way):
    """The check of RFC 9162, 2.1.3.2, written down from there."""
    node, last, current = position, size - 1, leaf
    for sibling in way:
        assert last > 0
        if node % 2 == 1 or node == last:
            current = sha256(b"\x01" + sibling + current).digest()
            while node % 2 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            current = sha256(b"\x01" + current + sibling).digest()
        node, last = node >> 1, last >> 1
    assert last == 0
    return current
