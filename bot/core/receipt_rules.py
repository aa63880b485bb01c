"""The rules of a receipt: each compares what an agent says, and what must hold, with what is known.

One table, ``RULES``. The same rules run when an attempt completes (what is not known yet contradicts nothing) and
again when branch, pull request and CI have been looked at.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final

from bot.core import receipt_text as text
from bot.core.receipt_facts import Claims, Facts, PullFacts


class Verdict(StrEnum):
    """What a rule found. UNKNOWN: what it compares is not known (yet)."""

    PASS = "pass"  # noqa: S105 - not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Result(StrEnum):
    """What all rules come to. TAINTED: what was published should not have been (r6, r11)."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    TAINTED = "tainted"
    PENDING = "pending"


@dataclass(frozen=True)
class Seen:
    """A rule's answer; ``observed`` are the values it saw, in words. ``contradicted``: it fails by what was said."""

    verdict: Verdict
    observed: str
    contradicted: bool = False


@dataclass(frozen=True)
class Check:
    """A rule with its answer."""

    rule: str
    name: str
    verdict: Verdict
    observed: str
    contradicted: bool = False

    def as_json(self) -> dict[str, Any]:
        ok = {Verdict.PASS: True, Verdict.FAIL: False}.get(self.verdict)
        return {
            "rule": self.rule,
            "name": self.name,
            "ok": ok,
            "verdict": self.verdict.value,
            "observed": self.observed,
        }


@dataclass(frozen=True)
class Rule:
    """``id`` and ``name`` are stable; ``compares`` says what with what."""

    id: str
    name: str
    compares: str
    look: Callable[[Claims, Facts], Seen]


def check(claims: Claims, facts: Facts) -> tuple[Check, ...]:
    """Every rule, in order."""
    return tuple(
        Check(r.id, r.name, seen.verdict, seen.observed, seen.contradicted)
        for r in RULES
        for seen in [r.look(claims, facts)]
    )


def result(verdicts: Iterable[tuple[str, str]], *, over: bool) -> Result:
    """What (rule, verdict) pairs come to. ``over``: nothing more is waited for, unknown is not verified."""
    found = list(verdicts)
    failed = {rule for rule, verdict in found if verdict == Verdict.FAIL}
    if failed & {"r6", "r11"}:
        return Result.TAINTED
    if failed:
        return Result.UNVERIFIED
    if any(verdict != Verdict.PASS for _, verdict in found):
        return Result.UNVERIFIED if over else Result.PENDING
    return Result.VERIFIED


def contradiction(checks: Sequence[Check]) -> Check | None:
    """The first rule that the receipt itself breaks: not one that fails by what others did meanwhile."""
    return next((c for c in checks if c.contradicted), None)


def _pass(observed: str) -> Seen:
    return Seen(Verdict.PASS, observed)


def _fail(observed: str) -> Seen:
    return Seen(Verdict.FAIL, observed)


def _said(observed: str) -> Seen:
    """Fails because the receipt says something else than what is known."""
    return Seen(Verdict.FAIL, observed, contradicted=True)


def _unknown(observed: str) -> Seen:
    return Seen(Verdict.UNKNOWN, observed)


def _current(claims: Claims, facts: Facts) -> Seen:
    # Not the repository's name: it may have been renamed since the agent was told.
    known = {"id": facts.task_id, "issue": facts.issue, "fence": facts.fence}
    for name, value in known.items():
        said = claims.table("task").get(name)
        if isinstance(said, type(value)) and not isinstance(said, bool) and said != value:
            return _said(text.task_differs(name, said, value))
    if facts.cancelled:
        return _fail(text.was_cancelled())
    if facts.fence != facts.newest_fence:
        return _fail(text.fence_over(facts.fence, facts.newest_fence))
    return _pass(text.fence_current(facts.fence))


def _ended_well(claims: Claims, facts: Facts) -> Seen:
    said = claims.number("process", "exit_code")
    code = facts.exit_code if facts.exit_code is not None else said
    if facts.outcome == "no_change":
        return _pass(text.ended_without_change())
    if facts.outcome != "done":
        return _unknown(text.ended_unknown())
    if code:
        return _said(text.ended_badly(code))
    signal = claims.table("process").get("signal")
    if signal and isinstance(signal, int | str):
        return _said(text.signal_ended(signal))
    status = claims.text("claims", "status")
    if status in ("failed", "question"):
        return _said(text.not_done(status))
    return _pass(text.ended_well(code, facts.exit_code is not None))


