"""Every action, run for real by `act` in host mode, against our server and the stand-in forge."""

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Final

import pytest

from bot.core import actions_reference
from bot.forge import RepoRef
from bot.settings import ActionsRule
from bot.settings.hosts import HostAgent
from bot.standin.workflows import Run
from bot.store import tasks, tokens
from tests.actions.runner import ROOT, Runner, ended, package, shown, shows, uses
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


def waits_until_it_prints(job: "subprocess.Popen[str]", words: str) -> None:
    assert job.stdout
    before = []
    for line in job.stdout:
        before.append(line)
        if words in line:
            return
    raise AssertionError("".join(before))


def process_of(runner: Runner) -> int:
    """The one process of the action `agent`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            arguments = entry.read_bytes().decode(errors="replace").split("\0")
            if any(x.startswith(str(runner.folder.parent)) and x.endswith("/agent/main.mjs") for x in arguments):
                found.append(int(entry.parent.name))
    assert len(found) == 1, found
    return found[0]


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


Case = tuple[str, dict[str, object], str]

DOWN: Final[dict[str, object]] = {"server": "http://127.0.0.1:1", "patience_secs": 0}
REFUSED: Final[dict[str, object]] = {"token": "afo_wrong"}
BEGUN: Final[dict[str, object]] = {"run": "4711", "task_id": "t_1", "fence": 1}

#: Wrong inputs: no word is said to any server.
WRONG: Final[tuple[Case, ...]] = (
    ("dispatch", {}, "Either issue, or title and prompt are needed"),
    ("dispatch", {"issue": "seven"}, "The input issue cannot be"),
    ("dispatch", {"issue": 1, "title": "x"}, "Either issue, or title and prompt"),
    ("dispatch", {"issue": 1, "priority": "now"}, "The input priority cannot be"),
    ("dispatch", {"issue": 1, "cancel_with_run": "yes"}, "The input cancel-with-run cannot be"),
    ("dispatch", {"issue": 1, "server": "ftp://x"}, "The input server is no http(s) address"),
    ("dispatch", {"issue": 1, "server": ""}, "The input server is missing"),
    ("wait", {}, "The input task-id is missing"),
    ("wait", {"task_id": "../agents"}, "The input task-id cannot be"),
    ("wait", {"task_id": "t_1", "until": "never"}, "The input until cannot be"),
    ("retry", {}, "Either task-id or issue is needed"),
    ("retry", {"issue": 1, "fresh": "maybe"}, "The input fresh cannot be"),
    ("report", {"step": "dance", "run": "4711"}, "The input step cannot be"),
    ("report", {"step": "begin"}, "The input run is missing"),
    ("report", {"step": "progress", "run": "4711"}, "The input task-id is missing"),
    ("report", {"step": "progress", "run": "4711", "task_id": "t_1"}, "The input fence is missing"),
    ("report", {"step": "artifact", "name": "a", "file": "nowhere", **BEGUN}, "There is no file nowhere"),
    ("report", {"step": "complete", "outcome": "perhaps", **BEGUN}, "The input outcome cannot be"),
    ("agent", {}, "The input type is missing"),
    ("agent", {"type": "exec", "tasks": "many"}, "The input tasks cannot be"),
    ("agent", {"type": "exec", "server": "here"}, "The input server cannot be"),
    ("gate", {}, "The gate runs on pull_request_target"),
)


@pytest.mark.parametrize("action", sorted({case[0] for case in WRONG}))
def test_wrong_inputs_are_named(action: str, tmp_path: Path) -> None:
    for name, given, why in WRONG:
        if name != action:
            continue
        told = {"server": "http://127.0.0.1:1", "token": "t", **given}
        env = {f"FLEET_{key.upper()}": str(value) for key, value in told.items()} | {"PATH": os.environ["PATH"]}
        done = subprocess.run(
            ["node", str(ROOT / "actions" / name / "main.mjs")], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout.count("::error ")) == (1, 1), (given, done)
        assert why in done.stdout, (given, done)


#: What the server does to each action: it is not there, or it refuses.
FAILS: Final[tuple[Case, ...]] = (
    ("dispatch", {"issue": 1, **DOWN}, "cannot be reached"),
    ("dispatch", {"issue": 1, **REFUSED}, "not known"),
    ("dispatch", {"issue": 4711}, "cannot see an issue 4711"),
    ("dispatch", {"issue": 1, "repository": "zoe/web"}, "may only act on `ann/demo`"),
    ("wait", {"task_id": "t_1", **DOWN}, "cannot be reached"),
    ("wait", {"task_id": "t_1", **REFUSED}, "not known"),
    ("wait", {"task_id": "t_1"}, "(404)"),
    ("retry", {"issue": 99, **DOWN}, "cannot be reached"),
    ("retry", {"issue": 99, **REFUSED}, "not known"),
    ("report", {"step": "begin", "run": "4711", **DOWN}, "cannot be reached"),
    ("report", {"step": "progress", **BEGUN, **REFUSED}, "not known"),
    ("report", {"step": "begin", "run": "4711"}, "has started no such run"),
    ("agent", {"type": "exec", "program": "/nowhere/agent-fleet"}, "/nowhere/agent-fleet cannot be started"),
    ("agent", {"type": "exec", "program": "PROGRAM", "run": "4711"}, "has started no such run"),
    (
        "agent",
        {"type": "exec", "program": "PROGRAM", "run": "4711", "server": DOWN["server"]},
        "The server cannot be reached",
    ),
    ("agent", {"type": "exec", "program": "PROGRAM", "command": "true", **REFUSED}, "not known"),
)


def test_every_action_says_why_it_fails(world: World, runner: Runner, tmp_path: Path) -> None:
    steps: list[dict[str, Any]] = []
    for number, (action, given, _) in enumerate(FAILS):
        told = {"server": world.url, **given}
        if told.get("program") == "PROGRAM":
            told["program"] = program(tmp_path)
        steps.append(uses(action, **told) | {"id": f"s{number}", "name": f"({number})", "continue-on-error": True})
    done = runner.of(a_run(world)).runs(*steps)
    for number, (_, _, why) in enumerate(FAILS):
        said = done.printed.partition(f"Run Main ({number})")[2].partition(f"Run Main ({number + 1})")[0]
        assert why in said, (number, why, said)
        assert f"Failure - Main ({number})" in said


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
    one, two = (an_issue(world, "agent:python") for _ in range(2))
    world.pull_agent("gpu-1", ["python"]).claims(one).starts().fails("The tests need a database.", "policy")
    world.writer.closes(two)
    world.settles()
    steps = []
    for name, issue in (("failed", one), ("cancelled", two)):
        wait = uses("wait", server=world.url, task_id=task_of(world, issue).id, token=operator(world, "read"))
        steps += [wait | {"id": name, "continue-on-error": True}, shows(name, "state", "pull-request", "receipt")]
    done = runner.runs(*steps)
    failed, _, cancelled = done.printed.partition("state=<failed>")
    assert "The task has failed: The tests need a database." in failed
    assert "The task was cancelled" in cancelled
    assert "state=<cancelled>" in cancelled
    one.shows(label="fleet/failed")
    one.tells("the change is not allowed here")
    two.shows(label="fleet/cancelled")


def test_a_job_that_is_cancelled_takes_its_task_along(world: World, runner: Runner) -> None:
    issue, run = an_issue(world, "agent:python"), a_run(world)
    world.settles()
    step = uses("wait", server=world.url, task_id=task_of(world, issue).id, cancel_with_run="true")
    waiting = runner.of(run).start(step)
    waits_until_it_prints(waiting, "[queued]")
    waiting.send_signal(signal.SIGINT)
    assert not ended(waiting).succeeded
    run.becomes("cancelled")
    world.clock.forward(30)
    issue.shows(label="fleet/cancelled")


def test_what_the_agent_prints_is_never_a_command_of_the_runner(world: World, runner: Runner) -> None:
    issue = an_issue(world, "agent:python")
    agent = world.pull_agent("gpu-1", ["python"]).claims(issue).starts()
    agent.reports("half", log={"offset": 0, "text": "one\n:"})
    step = uses("wait", server=world.url, task_id=task_of(world, issue).id, token=operator(world, "read"), poll_secs=0)
    waiting = runner.start(step, {"shell": "bash", "run": 'echo "evil=<$EVIL>"', "if": "always()"})
    waits_until_it_prints(waiting, "| one")
    agent.reports("whole", log={"offset": 5, "text": ":set-env name=EVIL::yes\n\u00e4 last"})
    world.writer.closes(issue)
    world.settles()
    done = ended(waiting)
    done.tells("ä last")
    assert shown(done, "evil") == "", "two halves of a command met on one line"
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


@pytest.mark.parametrize(
    ("number", "drain_secs", "state"),
    [(signal.SIGTERM, 30, "fleet/review"), (signal.SIGTERM, 0, "fleet/queued"), (signal.SIGKILL, 0, "fleet/queued")],
    ids=["time to finish", "no time", "killed"],
)
def test_an_agent_whose_runner_stops_finishes_or_hands_back(
    world: World, runner: Runner, tmp_path: Path, number: signal.Signals, drain_secs: int, state: str
) -> None:
    world.has_hosts(runners("runners", HostAgent(agent_type="exec", capabilities=["python"])))
    issue = an_issue(world, "agent:python")
    run, go, begun = started(world), tmp_path / "go", tmp_path / "begun"
    os.mkfifo(go)
    os.mkfifo(begun)
    step = uses(
        "agent",
        server=world.url,
        type="exec",
        run=run.inputs["run"],
        command=f'/bin/sh -c "echo begun >{begun}; read x <{go}; {WORKS}"',
        program=program(tmp_path),
        drain_secs=drain_secs,
    )
    job = runner.of(run).start(step)
    begun.read_text()
    action = process_of(runner)
    children = Path(f"/proc/{action}/task/{action}/children").read_text().split()
    agents = [os.pidfd_open(int(child)) for child in children]
    os.kill(action, number)
    if drain_secs:
        go.write_text("on\n")
    ended(job)
    for agent in agents:  # `act` does not wait for what lives on
        assert select.select([agent], [], [], 30)[0], "the agent did not leave"
        os.close(agent)
    assert agents
    issue.shows(label=state)
    if drain_secs:
        issue.tells("@bob done in")


def test_the_package_is_installed_by_uv_where_that_is(world: World, runner: Runner, tmp_path: Path) -> None:
    package(runner)
    places = tmp_path / "bin"
    places.mkdir()
    (places / "python3.14").symlink_to(sys.executable)
    (places / "uv").write_text(UV.format(program=program(tmp_path)))
    (places / "uv").chmod(0o755)
    step = uses("agent", server=world.url, type="exec", run="4711")
    done = runner.of(a_run(world)).runs(step, PATH=f"{places}:{os.environ['PATH']}")
    done.tells("uv: made a place")
    done.tells("has started no such run")


@pytest.mark.agents
@pytest.mark.real
def test_the_package_is_installed_by_pip_from_its_registry(world: World, runner: Runner, tmp_path: Path) -> None:
    package(runner)
    world.has_hosts(runners("runners", HostAgent(agent_type="exec", capabilities=["python"])))
    issue = an_issue(world, "agent:python")
    run = started(world)
    step = uses("agent", server=world.url, type="exec", run=run.inputs["run"], command=f'/bin/sh -c "{WORKS}"')
    nothing_but = tmp_path / "bin"
    nothing_but.mkdir()
    for name, target in (("python3.14", sys.executable), ("node", shutil.which("node")), ("git", shutil.which("git"))):
        (nothing_but / name).symlink_to(str(target))
    with_index = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    done = ended(runner.of(run).start(step, PATH=f"{nothing_but}:/usr/bin:/bin", **with_index), 400)
    assert done.succeeded, done.printed
    done.tells("Installing Agent Fleet from")
    run.becomes("success")
    world.clock.forward(10)
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")


#: Stands in for uv, which is not among the development requirements: what it is asked for, and nothing else.
UV: Final = """\
#!/bin/sh
case "$*" in
  --version) echo uv 0 ;;
  "venv --quiet --python python3.14 "*/venv) mkdir -p "$5/bin" && echo uv: made a place ;;
  "pip install --quiet --python "*/venv/bin/python" "*)
    ln -s {program} "${{5%/python}}/agent-fleet" && test -f "$6/pyproject.toml" ;;
  *) echo "uv: what is $*?"; exit 2 ;;
