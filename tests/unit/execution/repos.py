"""Small real repositories, and bundles made by somebody who means harm."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ENV = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


class Repo:
    """A bare repository driven by git's own plumbing, so that it can hold what no work tree could."""

    def __init__(self, path: Path) -> None:
        self.path = path
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True, env=ENV)

    def git(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", "--git-dir", str(self.path), *args],
            input=stdin,
            stdout=subprocess.PIPE,
            check=True,
            env={**ENV, **(env or {})},
        )
        return done.stdout.decode().strip()

    def blob(self, data: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", stdin=data)

    def raw(self, kind: str, data: bytes) -> str:
        """Any bytes as an object, whatever git thinks of them."""
        return self.git("hash-object", "-w", "--literally", "-t", kind, "--stdin", stdin=data)

    def tree(self, entries: Sequence[tuple[str, str, str]]) -> str:
        """A tree of (mode, object, name) without any check of the names."""
        data = b"".join(
            f"{mode} {name}".encode() + b"\0" + bytes.fromhex(sha)
            for mode, sha, name in sorted(entries, key=lambda e: e[2])
        )
        return self.raw("tree", data)

    def commit(
        self,
        files: Mapping[str, bytes | None],
        parent: str | None,
        message: str = "Change",
        *,
        links: Mapping[str, str] | None = None,
        gitlinks: Mapping[str, str] | None = None,
        author: str = "Ann",
    ) -> str:
        """A commit on ``parent`` that sets ``files`` (None deletes one)."""
        env = {"GIT_INDEX_FILE": str(self.path / "test-index")}
        self.git("read-tree", parent or "--empty", env=env)
        lines = []
        for name, data in files.items():
            lines.append(f"0 {'0' * 40}\t{name}" if data is None else f"100644 {self.blob(data)}\t{name}")
        lines += [f"120000 {self.blob(target.encode())}\t{name}" for name, target in (links or {}).items()]
        lines += [f"160000 {sha}\t{name}" for name, sha in (gitlinks or {}).items()]
        self.git("update-index", "--index-info", stdin="".join(f"{line}\n" for line in lines).encode(), env=env)
        tree = self.git("write-tree", env=env)
        return self.commit_tree(tree, [parent] if parent else [], message, author=author)

    def commit_tree(self, tree: str, parents: Sequence[str], message: str = "Change", *, author: str = "Ann") -> str:
        words = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", tree, *words, stdin=message.encode(), env={"GIT_AUTHOR_NAME": author})

    def point(self, ref: str, sha: str) -> None:
        self.git("update-ref", ref, sha)

    def bundle(self, path: Path, head: str, without: Sequence[str] = (), *, ref: str = "refs/heads/work") -> Path:
        self.point(ref, head)
        self.git("bundle", "create", "-q", "--version=2", str(path), ref, *(f"^{sha}" for sha in without))
        return path


def handmade(path: Path, heads: Sequence[str], pack: bytes, prerequisites: Sequence[str] = ()) -> Path:
    """A bundle with exactly this header (``heads`` as "sha name") and pack."""
    lines = ["# v2 git bundle", *(f"-{sha} " for sha in prerequisites), *heads]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode() + b"\n" + pack)
    return path


def pack_of(repo: Repo, objects: Sequence[str]) -> bytes:
    """A pack with just these objects, connected or not."""
    return subprocess.run(
        ["git", "--git-dir", str(repo.path), "pack-objects", "--stdout", "-q"],
        input="".join(f"{sha}\n" for sha in objects).encode(),
        stdout=subprocess.PIPE,
        check=True,
        env=ENV,
    ).stdout