def _tip(claims: Claims, facts: Facts) -> Seen:
    branch, head = claims.text("git", "branch"), claims.text("git", "head_sha")
    if branch and branch != facts.branch:
        return _said(text.branch_differs(branch, facts.branch))
    if facts.work is not None and head and facts.work.head_sha and head != facts.work.head_sha:
        return _said(text.head_differs(head, facts.work.head_sha))
    if facts.nothing_published:
        return _pass(text.nothing_published())
    if facts.pull is not None and not facts.pull.same_repository:
        return _unknown(text.branch_in_a_fork())
    if facts.branch_tip is None or facts.work is None:
        return _unknown(text.not_looked("the branch"))
    wanted, pull = facts.work.head_sha, facts.pull
    if facts.branch_tip == wanted:
        return _pass(text.tip_is(facts.branch, wanted))
    if pull is not None and pull.merged and not facts.branch_tip and pull.head_sha == wanted:
        return _pass(text.branch_gone_merged(facts.branch, wanted))
    if not facts.branch_tip:
        return _fail(text.no_branch(facts.branch))
    return _fail(text.tip_moved(facts.branch, facts.branch_tip, wanted))


def _descends(claims: Claims, facts: Facts) -> Seen:
    work = facts.work
    if work is None:
        return _unknown(text.history_unknown())
    ahead = len(work.commits or ())
    if facts.outcome == "no_change":
        return _pass(text.nothing_handed_in(work.base_sha)) if work.nothing else _said(text.changed_after_all(ahead))
    base, commits = claims.text("git", "base_sha"), claims.table("git").get("commits")
    if base and work.base_sha and base != work.base_sha:
        return _said(text.base_differs(base, work.base_sha))
    if work.commits is None or work.descends is None:
        return _unknown(text.history_unknown())
    count = len(commits) if isinstance(commits, list) else commits
    if isinstance(count, int) and not isinstance(count, bool) and count != ahead:
        return _said(text.commits_differ(count, ahead))
    if not work.descends:
        return _fail(text.no_descent(work.head_sha, work.base_sha))
    return (
        _pass(text.descends(work.head_sha, ahead, work.base_sha)) if ahead else _fail(text.nothing_ahead(work.base_sha))
    )


def _pull(claims: Claims, facts: Facts) -> Seen:
    said, pull = claims.table("pull_request"), facts.pull
    number = claims.number("pull_request", "number")
    if facts.pull_number and number and number != facts.pull_number:
        return _said(text.pull_differs(number, "the number", number, facts.pull_number))
    if facts.nothing_published and not number:
        return _pass(text.nothing_published())
    if pull is None:
        asked = facts.pull_number or number or 0
        return _said(text.no_pull(asked)) if facts.pull_looked_for else _unknown(text.not_looked("the pull request"))
    found = {"head_sha": pull.head_sha, "base": pull.base_branch, "author": pull.author, "state": pull.state}
    for name, value in found.items():
        if isinstance(said.get(name), str) and said[name] and said[name] != value:
            return _said(text.pull_differs(pull.number, name, said[name], value))
    if wrong := _wrong_with(pull, facts):
        return _said(wrong) if number else _fail(wrong)
    return _pass(text.pull_fits(pull.number, pull.state, text.short(pull.head_sha)))


def _wrong_with(pull: PullFacts, facts: Facts) -> str:
    if not (pull.is_open or pull.merged):
        return text.pull_closed(pull.number)
    if not pull.same_repository:
        return text.pull_elsewhere(pull.number)
    head = facts.published_sha
    if head and pull.head_sha != head:
        return text.pull_differs(pull.number, "the head", head, pull.head_sha)
    if not pull.author_allowed:
        return text.pull_author(pull.number, pull.author)
    return "" if pull.names_issue else text.pull_not_about(pull.number, facts.issue)


def _paths(_claims: Claims, facts: Facts) -> Seen:
    work = facts.work
    if work is not None and work.nothing:
        return _pass(text.paths_fine(0))
    if work is None or work.protected is None:
        return _unknown(text.paths_unknown())
    return _fail(text.paths_protected(work.protected)) if work.protected else _pass(text.paths_fine(work.changed or 0))


def _artifacts(claims: Claims, facts: Facts) -> Seen:
    stored = {a.name: a for a in facts.artifacts}
    for artifact in facts.artifacts:
        if facts.max_artifact_bytes and artifact.size > facts.max_artifact_bytes:
            return _fail(text.artifact_too_large(artifact.name, artifact.size, facts.max_artifact_bytes))
    missing = ""
    for said in claims.rows("artifacts"):
        name, sha, size = str(said.get("name") or ""), said.get("sha256"), said.get("bytes")
        if not (name and isinstance(sha, str) and sha):
            continue  # an address or a word: a claim, kept as one
        if name not in stored:
            missing = name
        elif sha.lower() != stored[name].sha256:
            return _said(text.artifact_differs(name, sha, stored[name].sha256))
        elif isinstance(size, int) and not isinstance(size, bool) and size != stored[name].size:
            return _said(text.artifact_size(name, size, stored[name].size))
    return _unknown(text.artifact_missing(missing)) if missing else _pass(text.artifacts_fine(len(stored)))


