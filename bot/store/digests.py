"""How secrets that somebody presents to us are kept: never themselves."""

import hashlib


def of_secret(secret: str) -> bytes:
    """SHA-256; of random secrets only, a password would need more."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
