"""Git notes of ours: one line per receipt, hung on a commit, under a reference of their own.

People's notes (``refs/notes/commits``) are not touched. A note is pushed like everything else: from what was read
to what is wanted, never over something we have not seen.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.core import receipt_text as text
from bot.core.errors import Refused, Unavailable
from bot.execution import git
from bot.execution.git import Setting

REF: Final = "refs/notes/agent-fleet"
_TRIES: Final = 3
_RACED: Final = re.compile(r"\[rejected\]|incorrect old value|cannot lock ref|failed to lock|stale info")
_WHO: Final = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Agent Fleet"), ("EMAIL", "agent-fleet@noreply.invalid"))
}


def put(git_dir: Path, url: str, remote: Setting, sha: str, line: str) -> None:
    """Adds ``line`` to the note of ``sha`` on the forge unless it holds it; asked twice, it is there once.

    The caller holds the mirror's lock. Raises Unavailable when the forge does not answer or others were faster every
    time, GitFailed or Refused when it says no.
    """
    here = Setting(git_dir=git_dir, env=_WHO)
    for _ in range(_TRIES):
        before = _fetch(url, remote, here)
        kept = _note(here, sha)
        if line in kept:
            return
        _write(here, sha, [*kept, line])
        if _push(url, remote, before):
            return
    raise Unavailable(text.note_raced(), retry_after=5.0)


def _fetch(url: str, remote: Setting, here: Setting) -> str:
    """Our copy of the reference as it is on the forge now; returns its commit, "" when there is none."""
    listed = git.run(["ls-remote", "--end-of-options", url, REF], remote).text
    found = next((s for s, _, name in (row.partition("\t") for row in listed.splitlines()) if name == REF), "")
    if found:
        args = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"]
        git.run([*args, "--end-of-options", url, f"+{REF}:{REF}"], remote)
    else:
        git.run(["update-ref", "-d", REF], here)
    return found


def _note(here: Setting, sha: str) -> list[str]:
    args = ["notes", f"--ref={REF}", "show", git.sha(sha)]
    found = git.run(args, replace(here, ok=(0, 1)))
    return found.text.splitlines() if found.code == 0 else []


def _write(here: Setting, sha: str, lines: list[str]) -> None:
    written = "".join(f"{one}\n" for one in lines).encode()
    blob = git.run(["hash-object", "-w", "--stdin"], replace(here, stdin=written)).text
    git.run(["notes", f"--ref={REF}", "add", "--force", f"--reuse-message={blob}", git.sha(sha)], here)


def _push(url: str, remote: Setting, before: str) -> bool:
    """False when somebody else's note came in between."""
    args = ["push", "--porcelain", "--no-verify", f"--force-with-lease={REF}:{before}", "--end-of-options", url]
    answer = git.run([*args, f"{REF}:{REF}"], replace(remote, ambiguous=True, ok=(0, 1)))
    if answer.code == 0:
        return True
    line = next((row for row in answer.text.splitlines() if f":{REF}\t" in row), "")
    if _RACED.search(line):
        return False
    if git.is_network_trouble(answer.stderr_tail) or not line:
        raise Unavailable(text.note_unclear(answer.stderr_tail), ambiguous=True)
    raise Refused(text.note_refused(line.rpartition("\t")[2]), "", 409, "note_refused")
