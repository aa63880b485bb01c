"""Every action, run for real by `act` in host mode, against our server and the stand-in forge."""

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bot.core import actions_reference
from bot.forge import RepoRef
from bot.settings import ActionsRule
from bot.settings.hosts import HostAgent
from bot.standin.workflows import Run
from bot.store import tasks, tokens
from tests.actions.runner import ROOT, Runner, ended, shown, shows, uses
from tests.world import World
from tests.world.issues import IssueView
from tests.world.jobs import runners, runs
from tests.world.world import SECRET

WORKS = "echo fixed >login.py; echo '::fleet summary Fixed the login.'"


def a_run(world: World) -> Run:
    """A run of the repository's own, on its default branch."""
    world.fleet.forge.actions.start(RepoRef(world.repo.id, "ann/demo"), "fleet-agent.yml", "main", {})
    return runs(world)[-1]


def operator(world: World, role: str = "write") -> str:
    return world.store.write(lambda sql: tokens.create(sql, name="ci", role=role, at=world.clock()))


def an_issue(world: World, *labels: str) -> IssueView:
    return world.writer.opens_issue("Fix the login", labels=list(labels))


def task_of(world: World, issue: IssueView) -> Any:
    return world.fleet.read(lambda sql: tasks.newest_of_issue(sql, world.repo.id, issue.number))


# --- dispatch -------------------------------------------------------------------------------------------------


def test_dispatch_starts_a_task_once_per_run_and_needs_no_secret(world: World, runner: Runner) -> None:
    issue = an_issue(world)
    start = uses("dispatch", server=world.url, issue=issue.number, capabilities="python")
    done = runner.of(a_run(world)).runs(start, shows("dispatch", "task-id", "url"))
    assert done.succeeded, done.printed
    assert shown(done, "task-id") == task_of(world, issue).id
    assert shown(done, "url").endswith(f"/ann/demo/issues/{issue.number}")
    again = runner.runs(start, shows("dispatch", "task-id"))
    assert shown(again, "task-id") == shown(done, "task-id")
    again.tells("was started before")
    again.hides("afj_")
    issue.shows(label="fleet/queued", says="actions:ann/demo:1")


def test_dispatch_opens_an_issue_for_a_prompt_that_is_never_a_script(world: World, runner: Runner) -> None:
    evil = "$(touch /tmp/never) `id` ${{ github.token }} \" ' \n::error::fake\n"
    done = runner.of(a_run(world)).runs(uses("dispatch", server=world.url, title="Do it", prompt=evil))
    assert done.succeeded, done.printed
    (issue,) = (one for one in world.repo.issues.values() if one.title == "Do it")
    assert "$(touch /tmp/never) `id`" in issue.body
    world.issues.append(IssueView(world, issue))
    world.issues[-1].shows(label="fleet/queued")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "Either issue, or title and prompt are needed"),
        ({"issue": "seven"}, "The input issue cannot be"),
        ({"issue": 1, "title": "x"}, "Either issue, or title and prompt"),
        ({"issue": 4711}, "cannot see an issue 4711"),
        ({"issue": 1, "repository": "zoe/web"}, "may only act on `ann/demo`"),
        ({"issue": 1, "server": "ftp://x"}, "The input server is no http(s) address"),
        ({"issue": 1, "server": "http://127.0.0.1:1", "patience_secs": 1}, "cannot be reached"),
        ({"issue": 1, "token": "afo_wrong"}, "not known"),
    ],
)
def test_dispatch_says_what_is_wrong(world: World, runner: Runner, given: dict[str, object], why: str) -> None:
    done = runner.of(a_run(world)).runs(uses("dispatch", **{"server": world.url, **given}))
    assert not done.succeeded
    done.tells(why)


def test_a_job_that_is_not_allowed_is_told_why(world: World, runner: Runner) -> None:
    start = uses("dispatch", server=world.url, issue=1)
    without = runner.runs(start)
    without.tells("Put `enable-openid-connect: true` into the workflow (Forgejo 15")
    run = a_run(world)
    run.branch = "fleet/7-login"
    runner.of(run).runs(start).tells("agents write there")
    run.branch, run.event = "main", "pull_request"
    runner.runs(start).tells("Runs for `pull_request` never qualify")
    run.job_token = "another"
    runner.runs(start).tells("The forge gave no id token: it answers 500")


# --- wait -----------------------------------------------------------------------------------------------------


