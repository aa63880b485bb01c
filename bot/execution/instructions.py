"""Agents' instruction files from a commit that is trusted, where the work starts from one that is not.

The tree is laid out with the base's versions of them. The agent's own git is told to look away (skip-worktree, and
exclude for what the start does not have), and what is collected has the start's versions again, unless the agent
changed them itself. So nobody sees the exchange as a change. What such a file names (an ``@import``, the target of
a symbolic link that is no instruction file itself) is not followed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.execution import git, paths
from bot.execution.git import Setting

_NOTHING: Final = "0" * 40
_NO_MODE: Final = "000000"


@dataclass(frozen=True)
class Difference:
    """An instruction file that the start and the base do not have alike; a mode of zeros = there is none."""

    path: bytes
    start: tuple[str, str]
    base: tuple[str, str]

    @property
    def only_in_base(self) -> bool:
        return self.start[0] == _NO_MODE


def pathspecs() -> list[str]:
    """Git's words for every instruction file, whatever the case of its name."""
    found = []
    for pattern in paths.INSTRUCTIONS:
        name = pattern.strip("/")
        deep = name if "/" in name else f"**/{name}"
        found += [f":(top,icase,glob){deep}", f":(top,icase,glob){deep}/**"]
    return list(dict.fromkeys(found))


def differences(setting: Setting, start: str, base: str) -> list[Difference]:
    """What has to be exchanged; what the start leaves no room for (a file where its folder would be) is left out."""
    words = ["diff-tree", "-r", "-z", "--no-renames", start, base, "--", *pathspecs()]
    records = iter(list(git.records(words, setting)))
    found = []
    for said, path in zip(records, records, strict=True):
        old_mode, mode, old, new, _ = said.decode("ascii").lstrip(":").split(" ")
        one = Difference(path, (old_mode, old), (mode, new))
        if not one.only_in_base or _has_room(setting, start, path):
            found.append(one)
    return found


def _has_room(setting: Setting, start: str, path: bytes) -> bool:
    parts = path.split(b"/")[:-1]
    for count in range(1, len(parts) + 1):
        above = b"/".join(parts[:count]).decode("utf-8", "surrogateescape")
        kind = git.run(["cat-file", "-t", f"{start}:{above}"], replace(setting, ok=(0, 128)))
        if kind.code:
            return True
        if kind.text != "tree":
            return False
    return True


def exchanged(setting: Setting, start: str, found: Sequence[Difference], index: Path) -> str:
    """The tree of ``start`` with the base's instruction files. ``index`` is a path for a passing one."""
    setting = replace(setting, env={**setting.env, "GIT_INDEX_FILE": str(index)})
    try:
        git.run(["read-tree", start], setting)
        _enter(setting, ((one.path, one.base) for one in found))
        return git.run(["write-tree"], setting).text
    finally:
        index.unlink(missing_ok=True)


def hide(setting: Setting, found: Sequence[Difference], scratch: Path) -> None:
    """Let the agent's git directory ``scratch`` see no difference."""
    setting = replace(setting, env={**setting.env, "GIT_INDEX_FILE": str(scratch / "index")})
    _enter(setting, ((one.path, one.start) for one in found))
    there = b"".join(one.path + b"\0" for one in found if not one.only_in_base)
    git.run(["update-index", "-z", "--skip-worktree", "--stdin"], replace(setting, stdin=there))
    (scratch / "info").mkdir(exist_ok=True)
    (scratch / "info" / "exclude").write_bytes(
        b"".join(_literal(one.path) for one in found if one.only_in_base and b"\n" not in one.path)
    )


def put_back(setting: Setting, start: str, base: str) -> None:
    """In the index: the start's versions again, where the tree has the base's still."""
    found = differences(setting, start, base)
    if not found:
        return
    work = git.run(["write-tree"], setting).text
    words = ["diff-tree", "-r", "-z", "--no-renames", "--name-only", work, base, "--", *pathspecs()]
    by_agent = set(git.records(words, setting))
    _enter(setting, ((one.path, one.start) for one in found if one.path not in by_agent))


def _enter(setting: Setting, entries: Iterable[tuple[bytes, tuple[str, str]]]) -> None:
    lines = b"".join(_lines(list(entries)))
    git.run(["update-index", "-z", "--replace", "--index-info"], replace(setting, stdin=lines))


def _lines(entries: Sequence[tuple[bytes, tuple[str, str]]]) -> Iterator[bytes]:
    # First what goes: a file may come where a folder was.
    for path, _ in entries:
        yield f"0 {_NOTHING}\t".encode() + path + b"\0"
    for path, (mode, sha) in entries:
        if mode != _NO_MODE:
            yield f"{mode} {sha}\t".encode() + path + b"\0"


def _literal(path: bytes) -> bytes:
    """A line of an exclude file that means this path and no other."""
    escaped = b"".join(b"\\" + bytes([c]) if c in b"*?[]\\ " else bytes([c]) for c in path)
    return b"/" + escaped + b"\n"
