"""Checks what an agent hands back, a git bundle, before anything of it is visible to the mirror.

Nothing in a bundle is believed. Its header is parsed here, its pack is measured before git unpacks it, and
git unpacks it (strictly) into a throwaway repository that only borrows the mirror's objects. There the
commits must be a straight line on the commit that was handed out; each of them, not just their sum, must
keep to the rules, because each of them is pushed. The mirror then takes the one checked commit out of the
throwaway repository.
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from bot.core import result_text as text
from bot.execution import diffs, git, pack, paths
from bot.execution.git import Setting
from bot.execution.secretscan import SecretScan

#: Where the checked commit stands in the quarantine.
RESULT: Final = "refs/heads/result"
QUARANTINE_PREFIX: Final = "quarantine-"

_MAX_HEADER: Final = 256 * 1024
_MAX_PREREQUISITES: Final = 50  # a straight line on one commit needs one
_SHOWN: Final = 300
_SIGNATURE: Final = b"# v2 git bundle\n"
# fsck's names for trees with paths like "..", ".git" or "a//b" (git: fsck.h).
_BAD_PATH: Final = re.compile(
    r"hasDot|hasDotdot|hasDotgit|fullPathname|emptyName|nullSha1|gitmodules|symlink", re.IGNORECASE
)


class Rule(StrEnum):
    """What a result can fail; r4, r6 and r11 are the receipt's rules of that name."""

    UNREADABLE = "bundle_unreadable"
    SIZE = "bundle_size"
    HEADS = "bundle_heads"
    PREREQUISITES = "bundle_prerequisites"
    UNPACKED = "unpacked_size"
    OBJECTS = "broken_objects"
    DESCENDS = "r4"
    EMPTY = "empty_output"
    MERGE = "merge_commit"
    COMMITS = "commit_count"
    FILES = "file_count"
    FILE_SIZE = "file_size"
    PATH = "bad_path"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    PROTECTED = "r6"
    LEAK = "r11"


class RejectedBundle(Exception):
    """A result that may not be published: ``rule`` is stable, ``observation`` a sentence for people."""

    def __init__(self, rule: Rule, observation: str) -> None:
        super().__init__(f"{rule}: {observation}")
        self.rule, self.observation = rule, observation


class NothingToCommit(RejectedBundle):
    """A well-formed result without any change; whether that is an answer is for the policy to say."""

    def __init__(self) -> None:
        super().__init__(Rule.EMPTY, text.nothing_to_commit())


@dataclass(frozen=True)
class BundleLimits:
    """Caps on one result; sizes in bytes, ``unpacked_bytes`` over all objects together."""

    bundle_bytes: int = 100 * 1024 * 1024
    unpacked_bytes: int = 500 * 1024 * 1024
    file_bytes: int = 25 * 1024 * 1024
    objects: int = 100_000
    commits: int = 200
    files: int = 2000


@dataclass(frozen=True)
class BundleRules:
    """What a result must keep to. ``secrets`` are exact values; ``allowed`` patterns lift ``protected``
    ones, but not those that are held ``strictly``.
    """

    limits: BundleLimits = field(default_factory=BundleLimits)
    protected: Sequence[str] = paths.PROTECTED
    allowed: Sequence[str] = ()
    secrets: Sequence[str] = field(default=(), repr=False)
    strictly: Sequence[str] = ()


@dataclass(frozen=True)
class CheckedBundle:
    """A result that passed every rule. ``commits`` oldest first; the numbers are those of base against
    head.
    """

    head_sha: str
    base_sha: str
    commits: tuple[str, ...]
    files_changed: int
    insertions: int
    deletions: int
    patch_sha256: str
    paths: tuple[str, ...]


