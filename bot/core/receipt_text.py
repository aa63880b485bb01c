"""Every sentence about receipts: what a rule saw, why a claim is refused, what a verification found."""

from collections.abc import Sequence


def short(sha: str) -> str:
    return sha[:12] or "nothing"


# --- what a rule saw ----------------------------------------------------------------------------------------


def fence_current(fence: int) -> str:
    return f"attempt {fence} is the newest one, and the task was not cancelled"


def fence_over(fence: int, newest: int) -> str:
    return f"attempt {fence} is over, {newest} has begun since"


def was_cancelled() -> str:
    return "the task was cancelled"


def task_differs(name: str, claimed: object, known: object) -> str:
    return f"the receipt says {name} {claimed!s:.80}, it is {known!s:.80}"


def ended_well(exit_code: int | None, seen: bool) -> str:
    if exit_code is None:
        return "completed as done; no exit code was named"
    return f"completed as done, exit code {exit_code} ({'seen by us' if seen else 'as the agent says'})"


def ended_badly(exit_code: int) -> str:
    return f"the receipt says done, but its process ended with exit code {exit_code}"


def signal_ended(signal: object) -> str:
    return f"the receipt says done, but its process was ended by signal {signal!s:.20}"


def not_done(status: str) -> str:
    return f"the receipt says done, but its claims say {status[:40]!r}"


def ended_without_change() -> str:
    return "completed as nothing to change"


def ended_unknown() -> str:
    return "how the attempt ended is not known"


def head_differs(claimed: str, known: str) -> str:
    return f"the receipt names commit {short(claimed)}, the commits handed in end with {short(known)}"


def tip_is(branch: str, sha: str) -> str:
    return f"{branch} is at {short(sha)}"


def branch_in_a_fork() -> str:
    return "the branch lies in a fork, which is not read"


def tip_moved(branch: str, found: str, head: str) -> str:
    return f"{branch} is at {short(found)}, the result is {short(head)}"


def branch_gone_merged(branch: str, head: str) -> str:
    return f"{branch} was merged at {short(head)} and is gone"


def no_branch(branch: str) -> str:
    return f"there is no branch {branch}"


def branch_differs(claimed: str, known: str) -> str:
    return f"the receipt names branch {claimed[:100]}, the task's is {known}"


def not_looked(what: str) -> str:
    return f"{what} is not published yet"


def descends(head: str, ahead: int, base: str) -> str:
    return f"{short(head)} is {ahead} ahead of {short(base)}"


def no_descent(head: str, base: str) -> str:
    return f"{short(head)} does not build on {short(base)}"


def nothing_ahead(base: str) -> str:
    return f"there is no commit on top of {short(base)}"


def nothing_handed_in(base: str) -> str:
    return f"no commit was handed in on top of {short(base)}" if base else "the source was not fetched, no commit came"


def nothing_published() -> str:
    return "nothing was to be changed, so nothing of this attempt is on the forge"


def base_differs(claimed: str, known: str) -> str:
    return f"the receipt says that the work starts from {short(claimed)}, {short(known)} was handed out"


def commits_differ(claimed: int, known: int) -> str:
    return f"the receipt lists {claimed} commits, {known} were handed in"


def changed_after_all(commits: int) -> str:
    return f"the receipt says that nothing was to be changed, but {commits} commits were handed in"


def history_unknown() -> str:
    return "the commits are not in our mirror"


def pull_fits(number: int, state: str, head: str) -> str:
    return f"#{number} is {state} at {short(head)}"


def no_pull(number: int) -> str:
    return f"there is no pull request #{number}"


def pull_differs(number: int, what: str, claimed: object, found: object) -> str:
    return f"{what} of #{number} is {found!s:.100}, not {claimed!s:.100}"


def pull_closed(number: int) -> str:
    return f"#{number} is closed and was not merged"


def pull_elsewhere(number: int) -> str:
    return f"#{number} comes from a fork, whose branch and commits are not read: it cannot be verified"


def pull_author(number: int, author: str) -> str:
    return f"#{number} was opened by {author[:60]}, who is neither the bot nor one of agent_accounts"


def pull_not_about(number: int, issue: int) -> str:
    return f"#{number} does not name issue #{issue}"


def paths_fine(count: int) -> str:
    return f"none of {count} changed files is protected"


def paths_protected(paths: Sequence[str]) -> str:
    return f"changes protected paths: {', '.join(p[:100] for p in paths[:5])}"


def paths_unknown() -> str:
    return "the changed files could not be read"


def artifacts_fine(count: int) -> str:
    return f"{count} uploaded, digests recomputed; addresses are claims and are never fetched"


def artifact_differs(name: str, claimed: str, found: str) -> str:
    return f"artifact {name[:100]} has digest {short(found)}, the receipt says {short(claimed)}"


