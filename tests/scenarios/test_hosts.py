"""Agents that the fleet starts itself, on hosts: here on this machine, through the same wrapper as over SSH."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.adapters.base import Line, Said
from bot.adapters.exec import Exec
from bot.core.errors import Refused
from bot.dispatch import dispatcher
from bot.dispatch.run import Supervised
from bot.settings.hosts import HostAgent, HostEntry
from bot.store import Sql, attempts, run_logs, tasks
from tests.world import World
from tests.world.hosts import FAILS, STUBBORN, WORKS, here, processes, script, waits_for
from tests.world.issues import IssueView
from tests.world.world import world as build


def the_log(world: World, issue: IssueView, fence: int = 1) -> str:
    task = world.fleet.read(lambda sql: tasks.newest_of_issue(sql, world.repo.id, issue.number))
    assert task is not None
    return world.fleet.read(lambda sql: run_logs.read(sql, task.id, fence))


def ran_on(world: World, issue: IssueView) -> list[str]:
    """The agents that have had the issue's task, in order."""
    task = world.fleet.read(lambda sql: tasks.newest_of_issue(sql, world.repo.id, issue.number))
    assert task is not None
    return [a.agent for a in world.fleet.read(lambda sql: attempts.of_task(sql, task.id))]


def readiness(world: World) -> str:
    return " ".join(requests.get(f"{world.url}/readyz", timeout=10).json()["degraded"])