class Quarantine:
    """A throwaway repository that borrows the objects of ``mirror``; gone at the end of the ``with``
    block.
    """

    def __init__(self, mirror: Path, parent: Path) -> None:
        """``parent`` is a directory on the mirror's file system for the throwaway repository."""
        self._mirror, self._parent = mirror, parent

    def __enter__(self) -> Self:
        self.git_dir = Path(tempfile.mkdtemp(prefix=QUARANTINE_PREFIX, dir=self._parent))
        try:
            git.run(["init", "--quiet", "--bare", "--template=", str(self.git_dir)])
            alternates = self.git_dir / "objects" / "info" / "alternates"
            alternates.parent.mkdir(exist_ok=True)
            alternates.write_text(f"{self._mirror.resolve() / 'objects'}\n")
        except BaseException:
            shutil.rmtree(self.git_dir)
            raise
        self._setting = Setting(git_dir=self.git_dir)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        shutil.rmtree(self.git_dir)

    def check(self, bundle: Path, base_sha: str, rules: BundleRules) -> CheckedBundle:
        """Check the bundle at ``bundle`` against the commit it was to build on (which the mirror must hold).

        Afterwards the commit stands in the quarantine as RESULT. Raises RejectedBundle, NothingToCommit
        among it.
        """
        git.run(["update-ref", "refs/heads/base", git.sha(base_sha)], self._setting)
        head = self._unpack(bundle, base_sha, rules.limits)
        commits = self._line_of_commits(base_sha, head, rules.limits)
        self._count_paths(base_sha, commits, rules.limits)
        self._check_changes(commits, rules)
        found = diffs.summary(self.git_dir, base_sha, head)
        if not found.files_changed:
            raise NothingToCommit
        git.run(["update-ref", RESULT, head], self._setting)
        return CheckedBundle(
            head, base_sha, tuple(commits), found.files_changed, found.insertions, found.deletions,
            found.patch_sha256, found.paths,
        )  # fmt: skip

    def _unpack(self, bundle: Path, base: str, limits: BundleLimits) -> str:
        """Bring the objects in; returns the commit the bundle's one branch points to."""
        size = _size(bundle)
        if size > limits.bundle_bytes:
            raise RejectedBundle(Rule.SIZE, text.bundle_too_large(size, limits.bundle_bytes))
        with bundle.open("rb") as file:
            header = _Header.read(file)
            start = file.tell()
            head = header.one_head()
            self._check_prerequisites(header.prerequisites, base)
            if head == base:
                raise NothingToCommit
            _measure(file, limits)
            self._index(file, start)
        if (kind := self._kind(head)) != "commit":
            raise RejectedBundle(Rule.OBJECTS, text.head_not_a_commit(kind))
        return head

    def _check_prerequisites(self, prerequisites: Sequence[str], base: str) -> None:
        # What `git bundle verify` asks, but against the base's history alone, not all that the mirror knows.
        for sha in prerequisites:
            known = self._kind(sha) == "commit" and self._is_ancestor(sha, base)
            if not known:
                raise RejectedBundle(Rule.PREREQUISITES, text.bundle_prerequisite(sha))

    def _index(self, file: IO[bytes], start: int) -> None:
        # git reads on from the descriptor's offset, which a buffered file's own seek need not move.
        os.lseek(file.fileno(), start, os.SEEK_SET)
        try:
            git.run(["index-pack", "--strict", "--stdin", "--fix-thin"], replace(self._setting, stdin=file))
        except git.GitFailed as failed:
            tail = failed.stderr_tail[-_SHOWN:]
            if _BAD_PATH.search(failed.stderr_tail):
                raise RejectedBundle(Rule.PATH, text.bad_path_found(tail)) from failed
            raise RejectedBundle(Rule.OBJECTS, text.broken_objects(tail)) from failed

    def _line_of_commits(self, base: str, head: str, limits: BundleLimits) -> list[str]:
        """The commits after ``base`` up to ``head``, oldest first, each with the one before as its only
        parent.
        """
        try:
            if not self._is_ancestor(base, head):
                raise RejectedBundle(Rule.DESCENDS, text.not_on_base(base))
            listed = git.run(
                [
                    "rev-list",
                    "--topo-order",
                    "--parents",
                    f"--max-count={limits.commits + 1}",
                    f"{base}..{head}",
                ],
                self._setting,
            ).text
        except git.GitFailed as failed:
            raise _broken(failed) from failed
        lines = [line.split() for line in listed.splitlines()]
        for sha, *parents in lines:
            if len(parents) > 1:
                raise RejectedBundle(Rule.MERGE, text.merge_commit(sha))
        if len(lines) > limits.commits:
            raise RejectedBundle(Rule.COMMITS, text.too_many_commits(limits.commits))
        return [line[0] for line in reversed(lines)]

    def _check_changes(self, commits: list[str], rules: BundleRules) -> None:
        touched = self._touched(commits, rules.limits)
        scan = SecretScan(rules.secrets)
        _check_paths(sorted({change.path for change in touched}), rules, scan)
        sizes = self._sizes({change.blob for change in touched if change.mode not in (diffs.GONE, diffs.SUBMODULE)})
        checked: set[tuple[str, str]] = set()
        for change in touched:
            if change.mode == diffs.GONE:
                continue
            if change.mode == diffs.SUBMODULE:
                raise RejectedBundle(Rule.SUBMODULE, text.submodule(change.path))
            size = sizes[change.blob]
            if size > rules.limits.file_bytes:
                observation = text.file_too_large(change.path, size, rules.limits.file_bytes)
                raise RejectedBundle(Rule.FILE_SIZE, observation)
            if change.mode == diffs.SYMLINK:
                self._check_symlink(change)
            if (change.blob, change.mode) not in checked:
                checked.add((change.blob, change.mode))
                if scan and scan.found_in_chunks(git.stream(["cat-file", "blob", change.blob], self._setting)):
                    raise RejectedBundle(Rule.LEAK, text.secret_in(text.in_file(change.path)))
        for sha in commits if scan else ():
            if scan.found_in(git.run(["cat-file", "commit", sha], self._setting).out):
                raise RejectedBundle(Rule.LEAK, text.secret_in(text.in_commit(sha)))

    def _count_paths(self, base: str, commits: list[str], limits: BundleLimits) -> None:
        # A tree may name another one again and again, so a kilobyte can list more paths than there is memory
        # for, and git compares commits in memory. Listing costs none; it is cut off as soon as it is too
        # long.
        allowed = self._paths_in(base) + limits.files
        for commit in commits:
            try:
                found = self._paths_in(commit, allowed)
            except git.GitFailed as failed:
                raise _broken(failed) from failed
            if found > allowed:
                raise RejectedBundle(Rule.FILES, text.too_many_files(limits.files))

    def _paths_in(self, commit: str, enough: int | None = None) -> int:
        count = 0
        for chunk in git.stream(["ls-tree", "-r", "-z", "--name-only", commit], self._setting):
            count += chunk.count(b"\0")
            if enough is not None and count > enough:
                break
        return count

    def _touched(self, commits: list[str], limits: BundleLimits) -> list[diffs.Change]:
        """Every change of every commit, cut off as soon as there are too many."""
        touched: list[diffs.Change] = []
        seen: set[str] = set()
        try:
            for change in diffs.changes(self._setting, commits):
                touched.append(change)
                seen.add(change.path)
                # The same few files may change in many commits; a list without end may not.
                if len(seen) > limits.files or len(touched) > limits.files + limits.objects:
                    raise RejectedBundle(Rule.FILES, text.too_many_files(limits.files))
        except git.GitFailed as failed:
            raise _broken(failed) from failed
        return touched

    def _sizes(self, blobs: set[str]) -> dict[str, int]:
        asked = replace(self._setting, stdin="".join(f"{blob}\n" for blob in sorted(blobs)).encode())
        sizes: dict[str, int] = {}
        for line in git.run(["cat-file", "--batch-check"], asked).text.splitlines():
            sha, kind, *size = line.split()
            if kind != "blob":
                raise RejectedBundle(Rule.OBJECTS, text.broken_objects(f"{sha} is {kind}"))
            sizes[sha] = int(size[0])
        return sizes

    def _check_symlink(self, change: diffs.Change) -> None:
        raw = git.run(["cat-file", "blob", change.blob], self._setting).out
        target = raw.decode("utf-8", "surrogateescape")
        if paths.leads_out(change.path, target):
            raise RejectedBundle(Rule.SYMLINK, text.symlink_outside(change.path, target))

    def _kind(self, sha: str) -> str:
        return git.run(["cat-file", "-t", sha], replace(self._setting, ok=(0, 1, 128))).text or "nothing at all"

    def _is_ancestor(self, older: str, newer: str) -> bool:
        return not git.run(["merge-base", "--is-ancestor", older, newer], replace(self._setting, ok=(0, 1))).code


