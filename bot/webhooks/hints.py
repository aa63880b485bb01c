"""What a webhook is worth: a hint where to look. The forge itself is asked before anything is done."""

from dataclasses import dataclass


@dataclass(frozen=True)
class IssueHint:
    """An issue changed. ``labels`` is None where the payload's list cannot be trusted."""

    repo_id: int
    repo: str
    number: int
    labels: frozenset[str] | None
    is_open: bool
    sender_id: int


@dataclass(frozen=True)
class PullHint:
    """A pull request changed. ``new_head``: its commits did, so what was said of the old ones is gone."""

    repo_id: int
    repo: str
    number: int
    head_branch: str
    is_open: bool
    new_head: bool = False


@dataclass(frozen=True)
class PushHint:
    """The default branch has new commits."""

    repo_id: int
    repo: str


Hint = IssueHint | PullHint | PushHint
