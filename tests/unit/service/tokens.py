"""Id tokens with keys of our own: as a forge signs them, and as an attacker would."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

#: What Forgejo 15.0 signed for a job, as recorded.
RECORDED: Final[dict[str, Any]] = json.loads(
    Path(__file__).parents[2].joinpath("recordings/forgejo-15/api/288-oidc-token-claims.json").read_text()
)
#: What Forgejo 16 says in addition (``sub`` changes its form, too).
ON_16: Final = {"actor_id": "5", "repository_id": "1", "repository_owner_id": "2", "sub": "repo:ann-2/demo-1:ref:x"}
NOW: Final = float(RECORDED["claims"]["iat"])
HASHES: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    "RS256": hashes.SHA256,
    "RS384": hashes.SHA384,
    "RS512": hashes.SHA512,
}


class Key:
    """An RSA key that signs tokens."""

    def __init__(self, kid: str = "one", bits: int = 2048) -> None:
        self.kid = kid
        self.private = rsa.generate_private_key(65537, bits)

    def jwk(self, **changes: Any) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        n, e = (_b64(x.to_bytes((x.bit_length() + 7) // 8, "big")) for x in (numbers.n, numbers.e))
        return {"alg": "RS256", "e": e, "kid": self.kid, "kty": "RSA", "n": n, "use": "sig", **changes}

    def pem(self) -> bytes:
        """The public key, as an attacker has it."""
        kind = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, kind)

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        head = {"alg": "RS256", "kid": self.kid, "typ": "JWT", **header}
        signed = unsigned(claims, head)
        made = HASHES.get(str(head["alg"]), hashes.SHA256)()
        return f"{signed}.{_b64(self.private.sign(signed.encode(), padding.PKCS1v15(), made))}"


def claims(**changes: Any) -> dict[str, Any]:
    """The recorded claims; a change to None leaves one out."""
    found = {**RECORDED["claims"], "ref_protected": "true", **changes}
    return {name: value for name, value in found.items() if value is not None}


def unsigned(said: Mapping[str, Any], header: Mapping[str, Any]) -> str:
    return ".".join(_b64(json.dumps(part).encode()) for part in (header, said))


def with_hmac(said: Mapping[str, Any], secret: bytes, kid: str) -> str:
    signed = unsigned(said, {"alg": "HS256", "kid": kid, "typ": "JWT"})
    return f"{signed}.{_b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
