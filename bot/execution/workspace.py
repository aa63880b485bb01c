"""The directory an agent works in, and how its work is collected without trusting what it left there.

One task, one directory ``<root>/<key>``, with::

    tree/      what the agent sees and may do anything to; ``tree/.git`` is a file that points to scratch/
    scratch/   a git directory for the agent's own ``git diff`` and ``git commit``: never configuration for us
    git/       the git directory we use; the agent is never told of it
    home/ tmp/ the agent's HOME and TMPDIR

Agents want git, so they get one; but a git directory an agent can write to is code waiting to be run (hooks,
filters, aliases), so we never run git on it. Its commits are found by reading its HEAD as plain text and its
object store as a mere alternate, and are taken over through a strict unpack. Whatever is odd about them,
they are left and the files themselves become one commit: the work counts, not the history. That commit is
made by ``git/`` reading ``tree/``.

``<root>/<key>.fence`` holds the number of the attempt that owns the directory and is its lock; it stays when
the directory is removed, so that an attempt that lost its lease cannot come back and find the place free.
"""

import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bot.core import result_text as text
from bot.core.errors import Refused
from bot.execution import git, instructions, scratch
from bot.execution.git import Setting

_START: Final = "refs/fleet/start"
#: Where the instruction files are from, when they are not the start's.
_BASE: Final = "refs/fleet/base"


@dataclass(frozen=True)
class Identity:
    """Who stands in a commit as author and committer."""

    name: str
    email: str

    def env(self, role: str) -> dict[str, str]:
        return {f"GIT_{role}_NAME": self.name, f"GIT_{role}_EMAIL": self.email}


@dataclass(frozen=True)
class Collected:
    """The agent's work as a bundle ``start..head``; ``note`` says why its own commits were not taken over
    ("").
    """

    bundle: Path
    head_sha: str
    commits: int
    note: str = ""


