"""The keys that sign: known by their hash, trusted when they are listed, and by nobody else's name."""

from __future__ import annotations

from base64 import b64encode

import pytest

from runtime.signing import key_bytes, keyring, signing_key

# RFC 8032, section 7.1, test 2.
SECRET = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
KEY = signing_key(b64encode(SECRET).decode())
OTHER = signing_key(b64encode(bytes(32)).decode())


def test_a_signature_is_the_one_that_everybody_makes():
    assert KEY.sign(b"\x72") == SIGNATURE
    assert KEY.public.raw == PUBLIC


def test_a_key_is_named_by_the_beginning_of_its_hash():
    assert KEY.key_id == KEY.public.id == "39f713d0a644253f"


def test_the_present_key_and_those_before_it_are_trusted():
    ring = keyring(OTHER, [KEY.public.base64])
    assert [key.retired for key in ring.keys] == [False, True]
    assert ring.signed(KEY.key_id, b"\x72", SIGNATURE)
    assert ring.signed(OTHER.key_id, b"x", OTHER.sign(b"x"))


def test_nothing_else_is():
    ring = keyring(OTHER, [])
    assert not ring.knows(KEY.key_id)
    assert not ring.signed(KEY.key_id, b"\x72", SIGNATURE)
    assert not ring.signed(OTHER.key_id, b"\x72", SIGNATURE)
    assert not ring.signed(OTHER.key_id, b"\x72", b"")
    assert not KEY.public.signed(b"\x73", SIGNATURE)


@pytest.mark.parametrize("text", ["", "x", "YQ==", b64encode(bytes(33)).decode(), "\u00e9" * 44])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(ValueError, match="32 bytes in base64"):
        key_bytes(text)


def test_a_key_that_is_shown_by_accident_shows_no_secret():
    assert repr(SECRET) not in repr(KEY)
    assert str(SECRET) not in str(KEY)
