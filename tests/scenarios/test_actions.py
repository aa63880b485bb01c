"""Agents that are jobs of Forgejo Actions: the workflow is started, its run followed to whatever end."""

import requests

from bot.forge import RepoRef
from bot.settings.hosts import HostAgent
from bot.standin.workflows import OVER
from bot.store import tokens
from tests.world import World
from tests.world.jobs import has_runners, runners, runs, show, takes


def test_a_job_does_the_work_and_needs_no_secret(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    issue.shows(label="fleet/queued", says="The workflow run")
    (run,) = runs(world)
    assert (run.workflow, run.branch, run.inputs["agent"]) == ("fleet-agent.yml", "main", "runners.exec")
    issue.shows(says=f"({run.page}) waits for a runner")
    job = takes(world, run).starts("reading")
    world.seconds_pass(10)
    issue.shows(label="fleet/running", says=f"({run.page}) goes on")
    job.finishes({"login.py": "fixed\n"})
    run.becomes("success")
    world.seconds_pass(10)
    issue.shows(label="fleet/review", pull_request=1, says=f"({run.page}) has ended")
    issue.tells("@bob done in")
    assert runs(world) == [run]


def test_no_more_runs_than_slots(world: World) -> None:
    has_runners(world, runners("runners", HostAgent(agent_type="exec", max_concurrency=5), max_concurrency=2))
    issues = [world.writer.opens_issue(f"Fix {n}", labels=["agent:any"]) for n in range(3)]
    world.settles()
    assert len(runs(world)) == 2
    takes(world, runs(world)[0]).finds_nothing("It works already.")
    runs(world)[0].becomes("success")
    world.seconds_pass(10)
    assert len(runs(world)) == 3
    issues[0].tells("found nothing to change")
    for issue in issues[1:]:
        issue.shows(label="fleet/queued")


def test_a_run_that_waits_for_approval_says_so(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    runs(world)[0].needs_approval = True
    world.seconds_pass(10)
    issue.shows(label="fleet/queued", says="waits for somebody to approve it")


def test_a_run_that_nobody_takes_fails_in_the_end_and_not_before(world: World) -> None:
    has_runners(world, runners(start_timeout_secs=600))
    world.forge.can_cancel_runs = True
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.minutes_pass(9)
    assert len(runs(world)) == 1, "longer than a lease, and still waiting"
    world.minutes_pass(2)
    issue.shows(says="no runner took it")
    assert runs(world)[0].status == "cancelled"
    world.minutes_pass(120)
    issue.shows(label="fleet/failed", says="10 min ago and no runner took it")
    assert len(runs(world)) == 6
    issue.tells("no runner took it")


def test_a_cancelled_task_ends_its_run(world: World) -> None:
    has_runners(world)
    world.forge.can_cancel_runs = True
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    takes(world, runs(world)[0]).starts()
    world.writer.closes(issue)
    world.seconds_pass(10)
    issue.shows(label="fleet/cancelled", pull_request=0)
    assert runs(world)[0].status == "cancelled"


def test_where_the_forge_cannot_cancel_the_job_hears_it_with_its_heartbeat(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    job = takes(world, runs(world)[0]).starts()
    world.writer.closes(issue)
    world.seconds_pass(10)
    assert runs(world)[0].status == "running"
    job.is_told("cancel")
    runs(world)[0].becomes("failure")
    world.seconds_pass(10)
    issue.shows(label="fleet/cancelled")


def test_a_run_cancelled_on_the_forge_cancels_the_task(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    takes(world, runs(world)[0]).starts()
    runs(world)[0].becomes("cancelled")
    world.seconds_pass(10)
    issue.shows(label="fleet/cancelled")


def test_a_run_that_ends_without_a_word_is_lost_and_costs_no_attempt(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    takes(world, runs(world)[0]).starts().vanishes()
    runs(world)[0].becomes("failure")
    world.seconds_pass(10)
    assert len(runs(world)) == 2
    takes(world, runs(world)[1]).finishes({"login.py": "fixed\n"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")


def test_a_runner_that_vanishes_is_noticed_by_its_silence(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    lost = takes(world, runs(world)[0]).starts()
    lost.vanishes()
    world.minutes_pass(4)
    runs(world)[0].becomes("failure")  # the forge notices late
    world.seconds_pass(10)
    takes(world, runs(world)[1]).finishes({"login.py": "fixed\n"})
    lost.comes_back().reports("still here")
    assert lost.answer.status_code in (401, 403, 409)
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")


def test_a_repository_without_the_workflow_says_what_is_missing(world: World) -> None:
    has_runners(world, workflow=False)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.minutes_pass(60)
    issue.shows(label="fleet/failed", says="fleet-agent.yml could not be started in ann/demo")
    issue.tells("could not be started")
    assert not runs(world)


def test_a_lost_answer_to_a_start_does_not_start_it_twice(world: World) -> None:
    has_runners(world)
    world.forge.faults.fails("POST", "*/dispatches", applied=True)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.seconds_pass(30)
    (run,) = runs(world)
    takes(world, run).finishes({"login.py": "fixed\n"})
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")


def test_the_server_is_restarted_while_the_run_waits(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    world.restarts()
    world.seconds_pass(10)
    (run,) = runs(world)
    takes(world, run).finishes({"login.py": "fixed\n"})
    run.becomes("success")
    world.seconds_pass(10)
    issue.shows(label="fleet/review", pull_request=1)
    issue.tells("@bob done in")


def test_another_run_of_the_repository_cannot_take_the_work(world: World) -> None:
    has_runners(world)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    (ours,) = runs(world)
    world.fleet.forge.actions.start(RepoRef(world.repo.id, "ann/demo"), "fleet-agent.yml", "main", {})
    other = runs(world)[1]
    assert show(world, other, ours.inputs["run"]).status_code == 403
    assert show(world, other).status_code == 403, "no rule under [actions] either"
    issue.shows(label="fleet/queued")
    assert other.status not in OVER


def test_a_task_follows_the_run_that_asked_for_it(world: World) -> None:
    has_runners(world, runners("elsewhere", HostAgent(agent_type="other", capabilities=["other"])))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.settles()
    world.fleet.forge.actions.start(RepoRef(world.repo.id, "ann/demo"), "fleet-agent.yml", "main", {})
    (run,) = runs(world)
    secret = world.store.write(lambda sql: tokens.create(sql, name="ci", role="write", at=world.clock()))
    task = world.operator_sees(issue)["task_id"]
    answer = requests.post(
        f"{world.url}/api/v1/tasks/{task}/follow",
        json={"run_id": run.id},
        headers={"Authorization": f"Bearer {secret}"},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    world.seconds_pass(10)
    issue.shows(label="fleet/queued")
    run.becomes("cancelled")
    world.seconds_pass(10)
    issue.shows(label="fleet/cancelled")


def test_workflows_of_a_repository_that_is_not_there_fail_their_tasks_and_nobody_elses(world: World) -> None:
    lost = runners("lost", HostAgent(agent_type="exec", capabilities=["rust"]), repository="ann/nowhere")
    has_runners(world, lost, runners())
    issue = world.writer.opens_issue("Fix the crate", labels=["agent:rust"])
    other = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.minutes_pass(1)
    takes(world, runs(world)[0]).finishes({"login.py": "fixed\n"}).vanishes()
    runs(world)[0].becomes("success")
    other.shows(label="fleet/review", pull_request=1)
    other.tells("@bob done in")
    world.minutes_pass(60)
    issue.shows(label="fleet/failed", says="fleet-agent.yml could not be started in ann/nowhere")
    issue.tells("could not be started")


def test_while_the_forge_is_away_nothing_turns_in_circles(world: World) -> None:
    has_runners(world, runners(repository="ann/demo"))
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    world.forge.faults.fails("GET", "*/repos/ann/demo", status=503, times=99)
    world.settles()
    assert (world.workflows.turn(), world.workflows.turn()) == (0, 0), "the loop may sleep between two tries"
    world.forge.faults.comes_back()
    issue.shows(label="fleet/queued", says="waits for a runner")


def test_a_run_that_the_forge_will_not_show_holds_nobody_up(world: World) -> None:
    has_runners(world, runners("runners", HostAgent(agent_type="exec", capabilities=["python"], max_concurrency=2)))
    world.forge.faults.fails("GET", "*/actions/runs/1", status=403, times=5)
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    other = world.writer.opens_issue("Fix the logout", labels=["agent:python"])
    world.settles()
    takes(world, runs(world)[0]).finishes({"login.py": "fixed\n"})
    world.seconds_pass(30)
    takes(world, runs(world)[1]).finishes({"logout.py": "fixed\n"})
    for one in (issue, other):
        one.shows(label="fleet/review", pull_request=1)
        one.tells("@bob done in")
