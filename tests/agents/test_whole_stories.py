"""Real CLIs in whole stories: started by the dispatcher on a host behind a real SSH server.

The host knows what an operator would set there: the CLI on PATH, its provider in files of the user's home or in
variables, and the key in a file that the host's entry names.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.settings.hosts import HostAgent, HostEntry
from bot.standin.git import environment
from bot.store import attempts, tasks
from bot.store.attempts import Attempt
from tests.agents.pointing import POINTINGS, Pointing
from tests.agents.stub_model import KEY, Play, StubModel
from tests.agents.test_real_clis import THOROUGH, at_home_in, there
from tests.hosts.machines import SSHD, USER, Sshd, key_pair, need
from tests.scenarios.test_hosts import ran_on, the_log
from tests.scenarios.test_receipts import public_key
from tests.world import World
from tests.world.issues import IssueView
from tests.world.world import world as build

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.real, pytest.mark.agents, pytest.mark.timeout(600)]


@contextmanager
def host_with(name: str, path: Path, pointing: Pointing) -> Iterator[HostEntry]:
    """A machine with one CLI, set up by hand."""
    need("sshd", SSHD, "install openssh-server")
    folders = [*map(str, there(name)), os.environ["PATH"]]
    secrets = {key: value for key, value in pointing.env.items() if value == KEY}
    plain = {key: value for key, value in pointing.env.items() if key not in secrets}
    key = key_pair(path / "key")
    sshd = Sshd(path / "sshd", key, env={"PATH": os.pathsep.join(folders), **plain})
    for relative, content in pointing.files.items():
        file = sshd.path / "home" / relative
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    env_files = {}
    for variable, value in secrets.items():
        env_files[variable] = str(path / variable)
        (path / variable).write_text(value + "\n")
    agent = HostAgent(
        agent_type=name, capabilities=["python"], model=pointing.model, env=list(plain), env_files=env_files
    )
    try:
        yield HostEntry(
            host_id="vm-1",
            hostname="127.0.0.1",
            ssh_port=sshd.port,
            ssh_user=USER,
            ssh_key_path=str(key),
            host_key=sshd.host_key_line(),
            work_dir=str(path / "fleet"),
            agents=[agent],
        )
    finally:
        sshd.kill_all()


@contextmanager
def story(name: str, tmp_path: Path, model: StubModel) -> Iterator[World]:
    pointing = POINTINGS[name](model.url)
    with host_with(name, tmp_path, pointing) as host, build(tmp_path / "world", default_max_retries=0) as world:
        world.has_hosts(host)
        yield world
        assert at_home_in(tmp_path / "fleet") == []


def tries(world: World, issue: IssueView) -> list[Attempt]:
    task = world.fleet.read(lambda sql: tasks.newest_of_issue(sql, world.repo.id, issue.number))
    assert task is not None
    return world.fleet.read(lambda sql: attempts.of_task(sql, task.id))


def made(world: World, issue: IssueView) -> str:
    [branch] = issue.branches()
    return world.repo.read_file(branch, "made.txt") or ""


@pytest.mark.parametrize("name", THOROUGH)
def test_a_labelled_issue_becomes_a_merged_pull_request(name: str, tmp_path: Path) -> None:
    with StubModel(Play()) as model, story(name, tmp_path, model) as world:
        issue = world.writer.opens_issue("Make a file", "Please write made.txt.", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/review", pull_request=1)
        issue.tells("@bob done in")
        assert made(world, issue) == "turn-1\n"
        assert "Please write made.txt." in "".join(asked.body for asked in model.asked)
        assert KEY not in the_log(world, issue)
        [attempt] = tries(world, issue)
        assert attempt.session
        assert sum(used["out"] for used in attempt.usage["models"]) >= 20
        world.writer.merges(issue)
        world.settles()
        issue.shows(label="fleet/done", status="success", pull_request=1)
        issue.tells("was merged")


@pytest.mark.parametrize("name", THOROUGH)
def test_it_asks_and_goes_on_in_the_same_session_with_the_answer(name: str, tmp_path: Path) -> None:
    with StubModel(Play(question="Which colour?")) as model, story(name, tmp_path, model) as world:
        issue = world.writer.opens_issue("Make a file", "Please write made.txt.", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/waiting", pull_request=0)
        issue.tells("Which colour?")
        world.minutes_pass(30)
        before = len(model.asked)
        world.operator_says(issue, "A dark green.")
        world.settles()
        issue.shows(label="fleet/review", pull_request=1)
        issue.tells("@bob done in")
        assert ran_on(world, issue) == [f"vm-1.{name}"] * 2
        first, second = tries(world, issue)
        assert first.session == second.session != ""
        assert made(world, issue) == "turn-1\nturn-2\n"
        told = "".join(asked.body for asked in model.asked[before:])
        assert "A dark green." in told
        assert "Which colour?" in told


@pytest.mark.parametrize("name", [name for name in THOROUGH if name in ("codex", "claude-code")])
def test_a_review_is_reworked_in_the_same_session_and_a_stranger_verifies_the_receipts(
    name: str, tmp_path: Path
) -> None:
    with StubModel(Play()) as model, story(name, tmp_path, model) as world:
        issue = world.writer.opens_issue("Make a file", "Please write made.txt.", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/review", pull_request=1)
        issue.tells("@bob done in")
        first_head, before = issue.pull().head_sha, len(model.asked)
        world.owner.asks_for_changes(issue, "One more line, please.", [("made.txt", 1, "below this one")])
        issue.shows(label="fleet/review", pull_request=1, says="attempt 2 (rework)")
        assert made(world, issue) == "turn-1\nturn-2\n"
        first, second = tries(world, issue)
        assert (first.session, second.kind) == (second.session, "rework")
        told = "".join(asked.body for asked in model.asked[before:])
        assert "One more line, please." in told
        assert "below this one" in told
        assert KEY not in the_log(world, issue, 2)
        world.owner.approves(issue)
        issue.shows(says="is approved by `ann`")
        heads = [first_head, issue.pull().head_sha]
        world.writer.merges(issue)
        issue.shows(label="fleet/done", status="success", pull_request=1)
        issue.tells("was merged")

        clone = tmp_path / "clone"
        git("clone", "-q", f"{world.forge.url}/ann/demo.git", str(clone))
        git("-C", str(clone), "fetch", "-q", "origin", "refs/notes/agent-fleet:refs/notes/agent-fleet")
        notes = [git("-C", str(clone), "notes", "--ref=agent-fleet", "show", head) for head in heads]
        key = tmp_path / "key.pem"
        key.write_text(public_key(world))
    (tmp_path / "receipts.jsonl").write_text("".join(notes))
    words = ["receipts", "verify", str(tmp_path / "receipts.jsonl"), "--pubkey", str(key), "--complete"]
    done = subprocess.run(
        [sys.executable, "-m", "bot", *words],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the chain is whole from receipt 1 to 2." in done.stdout
    receipt = json.loads(notes[1])
    assert (receipt["executor"]["session_id"], receipt["prompt"]["form"]) == (second.session, "input")
    assert receipt["git"]["head_sha"] == heads[1]
    assert receipt["process"]["terminal_event"]


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], env=environment(), check=True, capture_output=True, text=True, timeout=60)
    return done.stdout
