"""What changed between two commits, in numbers and as a digest."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.execution import git

#: How a patch is written for its digest; anyone can repeat it: ``git <these> <base> <head> | sha256sum``.
#: (with diff.algorithm=myers, git's default, and no attributes)
PATCH: Final = (
    "diff-tree", "-r", "-p", "--full-index", "--binary", "--no-renames", "--no-ext-diff", "--no-textconv",
    "--no-color", "-U3", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip

SYMLINK: Final = "120000"
SUBMODULE: Final = "160000"
GONE: Final = "000000"


@dataclass(frozen=True)
class DiffSummary:
    """The difference of two commits: lines as git counts them (0 for binary files), paths on both sides of a
    rename.
    """

    files_changed: int
    insertions: int
    deletions: int
    patch_sha256: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """One path touched by one commit. ``mode`` and ``blob`` are those after it (``GONE`` when it was
    deleted).
    """

    commit: str
    mode: str
    blob: str
    path: str


def summary(git_dir: Path, base: str, head: str) -> DiffSummary:
    """Compare two commits of a repository. Raises GitFailed when one of them is not there."""
    setting = git.Setting(git_dir=git_dir)
    pair = [git.sha(base), git.sha(head)]
    paths: list[str] = []
    insertions = deletions = 0
    for record in git.records(["diff-tree", "-r", "--numstat", "-z", "--no-renames", *pair], setting):
        added, removed, path = record.split(b"\t", 2)
        insertions += int(added) if added != b"-" else 0
        deletions += int(removed) if removed != b"-" else 0
        paths.append(path.decode("utf-8", "surrogateescape"))
    digest = hashlib.sha256()
    for chunk in git.stream([*PATCH, *pair], setting):
        digest.update(chunk)
    return DiffSummary(len(paths), insertions, deletions, digest.hexdigest(), tuple(paths))


def changes(setting: git.Setting, commits: list[str]) -> Iterator[Change]:
    """Every path each of ``commits`` touches, lazily: a tree that repeats itself may list without end."""
    asked = replace(setting, stdin="".join(f"{commit}\n" for commit in commits).encode())
    listed = git.records(["diff-tree", "-r", "--root", "--raw", "-z", "--no-renames", "--no-abbrev", "--stdin"], asked)
    commit = ""
    for record in listed:
        if not record.startswith(b":"):
            commit = record.decode("ascii")
            continue
        _, mode, _, blob, _ = record.decode("ascii").split(" ")
        path = next(listed).decode("utf-8", "surrogateescape")
        yield Change(commit, mode, blob, path)
