"""Bare git repositories on disk: reading, committing and merging without a work tree."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ZERO = "0" * 40

#: Refuses the refs which the environment names (http pushes set it), with the words of Forgejo's own hook.
_PRE_RECEIVE = """#!/bin/sh
set -f
while read -r old new ref; do
  for glob in $STANDIN_REFUSED_REFS; do
    case "$ref" in
      $glob) echo "Forgejo: Not allowed to push to protected branch ${ref#refs/heads/}" >&2; exit 1 ;;
    esac
  done
done
"""


#: Pushes over HTTP are allowed; nothing is tidied up behind anyone's back, or flushed: it need not last.
_CONFIG = """[http]
	receivepack = true
[gc]
	auto = 0
[receive]
	autogc = false
[core]
	fsync = none
"""


class GitError(Exception):
    """git said no; the text is its stderr."""


@dataclass(frozen=True)
class Author:
    """Who wrote a commit and when (epoch seconds)."""

    name: str
    email: str
    when: float


@dataclass(frozen=True)
class Commit:
    """A commit with the files it changed against its first parent."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Author
    committer: Author
    message: str
    changes: tuple[tuple[str, str], ...] = ()
    additions: int = 0
    deletions: int = 0

    def paths(self, status: str) -> list[str]:
        """Paths that this commit added ("A"), deleted ("D") or modified ("M")."""
        return [path for kind, path in self.changes if kind == status]


@dataclass(frozen=True)
class TreeEntry:
    """One name in a folder: ``kind`` is "blob" or "tree"."""

    kind: str
    sha: str
    size: int
    path: str


@dataclass(frozen=True)
class FileChange:
    """One file of a diff: ``status`` is A, M or D."""

    status: str
    path: str
    additions: int = 0
    deletions: int = 0


