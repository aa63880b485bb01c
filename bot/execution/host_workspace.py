"""Workspaces on a host: source goes there as a bundle, the agent's work comes back as one, nothing else does.

The layout and what is trusted are those of ``bot.execution.workspace``; the work is done by the wrapper. Agent and
wrapper are the same user there, so what comes back is as trustworthy as the agent: check it (``bot.execution.bundle``).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from bot.core import host_text, result_text
from bot.execution import calls, git, instructions
from bot.execution.gitmirror import GitMirror
from bot.execution.host_errors import HostBroken
from bot.execution.hosts import Host
from bot.execution.workspace import Collected, Identity, directory_name

_CHUNK: Final = 256 * 1024
#: Git on a large tree may be silent for long.
GIT_SECS: Final = 600.0
#: A hook must never see the wrapper's own patience end first.
_HOOK_MARGIN_SECS: Final = 30.0


@dataclass(frozen=True)
class Hooks:
    """Shell commands of the host's configuration, run in the tree; "" = none."""

    after_create: str = ""
    before_run: str = ""
    after_run: str = ""
    before_remove: str = ""
    timeout_secs: int = 300


class HostWorkspace:
    """The workspace of one task on a host, for the attempt ``fence``. Paths are the host's."""

    def __init__(self, host: Host, task: str, fence: int, hooks: Hooks | None = None) -> None:
        """``task`` is any text that names the task; the directory's name is made from it."""
        self._host, self._fence, self._hooks = host, fence, hooks or Hooks()
        self.key = directory_name(task)
        self.path = f"{host.way.work_dir}/{self.key}"
        self.tree, self.home = f"{self.path}/tree", f"{self.path}/home"

    def supply(self, mirror: GitMirror, repository: str, sha: str) -> None:
        """See to it that the host's cache of ``repository`` (an identifier) holds ``sha``; sends what is missing."""
        there = self._host.wrapper.call("have", repository).values("head")
        if sha in there:
            return
        have = next((one for one in there if mirror.has(one)), None)
        bundle = mirror.source_bundle(sha, have=have)
        size = bundle.stat().st_size
        self._host.wrapper.call(
            "feed",
            repository,
            request=calls.lines([("size", str(size))]),
            payload=lambda: _read(bundle),
            quiet_secs=GIT_SECS,
        )

    def prepare(
        self,
        repository: str,
        start_sha: str,
        author: Identity,
        *,
        branch: str = "work",
        ignore: Sequence[str] = (),
        keep: bool = False,
        restore_from: str = "",
    ) -> bool:
        """Lay out ``start_sha``; what an earlier attempt left is reset, except ignored files. Then the hooks.

        With ``keep``, what was laid out from the same commit before stays as its agent left it, uncommitted work and
        all, for an agent that goes on; returns whether that was so. With ``restore_from`` agents' instruction files
        are those of that commit, which must have been supplied as well.

        Raises HostBroken: ``stale_fence``, ``busy`` (a run of it is alive: stop that first), ``no_source`` (see
        ``supply``), ``no_space``, ``hook``.
        """
        request = calls.lines(
            (
                ("repository", calls.word(repository)),
                ("start", git.sha(start_sha)),
                ("branch", branch),
                ("name", author.name),
                ("email", author.email),
                ("ignore", "\n".join(ignore)),
                ("keep", "yes" if keep else "no"),
                ("restore_from", git.sha(restore_from) if restore_from else ""),
                ("instructions", "\n".join(instructions.pathspecs()) if restore_from else ""),
            )
        )
        reply = self._host.wrapper.call("prepare", self.key, str(self._fence), request=request, quiet_secs=GIT_SECS)
        if reply.value("created") == "yes":
            self._hook("after_create")
        self._hook("before_run")
        return reply.value("kept") == "yes"

    def collect(
        self,
        into: Path,
        message: str,
        author: Identity,
        trailers: Mapping[str, str],
        *,
        ignore: Sequence[str] = (),
        max_file_bytes: int = 25 * 1024 * 1024,
        max_bundle_bytes: int = 100 * 1024 * 1024,
    ) -> Collected | None:
        """The agent's work as a bundle in the file ``into``, or None when there is nothing to commit.

        The run must be over. Asked again: the same work again. The bundle is unchecked. Raises HostBroken:
        ``stale_fence``, ``busy``, ``file_size``, ``answer`` (a bundle over ``max_bundle_bytes``), ``hook``.
        """
        self._hook("after_run")
        request = calls.lines(
            (
                ("message", message),
                ("name", author.name),
                ("email", author.email),
                ("trailers", "\n".join(f"{name}: {value}" for name, value in trailers.items())),
                ("max_file_bytes", str(max_file_bytes)),
                ("ignore", "\n".join(ignore)),
            )
        )
        with into.open("wb") as file:
            reply = self._host.wrapper.call(
                "collect",
                self.key,
                str(self._fence),
                request=request,
                body=_capped(file, self._host.name, max_bundle_bytes),
                quiet_secs=GIT_SECS,
            )
        if reply.value("head") == "none":
            into.unlink()
            return None
        if into.stat().st_size != int(reply.value("size")):
            raise HostBroken.said(self._host.name, "incomplete", "")
        return Collected(into, git.sha(reply.value("head")), int(reply.value("commits")), _note(reply.value("note")))

    def remove(self) -> None:
        """Delete it, but for the fence. Raises HostBroken (``stale_fence``, ``busy``, ``hook``)."""
        if self._hooks.before_remove:
            self._hook("before_remove")
        self._host.wrapper.call("remove_workspace", self.key, str(self._fence), quiet_secs=GIT_SECS)

    def _hook(self, name: str) -> None:
        script: str = getattr(self._hooks, name)
        if not script:
            return
        limit = self._hooks.timeout_secs
        tail = bytearray()
        reply = self._host.wrapper.call(
            "hook",
            self.key,
            str(self._fence),
            name,
            request=calls.lines((("script", script), ("secs", str(limit)))),
            body=tail.extend,
            quiet_secs=limit + _HOOK_MARGIN_SECS,
        )
        if code := int(reply.value("code")):
            reason = host_text.hook_failed(self._host.name, name, code, tail.decode("utf-8", "replace"))
            raise HostBroken(reason, host_text.check_the_hook(name), "hook")


def _note(said: str) -> str:
    """Why the agent's own commits were not taken over, in words; "" when they were."""
    why = {
        "elsewhere": result_text.objects_from_elsewhere,
        "rewritten": result_text.history_rewritten,
        "merges": result_text.history_has_merges,
    }.get(said, result_text.no_readable_head)
    return "" if said == "none" else result_text.kept_as_snapshot(why())


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _capped(file: BinaryIO, host: str, limit: int) -> Callable[[bytes], None]:
    def write(chunk: bytes) -> None:
        if file.tell() + len(chunk) > limit:
            raise HostBroken(host_text.too_much(host, limit), "", "answer")
        file.write(chunk)

    return write
