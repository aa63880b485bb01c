"""The key that signs receipts: ed25519, in a file that only the orchestrator's user can read."""

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from bot.core import receipt_text as text
from bot.core.errors import Refused, Unavailable

FILE: Final = "receipt-signing-key.pem"
_RAW_BYTES: Final = 32


@dataclass(frozen=True)
class SigningKey:
    """``public`` are the public key's 32 bytes, ``key_id`` the beginning of their SHA-256."""

    key_id: str
    public: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


def key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def read(path: Path) -> SigningKey | None:
    """The key in ``path``, None without the file. Raises Unavailable when it cannot be used, and says why."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise Unavailable(f"{text.key_unreadable(str(path))} {text.restore_or_rotate()}") from problem
    with os.fdopen(fd, "rb") as file:
        if stat.S_IMODE(os.fstat(fd).st_mode) & 0o077:
            raise Unavailable(f"{text.key_open(str(path))} {text.close_the_key()}")
        data = file.read()
    try:
        private = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise Unavailable(f"{text.key_unreadable(str(path))} {text.restore_or_rotate()}")
    return _of(private)


def make(path: Path, *, replace: bool = False) -> SigningKey:
    """A new key in ``path``, on disk before it is returned. Of two processes that make one at once, both get the same.

    ``replace`` takes the place of one that is there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    private = Ed25519PrivateKey.generate()
    made = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    fd = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(_pem(private))
            file.flush()
            os.fsync(file.fileno())
        if replace:
            made.replace(path)
        else:
            os.link(made, path)  # fails when another process was faster
        _flush(path.parent)
    except FileExistsError:
        found = read(path)
        if found is None:
            raise
        return found
    finally:
        made.unlink(missing_ok=True)
    return _of(private)


def parse_public(written: str) -> bytes:
    """The 32 bytes of a public key: PEM, an OpenSSH line, or base64. Raises Refused for anything else."""
    told = written.strip()
    found: object = None
    try:
        if told.startswith("-----BEGIN"):
            found = serialization.load_pem_public_key(told.encode())
        elif told.startswith("ssh-ed25519 "):
            found = serialization.load_ssh_public_key(told.encode())
        else:
            raw = base64.b64decode(told, validate=True)
            found = Ed25519PublicKey.from_public_bytes(raw) if len(raw) == _RAW_BYTES else None
    except (ValueError, UnicodeEncodeError, binascii.Error, UnsupportedAlgorithm):
        pass  # what is left is no key of ours
    if not isinstance(found, Ed25519PublicKey):
        raise Refused(text.not_a_public_key(told.splitlines()[0] if told else ""), "", 422, "bad_key")
    return found.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def public_pem(public: bytes) -> str:
    made = Ed25519PublicKey.from_public_bytes(public)
    return made.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def fits(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether ``signature`` over ``message`` was made with the private part of ``public``."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _of(private: Ed25519PrivateKey) -> SigningKey:
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return SigningKey(key_id(public), public, private)


def _pem(private: Ed25519PrivateKey) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _flush(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
