"""What the forge says: values read from Forgejo, free of its JSON.

Ids are Forgejo's own: a repository's ``id`` survives a rename, ``number`` is an issue's or pull request's
number within its repository. Times are seconds since the epoch, UTC, on the forge's clock.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Right(StrEnum):
    """What a person may do in a repository, least first; UNKNOWN = the forge would not say."""

    UNKNOWN = "unknown"
    NONE = "none"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    @property
    def may_write(self) -> bool:
        return self in (Right.WRITE, Right.ADMIN)


@dataclass(frozen=True)
class Account:
    """A user of the forge; ``id`` -2 is the Actions user, -1 a deleted one (Forgejo 15)."""

    id: int
    login: str


@dataclass(frozen=True)
class Repository:
    """``full_name`` is ``owner/name`` as it is now; ``archived`` repositories refuse every write (423)."""

    id: int
    full_name: str
    default_branch: str
    clone_url: str
    html_url: str
    private: bool = False
    archived: bool = False
    empty: bool = False
    right: Right = Right.UNKNOWN


@dataclass(frozen=True)
class Issue:
    """An issue or (``is_pull``) a pull request seen as one."""

    repo_id: int
    number: int
    title: str
    body: str
    author: Account
    labels: frozenset[str]
    is_open: bool
    created_at: float
    updated_at: float
    html_url: str
    is_pull: bool = False
    assignees: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LabelEntry:
    """One line of an issue's timeline: ``person`` added or removed ``label``."""

    id: int
    label: str
    added: bool
    person: Account
    at: float


@dataclass(frozen=True)
class Blocker:
    """An issue that another one waits for; ``number`` 0 when the bot may not see it."""

    repo: str
    number: int
    is_open: bool


@dataclass(frozen=True)
class Comment:
    """``edited`` is True when its text is not the one first posted (Forgejo 15: ``updated_at != created_at``).

    ``number`` is the issue's or pull request's, 0 where the list says nothing of it.
    """

    id: int
    author: Account
    body: str
    created_at: float
    updated_at: float
    html_url: str
    number: int = 0

    @property
    def edited(self) -> bool:
        return self.updated_at != self.created_at


@dataclass(frozen=True)
class PullRequest:
    """``head_sha`` is the tip of the head branch; ``merge_sha`` is "" until it is merged.

    ``mergeable`` False proves no conflict: it is also what the forge says while it has not looked yet.
    """

    number: int
    html_url: str
    title: str
    body: str
    author: Account
    is_open: bool
    merged: bool
    head_branch: str
    head_sha: str
    base_branch: str
    merge_sha: str = ""
    merged_by: str = ""
    same_repository: bool = True
    mergeable: bool = True


class Opinion(StrEnum):
    """What a review says."""

    APPROVED = "APPROVED"
    CHANGES = "REQUEST_CHANGES"
    COMMENT = "COMMENT"


@dataclass(frozen=True)
class LineComment:
    """A comment on a line (``line`` 0 = an old one) of ``path``; ``hunk`` is the part of the diff above it."""

    id: int
    author: Account
    path: str
    line: int
    hunk: str
    body: str


@dataclass(frozen=True)
class Review:
    """A submitted review. ``stale``: the branch has moved since; ``dismissed``: it was taken back or replaced."""

    id: int
    author: Account
    opinion: Opinion
    body: str
    at: float
    commit_sha: str
    stale: bool
    dismissed: bool
    has_comments: bool


@dataclass(frozen=True)
class CommitCheck:
    """The newest commit status of one context; ``target`` is the address that it names."""

    context: str
    state: str
    description: str
    target: str

    @property
    def failed(self) -> bool:
        return self.state in ("failure", "error")

    @property
    def passed(self) -> bool:
        return self.state in ("success", "skipped")


@dataclass(frozen=True)
class Hook:
    """A webhook of a repository; the forge never tells its secret. ``events`` are precise event types."""

    id: int
    url: str
    active: bool
    events: frozenset[str] = field(default_factory=frozenset)
    content_type: str = "json"
    branch_filter: str = ""
