"""Commit statuses, and the branch protection that waits for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from bot.standin.people import Person

if TYPE_CHECKING:
    from bot.standin.repositories import Repository

#: Worst first; a state that Forgejo does not know ranks last but can still stand alone.
_WORST_FIRST = ("error", "failure", "warning", "pending", "success", "skipped")


@dataclass(eq=False)
class Status:
    """One status of a commit; the latest of each context counts."""

    id: int
    sha: str
    state: str
    context: str
    description: str
    target_url: str
    creator: Person
    created: float


@dataclass(eq=False)
class Run:
    """A run of Actions with one job; ``number`` counts within the repository. ``state`` is its commit status's."""

    id: int
    number: int
    sha: str
    log: str
    state: str = "success"
    branch: str = ""
    title: str = ""
    workflow: str = "ci.yml"
    at: float = 0.0


@dataclass(eq=False)
class Protection:
    """A rule for the branches that its glob ``rule_name`` matches."""

    rule_name: str
    created: float
    enable_push: bool = False
    enable_status_check: bool = False
    status_check_contexts: tuple[str, ...] = ()
    required_approvals: int = 0
    apply_to_admins: bool = False

    def covers(self, branch: str) -> bool:
        """True when ``branch`` is under this rule."""
        return fnmatchcase(branch, self.rule_name)


def latest(statuses: Iterable[Status], sha: str) -> list[Status]:
    """The last status of each context of a commit, in the order of their ids."""
    by_context = {status.context: status for status in statuses if status.sha == sha}
    return sorted(by_context.values(), key=lambda status: status.id)


def combined(statuses: Iterable[Status]) -> str:
    """The worst state, "" when there is none."""
    states = {status.state for status in statuses}
    known = [state for state in _WORST_FIRST if state in states]
    return known[0] if known else next(iter(sorted(states)), "")


def protection_of(repo: "Repository", branch: str) -> Protection | None:
    """The rule that covers a branch; a rule of exactly its name comes first."""
    rules = [rule for rule in repo.protections if rule.covers(branch)]
    return next((rule for rule in rules if rule.rule_name == branch), rules[0] if rules else None)


def required_statuses_pass(repo: "Repository", branch: str, sha: str) -> bool:
    """True when every required context of ``branch`` is `success`; a missing one counts as pending."""
    rule = protection_of(repo, branch)
    if rule is None or not rule.enable_status_check:
        return True
    found = latest(repo.statuses, sha)
    if not rule.status_check_contexts:
        return combined(found) == "success"
    for pattern in rule.status_check_contexts:
        matching = [status for status in found if fnmatchcase(status.context, pattern)]
        if not matching or any(status.state != "success" for status in matching):
            return False
    return True
