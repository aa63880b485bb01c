"""One line of the doctor's report."""

from dataclasses import dataclass
from enum import StrEnum

from bot.core import doctor_text as text


class State(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """``check`` is a stable name for programs, ``subject`` the repository or host it is about.

    ``fix`` says in words what to do; ``command`` is the same as a command line, "" where no command does it.
    """

    check: str
    state: State
    said: str
    fix: str = ""
    command: str = ""
    subject: str = ""


def ok(check: str, said: str, subject: str = "") -> Finding:
    return Finding(check, State.OK, said, subject=subject)


def warn(check: str, said: str, fix: str = "", *, command: str = "", subject: str = "") -> Finding:
    return Finding(check, State.WARN, said, fix or text.run(command), command, subject)


def fail(check: str, said: str, fix: str = "", *, command: str = "", subject: str = "") -> Finding:
    return Finding(check, State.FAIL, said, fix or text.run(command), command, subject)
