"""Ids keep their sixteen bytes, sort by time, and nothing else passes for one."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernel.ids import IdUnknown, decode, encode, new_id


@given(st.binary(min_size=16, max_size=16))
@example(bytes(16))
@example(b"\xff" * 16)
def test_what_is_written_is_read_back(value):
    text = encode("ms", value)
    assert len(text) == len("ms_") + 26
    assert decode("ms", text) == value


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_ids_sort_as_their_bytes_do(one, other):
    assert (encode("ms", one) < encode("ms", other)) == (one < other)


@given(st.text())
@example("ms_")
@example("ms_" + "8" * 26)
@example("ms_" + "0" * 25)
@example("ms_" + "0" * 27)
@example("ms_" + "u" * 26)
@example("MS_" + "0" * 26)
@example("us_" + "0" * 26)
@example("ms_" + "0" * 25 + "\n")
def test_anything_else_is_not_found(text):
    with pytest.raises(IdUnknown):
        decode("ms", text)


def test_new_ids_differ_and_carry_version_and_variant():
    ids = {new_id("en") for _ in range(1000)}
    assert len(ids) == 1000
    for text in ids:
        value = decode("en", text)
        assert value[6] >> 4 == 7
        assert value[8] >> 6 == 2
