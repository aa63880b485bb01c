"""A small repository and the orchestrator's mirror of it."""

from pathlib import Path

from bot.execution.bundle import BundleRules, CheckedBundle, Quarantine
from bot.execution.gitmirror import GitMirror
from bot.execution.workspace import Collected
from tests.unit.execution.repos import Repo


class Source:
    def __init__(self, path: Path) -> None:
        path.mkdir()
        self.path = path
        self.forge = Repo(path / "forge.git")
        self.base = self.forge.commit({"a.py": b"one\n", "docs/x.md": b"x\n", ".gitignore": b"*.log\n"}, None, "Base")
        self.forge.git("update-ref", "refs/heads/main", self.base)
        self.mirror = GitMirror(path / "mirrors", 1, str(self.forge.path), local=True)
        self.mirror.fetch()

    def moves_on(self) -> str:
        """Another commit on the forge's main branch, fetched."""
        sha = self.forge.commit({"b.py": b"two\n"}, self.base, "More")
        self.forge.git("update-ref", "refs/heads/main", sha)
        self.mirror.fetch()
        return sha

    def checked(self, collected: Collected, base: str | None = None) -> CheckedBundle:
        """What the orchestrator's own check says of a result."""
        with Quarantine(self.mirror.git_dir, self.path) as quarantine:
            return quarantine.check(collected.bundle, base or self.base, BundleRules())

    def files(self, collected: Collected) -> dict[str, str]:
        self.forge.git("fetch", "-q", str(collected.bundle), "+refs/heads/result:refs/heads/seen")
        names = self.forge.git("ls-tree", "-r", "--name-only", "refs/heads/seen").splitlines()
        return {name: self.forge.git("show", f"refs/heads/seen:{name}") for name in names}
