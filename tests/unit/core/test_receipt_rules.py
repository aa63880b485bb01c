"""Each rule kept, violated and not known yet; and what they come to together."""

import dataclasses
from typing import Any, Final

import pytest

from bot.core.receipt_facts import ArtifactFacts, CheckFacts, Claims, Facts, LogFacts, PullFacts, WorkFacts
from bot.core.receipt_rules import RULES, Result, Verdict, check, contradiction, result

HEAD, BASE, OTHER = "a" * 40, "b" * 40, "c" * 40
SHA: Final = "d" * 64

WORK: Final = WorkFacts(BASE, HEAD, (HEAD,), True, 1, 1, 0, SHA, 1, (), False)
PULL: Final = PullFacts(34, "u", True, False, True, "fleet/12", HEAD, "main", "fleet-bot", True, True)
GREEN: Final = CheckFacts("wait", ("ci/*",), {"ci/test": "success"})
FACTS: Final = Facts(
    task_id="t_1",
    repo="ann/demo",
    issue=12,
    fence=2,
    newest_fence=2,
    cancelled=False,
    branch="fleet/12",
    outcome="done",
    took_secs=60,
    timeout_secs=600,
    work=WORK,
    branch_tip=HEAD,
    pull_number=34,
    pull=PULL,
    pull_looked_for=True,
    checks=GREEN,
    artifacts=(ArtifactFacts("report.html", 5, SHA),),
    max_artifact_bytes=100,
    log=LogFacts(SHA, 10, 10),
)
HONEST: Final = {
    "task": {"id": "t_1", "repo": "ann/demo", "issue": 12, "fence": 2},
    "process": {"exit_code": 0, "signal": None},
    "git": {"base_sha": BASE, "head_sha": HEAD, "branch": "fleet/12", "commits": 1},
    "pull_request": {"number": 34, "state": "open", "head_sha": HEAD, "base": "main", "author": "fleet-bot"},
    "checks": [{"context": "ci/test", "state": "success"}, {"context": "elsewhere", "state": "failure"}],
    "artifacts": [{"name": "report.html", "bytes": 5, "sha256": SHA}, {"type": "pr", "url": "http://169.254.169.254/"}],
    "logs": {"transcript": {"sha256": SHA, "bytes": 10}},
    "claims": {"status": "done", "summary": "I did."},
}


def facts(**changes: Any) -> Facts:
    """``work``, ``pull`` and ``checks`` may be given as what changes in them."""
    for name, whole in (("work", WORK), ("pull", PULL), ("checks", GREEN)):
        if isinstance(changes.get(name), dict):
            changes[name] = dataclasses.replace(whole, **changes[name])
    return dataclasses.replace(FACTS, **changes)


def seen(rule: str, said: dict[str, Any], known: Facts) -> tuple[str, bool, str]:
    found = {c.rule: c for c in check(Claims(said), known)}[rule]
    return found.verdict.value, found.contradicted, found.observed


@pytest.mark.parametrize("said", [HONEST, {}], ids=["an honest receipt", "no claims at all"])
def test_what_holds_passes_every_rule(said: dict[str, Any]) -> None:
    found = check(Claims(said), FACTS)
    assert [c.rule for c in found] == [f"r{n}" for n in range(1, 13)] == [rule.id for rule in RULES]
    assert {c.verdict for c in found} == {Verdict.PASS}, [c for c in found if c.verdict != "pass"]
    assert result([(c.rule, c.verdict) for c in found], over=False) is Result.VERIFIED


#: rule, what the receipt says otherwise, a part of what was observed.
CONTRADICTIONS: Final = [
    ("r1", {"task": {"fence": 1}}, "fence 1, it is 2"),
    ("r1", {"task": {"id": "t_2"}}, "id t_2, it is t_1"),
    ("r2", {"process": {"exit_code": 3}}, "exit code 3"),
    ("r2", {"process": {"exit_code": 0, "signal": 9}}, "signal 9"),
    ("r2", {"claims": {"status": "failed"}}, "'failed'"),
    ("r3", {"git": {"head_sha": OTHER}}, "names commit cccccccccccc"),
    ("r3", {"git": {"branch": "main"}}, "names branch main, the task's is fleet/12"),
    ("r4", {"git": {"base_sha": OTHER}}, "starts from cccccccccccc, bbbbbbbbbbbb was handed out"),
    ("r4", {"git": {"commits": [HEAD, OTHER]}}, "lists 2 commits, 1 were handed in"),
    ("r5", {"pull_request": {"number": 7}}, "is 34, not 7"),
    ("r5", {"pull_request": {"number": 34, "head_sha": OTHER}}, f"head_sha of #34 is {HEAD}"),
    ("r5", {"pull_request": {"number": 34, "state": "merged"}}, "state of #34 is open, not merged"),
    ("r7", {"artifacts": [{"name": "report.html", "sha256": "e" * 64}]}, "digest dddddddddddd, the receipt says eeee"),
    ("r7", {"artifacts": [{"name": "report.html", "sha256": SHA, "bytes": 6}]}, "has 5 bytes, the receipt says 6"),
    ("r8", {"checks": [{"context": "ci/test", "state": "failure"}]}, "ci/test is failure, the forge says success"),
    ("r9", {"logs": {"transcript": {"sha256": "e" * 64, "bytes": 10}}}, "digest dddddddddddd, the receipt says eeee"),
    ("r9", {"logs": {"transcript": {"sha256": "e" * 64, "bytes": 4}}}, "has 10 bytes, the receipt says 4"),
]