class Workspace:
    """One task's directory, held by one attempt. Every use first proves that no newer attempt has taken it
    over.
    """

    def __init__(self, root: Path, key: str, fence: int) -> None:
        """Take the workspace of ``key`` for the attempt ``fence``. Raises Refused when a newer one has it.

        ``root`` is made if need be (0700) and must be a real directory of ours. Ending what an older attempt
        still runs there is for the caller, who knows its marker.
        """
        self._fence = fence
        root = _own_directory(root).resolve()
        name = directory_name(key)
        self.path = root / name
        self._lock = root / f"{name}.fence"
        self.tree, self.home, self.tmp = self.path / "tree", self.path / "home", self.path / "tmp"
        self._git_dir, self._scratch = self.path / "git", self.path / "scratch"
        self._laid_out = self.path / "laid_out"
        self._setting = Setting(git_dir=self._git_dir, work_tree=self.tree, cwd=root, timeout_secs=git.NETWORK_SECS)
        with self._held(taking=True):
            pass

    def _held(self, *, taking: bool = False) -> "_Held":
        return _Held(self._lock, self._fence, taking=taking)

    def start_sha(self) -> str | None:
        """The commit this workspace was last prepared with: what to name as ``have`` when asking for
        source.
        """
        return self._sha_of(_START)

    def _sha_of(self, ref: str) -> str | None:
        found = git.run(["rev-parse", "--verify", "--quiet", ref], replace(self._setting, ok=(0, 1, 128)))
        return found.text if found.code == 0 else None

    def prepare(
        self,
        source: Path,
        start_sha: str,
        author: Identity,
        *,
        branch: str = "work",
        ignore: Sequence[str] = (),
        keep: bool = False,
        restore_from: str = "",
    ) -> bool:
        """Lay out ``start_sha`` from the bundle ``source``; what an earlier attempt left is reset, except
        ignored files.

        With ``keep``, what was laid out from the same commit before stays as its agent left it, uncommitted
        work and all, for an agent that goes on; returns whether that was so. With ``restore_from`` (a commit
        that ``source`` brings or brought) agents' instruction files are those of that commit.
        ``ignore`` are patterns (as in .gitignore) of files an agent CLI drops that are no part of its work.
        Raises Refused (stale fence, unsafe directory), GitFailed when the bundle does not fit what is here.
        """
        with self._held():
            for path in (self.path, self.tree, self.home, self.tmp):
                _own_directory(path)
            self._renew_config(ignore)
            args = ["fetch", "--quiet", "--no-tags", "--force", "--no-write-fetch-head"]
            git.run(
                [*args, str(source.resolve()), "+refs/*:refs/fleet/source/*"],
                replace(self._setting, files=True),
            )
            git.run(["update-ref", _START, f"{git.sha(start_sha)}^{{commit}}"], self._setting)
            laid_out = f"{start_sha} {'restored' if restore_from else 'as-is'}"
            if keep and self._is_laid_out(laid_out):
                return True
            self._laid_out.unlink(missing_ok=True)
            who = (author.name, author.email)
            self._lay_out(start_sha, restore_from, git.ref(f"refs/heads/{branch}"), who)
            self._laid_out.write_text(laid_out)
            return False

    def _lay_out(self, start: str, restore_from: str, branch: str, who: tuple[str, str]) -> None:
        _tame(self.path)
        self._forget_interrupted()
        wanted, found = start, []
        if restore_from:
            git.run(["update-ref", _BASE, f"{git.sha(restore_from)}^{{commit}}"], self._setting)
            found = instructions.differences(self._setting, start, restore_from)
            wanted = instructions.exchanged(self._setting, start, found, self._git_dir / "index.exchanged")
        else:
            git.run(["update-ref", "-d", _BASE], self._setting)
        git.run(["read-tree", "--reset", "-u", wanted], self._setting)
        git.run(["checkout-index", "--all", "--force", "--quiet"], self._setting)
        git.run(["clean", "-ffdq"], self._setting)
        if restore_from:  # ignored ones too: an earlier agent may have left them
            git.run(["clean", "-ffdxq", "--", *instructions.pathspecs()], self._setting)
        scratch.renew(self._scratch, self._git_dir, self.tree, branch, start, who)
        if found:
            instructions.hide(self._setting, found, self._scratch)

    def _is_laid_out(self, wanted: str) -> bool:
        """Whether this commit was laid out to the end, and the agent has a git directory still."""
        whole = self._laid_out.is_file() and self._laid_out.read_text() == wanted
        return whole and (self.tree / ".git").is_file() and scratch.is_there(self._scratch)

    def _renew_config(self, ignore: Sequence[str]) -> None:
        if not (self._git_dir / "HEAD").exists():
            git.run(["init", "--quiet", "--bare", "--template=", str(_own_directory(self._git_dir))])
        # An agent under our own user could have reached it: what it may have set must not be obeyed.
        (self._git_dir / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
        info = _own_directory(self._git_dir / "info")
        (info / "exclude").write_text("".join(f"{pattern}\n" for pattern in ignore))
        (info / "attributes").write_text("")

    def _forget_interrupted(self) -> None:
        # The lock is ours, so whoever held git's own lock on the index was killed.
        (self._git_dir / "index.lock").unlink(missing_ok=True)

    def collect(
        self,
        message: str,
        author: Identity,
        trailers: Mapping[str, str],
        *,
        max_file_bytes: int = 25 * 1024 * 1024,
    ) -> Collected | None:
        """The agent's work as a bundle, or None when there is nothing to commit. The agent must be gone by
        now.

        The last commit carries ``trailers`` (see ``bot.core.disclosure``). Asked again:
        the same work again. Raises Refused (stale fence, a file over ``max_file_bytes``), GitFailed.
        """
        with self._held():
            _own_directory(self.path)
            _own_directory(self.tree)
            start = git.run(["rev-parse", "--verify", _START], self._setting).text
            self._forget_interrupted()
            taken = scratch.take_over(self._scratch, self._setting, start)
            git.run(["read-tree", "--reset", taken.head], self._setting)
            self._stage(max_file_bytes)
            if base := self._sha_of(_BASE):
                instructions.put_back(self._setting, start, base)
            tree = git.run(["write-tree"], self._setting).text
            if taken.head == start and tree == self._tree_of(start):
                return None
            head = self._seal(taken.head, start, tree, message, author, trailers)
            return self._bundle(start, head, taken.note)

    def _stage(self, max_file_bytes: int) -> None:
        """Put every file of the tree that is not ignored into the index, as it is, following no link."""
        _tame(self.tree)
        aside = Path(tempfile.mkdtemp(prefix="nested-", dir=self.path))
        listing = ["ls-files", "-z", "--others", "--modified", "--exclude-standard"]
        while True:
            nested = []
            for record in git.records(listing, self._setting):
                path = self.tree / os.fsdecode(record)
                if record.endswith(b"/"):
                    nested.append(path)
                elif os.path.lexists(path) and (size := path.lstat().st_size) > max_file_bytes:
                    observation = text.file_too_large(os.fsdecode(record), size, max_file_bytes)
                    raise Refused(observation, text.shrink_or_ignore(), status=422, kind="file_size")
            if not nested:
                break
            # A repository within the tree would become a submodule nobody can fetch: its files are what
            # counts.
            for path in nested:
                (path / ".git").rename(aside / str(len(list(aside.iterdir()))))
        git.run(["add", "--all"], self._setting)
        if not any(aside.iterdir()):
            aside.rmdir()

    def _seal(
        self, parent: str, start: str, tree: str, message: str, author: Identity, trailers: Mapping[str, str]
    ) -> str:
        """A last commit that carries the trailers: on top of the agent's, or in place of its last one."""
        env = author.env("AUTHOR") | author.env("COMMITTER")
        if parent != start and tree == self._tree_of(parent):
            message = git.run(["log", "-1", "--format=%B", parent], self._setting).text
            shown = git.run(["log", "-1", "--format=%an%n%ae%n%ad", "--date=raw", parent], self._setting).text
            name, email, date = shown.split("\n")
            env |= Identity(name, email).env("AUTHOR") | {"GIT_AUTHOR_DATE": date}
            parent = git.run(["rev-parse", f"{parent}^"], self._setting).text
        words = [f"--trailer={name}: {value}" for name, value in trailers.items()]
        args = ["interpret-trailers", "--if-exists=replace", "--no-divider", *words]
        full = git.run(args, replace(self._setting, stdin=f"{message.rstrip()}\n".encode())).out
        return git.run(["commit-tree", tree, "-p", parent], replace(self._setting, stdin=full, env=env)).text

    def _bundle(self, start: str, head: str, note: str) -> Collected:
        git.run(["update-ref", "refs/heads/result", head], self._setting)
        bundle = self.path / "result.bundle"
        args = ["bundle", "create", "--quiet", "--version=2", str(bundle), "refs/heads/result", f"^{start}"]
        git.run(args, self._setting)
        count = git.run(["rev-list", "--count", f"{start}..{head}"], self._setting).text
        return Collected(bundle, head, int(count), note)

    def _tree_of(self, commit: str) -> str:
        return git.run(["rev-parse", "--verify", f"{commit}^{{tree}}"], self._setting).text

    def remove(self) -> None:
        """Delete everything but the fence; nothing outside is touched whatever links the agent left."""
        with self._held():
            if os.path.lexists(self.path):
                _own_directory(self.path)
                _tame(self.path)
                shutil.rmtree(self.path)


class _Held:
    """The workspace's lock, for as long as a ``with`` block; the file's content is the owning attempt's
    fence.
    """

    def __init__(self, path: Path, fence: int, *, taking: bool) -> None:
        self._path, self._fence, self._taking = path, fence, taking

    def __enter__(self) -> Self:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            owner = int(os.pread(self._fd, 32, 0) or b"-1")
            if owner > self._fence:
                raise Refused(text.newer_fence(self._fence, owner), kind="stale_fence")
            if self._taking and owner < self._fence:
                # Longer or as long as before, so one write replaces it whole.
                os.pwrite(self._fd, f"{self._fence:020d}".encode(), 0)
                os.fsync(self._fd)
        except BaseException:
            os.close(self._fd)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        os.close(self._fd)


def directory_name(key: str) -> str:
    """A directory name for any key: what is readable of it, and a digest that keeps different keys apart."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", key).strip("-")[:40]
    return f"{plain}-{digest}" if plain else digest


def _own_directory(path: Path) -> Path:
    """``path`` as a directory that is really there, is ours and is closed to others; made if it is
    missing.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise Refused(text.work_dir_unsafe(text.is_no_directory(path.name)), status=500, kind="work_dir")
    if found.st_uid != os.geteuid():
        raise Refused(text.work_dir_unsafe(text.is_not_ours(path.name)), status=500, kind="work_dir")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def _tame(top: Path) -> None:
    """Give ourselves back what an agent took from the modes below ``top``; links are not followed.

    Pipes and sockets are removed: git does not see them, and whoever opens one waits for ever.
    """
    waiting = [top]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                if stat.S_ISLNK(mode):
                    continue
                if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                    Path(entry.path).unlink()
                    continue
                wanted = 0o700 if stat.S_ISDIR(mode) else 0o400
                if mode & wanted != wanted:
                    Path(entry.path).chmod(stat.S_IMODE(mode) | wanted)
                if stat.S_ISDIR(mode):
                    waiting.append(Path(entry.path))
