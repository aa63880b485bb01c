"""The agent's token: given in a file, or exchanged for one of its own that is kept in another."""

import os
import stat
import threading
from pathlib import Path

from bot.core import agent_text as text
from bot.core import operator_text
from bot.core.errors import Refused


class Credentials:
    """The token to use now. ``given`` holds an agent token, or the enrolment token that registering exchanges
    once; ``own`` is where the exchanged one is kept (0600). Neither may lie below ``workspaces``.
    """

    def __init__(self, given: Path, own: Path, workspaces: Path) -> None:
        """Raises Refused when the file cannot be read, holds no token, or lies within the agent's reach."""
        self._given, self._own = given, own
        self._lock = threading.Lock()
        if given.resolve().is_relative_to(workspaces.resolve()):
            raise Refused(text.token_in_reach(), text.move_the_token(), 422, "token_in_reach")
        self._enrolment = _read(given)
        self._token = _read(own) if own.exists() else self._enrolment

    def token(self) -> str:
        with self._lock:
            return self._token

    def secrets(self) -> tuple[str, ...]:
        """Everything that must not appear in a log."""
        with self._lock:
            return tuple({self._token, self._enrolment})

    @property
    def open_to_others(self) -> bool:
        """Whether users other than ours may read the given file."""
        return bool(self._given.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))

    def keep(self, token: str) -> None:
        """Use the token that registering handed out, now and after a restart."""
        new = self._own.with_suffix(".new")
        new.unlink(missing_ok=True)
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._own)
        with self._lock:
            self._token = token

    def fall_back(self) -> bool:
        """After a 401: use what the given file says now. False when that is what was refused already."""
        given = _read(self._given)
        with self._lock:
            changed, self._token, self._enrolment = given != self._token, given, given
        if changed:
            self._own.unlink(missing_ok=True)
        return changed


def _read(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else operator_text.not_text()
        raise Refused(
            text.token_unreadable(str(path), why), operator_text.check_the_file(), 422, "token_file"
        ) from error
    if not token or any(c.isspace() or not c.isprintable() or not c.isascii() for c in token):
        raise Refused(text.no_token_in(str(path)), text.one_token_per_file(), 422, "token_file")
    return token
