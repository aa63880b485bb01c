"""Trying a merge without a checkout: which files are in conflict, and a commit from which an agent can resolve them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.core import result_text as text
from bot.execution import git
from bot.execution.git import Setting

_MARKER: Final = b"<<<<<<< "


@dataclass(frozen=True)
class Tried:
    """What a merge comes to. ``conflicts`` are the files that git could not merge; in ``tree`` they hold both sides
    between conflict markers.
    """

    tree: str
    conflicts: tuple[str, ...]


def attempt(git_dir: Path, ours: str, theirs: str) -> Tried:
    """Merges ``theirs`` into ``ours`` in the object store alone. Raises GitFailed when one of them is not here."""
    args = ["merge-tree", "--write-tree", "--name-only", "-z", "--no-messages", git.sha(ours), git.sha(theirs)]
    answer = git.run(args, Setting(git_dir=git_dir, ok=(0, 1)))
    tree, *paths = [x.decode("utf-8", "surrogateescape") for x in answer.out.split(b"\0") if x]
    return Tried(tree, tuple(dict.fromkeys(paths)) if answer.code else ())


def started(git_dir: Path, tip: str, onto: str, base: str) -> str:
    """A commit that has merged ``onto`` (of branch ``base``) into ``tip``, conflict markers and all.

    The same two give the same commit, whoever asks and whenever. Raises GitFailed when one of them is not here.
    """
    here = Setting(git_dir=git_dir)
    at = git.run(["show", "-s", "--format=%ct", git.sha(tip)], here).text
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Agent Fleet"), ("EMAIL", "agent-fleet@noreply.invalid"), ("DATE", f"{at} +0000"))
    }
    tree = attempt(git_dir, tip, onto).tree
    message = text.merged_for_rework(base).encode()
    args = ["commit-tree", tree, "-p", tip, "-p", git.sha(onto)]
    return git.run(args, replace(here, env=who, stdin=message)).text


def with_markers(git_dir: Path, sha: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``paths`` that still hold a conflict marker at the beginning of a line in this commit."""
    found = []
    for path in paths:
        answer = git.run(["cat-file", "blob", f"{git.sha(sha)}:{path}"], Setting(git_dir=git_dir, ok=(0, 128)))
        if answer.code == 0 and any(line.startswith(_MARKER) for line in answer.out.splitlines()):
            found.append(path)
    return tuple(found)
