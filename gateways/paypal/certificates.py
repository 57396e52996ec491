"""The certificates that PayPal signs its webhooks with: fetched from PayPal's own address only, and kept."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from datetime import datetime

_PATH = "/v1/notifications/certs/"
_NAME = re.compile(r"[\w-]{4,128}", re.ASCII)
_OWNER = ".paypal.com"
_OK = 200
_LONGEST = 100_000
# There is one at a time, and the next one for a while; who sends more names is not PayPal.
_MOST = 32


@dataclass(frozen=True, slots=True)
class Certificate:
    """One of PayPal's, and those that vouch for it, each for the one before."""

    chain: tuple[x509.Certificate, ...]

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Whether its owner signed this."""
        key = self.chain[0].public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        try:
            key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def holds(self, now: datetime) -> bool:
        """Whether it is PayPal's, vouched for all the way up, and in force.

        Who stands at the top is not asked: it came over TLS from PayPal's own address, which the system has checked.
        """
        in_force = all(each.not_valid_before_utc <= now <= each.not_valid_after_utc for each in self.chain)
        return in_force and self._is_paypals() and self._is_vouched_for()

    def _is_paypals(self) -> bool:
        names = self.chain[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return any(str(name.value).lower().endswith(_OWNER) for name in names)

    def _is_vouched_for(self) -> bool:
        try:
            for below, above in zip(self.chain, self.chain[1:], strict=False):
                below.verify_directly_issued_by(above)
        except (InvalidSignature, TypeError, ValueError):
            return False
        return True


class Certificates:
    """Those that were seen, by their address."""

    def __init__(self, base: str, *, timeout: tuple[float, float]) -> None:
        self._prefix = f"{base}{_PATH}"
        self._timeout = timeout
        self._lock = threading.Lock()
        self._kept: dict[str, Certificate] = {}

    def at(self, url: str) -> Certificate | None:
        """The certificate at this address; None when it is none of PayPal's addresses, or cannot be had."""
        name = url.removeprefix(self._prefix)
        if name == url or _NAME.fullmatch(name) is None:
            return None
        with self._lock:
            kept = self._kept.get(url)
        if kept is not None:
            return kept
        found = self._fetched(url)
        if found is not None:
            with self._lock:
                if len(self._kept) >= _MOST:
                    self._kept.clear()
                self._kept[url] = found
        return found

    def _fetched(self, url: str) -> Certificate | None:
        try:
            answer = requests.get(url, timeout=self._timeout, allow_redirects=False)
            if answer.status_code != _OK or len(answer.content) > _LONGEST:
                return None
            return Certificate(tuple(x509.load_pem_x509_certificates(answer.content)))
        except (requests.RequestException, ValueError):
            return None
