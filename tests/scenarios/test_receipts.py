"""What an agent says, what is found, and the receipt that anyone can check."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from bot import signing
from bot.cli import cli
from bot.core import receipts
from bot.service import receipt_key
from bot.standin.git import environment
from bot.store import outbox, signed_receipts
from tests.world import World
from tests.world.agents import PullAgent
from tests.world.issues import IssueView
from tests.world.world import world as build

CONTEXT: Final = "agent-fleet/receipt"


def verify(*arguments: str | Path) -> tuple[int, str]:
    """The command as a stranger runs it: no configuration, no database, no network."""
    done = CliRunner().invoke(cli, ["receipts", "verify", *map(str, arguments)], prog_name="agent-fleet")
    return done.exit_code, done.output


def public_key(world: World) -> str:
    [key] = [k for k in world.fleet.read(signed_receipts.keys) if not k.retired_at]
    return signing.public_pem(key.public)


def working(world: World) -> tuple[IssueView, PullAgent]:
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    agent = world.agents[0] if world.agents else world.pull_agent("gpu-1", ["python"])
    agent.claims(issue).starts()
    return issue, agent


def finished(world: World, text: str = "fixed") -> IssueView:
    issue, agent = working(world)
    agent.finishes({"login.py": text})
    issue.tells("done in")
    return issue


def completes(agent: PullAgent, outcome: str = "done", **receipt: Any) -> Any:
    agent.completes(outcome, "It is done.", **receipt)
    return agent.answer.json()


def rule_of(receipt: dict[str, Any], rule: str) -> dict[str, Any]:
    return next(dict(c) for c in receipt["verdict"]["checks"] if c["rule"] == rule)


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[World]:
    """A repository whose protection asks for CI."""
    with build(tmp_path) as made:
        made.repo.protect("main", contexts=["ci/*", "agent-fleet*"])
        yield made


# --- the whole way ------------------------------------------------------------------------------------------


def test_a_receipt_is_verified_from_a_fresh_clone_by_somebody_who_has_the_public_key_only(
    world: World, tmp_path: Path
) -> None:
    issue = finished(world)
    clone = tmp_path / "clone"
    for command in (
        ["git", "clone", "-q", f"{world.forge.url}/ann/demo.git", str(clone)],
        ["git", "-C", str(clone), "fetch", "-q", "origin", "refs/notes/agent-fleet:refs/notes/agent-fleet"],
    ):
        subprocess.run(command, check=True, env=environment(), capture_output=True)
    show = ["git", "-C", str(clone), "notes", "--ref=agent-fleet", "show", issue.pull().head_sha]
    note = subprocess.run(show, check=True, env=environment(), capture_output=True).stdout
    (tmp_path / "note.json").write_bytes(note)
    (tmp_path / "key.pem").write_text(public_key(world))

    code, said = verify(tmp_path / "note.json", "--pubkey", tmp_path / "key.pem", "--complete")

    assert (code, said.splitlines()[0]) == (
        0,
        f"{tmp_path}/note.json: receipt 1 of ann/demo (1), signed and unchanged; verdict verified.",
    )
    assert "r3   pass     branch_tip: fleet/1-fix-the-login is at" in said
    assert said.endswith("the chain is whole from receipt 1 to 1.\n")


def test_it_is_published_once_in_three_places_that_say_the_same(world: World) -> None:
    issue = finished(world)
    [receipt] = issue.receipts()
    assert issue.receipt_statuses() == [("success", f"{receipts.digest(receipt)[:16]} verified")]
    assert json.loads(issue.note()) == receipt
    assert [c["verdict"] for c in receipt["verdict"]["checks"]] == ["pass"] * 12
    for target in world.fleet.store.read(lambda sql: [r[0] for r in sql.all("SELECT target FROM outbox")]):
        if target.startswith(("note:", "attachment:", "receipt:")):  # as after a lost answer
            world.fleet.store.write(lambda sql, t=target: outbox.forget_sent(sql, t))  # type: ignore[misc]
    world.settles()
    assert issue.receipts() == [receipt]
    assert len(issue.note().splitlines()) == 1


def test_claims_facts_and_verdict_are_kept_apart(world: World) -> None:
    issue, agent = working(world)
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    said: dict[str, Any] = {"usage": [{"cost_usd": 0.42}], "claims": {"summary": "Fixed."}, "process": {"exit_code": 0}}
    answer = completes(agent, **said)
    assert (answer["verdict"], {c["rule"]: c["verdict"] for c in answer["checks"]}["r5"]) == ("pending", "unknown")
    issue.tells("done in")
    [receipt] = issue.receipts()
    assert receipt["claims"]["said"] == {**said, "usage": [{"cost_usd": "0.42"}]}
    assert receipt["process"]["exit_code"] is None  # we did not see it
    assert receipt["git"]["head_sha"] == issue.pull().head_sha
    assert receipt["pull_request"]["author"] == "fleet-bot"
    agent.drops()


def test_nothing_to_change_is_signed_too(world: World, tmp_path: Path) -> None:
    issue, agent = working(world)
    printed = "\x1b[32mok\x1b[0m \x07nothing\r\n"
    agent.prints(printed)
    log = {"transcript": {"sha256": hashlib.sha256(printed.encode()).hexdigest(), "bytes": len(printed)}}
    assert completes(agent, "no_change", logs=log)["verdict"] == "pending"
    issue.tells("nothing to change")
    [receipt] = issue.receipts()
    assert [c["verdict"] for c in receipt["verdict"]["checks"]] == ["pass"] * 12
    assert rule_of(receipt, "r9")["observed"].startswith(f"{len(printed)} bytes stored")
    assert (receipt["pull_request"], receipt["process"]["outcome"]) == (None, "no_change")
    assert receipt["claims"]["said"] == {"logs": log}
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    assert verify(tmp_path / "receipt.json", "--pubkey", public_key(world), "--complete")[0] == 0
    agent.drops()


# --- contradictions -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "receipt"),
    [
        ("r1", {"task": {"issue": 99}}),
        ("r2", {"process": {"exit_code": 1}}),
        ("r3", {"git": {"head_sha": "c" * 40}}),
        ("r4", {"git": {"base_sha": "c" * 40}}),
        ("r5", {"pull_request": {"number": 77}}),
        ("r7", {"artifacts": [{"name": "report.txt", "sha256": "c" * 64}]}),
        ("r9", {"logs": {"transcript": {"sha256": "c" * 64, "bytes": 0}}}),
        ("r11", {"claims": {"summary": "I used enrolment-token-of-the-world."}}),
    ],
)
def test_a_completion_that_contradicts_is_refused_by_rule_and_observation_and_changes_nothing(
    world: World, rule: str, receipt: dict[str, Any]
) -> None:
    issue, agent = working(world)
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    assert agent.attaches("report.txt", b"all green").status_code == 200
    answer = completes(agent, **receipt)
    assert (agent.answer.status_code, answer["kind"]) == (422, "rejected_receipt")
    assert answer["detail"].startswith(f"{rule}: ")
    issue.shows(label="fleet/running", pull_request=0)
    assert completes(agent)["state"] == "review"  # with a receipt that fits
    issue.tells("done in")
    assert issue.receipts()[0]["verdict"]["result"] == "verified"
    agent.drops()


def test_a_late_receipt_that_contradicts_the_forge_is_refused(world: World) -> None:
    issue, agent = working(world)
    agent.finishes({"login.py": "fixed"})
    issue.tells("done in")
    task = world.fleet.read(lambda sql: signed_receipts.of_repo(sql, world.repo.id))[0].task_id
    world.repo.set_status(world.bot, issue.pull().head_sha, "failure", "ci/test", "", "")
    wrong: dict[str, dict[str, Any]] = {
        "r5": {"pull_request": {"number": issue.pull().number, "state": "merged"}},
        "r8": {"checks": [{"context": "ci/test", "state": "success"}]},
        "r3": {"git": {"head_sha": "c" * 40}},
    }
    for rule, receipt in wrong.items():
        answer = agent.says_late(task, receipt)
        assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (422, rule), answer.text
    right = {"receipt_id": "mine", "checks": [{"context": "ci/test", "state": "failure"}]}
    assert agent.says_late(task, right).status_code == 201
    assert agent.says_late(task, right).json()["receipt_id"] == agent.says_late(task, right).json()["receipt_id"]
    other = agent.says_late(task, right | {"claims": {"summary": "or not"}})
    assert (other.status_code, other.json()["detail"].partition(":")[0]) == (409, "r12")


# --- what has to be waited for ------------------------------------------------------------------------------


def test_ci_is_waited_for_and_then_decides(waiting: World) -> None:
    issue = finished(waiting)
    assert issue.receipts() == []
    assert issue.receipt_statuses() == [("pending", "The receipt waits: still waited for: ci/*")]
    waiting.repo.set_status(waiting.owner.person, issue.pull().head_sha, "pending", "ci/test", "", "")
    waiting.minutes_pass(3)
    assert issue.receipts() == []
    waiting.repo.set_status(waiting.owner.person, issue.pull().head_sha, "success", "ci/test", "", "")
    waiting.minutes_pass(2)
    [receipt] = issue.receipts()
    assert rule_of(receipt, "r8")["observed"] == "success: ci/*"
    assert receipt["checks"] == [{"context": "ci/test", "state": "success", "sha": issue.pull().head_sha}]
    assert issue.receipt_statuses()[-1] == ("success", f"{receipts.digest(receipt)[:16]} verified")


def test_the_gate_waits_for_the_receipt_and_not_the_receipt_for_the_gate(waiting: World) -> None:
    gate = "fleet-gate.yml / gate (pull_request_target)"
    waiting.repo.protect("main", contexts=[gate])
    issue = finished(waiting)
    waiting.repo.run_ends(waiting.owner.person, issue.pull().head_sha, gate, "failure", "No receipt yet.")
    waiting.repo.set_status(waiting.owner.person, issue.pull().head_sha, "success", "ci/test", "", "")
    waiting.minutes_pass(2)
    [receipt] = issue.receipts()
    assert (receipt["verdict"]["result"], rule_of(receipt, "r8")["observed"]) == ("verified", "success: ci/*")
    issue.shows(label="fleet/review")  # and its red status is no work for the agent


def test_red_ci_makes_it_unverified_at_once(waiting: World) -> None:
    issue = finished(waiting)
    waiting.repo.set_status(waiting.owner.person, issue.pull().head_sha, "failure", "ci/test", "", "")
    waiting.minutes_pass(2)
    [receipt] = issue.receipts()
    assert (receipt["verdict"]["result"], issue.receipt_statuses()[-1][0]) == ("unverified", "failure")
    assert rule_of(receipt, "r8")["observed"] == "not successful: ci/test"


def test_ci_that_never_answers_is_not_waited_for_for_ever(waiting: World) -> None:
    issue = finished(waiting)
    waiting.minutes_pass(62)
    [receipt] = issue.receipts()
    assert (receipt["verdict"]["result"], rule_of(receipt, "r8")["verdict"]) == ("unverified", "unknown")


def test_a_restart_while_it_waits_loses_nothing(waiting: World) -> None:
    issue = finished(waiting)
    waiting.restarts()
    waiting.repo.set_status(waiting.owner.person, issue.pull().head_sha, "success", "ci/test", "", "")
    waiting.minutes_pass(2)
    assert [r["verdict"]["result"] for r in issue.receipts()] == ["verified"]


def test_the_end_of_the_task_ends_the_waiting(waiting: World) -> None:
    issue = finished(waiting)
    waiting.owner.closes_pull(issue)
    waiting.settles()
    [receipt] = issue.receipts()
    assert receipt["verdict"]["result"] == "unverified"
    assert {c["rule"] for c in receipt["verdict"]["checks"] if c["verdict"] == "fail"} == {"r1", "r5"}


def test_a_person_who_pushes_on_top_meanwhile_is_seen(waiting: World) -> None:
    issue = finished(waiting)
    waiting.repo.commit(waiting.owner.person, issue.branches()[0], {"login.py": "mine"}, "Mine")
    waiting.minutes_pass(2)
    [receipt] = issue.receipts()
    assert receipt["verdict"]["result"] == "unverified"
    assert rule_of(receipt, "r3")["verdict"] == "fail"
    assert json.loads(waiting.repo.git.run("notes", "--ref=refs/notes/agent-fleet", "show", receipt["git"]["head_sha"]))


# --- chain, tampering, keys ---------------------------------------------------------------------------------


def test_receipts_of_a_repository_are_chained_and_a_missing_one_is_found_offline(world: World, tmp_path: Path) -> None:
    made = []
    for text in ("one", "two", "three"):
        issue = finished(world, text)
        made.append(tmp_path / f"{text}.json")
        made[-1].write_bytes(json.dumps(issue.receipts()[0], indent=2).encode())
        world.writer.merges(issue)
        issue.tells("was merged")
    (tmp_path / "key.pem").write_text(public_key(world))
    key = ("--pubkey", tmp_path / "key.pem")

    assert verify(*made, *key, "--complete")[0] == 0
    code, said = verify(made[0], made[2], *key)
    assert (code, "Receipt 2 of ann/demo (1) is missing" in said) == (4, True)
    assert verify(made[2], *key)[0] == 0
    assert verify(made[2], *key, "--complete")[0] == 4

    made[1].write_text(made[1].read_text().replace('"bob"', '"zoe"'))
    code, said = verify(*made, *key)
    assert (code, "was changed, or was not signed" in said) == (1, True)
    assert verify(made[0], "--pubkey", signing.public_pem(signing.make(tmp_path / "other").public))[0] == 1
    assert verify(made[0], "--pubkey", "nonsense")[0] == 2
    assert verify(tmp_path / "none.json", *key)[0] == 2
    made[1].write_text("{}")
    assert verify(made[1], *key)[0] == 1


def test_a_new_key_takes_over_and_readers_need_both(world: World, tmp_path: Path) -> None:
    first = finished(world)
    old = public_key(world)
    receipt_key.rotate(world.store, world.fleet.data_dir, world.clock())
    world.writer.merges(first)
    first.tells("was merged")
    second = finished(world, "again")
    files = []
    for n, issue in enumerate((first, second)):
        files.append(tmp_path / f"{n}.json")
        files[-1].write_text(json.dumps(issue.receipts()[0]))
    new = public_key(world)
    (tmp_path / "old.pem").write_text(old)
    (tmp_path / "new.pem").write_text(new)
    both = ("--pubkey", tmp_path / "old.pem", "--pubkey", tmp_path / "new.pem")
    assert verify(*files, *both, "--complete")[0] == 0
    assert verify(*files, "--pubkey", tmp_path / "new.pem")[0] == 1


def test_a_lost_key_makes_receipts_wait_and_nothing_else(world: World) -> None:
    first = finished(world)
    world.writer.merges(first)
    first.tells("was merged")
    receipt_key.path(world.fleet.data_dir).unlink()
    second = finished(world, "again")
    second.shows(label="fleet/review", status="success", pull_request=1)
    assert second.receipts() == []
    [(_, _, why)] = world.fleet.read(outbox.pending)
    assert "receipts rotate-key" in why
    receipt_key.rotate(world.store, world.fleet.data_dir, world.clock())
    world.minutes_pass(10)
    [receipt] = second.receipts()
    assert (receipt["number"], receipt["verdict"]["result"]) == (2, "verified")


# --- artifacts and agents with rights of their own ----------------------------------------------------------


def test_artifacts_are_measured_here_and_named_in_the_receipt(world: World) -> None:
    issue, agent = working(world)
    sha = hashlib.sha256(b"all green").hexdigest()
    assert agent.attaches("report.txt", b"all green").json()["sha256"] == sha
    assert agent.attaches("report.txt", b"all green", sha256=sha).status_code == 200
    assert agent.attaches("report.txt", b"all red").status_code == 409
    wrong = agent.attaches("other.txt", b"all red", sha256=sha)
    assert (wrong.status_code, wrong.json()["detail"].partition(":")[0]) == (422, "r7")
    assert agent.attaches(".hidden", b"x").status_code == 422
    assert agent.attaches("large.bin", b"x" * (20 * 1024 * 1024 + 1)).status_code == 413
    assert agent.sends({"login.py": "fixed"}).status_code == 200
    asked = len(world.forge.requests)
    named = {"name": "report.txt", "bytes": 9, "sha256": sha, "url": f"{world.forge.url}/never-fetched"}
    completes(agent, artifacts=[named])
    issue.tells("done in")
    [receipt] = issue.receipts()
    assert receipt["artifacts"] == [{"name": "report.txt", "bytes": 9, "sha256": sha}]
    assert not [r for r in world.forge.requests[asked:] if "never-fetched" in r.path]
    agent.drops()


def test_a_pull_request_of_the_agents_own_is_looked_at_like_any_other(world: World) -> None:
    issue, agent = working(world)
    robot = world.forge.person("robot")
    world.repo.grant(robot, "write")
    branch = f"task/{agent.task['task_id']}"
    world.repo.create_branch(robot, branch, "main")
    world.repo.commit(robot, branch, {".forgejo/workflows/x.yml": "on: push"}, "Mine")
    pull = world.repo.open_pull(robot, branch, "main", "Fix", f"Closes #{issue.number}")
    answer = completes(agent, artifacts=[{"type": "pr", "url": f"{world.forge.url}/ann/demo/pulls/{pull.number}"}])
    assert answer["verdict"] == "pending"
    issue.tells("done in")
    [receipt] = issue.receipts()
    assert receipt["verdict"]["result"] == "tainted"  # r6: such a change is nobody's but people's
    assert "was opened by robot, who is neither the bot nor" in rule_of(receipt, "r5")["observed"]
    task = receipt["task"]["id"]
    assert agent.says_late(task, {"git": {"branch": branch}}).status_code == 201
    assert agent.says_late(task, {"pull_request": {"number": 99}}).status_code == 422
    shown = [s.state for s in world.repo.statuses if s.context == CONTEXT]
    assert shown == ["error"]
    agent.drops()
