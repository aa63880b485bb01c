"""What is known of an attempt without asking its agent: read from our own records, or from the forge again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

#: Our own commit statuses: what we say ourselves proves nothing.
OWN_CONTEXTS: Final = ("agent-fleet", "agent-fleet/receipt")


def waits_for_us(context: str, gates: Sequence[str]) -> bool:
    """Our own statuses, and those of ``gates`` (globs), which wait for our receipt: we cannot wait for them."""
    return context in OWN_CONTEXTS or any(fnmatchcase(context, gate) for gate in gates)


def asks_for_us(glob: str, gates: Sequence[str]) -> bool:
    """Whether a context that a base branch requires can be met by one that waits for us."""
    return waits_for_us(glob, gates) or any(fnmatchcase(ours, glob) for ours in (*OWN_CONTEXTS, *gates))


@dataclass(frozen=True)
class PullFacts:
    """A pull request as the forge shows it now; ``author_allowed``: the bot or one of ``agent_accounts``.

    ``closes`` are the issues of its repository that its text closes when it is merged.
    """

    number: int
    url: str
    is_open: bool
    merged: bool
    same_repository: bool
    head_branch: str
    head_sha: str
    base_branch: str
    author: str
    author_allowed: bool
    names_issue: bool
    closes: tuple[int, ...] = ()

    @property
    def state(self) -> str:
        return "merged" if self.merged else "open" if self.is_open else "closed"


@dataclass(frozen=True)
class WorkFacts:
    """The commits, from our mirror. ``paths`` are all that were changed, ``protected`` those nobody may change.

    None = could not be read. ``nothing``: the agent handed in a result without a change.
    """

    base_sha: str
    head_sha: str
    commits: tuple[str, ...] | None = None
    descends: bool | None = None
    files_changed: int = 0
    insertions: int = 0
    deletions: int = 0
    patch_sha256: str = ""
    changed: int | None = None
    protected: tuple[str, ...] | None = None
    leaks: bool | None = None
    nothing: bool = False


@dataclass(frozen=True)
class CheckFacts:
    """Commit statuses at the head, our own left out. ``required`` None = the forge would not say.

    ``mode``: ``wait`` for those that the base branch requires, ``require`` all that there are, ``ignore`` them.
    """

    mode: str
    required: tuple[str, ...] | None
    states: Mapping[str, str]


@dataclass(frozen=True)
class ArtifactFacts:
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class LogFacts:
    """``sent`` bytes came, ``size`` are stored; they differ when it was too long to be kept whole."""

    sha256: str
    size: int
    sent: int


@dataclass(frozen=True)
class Facts:
    """Everything the rules look at. None (and an absent ``pull``) = not known yet, which is no contradiction.

    ``outcome`` is how the attempt is being, or was, completed; ``exit_code`` only when we ran the process ourselves.
    ``branch_tip`` "" = the forge has no such branch. ``repeated`` names a receipt id that came with other content,
    ``over_budget`` the limit that the attempt has passed.
    """

    task_id: str
    repo: str
    issue: int
    fence: int
    newest_fence: int
    cancelled: bool
    branch: str
    outcome: str
    took_secs: int
    timeout_secs: int
    work: WorkFacts | None = None
    exit_code: int | None = None
    branch_tip: str | None = None
    pull_number: int = 0
    pull: PullFacts | None = None
    pull_looked_for: bool = False
    checks: CheckFacts | None = None
    artifacts: tuple[ArtifactFacts, ...] = ()
    max_artifact_bytes: int = 0
    log: LogFacts | None = None
    text_leaks: bool = False
    repeated: str = ""
    over_budget: str = ""

    @property
    def nothing_published(self) -> bool:
        """The attempt ended with nothing to change: branch, pull request and checks are none of its."""
        return self.outcome == "no_change" and self.work is not None and self.work.nothing

    @property
    def published_sha(self) -> str:
        """The commit that the receipt is about, "" for none."""
        return self.work.head_sha if self.work is not None and not self.work.nothing else ""


@dataclass(frozen=True)
class Claims:
    """An agent's receipt, read with care: members of another kind than expected count as absent."""

    said: Mapping[str, Any] = field(default_factory=dict)

    def table(self, name: str) -> Mapping[str, Any]:
        found = self.said.get(name)
        return found if isinstance(found, Mapping) else {}

    def text(self, table: str, name: str) -> str:
        found = self.table(table).get(name)
        return found if isinstance(found, str) else ""

    def number(self, table: str, name: str) -> int | None:
        found = self.table(table).get(name)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        found = self.said.get(name)
        return [x for x in found if isinstance(x, Mapping)] if isinstance(found, list) else []

    @property
    def transcript(self) -> Mapping[str, Any]:
        found = self.table("logs").get("transcript")
        return found if isinstance(found, Mapping) else {}