esac
"""


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
    done.tells("Python 3.11 or newer, with venv (Debian: python3-venv) or uv, is missing")


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
    given = {"server": world.url, "token": operator(world, "read"), "fleet_accounts": "fleet-bot", "wait_minutes": 0}
    given |= more
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

    elsewhere = pull_event(world, number)
    elsewhere["pull_request"]["base"]["ref"] = "release"
    gated(world, runner, elsewhere).tells("is about the base main")

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


def test_the_gate_waits_for_a_receipt_that_is_to_come(world: World, runner: Runner) -> None:
    world.repo.protect("main", contexts=["ci/*"])
    issue = an_issue(world, "agent:python")
    world.pull_agent("gpu-1", ["python"]).claims(issue).starts().finishes({"login.py": "fixed\n"}, summary="Fixed.")
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    given = {"server": world.url, "token": operator(world, "read"), "fleet_accounts": "fleet-bot"}
    told = runner.folder.parent / "told.json"
    told.write_text(json.dumps(pull_event(world, issue.pull().number)))
    runner.variables |= {"FORGEJO_EVENT_NAME": "pull_request_target", "FORGEJO_EVENT_PATH": str(told)}
    gate = runner.start(uses("gate", **given))
    waits_until_it_prints(gate, "Waiting for a receipt: there is none yet.")
    world.repo.set_status(world.owner.person, issue.pull().head_sha, "success", "ci/test", "", "")
    world.minutes_pass(2)
    done = ended(gate)
    assert done.succeeded, done.printed
    done.tells("carries the verified receipt")


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