def _ci(claims: Claims, facts: Facts) -> Seen:
    ci = facts.checks
    if ci is None and facts.nothing_published:
        return _pass(text.nothing_published())
    if ci is None:
        return _unknown(text.not_looked("the commit"))
    for said in claims.rows("checks"):
        context, state = said.get("context"), said.get("state")
        if not (isinstance(context, str) and isinstance(state, str)):
            continue
        if ci.states.get(context, "pending") not in ("pending", state):  # what runs (again) may still agree
            return _said(text.check_differs(context, state, ci.states[context]))
    if facts.nothing_published:
        return _pass(text.nothing_published())
    if ci.mode == "ignore":
        return _pass(text.checks_ignored())
    wanted = tuple(ci.states) if ci.mode == "require" or ci.required is None else ()
    red, awaited = set[str](), set[str]()
    for glob in (*(ci.required or ()), *wanted):
        matching = {c: s for c, s in ci.states.items() if c == glob or fnmatchcase(c, glob)}
        red |= {c for c, s in matching.items() if s not in ("success", "pending")}
        awaited |= {c for c, s in matching.items() if s == "pending"} or (set() if matching else {glob})
    if red:
        return _fail(text.checks_red(sorted(red)))
    if awaited or (ci.mode == "require" and not ci.states):
        return _unknown(text.checks_awaited(sorted(awaited)))
    return _pass(text.checks_green(sorted({*(ci.required or ()), *wanted})))


def _log(claims: Claims, facts: Facts) -> Seen:
    if facts.log is None:
        return _unknown(text.not_looked("the transcript"))
    sha, size = claims.transcript.get("sha256"), claims.transcript.get("bytes")
    if not (isinstance(sha, str) and sha) or sha.lower() == facts.log.sha256:
        return _pass(text.log_matches(facts.log.sha256, facts.log.size))
    claimed = size if isinstance(size, int) and not isinstance(size, bool) else facts.log.sent
    if facts.log.sent > claimed:
        return _said(text.log_shorter(facts.log.sent, claimed))
    if facts.log.size < facts.log.sent or facts.log.sent < claimed:
        return _unknown(text.log_incomplete(facts.log.size, claimed))
    return _said(text.log_differs(sha, facts.log.sha256))


def _in_time(_claims: Claims, facts: Facts) -> Seen:
    if facts.took_secs > facts.timeout_secs:
        return _fail(text.over_time(facts.took_secs, facts.timeout_secs))
    if facts.over_budget:
        return _fail(facts.over_budget)
    return _pass(text.in_time(facts.took_secs, facts.timeout_secs))


def _secrets(_claims: Claims, facts: Facts) -> Seen:
    if facts.text_leaks:
        return _said(text.secret_in_text())
    work = facts.work
    if work is not None and work.leaks:
        return _fail(text.secret_in_changes())
    if work is None or (work.leaks is None and not work.nothing):
        return _unknown(text.changes_unread())
    return _pass(text.no_secret())


def _once(_claims: Claims, facts: Facts) -> Seen:
    return _said(text.said_otherwise(facts.repeated)) if facts.repeated else _pass(text.said_once())


RULES: Final = (
    Rule("r1", "current", "the attempt and the task named with the task's newest attempt and its state", _current),
    Rule("r2", "ended_well", "exit code, signal and status with an outcome of done", _ended_well),
    Rule("r3", "branch_tip", "the result's last commit with the branch on the forge", _tip),
    Rule("r4", "descends", "the commits with what was handed out: on top of it, one at least", _descends),
    Rule("r5", "pull_request", "the pull request's state, repository, head, author and text with the task", _pull),
    Rule("r6", "paths", "the changed files with the protected paths", _paths),
    Rule("r7", "artifacts", "size and recomputed digest of what was uploaded with what is named", _artifacts),
    Rule("r8", "checks", "commit statuses at the head with those that are required, ours left out", _ci),
    Rule("r9", "log", "the digest named with the transcript that is stored", _log),
    Rule("r10", "in_time", "the time it took with the time limit, what it used with the budget", _in_time),
    Rule("r11", "secrets", "changes and receipt with the secrets of the configuration", _secrets),
    Rule("r12", "once", "this completion or receipt id with an earlier one", _once),
)
