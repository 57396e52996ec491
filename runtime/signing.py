"""The keys with which Holdfast signs seals and receipts: Ed25519, made of the settings."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KEY_BYTES = 32
_ID_BYTES = 8


@dataclass(frozen=True)
class PublicKey:
    """A key that others check our signatures with."""

    raw: bytes
    retired: bool

    @property
    def id(self) -> str:
        """Its name: the beginning of its hash."""
        return sha256(self.raw).hexdigest()[: 2 * _ID_BYTES]

    @property
    def base64(self) -> str:
        """As it is handed out."""
        return b64encode(self.raw).decode("ascii")

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key signed these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """The present key, which signs."""

    _secret: bytes = field(repr=False)

    @cached_property
    def public(self) -> PublicKey:
        """What others check its signatures with."""
        return PublicKey(self._private.public_key().public_bytes_raw(), retired=False)

    @property
    def key_id(self) -> str:
        """The name of the key."""
        return self.public.id

    def sign(self, message: bytes) -> bytes:
        """The signature under these bytes."""
        return self._private.sign(message)

    @cached_property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._secret)


@dataclass(frozen=True)
class Keyring:
    """Every key whose signatures count: the present one first, then those that were replaced."""

    keys: tuple[PublicKey, ...]

    def knows(self, key_id: str) -> bool:
        """Whether this key is one of ours."""
        return key_id in self._by_id

    def signed(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """Whether the key of this name, which is one of ours, signed these bytes."""
        key = self._by_id.get(key_id)
        return key is not None and key.signed(message, signature)

    @cached_property
    def _by_id(self) -> Mapping[str, PublicKey]:
        return {key.id: key for key in self.keys}


def signing_key(secret: str) -> SigningKey:
    """The key of the setting SEALING_KEY."""
    return SigningKey(key_bytes(secret))


def keyring(present: SigningKey, retired: Iterable[str]) -> Keyring:
    """The present key and those of the setting RETIRED_SEALING_KEYS."""
    return Keyring((present.public, *(PublicKey(key_bytes(text), retired=True) for text in retired)))


def key_bytes(text: str) -> bytes:
    """The 32 bytes of a key written in base64; ValueError when it is not one."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise ValueError("an Ed25519 key is 32 bytes in base64")
    return raw
