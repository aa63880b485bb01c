"""A repository's own rules: taken over when they are sound, kept when the next ones are not, and held to."""

from typing import Final

from bot.core import cleaning, policy_text
from bot.core.facts import Account, Right
from bot.core.matching import ALIASES
from bot.service.fleet import Step
from bot.settings import policy
from bot.settings.policy import BadPolicy, Policy
from bot.store import Sql, forge_facts, outbox, pauses, policies
from bot.store.pauses import PauseRow
from bot.store.policies import Known
from bot.store.repo_files import RepoFile

SOURCE: Final = "policy"
CONTEXT: Final = "agent-fleet/policy"


def take(step: Step, repo_id: int, file: RepoFile) -> None:
    """What the default branch says now: in force when it is sound; a bad edit changes nothing but the commit status.

    A file that was there and is gone stops the repository; its return starts it again.
    """
    before = policies.get(step.sql, repo_id)
    if file.text is None and not file.error:
        if before is not None and before.found:
            policies.put(step.sql, repo_id, Known(False, "", before.rules, ""), step.now)
            row = PauseRow(repo_id, "", SOURCE, "the fleet", policy_text.removed(), "", step.now, 0.0, "")
            pauses.put(step.sql, row)
        return
    sha = cleaning.digest(file.text or file.error)
    if before is not None and before.found and before.source_sha == sha:
        return
    last = before.rules if before else {}
    try:
        if file.text is None:
            raise BadPolicy(file.error)
        rules, error = policy.read(file.text).model_dump(exclude_defaults=True), ""
    except BadPolicy as problem:
        rules, error = last, str(problem)
    policies.put(step.sql, repo_id, Known(True, sha, rules, error), step.now)
    if not error:
        pauses.lift(step.sql, repo_id, "", SOURCE)
    _say(step, repo_id, file.commit_sha, error)


def of(sql: Sql, repo_id: int) -> Policy:
    """The rules in force; the defaults where there are none."""
    known = policies.get(sql, repo_id)
    return Policy(**known.rules) if known else policy.default()


def is_broken(sql: Sql, repo_id: int) -> bool:
    """Whether the file as it is now could not be understood: then the last sound one is in force."""
    known = policies.get(sql, repo_id)
    return known is not None and bool(known.error)


def closed_to(sql: Sql, agent_id: str, agent_type: str) -> frozenset[int]:
    """The repositories whose rules keep this agent from getting anything now."""
    return frozenset(
        repo_id
        for repo_id, rules in policies.all_rules(sql)
        if not allows(Policy(**rules), agent_id, agent_type) or _full(sql, repo_id, Policy(**rules))
    )


def allows(rules: Policy, agent_id: str, agent_type: str) -> bool:
    wanted = {ALIASES.get(x, x) for x in rules.agents}
    return not wanted or agent_id in wanted or agent_type in wanted


def lets(sql: Sql, repo_id: int, person: Account, right: Right) -> bool:
    """Whether the repository lets this person start agents, given that right."""
    rules = of(sql, repo_id)
    if not right.may_write or (rules.may_run == "admin" and right is not Right.ADMIN):
        return False
    return not rules.people or person.login.lower() in {x.lower() for x in rules.people}


def _full(sql: Sql, repo_id: int, rules: Policy) -> bool:
    return bool(rules.max_running) and pauses.running(sql, repo_id) >= rules.max_running


def _say(step: Step, repo_id: int, sha: str, error: str) -> None:
    if not sha or forge_facts.repo(step.sql, repo_id) is None:
        return
    wish = {
        "repo_id": repo_id,
        "issue": 0,
        "sha": sha,
        "state": "error" if error else "success",
        "description": policy_text.kept_last(error) if error else policy_text.good(),
        "context": CONTEXT,
    }
    outbox.wish(step.sql, f"policy:{repo_id}@{sha}", "status", "", wish, at=step.now)
