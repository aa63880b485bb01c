"""What a webhook is worth: a hint where to look. The forge itself is asked before anything is done."""

from dataclasses import dataclass
from enum import StrEnum

from bot.core.facts import Account, Right


@dataclass(frozen=True)
class IssueHint:
    """An issue changed. ``labels`` is None where the payload's list cannot be trusted.

    ``text_sha256`` is the digest of what the issue said at ``text_at`` (the forge's clock), "" when that is not known.
    """

    repo_id: int
    repo: str
    number: int
    labels: frozenset[str] | None
    is_open: bool
    sender_id: int
    text_sha256: str = ""
    text_at: float = 0.0


@dataclass(frozen=True)
class PullHint:
    """A pull request changed. ``new_head``: its commits did, so what was said of the old ones is gone."""

    repo_id: int
    repo: str
    number: int
    head_branch: str
    is_open: bool
    new_head: bool = False


class Way(StrEnum):
    """Where words with a command in them stand."""

    COMMENT = "comment"
    BODY = "body"
    EDIT = "edit"
    REVIEW = "review"


@dataclass(frozen=True)
class Words:
    """Somebody wrote a command. ``comment_id`` 0 = it stands in the body of the issue or pull request ``number``.

    ``right`` is what the payload says of its sender, UNKNOWN where it speaks of somebody else. ``text_sha256`` is the
    digest of what the issue said at that moment, "" when not known. ``certain``: these are the words first posted.
    """

    repo_id: int
    repo: str
    number: int
    way: Way
    comment_id: int
    author: Account
    body: str
    url: str
    is_pull: bool
    right: Right = Right.UNKNOWN
    text_sha256: str = ""
    certain: bool = True

    @property
    def key(self) -> str:
        """With a line's number, what a command happens once for."""
        return f"comment:{self.repo_id}:{self.comment_id}" if self.comment_id else f"issue:{self.repo_id}:{self.number}"


@dataclass(frozen=True)
class PushHint:
    """The default branch has new commits."""

    repo_id: int
    repo: str


@dataclass(frozen=True)
class ChecksHint:
    """CI has finished a run on the commit ``sha``."""

    repo_id: int
    repo: str
    sha: str


Hint = IssueHint | PullHint | PushHint | ChecksHint | Words