@dataclass(frozen=True)
class _Header:
    """The lines before a bundle's pack: commits it builds on, and the references it carries."""

    prerequisites: tuple[str, ...]
    heads: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, file: IO[bytes]) -> Self:
        if file.read(len(_SIGNATURE)) != _SIGNATURE:
            raise RejectedBundle(Rule.UNREADABLE, text.bundle_unreadable("it does not begin like one (version 2)"))
        prerequisites: list[str] = []
        heads: list[tuple[str, str]] = []
        left = _MAX_HEADER
        while (raw := file.readline(left)) != b"\n":
            left -= len(raw)
            line = re.fullmatch(rb"(-?)([0-9a-f]{40})(?: ([^\n]*))?\n", raw)
            if line is None or left <= 0 or len(prerequisites) > _MAX_PREREQUISITES:
                raise RejectedBundle(Rule.UNREADABLE, text.bundle_unreadable("its header is damaged or too long"))
            sha = line[2].decode("ascii")
            if line[1]:
                prerequisites.append(sha)
            else:
                heads.append((sha, (line[3] or b"").decode("utf-8", "replace")))
        return cls(tuple(prerequisites), tuple(heads))

    def one_head(self) -> str:
        """The commit of the only branch; HEAD beside a branch counts once if both name the same commit."""
        branches = {sha for sha, name in self.heads if name.startswith("refs/heads/") or name == "HEAD"}
        names = [name for _, name in self.heads if name != "HEAD"]
        if not branches:
            raise RejectedBundle(Rule.HEADS, text.bundle_no_branch())
        if len(branches) > 1 or len(names) > 1:
            raise RejectedBundle(Rule.HEADS, text.bundle_heads(max(len(branches), len(names))))
        return branches.pop()