def artifact_size(name: str, claimed: int, found: int) -> str:
    return f"artifact {name[:100]} has {found} bytes, the receipt says {claimed}"


def artifact_too_large(name: str, size: int, limit: int) -> str:
    return f"artifact {name[:100]} has {size} bytes, {limit} are allowed"


def artifact_missing(name: str) -> str:
    return f"artifact {name[:100]} was not uploaded"


def checks_ignored() -> str:
    return "the configuration does not ask for CI"


def checks_green(contexts: Sequence[str]) -> str:
    return f"success: {', '.join(contexts)}" if contexts else "the base branch requires no context but our own"


def checks_red(contexts: Sequence[str]) -> str:
    return f"not successful: {', '.join(contexts)}"


def checks_awaited(contexts: Sequence[str]) -> str:
    return f"still waited for: {', '.join(contexts)}" if contexts else "no CI has reported yet"


def check_differs(context: str, claimed: str, found: str) -> str:
    return f"the receipt says {context[:80]} is {claimed[:20]}, the forge says {found or 'nothing'}"


def log_matches(sha: str, size: int) -> str:
    return f"{size} bytes stored, digest {short(sha)}"


def log_differs(claimed: str, stored: str) -> str:
    return f"the stored transcript has digest {short(stored)}, the receipt says {short(claimed)}"


def log_incomplete(stored: int, claimed: int) -> str:
    return f"{stored} of {claimed} bytes of the transcript are stored as they were sent"


def log_shorter(stored: int, claimed: int) -> str:
    return f"the transcript has {stored} bytes, the receipt says {claimed}"


def in_time(took: int, limit: int) -> str:
    return f"took {took} s of {limit} s"


def over_time(took: int, limit: int) -> str:
    return f"took {took} s, {limit} s are allowed"


def no_secret() -> str:
    return "no configured secret in the changes or in the receipt"


def secret_in_text() -> str:
    return "the receipt holds a secret of this server's configuration"


def secret_in_changes() -> str:
    return "the changes hold a secret of this server's configuration"


def changes_unread() -> str:
    return "the changes could not be searched"


def said_once() -> str:
    return "completed once; a repetition gets the same answer"


def said_otherwise(receipt_id: str) -> str:
    return f"a receipt called {receipt_id[:80]} came before with other content"


# --- refusals, and what to do -------------------------------------------------------------------------------


def refused(rule: str, observation: str) -> str:
    return f"{rule}: {observation}"


def key_missing(path: str) -> str:
    return f"The key that signs receipts is not at {path}, but one was made before: receipts wait."


def key_is_another(path: str) -> str:
    return f"The key at {path} is not the one that signed the latest receipts: receipts wait."


def key_unreadable(path: str) -> str:
    return f"{path} holds no ed25519 key that can be read: receipts wait."


def key_open(path: str) -> str:
    return f"{path} can be read by others than its owner: receipts wait."


def close_the_key() -> str:
    return "Make it readable for its owner only (chmod 600); if others may have read it, rotate the key."


def restore_or_rotate() -> str:
    return "Put the file back from a backup, or run `agent-fleet receipts rotate-key` to go on with a new one."


def not_a_public_key(what: str) -> str:
    return f"{what[:80]} is no ed25519 public key (PEM, `ssh-ed25519 …`, or its 32 bytes in base64)."


def artifact_name() -> str:
    return "An artifact's name has 1 to 100 of the characters A-Z a-z 0-9 . _ - and begins with a letter or digit."


def artifact_known(name: str) -> str:
    return f"This attempt has an artifact {name} with other content already."


def artifact_other_name() -> str:
    return "Upload it under another name."


def artifacts_full(limit: int) -> str:
    return f"This attempt has {limit} artifacts already, which is as many as it may have."


def pack_artifacts() -> str:
    return "Put several files into one archive."


def digest_differs(claimed: str, found: str) -> str:
    return f"r7: the bytes that came have digest {found}, the request says {claimed}"


def send_again() -> str:
    return "Upload it again."


def no_such_artifact(name: str) -> str:
    return f"This attempt has no artifact {name[:100]}, or it is not kept any more."


def see_receipts() -> str:
    return "The attempt's receipt lists what was uploaded, with digests."


def note_raced() -> str:
    return "Others write notes to the repository at the same moment; the receipt's note is tried again."


def note_unclear(tail: str) -> str:
    return f"The answer to the push of the receipt's note was lost: {tail[-200:]}"


def note_refused(why: str) -> str:
    return f"The forge refused the receipt's note: {why[:200]}"


# --- display ------------------------------------------------------------------------------------------------


def status_line(digest: str, result: str) -> str:
    """A commit status's description: the receipt's digest first, so that programs find it."""
    return f"{digest[:16]} {result}"


def status_waits(observed: str) -> str:
    return f"The receipt waits: {observed}"[:140]
