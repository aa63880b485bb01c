"""RSA keys with which a forge signs id tokens: read from their JWK, and asked whether a signature fits."""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

_LEAST_BITS: Final = 2048
_HASHES: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    "RS256": hashes.SHA256,
    "RS384": hashes.SHA384,
    "RS512": hashes.SHA512,
}


class PublicKey:
    """``algorithm`` "" = the forge does not say for which it is."""

    def __init__(self, key: RSAPublicKey, algorithm: str) -> None:
        self._key, self.algorithm = key, algorithm

    def fits(self, algorithm: str, signature: bytes, signed: bytes) -> bool:
        """Whether ``signature`` over ``signed`` was made with the private part, by one of RS256, RS384 and RS512."""
        try:
            self._key.verify(signature, signed, padding.PKCS1v15(), _HASHES[algorithm]())
        except InvalidSignature:
            return False
        return True


def read(jwk: Mapping[str, Any]) -> PublicKey | None:
    """None for keys of other kinds or uses, and for those too short to believe."""
    if jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig" or not jwk.get("kid"):
        return None
    try:
        n, e = (int.from_bytes(_unpadded(str(jwk[name])), "big") for name in ("n", "e"))
        key = RSAPublicNumbers(e, n).public_key()
    except (KeyError, ValueError, binascii.Error):
        return None
    return PublicKey(key, str(jwk.get("alg") or "")) if key.key_size >= _LEAST_BITS else None


def _unpadded(written: str) -> bytes:
    return base64.urlsafe_b64decode(written + "=" * (-len(written) % 4))
