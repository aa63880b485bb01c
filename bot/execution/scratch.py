"""The git directory an agent may use and spoil, and how commits are taken out of it.

Git is never run on it after the agent had it: HEAD is read as text, objects are read through a trusted git
directory to which this one's object store is an alternate for one command.
"""

import os
import re
import shutil
import stat
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.core import result_text as text
from bot.execution import git
from bot.execution.git import Setting

_SMALL: Final = 4 * 1024
_PACKED_REFS: Final = 4 * 1024 * 1024
_SHA_LINE: Final = re.compile(rb"([0-9a-f]{40})\s*")
_BRANCH_LINE: Final = re.compile(rb"ref: (refs/heads/[\x21-\x7e]+)\s*")
_CONFIG: Final = """\
[core]
	repositoryformatversion = 0
	bare = false
	hooksPath = /dev/null
[gc]
	auto = 0
"""


@dataclass(frozen=True)
class Taken:
    """The commit to go on from: the agent's own last one, or where it started; ``note`` says why not its
    own.
    """

    head: str
    note: str = ""


def renew(scratch: Path, trusted: Path, tree: Path, branch: str, start: str, who: tuple[str, str]) -> None:
    """Make the agent's git directory anew from the trusted one, and point ``tree/.git`` to it.

    ``who`` is the name and e-mail address of its commits. Objects are copied, not linked or borrowed: what
    the agent does to them stays with it.
    """
    _clear(scratch)
    git.run(["init", "--quiet", "--bare", "--template=", str(scratch)])
    shutil.copytree(trusted / "objects", scratch / "objects", dirs_exist_ok=True)
    shutil.copyfile(trusted / "index", scratch / "index")
    (scratch / "config").write_text(_CONFIG)
    setting = Setting(git_dir=scratch)
    git.run(["update-ref", branch, start], setting)
    git.run(["symbolic-ref", "HEAD", branch], setting)
    git.run(["config", "user.name", who[0]], setting)
    git.run(["config", "user.email", who[1]], setting)
    pointer = tree / ".git"
    _clear(pointer)
    pointer.write_text(f"gitdir: {scratch}\n")


def is_there(scratch: Path) -> bool:
    """Whether there is something to go on with, as far as that can be told without trusting it."""
    return not scratch.is_symlink() and (scratch / "HEAD").is_file()


def take_over(scratch: Path, trusted: Setting, start: str) -> Taken:
    """Copy the agent's commits since ``start`` into the trusted repository.

    Commits that are no straight line on ``start``, or cannot be read, are left; the note says so.
    """
    head = _head(scratch)
    if head is None:
        return Taken(start, text.kept_as_snapshot(text.no_readable_head()))
    if head == start:
        return Taken(start)
    if (scratch / "objects").is_symlink() or os.path.lexists(scratch / "objects" / "info" / "alternates"):
        return Taken(start, text.kept_as_snapshot(text.objects_from_elsewhere()))
    try:
        _copy(scratch, trusted, start, head)
        if git.run(["merge-base", "--is-ancestor", start, head], replace(trusted, ok=(0, 1))).code:
            return Taken(start, text.kept_as_snapshot(text.history_rewritten()))
        if git.run(["rev-list", "--min-parents=2", "--max-count=1", f"{start}..{head}"], trusted).out:
            return Taken(start, text.kept_as_snapshot(text.history_has_merges()))
    except git.GitFailed as failed:
        return Taken(start, text.kept_as_snapshot(str(failed)))
    return Taken(head)


def _copy(scratch: Path, trusted: Setting, start: str, head: str) -> None:
    quoted = str(scratch / "objects").replace("\\", "\\\\").replace('"', '\\"')
    borrowing = replace(
        trusted,
        env={"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"'},  # quoted: a path may hold a colon
        stdin=f"{head}\n^{start}\n".encode(),
    )
    with tempfile.TemporaryFile() as packed:
        for chunk in git.stream(["pack-objects", "--revs", "--stdout", "--quiet"], borrowing):
            packed.write(chunk)
        packed.flush()
        os.lseek(packed.fileno(), 0, os.SEEK_SET)
        git.run(["index-pack", "--strict", "--stdin"], replace(trusted, stdin=packed))


def _head(scratch: Path) -> str | None:
    """The commit the agent's HEAD names, read as plain text; None when it names none."""
    head = _read(scratch / "HEAD", _SMALL)
    if (detached := _SHA_LINE.fullmatch(head)) is not None:
        return detached[1].decode("ascii")
    branch = _BRANCH_LINE.fullmatch(head)
    if branch is None or b".." in branch[1]:
        return None
    name = branch[1].decode("ascii")
    if (loose := _SHA_LINE.fullmatch(_read(scratch / name, _SMALL))) is not None:
        return loose[1].decode("ascii")
    wanted = re.compile(rb"^([0-9a-f]{40}) " + re.escape(branch[1]) + rb"$", re.MULTILINE)
    packed = wanted.search(_read(scratch / "packed-refs", _PACKED_REFS))
    return packed[1].decode("ascii") if packed is not None else None


def _read(path: Path, limit: int) -> bytes:
    """At most ``limit`` bytes of an ordinary file; nothing of anything else."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""  # missing, a link, no rights: the agent did as it liked, and there is no commit to be had
    with os.fdopen(fd, "rb") as file:
        return file.read(limit) if stat.S_ISREG(os.fstat(fd).st_mode) else b""


def _clear(path: Path) -> None:
    """Remove whatever is at ``path``, following no link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
