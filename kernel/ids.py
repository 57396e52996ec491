"""Prefixed, time-ordered ids: `ms_06f3k…` outside, sixteen bytes of a UUIDv7 in the database."""

from __future__ import annotations

import os
import re
import time

from kernel.refusals import NotFound

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26
# Two letters at a time, because every row of every list has ids.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(5 * (_LENGTH - 2), -1, -10)
# Sixteen bytes are 128 bits and 26 letters have room for 130, so the first letter stands for three.
_LETTERS = re.compile(f"[0-7][{_ALPHABET}]{{{_LENGTH - 1}}}")
# The letters that Python takes for digits to the base of 32.
_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")


class IdUnknown(NotFound):
    """The id is not one of ours: wrong prefix, wrong length or a letter we do not use."""

    code = "not_found"


def new_id(prefix: str) -> str:
    """A fresh id; ids made later sort later, to the millisecond."""
    return encode(prefix, _uuid7())


def encode(prefix: str, value: bytes) -> str:
    """The outside form of sixteen bytes."""
    number = int.from_bytes(value, "big")
    letters = [_PAIRS[number >> shift & 1023] for shift in _SHIFTS]
    return f"{prefix}_{''.join(letters)}"


def decode(prefix: str, text: str) -> bytes:
    """The sixteen bytes of an id with that prefix; anything else is refused as not found."""
    start, _, letters = text.partition("_")
    if start != prefix or not _LETTERS.fullmatch(letters):
        raise IdUnknown("There is nothing with this id.")
    return int(letters.translate(_DIGITS), 32).to_bytes(16, "big")


def _uuid7() -> bytes:
    # The wall clock only orders ids roughly; nothing that matters is decided by it.
    milliseconds = time.time_ns() // 1_000_000
    noise = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | noise
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return value.to_bytes(16, "big")