@pytest.mark.parametrize(("rule", "said", "observed"), CONTRADICTIONS)
def test_a_receipt_that_says_otherwise_is_named_with_what_was_observed(
    rule: str, said: dict[str, Any], observed: str
) -> None:
    verdict, contradicted, words = seen(rule, HONEST | said, FACTS)
    assert (verdict, contradicted) == ("fail", True)
    assert observed in words
    wrong = contradiction(check(Claims(HONEST | said), FACTS))
    assert wrong is not None
    assert wrong.rule == rule


def test_nothing_to_change_is_held_against_what_is_known_all_the_same() -> None:
    nothing = facts(outcome="no_change", work={"nothing": True, "commits": ()}, branch_tip=None)
    assert {c.verdict for c in check(Claims({}), nothing)} == {Verdict.PASS}
    alone = facts(outcome="no_change", work={"nothing": True, "commits": ()}, branch_tip=None, pull=None, checks=None)
    assert {c.verdict for c in check(Claims({}), alone)} == {Verdict.PASS}
    for rule, said in (
        ("r5", {"pull_request": {"number": 34, "state": "merged"}}),
        ("r8", {"checks": [{"context": "ci/test", "state": "failure"}]}),
        ("r3", {"git": {"branch": "main"}}),
    ):
        assert seen(rule, said, nothing)[:2] == ("fail", True), rule
    changed = facts(outcome="no_change")
    assert seen("r4", {}, changed)[:2] == ("fail", True)


def test_the_branch_of_a_fork_is_not_taken_for_one_of_ours() -> None:
    for tip in ("", HEAD, None):
        verdict, _, words = seen("r3", {}, facts(pull={"same_repository": False}, branch_tip=tip))
        assert (verdict, words) == ("unknown", "the branch lies in a fork, which is not read")


#: rule, what is otherwise, a part of what was observed: nothing the agent said wrong.
FAILURES: Final = [
    ("r1", facts(newest_fence=3), "attempt 2 is over, 3 has begun"),
    ("r1", facts(cancelled=True), "cancelled"),
    ("r3", facts(branch_tip=OTHER), "fleet/12 is at cccccccccccc, the result is aaaaaaaaaaaa"),
    ("r3", facts(branch_tip=""), "no branch fleet/12"),
    ("r4", facts(work={"descends": False}), "does not build on"),
    ("r4", facts(work={"commits": ()}), "no commit on top"),
    ("r5", facts(pull={"is_open": False}), "#34 is closed and was not merged"),
    ("r5", facts(pull={"same_repository": False}), "comes from a fork"),
    ("r5", facts(pull={"head_sha": OTHER}), f"the head of #34 is {OTHER}"),
    ("r5", facts(pull={"author_allowed": False, "author": "zoe"}), "opened by zoe"),
    ("r5", facts(pull={"names_issue": False}), "does not name issue #12"),
    ("r6", facts(work={"protected": (".forgejo/workflows/x.yml",)}), ".forgejo/workflows/x.yml"),
    ("r7", facts(max_artifact_bytes=4), "has 5 bytes, 4 are allowed"),
    ("r8", facts(checks={"states": {"ci/test": "failure"}}), "not successful: ci/test"),
    ("r8", facts(checks={"states": {"ci/test": "warning"}}), "not successful: ci/test"),
    ("r8", facts(checks={"mode": "require", "required": (), "states": {"lint": "error"}}), "not successful: lint"),
    ("r10", facts(took_secs=601), "took 601 s, 600 s are allowed"),
    ("r11", facts(work={"leaks": True}), "the changes hold a secret"),
]


