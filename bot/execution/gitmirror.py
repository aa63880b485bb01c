"""A bare mirror per repository: where source comes from, where checked results go in, and from where they
are pushed.

Several processes may use one mirror. What moves its references (fetch, taking a result in, clearing up) is
behind one flock per mirror; reading and pushing need none, because objects are only thrown away weeks after
the last reference to them is gone.

References: ``refs/heads/*`` are the forge's branches as last fetched; ``refs/fleet/result/<namespace>`` are
checked results; ``refs/fleet/source/<sha>`` are commits handed out as bundles.
"""

import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bot.core import result_text as text
from bot.core.errors import Refused, Unavailable
from bot.execution import bundle as bundles
from bot.execution import diffs, git, merges, notes
from bot.execution.bundle import BundleRules, CheckedBundle, Quarantine
from bot.execution.git import Access, Setting
from bot.execution.secretscan import SecretScan

# What git says when the branch was not where we, or the forge a moment ago, thought it was.
_RACED: Final = re.compile(r"\[rejected\]|incorrect old value|cannot lock ref|failed to lock")
_ABANDONED_SECS: Final = 24 * 3600.0
#: How long somebody waits for another's turn at a mirror, how often it looks, when it may be asked again.
_LOCK_SECS: Final = 60.0
_LOOK_SECS: Final = 0.05
_BUSY_SECS: Final = 15.0


class Pushed(StrEnum):
    """How a push ended. Only the first two leave the branch where it was wanted."""

    DONE = "done"
    ALREADY_THERE = "already_there"
    MOVED = "moved"
    NOT_FAST_FORWARD = "not_fast_forward"
    REFUSED = "refused"


@dataclass(frozen=True)
class PushOutcome:
    """``remote_sha`` is the branch's tip on the forge as last seen ("" = no such branch); ``reason`` for
    people.
    """

    kind: Pushed
    remote_sha: str
    reason: str = ""

    @property
    def ok(self) -> bool:
        return self.kind in (Pushed.DONE, Pushed.ALREADY_THERE)