_FORMAT = "%x1e" + "%x1f".join(("%H", "%T", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct", "%B")) + "%x1f"


@dataclass(eq=False)
class Git:
    """One bare repository. ``refs/heads/*`` are branches; ``refs/pull/N/head`` belong to pull requests."""

    path: Path
    default_branch: str = "main"
    # Commits never change, so neither do these.
    _conflicts: dict[tuple[str, str], bool] = field(default_factory=dict)
    _bases: dict[tuple[str, str], str] = field(default_factory=dict)
    _diffs: dict[tuple[str, str], list[FileChange]] = field(default_factory=dict)

    def create(self) -> None:
        """Make the repository on disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        branch = f"--initial-branch={self.default_branch}"
        start = ["git", "init", "--quiet", "--bare", "--template=", branch, str(self.path)]
        subprocess.run(start, check=True, env=environment())
        with (self.path / "config").open("a") as config:
            config.write(_CONFIG)
        hook = self.path / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_PRE_RECEIVE)
        hook.chmod(0o755)

    def run(self, *args: str, stdin: bytes = b"", extra_env: Mapping[str, str] | None = None) -> str:
        """Run git here and return its output; raises GitError when it fails."""
        command = ["git", f"--git-dir={self.path}", *args]
        done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment(extra_env))
        if done.returncode != 0:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {args[0]}: {done.returncode}")
        return done.stdout.decode(errors="surrogateescape")

    def sha(self, ref: str) -> str | None:
        """The commit that a branch, tag or (short) sha names, None when there is none."""
        for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
            try:
                return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
            except GitError:
                continue
        return None

    def branch_sha(self, branch: str) -> str:
        """A branch's commit, "" when there is no such branch."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").strip()
        except GitError:
            return ""

    def refs(self) -> dict[str, str]:
        """Every branch and tag with its sha."""
        lines = self.run("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags")
        return dict(line.split(" ") for line in lines.splitlines())

    def branches(self) -> dict[str, str]:
        """Branch names with their commits."""
        head = "refs/heads/"
        return {name.removeprefix(head): sha for name, sha in self.refs().items() if name.startswith(head)}

    def commit(
        self, branch: str, files: Mapping[str, bytes | None], message: str, author: Author, *, start: str = ""
    ) -> str:
        """Put one commit on ``branch`` (made from ``start`` when new); a file of None is deleted."""
        parent = self.sha(f"refs/heads/{branch}") or (self.sha(start) if start else None)
        who = f"{author.name} <{author.email}> {int(author.when)} +0000"
        text = message.encode()
        parts = [
            f"commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\ndata {len(text)}\n".encode(),
            text,
        ]
        parts.append(f"\nfrom {parent}\n".encode() if parent else b"\n")
        for path, content in files.items():
            if content is None:
                parts.append(f"D {path}\n".encode())
            else:
                parts.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
        self.run("fast-import", "--quiet", "--force", stdin=b"".join(parts))
        return self.run("rev-parse", f"refs/heads/{branch}").strip()

    def set_ref(self, ref: str, sha: str | None) -> None:
        """Point a full ref at ``sha``, or delete it."""
        if sha is None:
            self.run("update-ref", "-d", ref)
        else:
            self.run("update-ref", ref, sha)

    def log(self, *revisions: str, limit: int = 0) -> list[Commit]:
        """Commits, newest first, with the files each one changed."""
        bound = [f"--max-count={limit}"] if limit else []
        options = ["--diff-merges=first-parent", "--raw", "--numstat", "--no-renames", "--no-abbrev"]
        out = self.run("log", f"--format={_FORMAT}", *options, *bound, *revisions, "--")
        return [_parse_commit(record) for record in out.split("\x1e")[1:]]

    def last_change(self, ref: str, path: str) -> Commit:
        """The newest commit that touched ``path``."""
        out = self.run("log", f"--format={_FORMAT}", "--max-count=1", ref, "--", path)
        return _parse_commit(out.split("\x1e")[1])

    def read(self, ref: str, path: str) -> bytes | None:
        """A file's bytes at ``ref``, None when it is not there."""
        command = ["git", f"--git-dir={self.path}", "cat-file", "blob", f"{ref}:{path}"]
        done = subprocess.run(command, capture_output=True, check=False, env=environment())
        return done.stdout if done.returncode == 0 else None

    def tree(self, ref: str, path: str = "") -> list[TreeEntry]:
        """What lies at ``path`` (a file: itself; a folder: its entries with full paths)."""
        wanted = [path] if path else []
        entries = _parse_tree(self.run("ls-tree", "-l", "-z", ref, "--", *wanted))
        if path and [entry.kind for entry in entries] == ["tree"]:
            entries = _parse_tree(self.run("ls-tree", "-l", "-z", ref, "--", f"{path}/"))
        return entries

    def merge_base(self, one: str, other: str) -> str:
        """The best common ancestor, "" when the histories do not touch (or there is no such commit)."""
        if (one, other) not in self._bases:
            try:
                self._bases[one, other] = self.run("merge-base", one, other).strip()
            except GitError:
                self._bases[one, other] = ""
        return self._bases[one, other]

    def diff(self, base: str, head: str) -> list[FileChange]:
        """Files that differ between two commits."""
        if (base, head) not in self._diffs:
            lines = self.run("diff", "--raw", "--numstat", "--no-renames", base, head, "--").splitlines()
            self._diffs[base, head] = _parse_changes(lines)
        return self._diffs[base, head]

    def patch(self, base: str, head: str, *paths: str) -> str:
        """The difference as text."""
        return self.run("diff", "--no-renames", base, head, "--", *paths)

    def hunk(self, base: str, head: str, path: str, line: int) -> str:
        """A file's diff from the `@@` above the new side's ``line`` to that line, "" when it is not in it."""
        shown: list[str] = []
        at = 0
        for text in self.patch(base, head, path).splitlines():
            if text.startswith("@@"):
                shown, at = [text], int(text.split("+")[1].split(" ")[0].split(",")[0]) - 1
            elif shown:
                shown.append(text)
                at += not text.startswith("-")
                if at == line:
                    return "\n".join(shown)
        return ""

    def conflicts(self, base: str, head: str) -> bool:
        """True when merging ``head`` into ``base`` needs a person."""
        key = (base, head)
        if key not in self._conflicts:
            try:
                self.run("merge-tree", "--write-tree", base, head)
                self._conflicts[key] = False
            except GitError:
                self._conflicts[key] = True
        return self._conflicts[key]

    def merge(self, base: str, head: str, message: str, author: Author, *, squash: bool) -> str:
        """A commit that brings ``head`` into ``base``; the caller points the branch at it."""
        tree = self.run("merge-tree", "--write-tree", base, head).splitlines()[0]
        parents = ["-p", base] + ([] if squash else ["-p", head])
        return self.run("commit-tree", tree, *parents, stdin=message.encode(), extra_env=signed(author)).strip()


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """A git process's environment: nobody's configuration, no prompts."""
    quiet = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
    return {"PATH": os.environ.get("PATH", os.defpath), **quiet, **(extra or {})}


def signed(author: Author) -> dict[str, str]:
    """The environment that makes git write ``author`` into a commit."""
    date = f"{int(author.when)} +0000"
    found: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        found |= {
            f"GIT_{role}_NAME": author.name,
            f"GIT_{role}_EMAIL": author.email,
            f"GIT_{role}_DATE": date,
        }
    return found


def _parse_commit(record: str) -> Commit:
    sha, tree, parents, an, ae, at, cn, ce, ct, message, changed = record.split("\x1f")
    files = _parse_changes(changed.splitlines())
    return Commit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Author(an, ae, float(at)),
        committer=Author(cn, ce, float(ct)),
        message=message if message.endswith("\n") else message + "\n",
        changes=tuple((file.status, file.path) for file in files),
        additions=sum(file.additions for file in files),
        deletions=sum(file.deletions for file in files),
    )


def _parse_changes(lines: list[str]) -> list[FileChange]:
    """Join git's --raw lines (status) and --numstat lines (counts) by path."""
    status: dict[str, str] = {}
    counts: dict[str, tuple[int, int]] = {}
    for line in lines:
        if line.startswith(":"):
            before, path = line.split("\t", 1)
            status[path] = before[-1]
        elif line.count("\t") >= 2:
            added, removed, path = line.split("\t", 2)
            counts[path] = (int(added), int(removed)) if added != "-" else (0, 0)
    return [FileChange(kind, path, *counts.get(path, (0, 0))) for path, kind in status.items()]


def _parse_tree(out: str) -> list[TreeEntry]:
    entries = []
    for line in filter(None, out.split("\0")):
        meta, path = line.split("\t", 1)
        _mode, kind, sha, size = meta.split()
        entries.append(TreeEntry(kind, sha, 0 if size == "-" else int(size), path))
    return entries