def _broken(failed: git.GitFailed) -> RejectedBundle:
    return RejectedBundle(Rule.OBJECTS, text.broken_objects(failed.stderr_tail[-_SHOWN:]))


def _size(bundle: Path) -> int:
    try:
        found = bundle.lstat()
    except FileNotFoundError:
        raise RejectedBundle(Rule.UNREADABLE, text.bundle_not_a_file()) from None
    if not stat.S_ISREG(found.st_mode):
        raise RejectedBundle(Rule.UNREADABLE, text.bundle_not_a_file())
    return found.st_size


def _measure(file: IO[bytes], limits: BundleLimits) -> None:
    try:
        pack.measure(file, max_objects=limits.objects, max_unpacked=limits.unpacked_bytes)
    except pack.BrokenPack as broken:
        raise RejectedBundle(Rule.UNREADABLE, text.bundle_unreadable(str(broken))) from broken
    except pack.PackTooLarge as large:
        observation = (
            text.unpacked_too_large(limits.unpacked_bytes)
            if large.objects is None
            else text.too_many_objects(large.objects, limits.objects)
        )
        raise RejectedBundle(Rule.UNPACKED, observation) from large


def _check_paths(touched: Sequence[str], rules: BundleRules, scan: SecretScan) -> None:
    # Secrets first: the sentences of the other rules show the path.
    for path in touched:
        if scan.found_in(path.encode("utf-8", "surrogateescape")):
            raise RejectedBundle(Rule.LEAK, text.secret_in(text.in_a_path()))
    for path in touched:
        if paths.is_bad(path):
            raise RejectedBundle(Rule.PATH, text.bad_path(path))
    for path in touched:
        pattern = paths.protecting(path, rules.strictly) or paths.protecting(path, rules.protected, rules.allowed)
        if pattern is not None:
            raise RejectedBundle(Rule.PROTECTED, text.protected_path(path, pattern))
