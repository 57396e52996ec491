"""How PayPal signs what it posts: RSA-SHA256 over a line that names the body by its checksum."""

import base64
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from sandbox.world import Json

ALGORITHM = "SHA256withRSA"
_FROM = datetime(2020, 1, 1, tzinfo=UTC)
# A test may turn the clock by years.
_UNTIL = datetime(2090, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Signer:
    """A key, and the certificates that say whose it is, the own one first."""

    key: rsa.RSAPrivateKey
    chain: bytes
    name: str

    def sign(self, text: bytes) -> str:
        """The signature, as it is sent."""
        return base64.b64encode(self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


@cache
def signer(
    common_name: str = "messageverificationcerts.sandbox.paypal.com",
    *,
    begins: datetime = _FROM,
    ends: datetime = _UNTIL,
) -> Signer:
    """The key of this process; making one takes a while, so it is made when it is first needed."""
    authority, key = _key(), _key()
    above = _certificate("Sandbox CA", authority, "Sandbox CA", authority, begins=_FROM, ends=_UNTIL)
    own = _certificate(common_name, key, "Sandbox CA", authority, begins=begins, ends=ends)
    chain = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in (own, above))
    return Signer(key, chain, f"CERT-{sha256(chain).hexdigest()[:24]}")


def payload_of(event: Json) -> bytes:
    """The exact bytes PayPal would post for the event."""
    return json.dumps(event, separators=(",", ":")).encode()


def headers(
    payload: bytes,
    *,
    transmission_id: str,
    sent_at: float,
    webhook_id: str,
    base_url: str,
    by: Signer | None = None,
) -> dict[str, str]:
    """The headers with which these bytes are posted at this instant."""
    who = by or signer()
    instant = datetime.fromtimestamp(sent_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    line = f"{transmission_id}|{instant}|{webhook_id}|{zlib.crc32(payload)}"
    return {
        "Content-Type": "application/json",
        "User-Agent": "PayPal/AUHD-214.0-58445234",
        "PayPal-Auth-Algo": ALGORITHM,
        "PayPal-Auth-Version": "v2",
        "PayPal-Cert-Url": f"{base_url}/v1/notifications/certs/{who.name}",
        "PayPal-Transmission-Id": transmission_id,
        "PayPal-Transmission-Sig": who.sign(line.encode()),
        "PayPal-Transmission-Time": instant,
    }


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certificate(
    subject: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    authority: rsa.RSAPrivateKey,
    *,
    begins: datetime,
    ends: datetime,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
        .sign(authority, hashes.SHA256())
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