class GitMirror:
    """The mirror of one repository, named by its id so that a rename on the forge changes nothing here."""

    def __init__(
        self, root: Path, repo_id: int, clone_url: str, access: Access | None = None, *, local: bool = False
    ) -> None:
        """``root`` holds all mirrors. ``local`` allows ``clone_url`` to be a path (tests); else http(s)
        only.
        """
        if not local and not clone_url.startswith(("https://", "http://")):
            raise Refused(text.not_a_remote(clone_url), status=422, kind="bad_remote")
        self.git_dir = root / f"{repo_id}.git"
        self._work = root / f"{repo_id}.work"  # bundles handed out, quarantines
        self._lock = root / f"{repo_id}.lock"
        self._fetched = root / f"{repo_id}.fetched"
        self._url = clone_url
        self._here = Setting(git_dir=self.git_dir)
        self._remote = Setting(
            git_dir=self.git_dir, access=access, files=local, network=True, timeout_secs=git.NETWORK_SECS
        )
        self._work.mkdir(mode=0o700, parents=True, exist_ok=True)

    def fetch(self) -> None:
        """Bring all branches up to date, the first time by making the mirror.

        When another fetch began after this was called and has ended well by the time the lock is free, its
        branches are new enough and the forge is not asked again. Raises Unavailable when the forge does not
        answer or the mirror is busy, GitFailed when it refuses (rights, no such repository).
        """
        called = time.monotonic_ns()
        with _Lock(self._lock):
            began = time.monotonic_ns()
            if called <= self._last_fetch() <= began:
                return
            if not (self.git_dir / "HEAD").exists():
                self._create()
            # The address comes from the caller, not from the mirror's config: repositories get renamed.
            args = [
                "fetch",
                "--quiet",
                "--no-tags",
                "--prune",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
            ]
            git.run([*args, "--end-of-options", self._url, "+refs/heads/*:refs/heads/*"], self._remote)
            self._fetched.write_text(str(began))

    def _last_fetch(self) -> int:
        """When the last successful fetch began, on the clock that all processes share until the next boot."""
        try:
            return int(self._fetched.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _create(self) -> None:
        making = self.git_dir.with_suffix(".making")
        if making.exists():
            shutil.rmtree(making)  # a process died here; the lock is ours
        git.run(["init", "--quiet", "--bare", "--template=", str(making)])
        # HEAD must not name a branch of the forge: git protects what HEAD names from being pruned.
        git.run(["symbolic-ref", "HEAD", "refs/fleet/none"], Setting(git_dir=making))
        making.rename(self.git_dir)

    def branch_tip(self, name: str) -> str | None:
        """The commit of a branch as last fetched, None if there is none."""
        return self._resolve(git.ref(f"refs/heads/{name}"))

    def remote_tip(self, branch: str) -> str | None:
        """The commit of a branch on the forge now, None if there is none. Raises Unavailable, GitFailed."""
        name = git.ref(f"refs/heads/{branch}")
        listed = git.run(["ls-remote", "--end-of-options", self._url, name], self._remote).text
        return next(
            (sha for sha, _, ref in (line.partition("\t") for line in listed.splitlines()) if ref == name),
            None,
        )

    def has(self, sha: str) -> bool:
        """Whether the mirror holds this commit."""
        return self._resolve(f"{git.sha(sha)}^{{commit}}") is not None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether ``newer`` builds on ``older`` (or is it). Raises GitFailed when one of them is not here."""
        args = ["merge-base", "--is-ancestor", git.sha(older), git.sha(newer)]
        return not git.run(args, replace(self._here, ok=(0, 1))).code

    def diff_summary(self, base: str, head: str) -> diffs.DiffSummary:
        """Compare two commits of this mirror. Raises GitFailed when one of them is not here."""
        return diffs.summary(self.git_dir, base, head)

    def touched(self, base: str, head: str) -> list[str]:
        """Every path that some commit between the two changes, also when a later one changes it back."""
        commits = list(self.commits(base, head))
        return sorted({x.path for x in diffs.changes(self._here, commits)}) if commits else []

    def patch(self, base: str, head: str, paths: Sequence[str], limit: int = 1_000_000) -> str:
        """What changes between the two in these paths, as people read it; at most ``limit`` bytes of it."""
        asked = ["diff-tree", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"]
        found = b""
        for chunk in git.stream(
            [*asked, git.sha(base), git.sha(head), "--", *(f":(top,literal){x}" for x in paths)], self._here
        ):
            found += chunk
            if len(found) >= limit:
                break
        return found[:limit].decode("utf-8", "replace")

    def merge_base(self, one: str, other: str) -> str:
        """The commit from which both went their ways, "" when there is none (here)."""
        found = git.run(["merge-base", git.sha(one), git.sha(other)], replace(self._here, ok=(0, 1, 128)))
        return found.text if found.code == 0 else ""

    def commits(self, base: str, head: str) -> tuple[str, ...]:
        """What ``head`` has and ``base`` has not, oldest first. Raises GitFailed when one of them is not here."""
        listed = git.run(["rev-list", "--reverse", "--topo-order", git.sha(head), f"^{git.sha(base)}"], self._here)
        return tuple(listed.text.splitlines())

    def holds_secret(self, base: str, head: str, scan: SecretScan) -> bool:
        """Whether a secret stands in the commits between: their messages, names or lines."""
        shown = ["log", "-p", "--text", "--no-textconv", "--no-ext-diff", "--no-color", "--format=%B%n%an%n%ae"]
        return scan.found_in_chunks(git.stream([*shown, f"{git.sha(base)}..{git.sha(head)}", "--"], self._here))

    def put_note(self, sha: str, line: str) -> None:
        """Adds ``line`` to our note of a commit on the forge, once. Raises as ``notes.put`` does."""
        with _Lock(self._lock):
            notes.put(self.git_dir, self._url, self._remote, sha, line)

    def try_merge(self, ours: str, theirs: str) -> merges.Tried:
        """What merging ``theirs`` into ``ours`` comes to. Raises GitFailed when one of them is not here."""
        return merges.attempt(self.git_dir, ours, theirs)

    def started_merge(self, tip: str, onto: str, base: str) -> str:
        """A commit on ``tip`` that has merged ``onto``, conflict markers and all; always the same one."""
        return merges.started(self.git_dir, tip, onto, base)

    def conflict_markers(self, sha: str, paths: tuple[str, ...]) -> tuple[str, ...]:
        """Those of ``paths`` in which conflict markers are left."""
        return merges.with_markers(self.git_dir, sha, paths)

    def source_bundle(self, sha: str, have: str | None = None) -> Path:
        """A bundle with the commit ``sha`` and its history, less what somebody who holds ``have`` has
        already.

        A ``have`` this mirror does not know is ignored. The file is shared and kept for a while: read it,
        leave it. Its one reference is ``refs/fleet/source/<sha>``. Raises GitFailed when ``sha`` is not here.
        """
        known = have if have is not None and self.has(have) else None
        path = self._work / f"{git.sha(sha)}-{known or 'all'}.bundle"
        if path.exists():
            os.utime(path)  # seen by collect_garbage as in use
            return path
        name = f"refs/fleet/source/{sha}"
        git.run(["update-ref", name, f"{sha}^{{commit}}"], self._here)
        making = path.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}.making")
        try:
            git.run(
                ["bundle", "create", "--quiet", "--version=2", str(making), name, *self._without(sha, known)],
                self._here,
            )
            making.rename(path)
        finally:
            making.unlink(missing_ok=True)
        return path

    def _without(self, sha: str, known: str | None) -> list[str]:
        if known is None:
            return []
        if self.is_ancestor(sha, known):
            # Nothing is missing over there, but git makes no empty bundle: send the one commit again.
            return [f"^{sha}^@"] if self._resolve(f"{sha}^1") else []
        return [f"^{known}"]

    def import_result(self, bundle: Path, namespace: str, base_sha: str, rules: BundleRules) -> CheckedBundle:
        """Check an agent's bundle in quarantine and, if it passes, keep its commit as
        ``refs/fleet/result/<namespace>``.

        Asked twice with the same bundle: the same answer. Raises RejectedBundle (nothing of it is in the
        mirror then), GitFailed when ``base_sha`` is not here.
        """
        name = git.ref(f"refs/fleet/result/{namespace}")
        with Quarantine(self.git_dir, self._work) as quarantine:
            checked = quarantine.check(bundle, base_sha, rules)
            args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"]
            with _Lock(self._lock):
                git.run(
                    [*args, str(quarantine.git_dir), f"+{bundles.RESULT}:{name}"],
                    replace(self._here, files=True),
                )
        return checked

    def push(self, branch: str, sha: str, expected_old: str | None) -> PushOutcome:
        """Set a branch on the forge from ``expected_old`` (None: it must not exist) to ``sha``.

        Never overwrites a commit we did not name, never goes anywhere but forward. Safe to ask again: a
        branch that is already at ``sha`` is a success. After a lost answer the branch is read back; when it
        still does not show the commit this raises Unavailable(ambiguous=True). Raises GitFailed when the
        forge refuses access as such.
        """
        if expected_old is not None and not (self.has(expected_old) and self.is_ancestor(expected_old, sha)):
            return self._read_back(branch, sha, Pushed.NOT_FAST_FORWARD, text.not_fast_forward(branch))
        return self._push(branch, git.sha(sha), expected_old)

    def delete_branch(self, branch: str, expected_old: str) -> PushOutcome:
        """Delete a branch on the forge if it still is at ``expected_old``; one that is gone already is a
        success.
        """
        return self._push(branch, "", git.sha(expected_old))

    def _push(self, branch: str, sha: str, expected_old: str | None) -> PushOutcome:
        name = git.ref(f"refs/heads/{branch}")
        args = ["push", "--porcelain", "--no-verify", f"--force-with-lease={name}:{expected_old or ''}"]
        setting = replace(self._remote, ambiguous=True, ok=(0, 1))
        try:
            answer = git.run([*args, "--end-of-options", self._url, f"{sha}:{name}"], setting)
        except Unavailable as lost:
            return self._after_lost_answer(branch, sha, lost)
        line = next((row for row in answer.text.splitlines() if f":{name}\t" in row), "")
        if answer.code == 0 and line:
            return PushOutcome(Pushed.ALREADY_THERE if line.startswith("=") else Pushed.DONE, sha)
        if _RACED.search(line) or "remote ref does not exist" in answer.stderr_tail:
            return self._read_back(branch, sha, Pushed.MOVED)
        if line.startswith("!"):
            return self._read_back(branch, sha, Pushed.REFUSED, line.rpartition("\t")[2])
        failed = git.GitFailed("git push", answer.code, answer.stderr_tail)
        # Over HTTP a cut connection can end with code 1, or even 0, and no word about the branch.
        if answer.code == 0 or git.is_network_trouble(answer.stderr_tail):
            return self._after_lost_answer(branch, sha, failed)
        raise failed

    def _after_lost_answer(self, branch: str, sha: str, lost: Exception) -> PushOutcome:
        unclear = Unavailable(text.push_unclear(branch), ambiguous=True)
        try:
            found = self.remote_tip(branch) or ""
        except Unavailable:
            raise unclear from lost
        if found != sha:
            raise unclear from lost
        return PushOutcome(Pushed.ALREADY_THERE, sha)

    def _read_back(self, branch: str, sha: str, otherwise: Pushed, reason: str = "") -> PushOutcome:
        found = self.remote_tip(branch) or ""
        if found == sha:
            return PushOutcome(Pushed.ALREADY_THERE, sha)
        return PushOutcome(otherwise, found, reason or text.branch_moved(branch, found))

    def collect_garbage(self, keep: Collection[str], now: float, bundles_secs: float = _ABANDONED_SECS) -> None:
        """Drop results whose namespace is not in ``keep``, bundles unused for ``bundles_secs``, and repack.

        Also removes what a killed process left in the work directory for a day. ``now`` in seconds since the
        epoch. Nothing happens to a mirror that was never fetched.
        """
        with _Lock(self._lock):
            if not (self.git_dir / "HEAD").exists():
                return
            for path in self._work.iterdir():
                limit = bundles_secs if path.suffix == ".bundle" else _ABANDONED_SECS
                found = path.lstat()
                if now - found.st_mtime > limit:
                    shutil.rmtree(path) if stat.S_ISDIR(found.st_mode) else path.unlink()
            sources = {path.name[:40] for path in self._work.glob("*.bundle")}
            listed = git.run(["for-each-ref", "--format=%(refname)", "refs/fleet/"], self._here).text
            for name in listed.splitlines():
                kind, _, rest = name.removeprefix("refs/fleet/").partition("/")
                if rest not in (keep if kind == "result" else sources):
                    git.run(["update-ref", "-d", name], self._here)
            git.run(["gc", "--quiet", "--prune=2.weeks.ago"], replace(self._here, timeout_secs=git.NETWORK_SECS))

    def _resolve(self, name: str) -> str | None:
        args = ["rev-parse", "--verify", "--quiet", "--end-of-options", name]
        found = git.run(args, replace(self._here, ok=(0, 1, 128)))
        return found.text if found.code == 0 else None


class _Lock:
    """One process, and one thread of it, at a time; the kernel lets go when its holder dies.

    Raises Unavailable when it is not free for ``_LOCK_SECS``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        give_up = time.monotonic() + _LOCK_SECS
        while not self._taken():
            if time.monotonic() > give_up:
                os.close(self._fd)
                raise Unavailable(text.mirror_busy(), retry_after=_BUSY_SECS)
            time.sleep(_LOOK_SECS)
        return self

    def _taken(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        os.close(self._fd)
