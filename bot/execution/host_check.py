"""What a host has and lacks, and clearing it up."""

import base64
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.core import host_text as text
from bot.execution import calls
from bot.execution.hosts import Host

#: Older ones ignore some of the settings that keep a repository from running programs.
MIN_GIT: Final = (2, 29)
_SLOW_MS: Final = 100.0
_LITTLE_KIB: Final = 2 * 1024 * 1024
_CLOCK_SECS: Final = 60
_PROBE_SECS: Final = 60.0


@dataclass(frozen=True)
class Probe:
    """What a host says of itself. ``clis``: version as printed, "" = none, None = not found. ``free_kib`` in work_dir.

    Of what was asked for: files ``there`` in the user's home, variables of the login environment that are set, and
    for each key file ``ok``, ``missing``, ``unreadable`` or ``open`` (to other users).
    """

    uname: str
    user: str
    git: str
    free_kib: int
    cpus: int
    clock_off_secs: int
    path: str
    missing: tuple[str, ...]
    clis: Mapping[str, str | None]
    there: frozenset[str] = frozenset()
    set_variables: frozenset[str] = frozenset()
    key_files: Mapping[str, str] = field(default_factory=dict)

    def problems(self) -> list[str]:
        """What must be put right before agents can run there, each with how."""
        found = [text.tools_missing(self.missing)] if self.missing else []
        numbers = re.search(r"(\d+)\.(\d+)", self.git)
        if numbers and (int(numbers[1]), int(numbers[2])) < MIN_GIT:
            found.append(text.old_git(self.git, ".".join(map(str, MIN_GIT))))
        return found + [text.cli_missing(name) for name, version in self.clis.items() if version is None]

    def warnings(self, warm_ms: float) -> list[str]:
        found = [text.slow_profile(warm_ms)] if warm_ms > _SLOW_MS else []
        if self.free_kib < _LITTLE_KIB:
            found.append(text.little_space(self.free_kib / 1024**2))
        if abs(self.clock_off_secs) > _CLOCK_SECS:
            found.append(text.clock_off(self.clock_off_secs))
        return found


@dataclass(frozen=True)
class Cleared:
    """What garbage collection took away, and what is free now."""

    runs: tuple[str, ...]
    workspaces: tuple[str, ...]
    caches: tuple[str, ...]
    free_kib: int


@dataclass(frozen=True)
class Wanted:
    """What to look for: agent CLIs, files below the user's home, variables of the login environment, key files.

    ``own_commands`` (names or full paths) are only looked for: asked for a version they might begin to work.
    """

    commands: Sequence[str] = ()
    files: Sequence[str] = ()
    variables: Sequence[str] = ()
    key_files: Sequence[str] = ()
    own_commands: Sequence[str] = ()


def probe(host: Host, wanted: Wanted) -> Probe:
    """Ask a host what it has."""
    commands = [calls.word(command) for command in wanted.commands]
    asked = {
        "commands": commands, "files": wanted.files, "variables": wanted.variables, "key_files": wanted.key_files,
        "own": wanted.own_commands,
    }  # fmt: skip
    request = calls.lines((name, "\n".join(values)) for name, values in asked.items())
    reply = host.wrapper.call("probe", request=request, quiet_secs=_PROBE_SECS)
    clis: dict[str, str | None] = {}
    for line in reply.values("cli"):
        name, _, said = line.partition(" ")
        clis[name] = None if said == "-" else _first_line(said)
    own = {name for state, _, name in (line.partition(" ") for line in reply.values("own")) if state == "ok"}
    found = {name: clis.get(name) for name in commands} | {x: "" if x in own else None for x in wanted.own_commands}
    missing = reply.value("missing")
    return Probe(
        reply.value("uname"), reply.value("user"), reply.value("git"), int(reply.value("free_kib")),
        int(reply.value("cpus")), int(reply.value("time")) - round(time.time()), reply.value("path"),
        () if missing == "-" else tuple(missing.split()), found,
        frozenset(reply.values("there")), frozenset(reply.values("set")),
        {path: state for state, _, path in (line.partition(" ") for line in reply.values("key_file"))},
    )  # fmt: skip


def clear_up(host: Host, *, max_age_secs: int, min_free_kib: int = 0) -> Cleared:
    """Remove runs and workspaces nobody used for ``max_age_secs``; below ``min_free_kib`` the oldest unused too.

    What runs, or is held by somebody, stays. The fences stay.
    """
    reply = host.wrapper.call("gc", str(max_age_secs), str(min_free_kib), quiet_secs=600)
    return Cleared(
        tuple(reply.values("run")),
        tuple(reply.values("workspace")),
        tuple(reply.values("cache")),
        int(reply.value("free_kib")),
    )


def _first_line(said: str) -> str:
    words = base64.b64decode(said).decode("utf-8", "replace").strip().splitlines()
    return "".join(c for c in words[0] if c.isprintable())[:80] if words else ""
