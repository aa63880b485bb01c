"""Files of a repository, read at one commit."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bot.core.errors import Unavailable
from bot.forge.api import Api, Missing, RepoRef, quoted


@dataclass(frozen=True)
class FoundFile:
    """``data`` is None when it is no ordinary file (a folder, a symlink) or larger than was asked for."""

    sha: str
    size: int
    data: bytes | None


class Files:
    def __init__(self, api: Api) -> None:
        self._api = api

    def tip(self, repo: RepoRef, branch: str) -> str:
        """The commit that ``branch`` is at; "" when there is no such branch (an empty repository)."""
        read = self._api.client.repository.repo_get_branch
        try:
            found = self._api.within(
                repo, lambda o, r: self._api.call(f"read the branch {branch}", read, o, r, quoted(branch))
            )
        except Missing:
            return ""
        return str((found.get("commit") or {}).get("id") or "")

    def read(self, repo: RepoRef, path: str, sha: str, *, at_most: int) -> FoundFile | None:
        """The file ``path`` of the commit ``sha``, None when there is none. Above ``at_most`` bytes without data."""
        try:
            found = self._api.raw_in(repo, f"read {path}", "GET", f"/contents/{quote(path)}", params={"ref": sha})
        except Missing:
            return None
        if not isinstance(found, dict) or found.get("type") != "file":
            return FoundFile("", 0, None)
        size = int(found.get("size") or 0)
        return FoundFile(str(found.get("sha") or ""), size, _data(found, path) if size <= at_most else None)


def _data(found: dict[str, Any], path: str) -> bytes:
    try:
        return base64.b64decode(str(found.get("content") or ""), validate=False)
    except binascii.Error as problem:
        raise Unavailable(f"Forgejo's answer could not be read (read {path}).") from problem
