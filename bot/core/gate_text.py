"""Sentences about what waits for a person's approval."""

from collections.abc import Sequence

from bot.core import cleaning

_SHOWN = 10


def by_label(labels: Sequence[str]) -> str:
    """Half a sentence: why it waits."""
    return f"the label {_listed(labels)} asks for a person's approval before an agent starts"


def too_dear(usd: float, limit: float, *, estimated: bool) -> str:
    how = "an estimated " if estimated else ""
    return f"it has cost {how}${usd:.2f}, and more than ${limit:.2f} needs a person's approval"


def by_paths(paths: Sequence[str], sha: str) -> str:
    return f"commit {sha[:12]} changes {_listed(paths)}, which needs a person's approval; nothing of it is published"


def approve_with(commit: str) -> str:
    """The command that lets it go on."""
    return f"/fleet approve commit={commit[:12]}" if commit else "/fleet approve"


def waits(gate: str, commit: str) -> str:
    """The situation of a task at a gate: what, and what would continue it."""
    return f"Waits for approval: {gate}. To let it go on: `{approve_with(commit)}`. To end it: `/fleet cancel`."


def asks(to: str, gate: str, commit: str, patch: str) -> str:
    """The comment that asks for it; ``patch`` is what the change does there, as the agent wrote it."""
    said = waits(gate, commit)
    said = f"{to}{said[0].lower()}{said[1:]}" if to else said
    if not patch:
        return said
    shown = cleaning.block(cleaning.revealed(patch), 60_000)  # revealing makes it longer
    return f"{said}\n\n<details><summary>What it changes there</summary>\n\n{shown}\n\n</details>"


def cut(patch: str, limit: int) -> str:
    """The patch as far as it is shown."""
    return patch if len(patch) <= limit else f"{patch[:limit]}\n… (cut off here: too long for a comment)"


def status_detail() -> str:
    return "needs approval"


def kept_outcome() -> str:
    """Stays in the history after the approval, so it must be true then, too."""
    return "done, needed approval"


def name_the_commit(commit: str) -> str:
    return f"Which change do you approve? Say it with its commit: `{approve_with(commit)}`."


def another_commit(given: str, commit: str) -> str:
    return (
        f"{cleaning.code(given, 70)} is not the change that waits; that is `{commit[:12]}`. "
        f"Please look at it: `{approve_with(commit)}`."
    )


def no_commit_waits() -> str:
    return "No change waits for approval here, so there is no commit to name: `/fleet approve`."


def said_before_it_waited() -> str:
    return "This was written before the task came to wait for approval. Please look again: `/fleet approve`."


def use_a_commit() -> str:
    return "use the first 7 to 40 digits of a commit"


def label_of_ours() -> str:
    return "labels that begin with fleet/ are set by the fleet itself; name one of your own"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(cleaning.code(x, 100) for x in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
