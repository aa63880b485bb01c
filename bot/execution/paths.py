"""Which paths a result may touch: names a repository may hold, protected places, symbolic links that stay
inside.

Names are compared without regard to case, because the people who check a branch out may sit at a Mac.
"""

import re
import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

#: Files that tell an agent CLI what to do or what to start. A pattern that ends in ``/`` is a directory
#: anywhere below it; one without any other ``/`` matches in every directory.
INSTRUCTIONS: Final = (
    "/.forgejo/fleet/",
    "/.github/copilot-instructions.md",
    "/.github/instructions/",
    "CLAUDE.md",
    "CLAUDE.local.md",
    "AGENTS.md",
    "AGENTS.override.md",
    "GEMINI.md",
    "QWEN.md",
    "CONVENTIONS.md",
    ".mcp.json",
    ".claude/",
    ".codex/",
    ".cursor/",
    ".cursorrules",
    ".gemini/",
    ".qwen/",
    ".opencode/",
    "opencode.json",
    "opencode.jsonc",
    ".clinerules",
    ".clinerules/",
    ".continue/",
    ".windsurf/",
    ".windsurfrules",
    ".openhands/",
    ".kimi/",
    ".pi/",
    ".agents/",
    ".aider.conf.yml",
    ".envrc",
)
#: Places that steer the forge's automation, ownership or the agents themselves.
PROTECTED: Final = (
    "/.forgejo/",
    "/.gitea/",
    "/.github/",
    "/CODEOWNERS",
    "/docs/CODEOWNERS",
    ".gitmodules",
    *INSTRUCTIONS,
)
# Characters HFS+ ignores in names, so that ".g\u200cit" is ".git" there (git: utf8.c, is_hfs_dotgit).
_HFS_IGNORED: Final = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_NTFS_TAIL: Final = re.compile(r"(?::.*|[ .]+)$")


def is_bad(path: str) -> bool:
    """True for a path no repository may hold: not UTF-8, control or invisible characters, ``..``,
    ``.git``.
    """
    if not path or path.startswith("/") or path.endswith("/"):
        return True
    if any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in path):
        return True
    return any(_is_bad_name(name) for name in re.split(r"[/\\]", path))


def _is_bad_name(name: str) -> bool:
    plain = _NTFS_TAIL.sub("", _HFS_IGNORED.sub("", name)).casefold()
    return name in (".", "..") or plain in (".git", "git~1")


def protecting(path: str, protected: Iterable[str], allowed: Iterable[str] = ()) -> str | None:
    """The pattern of ``protected`` that forbids ``path``, or None; one match in ``allowed`` sets it free."""
    if any(matches(path, pattern) for pattern in allowed):
        return None
    return next((pattern for pattern in protected if matches(path, pattern)), None)


def matches(path: str, pattern: str) -> bool:
    """Whether ``path`` or a directory above it fits ``pattern``.

    As in .gitignore: a ``/`` at the front or in the middle ties the pattern to the top, else it fits at any
    depth; ``**/`` stands for any directories, and for none. A trailing ``/`` asks for a directory, but the
    bare name counts too: a file or link in its place is as bad.
    """
    wanted = pattern.strip("/").casefold()
    tied = "/" in pattern.rstrip("/")
    here = PurePosixPath(path.casefold())
    above = (here, *here.parents[:-1])
    names = [str(part) if tied else part.name for part in above]
    return any(fnmatchcase(name, x) for name in names for x in {wanted, wanted.replace("**/", "")})


def leads_out(link: str, target: str) -> bool:
    """Whether the symbolic link at ``link`` may lead out of the tree.

    Only ``..`` at the front of a target can be judged by its text: after a name, which may be a link itself,
    ``..`` can lead anywhere, so it is refused there.
    """
    if not target or target.startswith("/") or "\0" in target or "\\" in target:
        return True
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
    return up > link.count("/") or any(part == ".." or _is_bad_name(part) for part in parts[up:])