def test_a_labelled_issue_runs_on_a_host_to_the_merged_pull_request(world: World, tmp_path: Path) -> None:
    world.has_hosts(here(tmp_path, "vm-1"), scripted=script(WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    told = world.repo.git.run("log", "-1", "--format=%(trailers:only)", issue.branches()[0])
    assert told.startswith("Generated-by: AI agent scripted\nAgent-Fleet-Task: ")
    world.writer.merges(issue)
    world.settles()
    issue.shows(label="fleet/done", status="success", pull_request=1)
    issue.tells("was merged")
    assert "::fleet progress reading" in the_log(world, issue)
    assert processes(world.hosts[0].work_dir) == []


def test_a_command_that_fails_is_tried_again_on_the_host_that_has_the_workspace(world: World, tmp_path: Path) -> None:
    both = [here(tmp_path, name) for name in ("vm-1", "vm-2")]
    world.has_hosts(*both, scripted=script(FAILS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.shows(label="fleet/queued", says="no such test")
    world.minutes_pass(3)
    assert len(ran_on(world, issue)) > 1
    assert len(set(ran_on(world, issue))) == 1
    world.minutes_pass(5)
    issue.shows(label="fleet/failed")
    issue.tells("no such test")


def test_tasks_are_spread_over_hosts_and_never_more_than_their_slots(world: World, tmp_path: Path) -> None:
    go = tmp_path / "go"
    one = here(tmp_path, "vm-1", HostAgent(agent_type="scripted", capabilities=["python"], max_concurrency=2))
    world.has_hosts(one, here(tmp_path, "vm-2"), in_background=True, scripted=waits_for(go, WORKS))
    issues = [world.writer.opens_issue(f"Fix {n}", labels=["agent:python"]) for n in range(4)]
    world.settles()
    agents = [ran_on(world, issue) for issue in issues]
    assert sorted(agent for each in agents for agent in each) == ["vm-1.scripted", "vm-1.scripted", "vm-2.scripted"]
    assert agents[0] != agents[1]  # the second one went where less was going on
    issues[3].shows(label="fleet/queued")
    go.touch()
    world.waits_until(lambda: all(issue.pulls() for issue in issues), "four pull requests")
    for issue in issues:
        issue.tells("@bob done in")


@pytest.mark.parametrize("limits", [{"max_running": 1}, {"max_running_per_repo": 1}])
def test_no_more_runs_than_the_fleet_or_the_repository_allows(limits: dict[str, Any], tmp_path: Path) -> None:
    go = tmp_path / "go"
    with build(tmp_path / "world", **limits) as world:
        four = HostAgent(agent_type="scripted", capabilities=["python"], max_concurrency=4)
        world.has_hosts(here(tmp_path, "vm-1", four), in_background=True, scripted=waits_for(go, WORKS))
        issues = [world.writer.opens_issue(f"Fix {n}", labels=["agent:python"]) for n in range(2)]
        world.settles()
        assert sum(len(ran_on(world, issue)) for issue in issues) == 1
        go.touch()
        world.waits_until(lambda: all(issue.pulls() for issue in issues), "both pull requests")
        for issue in issues:
            issue.tells("@bob done in")


def test_a_cancelled_run_leaves_no_process_behind(tmp_path: Path) -> None:
    with build(tmp_path / "world", stop_grace_secs=1) as world:
        _cancels(world, here(tmp_path, "vm-1"))


def _cancels(world: World, host: HostEntry) -> None:
    world.has_hosts(host, in_background=True, scripted=script(STUBBORN))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.waits_until(lambda: len(processes(host.work_dir)) >= 3, "the agent and its children")
    world.writer.closes(issue)
    world.waits_until(lambda: not processes(host.work_dir), "everything gone")
    issue.shows(label="fleet/cancelled", pull_request=0)
    world.waits_until(lambda: not list((Path(host.work_dir) / ".fleet/runs").glob("t_*")), "the run cleared away")


def test_the_server_is_restarted_and_the_run_is_adopted_and_finished_once(world: World, tmp_path: Path) -> None:
    go, host = tmp_path / "go", here(tmp_path, "vm-1")
    world.has_hosts(host, in_background=True, scripted=waits_for(go, WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.waits_until(lambda: "begun" in the_log(world, issue), "the first words of the run")
    living = processes(host.work_dir)
    world.restarts()
    assert set(living) & set(processes(host.work_dir)), "the run did not survive"
    go.touch()
    world.waits_until(lambda: issue.pulls(), "the pull request")
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    assert ran_on(world, issue) == ["vm-1.scripted"]
    assert the_log(world, issue).count("begun") == 1


def test_a_run_that_ended_while_nobody_watched_is_finished(world: World, tmp_path: Path) -> None:
    go, host = tmp_path / "go", here(tmp_path, "vm-1")
    world.has_hosts(host, in_background=True, scripted=waits_for(go, WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.waits_until(lambda: "begun" in the_log(world, issue), "the first words of the run")
    world.stops()
    go.touch()
    world.clock.forward(24 * 3600)
    world.comes_up()
    world.waits_until(lambda: issue.pulls(), "the pull request")
    issue.tells("@bob done in")
    assert ran_on(world, issue) == ["vm-1.scripted"]


def test_a_host_that_was_restarted_loses_the_run_which_starts_again(world: World, tmp_path: Path) -> None:
    go, host = tmp_path / "go", here(tmp_path, "vm-1")
    world.has_hosts(host, in_background=True, scripted=waits_for(go, WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.waits_until(lambda: "begun" in the_log(world, issue), "the first words of the run")
    world.stops()
    _reboots(host)
    world.comes_up()
    world.waits_until(lambda: len(ran_on(world, issue)) == 2, "the second attempt")
    go.touch()
    world.waits_until(lambda: issue.pulls(), "the pull request")
    issue.tells("@bob done in")
    issue.shows(label="fleet/review", pull_request=1, says="lost")


def _reboots(host: HostEntry) -> None:
    """As far as its files tell: the boot in which the run was started is not this one."""
    for pid in processes(host.work_dir):
        with contextlib.suppress(ProcessLookupError):  # it may end meanwhile
            os.kill(pid, 9)
    for file in (Path(host.work_dir) / ".fleet/runs").glob("*/supervisor"):
        supervisor, started, _ = file.read_text().split()
        os.kill(int(supervisor), 9)
        file.write_text(f"{supervisor} {started} another-boot\n")


def test_a_silent_run_is_ended_as_stalled(tmp_path: Path) -> None:
    with build(tmp_path / "world", stall_timeout_secs=1, stop_grace_secs=1, default_max_retries=0) as world:
        world.has_hosts(here(tmp_path, "vm-1"), scripted=script(STUBBORN))
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/failed")
        issue.tells("silent for 1 s")
        assert processes(world.hosts[0].work_dir) == []


def test_a_run_that_takes_too_long_is_ended_by_its_host(tmp_path: Path) -> None:
    with build(tmp_path / "world", task_timeout_secs=1, default_max_retries=0) as world:
        world.has_hosts(here(tmp_path, "vm-1"), scripted=script("while :; do echo busy; sleep 0.1; done"))
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/failed")
        issue.tells("still running after 1 s")


def _breaks(host: HostEntry) -> None:
    """A link where the wrapper wants a folder of its own: it refuses to work there."""
    runs = Path(host.work_dir) / ".fleet" / "runs"
    if runs.exists():
        runs.rmdir()
    runs.symlink_to("/tmp")


def test_a_host_that_cannot_work_is_set_aside_and_tried_again_later(world: World, tmp_path: Path) -> None:
    broken = here(tmp_path, "vm-1")
    world.has_hosts(broken, scripted=script(WORKS))
    _breaks(broken)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.shows(label="fleet/queued", says="handed the task back")
    assert "set aside after 3 failures" in readiness(world)


def test_what_one_host_cannot_do_another_one_does(world: World, tmp_path: Path) -> None:
    broken = here(tmp_path, "a-broken")
    world.has_hosts(broken, here(tmp_path, "vm-2"), scripted=script(WORKS))
    _breaks(broken)
    issues = [world.writer.opens_issue(f"Fix {n}", labels=["agent:python"]) for n in range(3)]
    world.settles()
    for issue in issues:
        issue.shows(pull_request=1)
        issue.tells("@bob done in")
        assert ran_on(world, issue)[-1] == "vm-2.scripted"


def test_the_agent_gets_no_credential_and_the_log_hides_those_it_is_shown(world: World, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk-of-the-agent\n")
    agent = HostAgent(agent_type="scripted", capabilities=["python"], env_files={"OPENAI_API_KEY": str(key)})
    leak = f"printf '%s' {world.bot.token[:9]}; sleep 0.3; echo {world.bot.token[9:]}"
    world.has_hosts(here(tmp_path, "vm-1", agent), scripted=script(f"env; {leak}; {WORKS}"))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.tells("@bob done in")
    seen = the_log(world, issue)
    assert "OPENAI_API_KEY=" in seen
    assert world.bot.token not in seen
    assert "***" in seen
    assert "sk-of-the-agent" not in seen


def test_an_agent_of_a_host_cannot_be_played_by_a_stranger(world: World, tmp_path: Path) -> None:
    world.has_hosts(here(tmp_path, "vm-1"), scripted=script(WORKS))
    said = {"agent_id": "vm-1.scripted", "agent_type": "scripted", "capabilities": [], "max_concurrency": 1}
    answer = requests.post(
        f"{world.url}/api/v1/agents/register",
        json=said,
        headers={"Authorization": "Bearer enrolment-token-of-the-world"},
        timeout=10,
    )
    assert answer.status_code == 403
    assert "agent of a configured host" in answer.json()["detail"]


def test_a_host_taken_out_of_the_configuration_gives_its_run_back(world: World, tmp_path: Path) -> None:
    first, go = here(tmp_path, "vm-1"), tmp_path / "go"
    world.has_hosts(first, in_background=True, scripted=waits_for(go, WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.waits_until(lambda: "begun" in the_log(world, issue), "the first words of the run")
    world.has_hosts(here(tmp_path, "vm-2"), in_background=True, scripted=script(WORKS))
    world.waits_until(lambda: issue.pulls(), "the pull request")
    issue.tells("@bob done in")
    assert ran_on(world, issue) == ["vm-1.scripted", "vm-2.scripted"]
    assert processes(first.work_dir), "nobody can have ended it"
    world.has_hosts(first, scripted=script(WORKS))
    assert processes(first.work_dir) == [], "the host is there again, and nobody waits for that run"


def test_an_agent_taken_out_of_the_configuration_hands_its_run_over(world: World, tmp_path: Path) -> None:
    world.has_hosts(here(tmp_path, "vm-1"), in_background=True, scripted=waits_for(tmp_path / "never", WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.waits_until(lambda: "begun" in the_log(world, issue), "the first words of the run")
    other = HostAgent(agent_type="other", capabilities=["python"])
    world.has_hosts(here(tmp_path, "vm-1", other), in_background=True, other=script(WORKS))
    world.waits_until(lambda: issue.pulls(), "the pull request")
    issue.tells("@bob done in")
    issue.shows(says="handed back")
    assert ran_on(world, issue) == ["vm-1.scripted", "vm-1.other"]
    assert "begun" not in the_log(world, issue, fence=2)
    assert processes(world.hosts[0].work_dir) == []


def test_a_fault_of_our_own_that_always_comes_again_ends_the_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Exec, line: Line) -> Iterator[Said]:
        raise KeyError(line.text)

    monkeypatch.setattr(Exec, "feed", fails)
    with build(tmp_path / "world", default_max_retries=0) as world:
        world.has_hosts(here(tmp_path, "vm-1"), scripted=script(f"{WORKS}; exec sleep 600"))
        issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
        world.settles()
        issue.shows(label="fleet/queued", says="The orchestrator itself failed")
        assert processes(world.hosts[0].work_dir) == []


def test_a_prompt_that_was_spoilt_after_the_claim_ends_the_task(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(self: Supervised, sql: Sql) -> dict[str, object]:
        raise Refused("PROMPT.md cannot be used.", "Mend it.", 422, "prompt_invalid")

    monkeypatch.setattr(Supervised, "_told_of_it", spoilt)
    world.has_hosts(here(tmp_path, "vm-1"), scripted=script(WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.shows(label="fleet/failed")
    issue.tells("PROMPT.md cannot be used.")


def test_the_end_does_not_wait_for_a_host_that_hangs(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def hangs(call: object) -> None:
        asked.set()
        answer.wait()

    world.has_hosts(here(tmp_path, "vm-1"), in_background=True, scripted=script(WORKS))
    monkeypatch.setattr(dispatcher, "_STOP_SECS", 0.05)
    monkeypatch.setattr(world.dispatcher.sites["vm-1"], "ask", hangs)
    while not asked.wait(0.05):  # a look that began before the patch may still be under way
        world.dispatcher.look_after()
    world.dispatcher.stop()
    answer.set()
    monkeypatch.undo()
    world.dispatcher.stop()  # now nobody is left


def test_a_host_that_is_away_is_said_and_its_agents_are_offline(world: World, tmp_path: Path) -> None:
    away = HostEntry(
        host_id="far",
        hostname="127.0.0.1",
        ssh_port=1,
        ssh_user="nobody",
        ssh_agent=True,
        work_dir="/nowhere",
        agents=[HostAgent(agent_type="scripted", capabilities=["python"])],
    )
    world.has_hosts(away, scripted=script(WORKS))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.shows(label="fleet/queued", says="No agent")
    assert "far" in readiness(world)


def test_an_agent_asks_and_goes_on_where_it_was_when_it_has_its_answer(world: World, tmp_path: Path) -> None:
    asks = "if [ -e half ]; then cat >answer; echo '::fleet summary Done with the answer.'; else "
    asks += "echo half >half; echo '::fleet question Which database?'; fi"
    world.has_hosts(here(tmp_path, "vm-1"), here(tmp_path, "vm-2"), scripted=script(asks))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    issue.shows(label="fleet/waiting")
    issue.tells("Which database?")
    world.operator_says(issue, "The small one.")
    world.settles()
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")
    assert ran_on(world, issue)[0] == ran_on(world, issue)[1]
    assert "The small one." in (world.repo.read_file(issue.branches()[0], "answer") or "")
