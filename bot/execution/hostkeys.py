"""Which host keys are right: pinned in a known_hosts file or in the configuration. Never accepted by themselves.

The file is OpenSSH's (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): plain or hashed names, ``[host]:port`` for other ports.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from bot.core import host_text as text
from bot.core.errors import Refused
from bot.execution.host_errors import HostKeyProblem


class _Key(Protocol):
    def get_name(self) -> str: ...
    def asbytes(self) -> bytes: ...


@dataclass(frozen=True)
class SeenKey:
    """A server's public key: its type (``ssh-ed25519``) and its bytes."""

    kind: str
    blob: bytes

    @classmethod
    def of(cls, key: _Key) -> Self:
        return cls(key.get_name(), key.asbytes())

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` prints it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


def name_in_file(hostname: str, port: int) -> str:
    return hostname if port == 22 else f"[{hostname}]:{port}"


class PinnedKeys:
    """The keys a host may show: ``host_key`` of the configuration if it is set, else the known_hosts file."""

    def __init__(self, hostname: str, port: int, known_hosts: Path, host_key: str = "", *, host_id: str = "") -> None:
        """``host_key``: ``SHA256:…`` or a public key (``ssh-ed25519 AAAA…``)."""
        self._name = name_in_file(hostname, port)
        self._host_id = host_id or hostname
        self._file, self._host_key = known_hosts, host_key.strip()

    def types(self) -> list[str]:
        """The types of the pinned keys: what to ask the server for. Empty when only a fingerprint is known."""
        if self._host_key:
            words = self._host_key.split()
            return words[:1] if len(words) > 1 else []
        return list(dict.fromkeys(key.kind for key in self.in_file()))

    def in_file(self) -> list[SeenKey]:
        """The keys the file pins for this host; revoked ones are no pins."""
        try:
            lines = self._file.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            reason = text.known_hosts_unreadable(str(self._file), error.strerror or str(error))
            raise Refused(reason, status=500, kind="known_hosts") from error
        return [SeenKey(kind, blob) for names, kind, blob in _entries(lines) if _names(names, self._name)]

    def check(self, seen: SeenKey) -> None:
        """Raises HostKeyProblem unless ``seen`` is pinned."""
        if self._host_key:
            pinned, where = [_fingerprint(self._host_key)], "host_key"
        else:
            pinned, where = [key.fingerprint for key in self.in_file()], str(self._file)
        if any(hmac.compare_digest(seen.fingerprint, one) for one in pinned):
            return
        if not pinned:
            raise HostKeyProblem(
                text.host_key_unknown(self._host_id, seen.fingerprint),
                text.pin_the_key(self._host_id),
                seen.fingerprint,
            )
        raise HostKeyProblem(
            text.host_key_changed(self._host_id, seen.fingerprint, pinned), text.unpin_first(where), seen.fingerprint
        )

    def pin(self, key: SeenKey) -> bool:
        """Add the key to the file (made 0600 when missing); False when it is there already."""
        if key in self.in_file():
            return False
        self._file.parent.mkdir(parents=True, exist_ok=True)
        line = f"{self._name} {key.kind} {base64.b64encode(key.blob).decode()}\n"
        fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "a", encoding="utf-8") as file:
            file.write(line)
        return True

    @property
    def file(self) -> Path:
        return self._file


def _entries(lines: list[str]) -> Iterator[tuple[str, str, bytes]]:
    for line in lines:
        words = line.split()
        if len(words) < 3 or words[0].startswith(("#", "@")):  # @revoked, @cert-authority: not pins
            continue
        try:
            yield words[0], words[1], base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue  # pins nothing, so a host that counts on it is refused as unknown


def _names(written: str, name: str) -> bool:
    if written.startswith("|1|"):
        _, _, salt, wanted = written.split("|")
        found = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1).digest()
        return hmac.compare_digest(found, base64.b64decode(wanted))
    return name in written.split(",")


def _fingerprint(host_key: str) -> str:
    words = host_key.split()
    if len(words) == 1:
        return words[0].rstrip("=")
    return SeenKey(words[0], base64.b64decode(words[1])).fingerprint