def test_wait_follows_a_task_to_its_pull_request(world: World, runner: Runner) -> None:
    issue = an_issue(world, "agent:python")
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts("reading")
    agent.reports("half way", log={"offset": 0, "text": "first line\n::error::not a command\n"})
    task = task_of(world, issue).id
    waiting = runner.start(
        uses("wait", server=world.url, task_id=task, token=operator(world, "read"), poll_secs=0),
        shows("wait", "state", "pull-request", "receipt"),
    )
    agent.finishes({"login.py": "fixed\n"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    done = ended(waiting)
    assert done.succeeded, done.printed
    assert (shown(done, "state"), shown(done, "pull-request")) == ("review", f"{world.forge.url}/ann/demo/pulls/2")
    assert len(shown(done, "receipt")) == 64
    done.tells("first line")


def test_wait_fails_with_the_task(world: World, runner: Runner) -> None:
    issue = an_issue(world, "agent:python")
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.writer.closes(issue)
    world.settles()
    step = uses("wait", server=world.url, task_id=task_of(world, issue).id, token=operator(world, "read"))
    done = runner.runs(step, shows("wait", "state"))
    assert not done.succeeded
    done.tells("The task was cancelled")
    assert shown(done, "state") == "cancelled"
    issue.shows(label="fleet/cancelled")


def test_wait_gives_up_in_time_and_follows_the_run(world: World, runner: Runner) -> None:
    issue, run = an_issue(world, "agent:python"), a_run(world)
    world.settles()
    step = uses(
        "wait",
        server=world.url,
        task_id=task_of(world, issue).id,
        timeout_minutes=0,
        poll_secs=0,
        cancel_with_run="true",
    )
    done = runner.of(run).runs(step)
    assert not done.succeeded
    done.tells("The time is over; the task is queued and goes on")
    run.becomes("cancelled")
    world.clock.forward(30)
    issue.shows(label="fleet/cancelled")


# --- retry ----------------------------------------------------------------------------------------------------


def test_retry_makes_another_attempt(world: World, runner: Runner) -> None:
    issue = an_issue(world, "agent:python")
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    world.writer.closes(issue)
    world.settles()
    world.writer.reopens(issue)
    again = uses("retry", server=world.url, issue=issue.number, reason="The nightly build fails.")
    done = runner.of(a_run(world)).runs(again, shows("retry", "state"))
    assert done.succeeded, done.printed
    assert shown(done, "state") == "queued"
    issue.shows(label="fleet/queued")
    runner.runs(again).tells("(409)")
    runner.runs(uses("retry", server=world.url)).tells("Either task-id or issue is needed")
    runner.runs(uses("retry", server=world.url, issue=99)).tells("has no task")


# --- agent, report --------------------------------------------------------------------------------------------


def program(folder: Path) -> Path:
    """This very code as the command agent-fleet."""
    made = folder / "agent-fleet"
    made.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m bot "$@"\n')
    made.chmod(0o755)
    return made


def started(world: World) -> Run:
    """The run that the dispatcher has started, taken by a runner."""
    world.settles()
    run = runs(world)[-1]
    run.becomes("running")
    return run


def test_a_job_that_was_started_works_through_the_adapters(world: World, runner: Runner, tmp_path: Path) -> None:
    world.has_hosts(runners("runners", HostAgent(agent_type="exec", capabilities=["python"])))
    issue = an_issue(world, "agent:python")
    run = started(world)
    step = uses(
        "agent",
        server=world.url,
        type="exec",
        run=run.inputs["run"],
        command=f'/bin/sh -c "{WORKS}"',
        program=program(tmp_path),
    )
    done = runner.of(run).runs(step)
    assert done.succeeded, done.printed
    run.becomes("success")
    world.clock.forward(10)
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    assert world.repo.read_file(issue.branches()[0], "login.py") == "fixed\n"
    again = runner.runs(step)
    assert not again.succeeded, "its run is over"


def test_a_job_takes_tasks_that_wait(world: World, runner: Runner, tmp_path: Path) -> None:
    world.actions = world.actions.model_copy(
        update={"allow": [ActionsRule(repository="ann/*", role="agent", refs=["refs/heads/main"])]}
    )
    world.restarts()
    issues = [an_issue(world, "agent:python") for _ in range(2)]
    world.settles()
    step = uses(
        "agent",
        server=world.url,
        type="exec",
        capabilities="python",
        tasks=2,
        command=f'/bin/sh -c "{WORKS}"',
        program=program(tmp_path),
    )
    done = runner.of(a_run(world)).runs(step)
    assert done.succeeded, done.printed
    for issue in issues:
        issue.shows(label="fleet/review", pull_request=1)
        issue.tells("@bob done in")


def test_an_agent_without_python_says_so(world: World, runner: Runner, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("node", "bash", "sh", "env", "cat", "mkdir"):
        found = next(
            (Path(p) / name for p in ("/usr/bin", "/bin", "/usr/local/bin") if (Path(p) / name).exists()), None
        )
        if found:
            (bare / name).symlink_to(found)
    done = runner.of(a_run(world)).runs(uses("agent", server=world.url, type="exec"), PATH=str(bare))
    assert not done.succeeded
    done.tells("Python 3.11 or newer (with venv) is missing")


def test_a_workflow_does_the_work_itself_and_reports(world: World, runner: Runner) -> None:
    world.has_hosts(runners("runners", HostAgent(agent_type="exec", capabilities=["python"])))
    issue = an_issue(world, "agent:python")
    run = started(world)
    common = {"server": world.url, "run": run.inputs["run"]}
    about = {"task_id": "${{ steps.begin.outputs.task-id }}", "fence": "${{ steps.begin.outputs.fence }}"}
    git = "git -c user.name=ci -c user.email=ci@example.test"
    steps = [
        uses("report", step="begin", **common) | {"id": "begin"},
        {
            "shell": "bash",
            "env": {"W": "${{ steps.begin.outputs.path }}"},
            "run": f'cd "$W"; echo fixed >login.py; {git} commit -qam Fix; echo "it worked" >../out.log',
        },
        uses("report", step="progress", message="testing", log_file="out.log", **common, **about) | {"id": "p"},
        uses("report", step="artifact", name="out.txt", file="out.log", **common, **about) | {"id": "a"},
        uses(
            "report",
            step="complete",
            outcome="done",
            message="Fixed by the workflow.",
            start="${{ steps.begin.outputs.start }}",
            **common,
            **about,
        )
        | {"id": "report"},
        shows("report", "state", "verdict"),
    ]
    done = runner.of(run).runs(*steps)
    assert done.succeeded, done.printed
    assert (shown(done, "state"), shown(done, "verdict")) == ("review", "pending")
    run.becomes("success")
    world.clock.forward(10)
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    assert world.repo.read_file(issue.branches()[0], "login.py") == "fixed\n"
    runner.runs(uses("report", step="begin", **common)).tells("has started no such run")


# --- gate -----------------------------------------------------------------------------------------------------


def pull_event(world: World, number: int) -> dict[str, Any]:
    pull = next(one for one in world.repo.pulls if one.number == number)
    repo = {"id": world.repo.id}
    return {
        "repository": {"full_name": "ann/demo"},
        "pull_request": {
            "number": number,
            "user": {"login": pull.poster.login},
            "head": {"ref": pull.head, "sha": pull.head_sha, "repo": repo},
            "base": {"ref": "main", "repo": repo},
        },
    }


def gated(world: World, runner: Runner, told: dict[str, Any], event: str = "pull_request_target", **more: str) -> Any:
    given = {"server": world.url, "token": operator(world, "read"), "fleet_accounts": "fleet-bot", **more}
    variables = {"FORGEJO_EVENT_NAME": event, "FORGEJO_EVENT_PATH": str(runner.folder.parent / "told.json")}
    (runner.folder.parent / "told.json").write_text(json.dumps(told))
    return runner.runs(uses("gate", **given), shows("gate", "fleet", "receipt"), event="workflow_dispatch", **variables)


def test_the_gate_lets_verified_work_and_people_pass_and_nothing_else(world: World, runner: Runner) -> None:
    issue = an_issue(world, "agent:python")
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts().finishes({"login.py": "fixed\n"}, summary="Fixed.")
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    number = issue.pull().number
    told = pull_event(world, number)
    passed = gated(world, runner, told)
    assert passed.succeeded, passed.printed
    assert shown(passed, "fleet") == "true"
    assert len(shown(passed, "receipt")) == 64

    moved = pull_event(world, number)
    moved["pull_request"]["head"]["sha"] = "0" * 40
    stopped = gated(world, runner, moved)
    assert not stopped.succeeded
    stopped.tells("No receipt covers the head 000000000000")

    other_key = gated(world, runner, told, public_keys="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    assert not other_key.succeeded
    other_key.tells("unknown key")

    people = pull_event(world, number)
    people["pull_request"]["user"]["login"] = "bob"
    people["pull_request"]["head"]["ref"] = "my-branch"
    note = gated(world, runner, people)
    assert note.succeeded, note.printed
    note.tells("is not a pull request of the fleet")

    gated(world, runner, told, event="pull_request").tells("The gate runs on pull_request_target")
    gated(world, runner, told, token="afo_wrong").tells("not known")


# --- without webhooks -----------------------------------------------------------------------------------------


def test_a_workflow_brings_the_news_where_webhooks_cannot_be_set(world: World, runner: Runner) -> None:
    world.repo.hooks.clear()
    issue = an_issue(world, "agent:python")
    issue.shows(label="")
    shipped = (ROOT / ".forgejo/workflows/fleet-nudge.yml").read_text()
    step: dict[str, Any] = {"shell": "bash", "run": textwrap.dedent(shipped.partition("run: |\n")[2])}
    told = {"FLEET_SERVER": world.url, "FLEET_REPO": "ann/demo", "FLEET_ISSUE": str(issue.number)}
    wrong = runner.runs(step | {"env": told | {"FLEET_SECRET": "another"}})
    assert not wrong.succeeded
    wrong.tells("403")
    done = runner.runs(step | {"env": told | {"FLEET_SECRET": SECRET}})
    assert done.succeeded, done.printed
    issue.shows(label="fleet/queued")


def test_actions_use_what_they_declare() -> None:
    """Every action has its folder, and uses every input that it declares and no other."""
    for action in actions_reference.ACTIONS:
        folder = ROOT / "actions" / action.name
        code = "".join(p.read_text() for p in [folder / "main.mjs", ROOT / "actions/lib/fleet.mjs"])
        used = set(re.findall(r"(?:input|yes|number)\(\"([a-z-]+)\"", code))
        declared = {one.name for one in action.inputs}
        assert declared <= used, action.name
        own = set(re.findall(r"(?:input|yes|number)\(\"([a-z-]+)\"", (folder / "main.mjs").read_text()))
        assert own <= declared, action.name