@pytest.mark.parametrize(("rule", "known", "observed"), FAILURES)
def test_a_fact_that_does_not_hold_fails_without_calling_the_agent_a_liar(
    rule: str, known: Facts, observed: str
) -> None:
    verdict, contradicted, words = seen(rule, {}, known)
    assert (verdict, contradicted) == ("fail", False)
    assert observed in words


def test_a_secret_in_the_receipt_and_a_name_used_twice_are_refused() -> None:
    assert seen("r11", {}, facts(text_leaks=True))[:2] == ("fail", True)
    assert seen("r12", {}, facts(repeated="mine")) == (
        "fail",
        True,
        "a receipt called mine came before with other content",
    )


#: rule, what is not known yet.
UNKNOWN: Final = [
    ("r3", facts(branch_tip=None)),
    ("r4", facts(work=None)),
    ("r4", facts(work={"commits": None})),
    ("r5", facts(pull=None, pull_looked_for=False)),
    ("r6", facts(work=None)),
    ("r8", facts(checks=None)),
    ("r8", facts(checks={"states": {}})),
    ("r8", facts(checks={"states": {"ci/test": "pending"}})),
    ("r8", facts(checks={"mode": "require", "required": (), "states": {}})),
    ("r8", facts(checks={"required": None, "states": {"x": "pending"}})),
    ("r9", facts(log=LogFacts("e" * 64, 8, 10))),
    ("r9", facts(log=LogFacts("e" * 64, 8, 8))),
    ("r11", facts(work=None)),
]


@pytest.mark.parametrize(("rule", "known"), UNKNOWN)
def test_what_is_not_known_yet_contradicts_nothing(rule: str, known: Facts) -> None:
    assert seen(rule, HONEST, known)[0] == "unknown"
    assert contradiction(check(Claims(HONEST), known)) is None


@pytest.mark.parametrize(
    ("known", "observed"),
    [
        (facts(checks={"mode": "ignore", "states": {"ci/test": "failure"}}), "does not ask for CI"),
        (facts(checks={"required": (), "states": {"elsewhere": "failure"}}), "requires no context"),
        (facts(checks={"required": None, "states": {"x": "success"}}), "success: x"),
    ],
)
def test_ci_counts_as_far_as_it_is_asked_for(known: Facts, observed: str) -> None:
    verdict, _, words = seen("r8", {}, known)
    assert verdict == "pass"
    assert observed in words


def test_a_merged_branch_may_be_gone() -> None:
    merged = facts(branch_tip="", pull={"is_open": False, "merged": True})
    assert seen("r3", {}, merged)[0] == "pass"
    assert seen("r5", {}, merged)[0] == "pass"


def test_an_artifact_that_was_named_but_never_came_is_not_known() -> None:
    said = {"artifacts": [{"name": "other.txt", "sha256": SHA}]}
    assert seen("r7", said, FACTS) == ("unknown", False, "artifact other.txt was not uploaded")


def test_nothing_to_change_and_yet_commits_is_a_contradiction() -> None:
    assert seen("r4", {}, facts(outcome="no_change"))[:2] == ("fail", True)
    nothing = facts(outcome="no_change", work=WorkFacts(BASE, BASE, nothing=True))
    assert seen("r4", {}, nothing)[0] == "pass"


@pytest.mark.parametrize(
    "said",
    [
        {"task": 7, "process": [], "git": None, "checks": {}, "artifacts": "x", "logs": {"transcript": []}},
        {"process": {"exit_code": "3"}, "git": {"commits": True, "head_sha": 4}, "pull_request": {"number": True}},
        {"task": {"fence": True, "issue": "12"}, "artifacts": [None, 3, {"name": 4}], "checks": [{"context": []}]},
    ],
)
def test_claims_of_another_shape_claim_nothing(said: dict[str, Any]) -> None:
    assert {c.verdict for c in check(Claims(said), FACTS)} == {Verdict.PASS}


def test_a_repository_renamed_meanwhile_makes_nobody_a_liar() -> None:
    assert seen("r1", {"task": {"repo": "ann/before"}}, FACTS)[0] == "pass"


def test_what_the_rules_come_to() -> None:
    everything = [(f"r{n}", "pass") for n in range(1, 13)]
    assert result(everything, over=False) is Result.VERIFIED
    assert result([*everything, ("r8", "unknown")], over=False) is Result.PENDING
    assert result([*everything, ("r8", "unknown")], over=True) is Result.UNVERIFIED
    assert result([*everything, ("r3", "fail"), ("r8", "unknown")], over=False) is Result.UNVERIFIED
    assert result([*everything, ("r3", "fail"), ("r6", "fail")], over=False) is Result.TAINTED
