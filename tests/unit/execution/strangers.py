"""A pull request of somebody unknown: it brings instruction files of its own, beside a base that has others."""

import os
from pathlib import Path
from typing import ClassVar

from bot.execution.workspace import Collected
from tests.unit.execution.repos import Repo


class Strangers:
    """Commits ``base`` and ``head`` (built on an older base, without what came to it later)."""

    #: What an agent must find of all that.
    WANTED: ClassVar = {
        "CLAUDE.md": "base\n",
        "sub/AGENTS.md": "base\n",
        "late/ä b/GEMINI.md": "later\n",
        ".claude/settings.json": "{}\n",
        ".codex": "a file\n",
        "link": "-> elsewhere",
    }

    def __init__(self, forge: Repo) -> None:
        self.forge = forge
        plain = {"a.py": b"one\n", ".gitignore": b"*.log\nCLAUDE.local.md\n", "link/QWEN.md": b"base\n"}
        first = forge.commit(
            {
                **plain, "CLAUDE.md": b"base\n", "sub/AGENTS.md": b"base\n", ".claude/settings.json": b"{}\n",
                ".codex": b"a file\n",
            },
            None,
        )  # fmt: skip
        self.base = forge.commit({"late/\u00e4 b/GEMINI.md": b"later\n"}, first)
        without = {"link/QWEN.md": None, ".codex": None, ".claude/settings.json": None}
        emptied = forge.commit({**without, "sub/AGENTS.md": b"evil\n", "CLAUDE.md": None}, first)
        evil = {
            "claude.MD": b"evil\n", "x/.mcp.json": b"evil\n", ".codex/config.toml": b"evil\n",
            ".CLAUDE/hooks/[x] y.sh": b"evil\n", "a.py": b"theirs\n", ".forgejo/fleet/PROMPT.md": b"evil\n",
        }  # fmt: skip
        self.head = forge.commit(evil, emptied, links={"link": "elsewhere"})

    def seen(self, tree: Path) -> dict[str, str]:
        """Every file and link of the tree but for the plain ones."""
        found = {}
        for folder, folders, files in os.walk(tree):
            for name in (*files, *folders):
                path = Path(folder, name)
                shown = str(path.relative_to(tree))
                if path.is_symlink():
                    found[shown] = f"-> {path.readlink()}"
                elif path.is_file() and shown not in ("a.py", ".gitignore", ".git") and not shown.startswith("deps/"):
                    found[shown] = path.read_text()
        return found

    def paths_of(self, collected: Collected) -> list[str]:
        """What a result changes, whether it may or not."""
        self.forge.git("fetch", "-q", str(collected.bundle), "+refs/heads/result:refs/heads/seen")
        return self.forge.git("diff", "--name-only", "--no-renames", self.head, "refs/heads/seen").splitlines()
