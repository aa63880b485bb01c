"""Runners of the forge for stories: a runner takes a run, and its job shows its id token to our server."""

from typing import TYPE_CHECKING

import requests

from bot.settings.hosts import HostAgent, HostEntry
from bot.standin.workflows import Run
from tests.world.agents import PullAgent

if TYPE_CHECKING:
    from tests.world.world import World

WORKFLOW = ".forgejo/workflows/fleet-agent.yml"


def runners(name: str = "runners", *agents: HostAgent, **changes: object) -> HostEntry:
    """A host whose agents are jobs."""
    made = list(agents) or [HostAgent(agent_type="exec", capabilities=["python"])]
    return HostEntry(host_id=name, mode="actions", agents=made, **changes)  # type: ignore[arg-type]


def has_runners(world: "World", *hosts: HostEntry, workflow: bool = True) -> None:
    """The configuration names them, and the repository has the workflow."""
    if workflow:
        world.repo.commit(world.owner.person, "main", {WORKFLOW: "on: workflow_dispatch\n"}, "Let runners work")
    world.has_hosts(*(hosts or (runners(),)))


def runs(world: "World") -> list[Run]:
    """The runs there are, oldest first."""
    return list(world.forge.runs.values())


def takes(world: "World", run: Run) -> PullAgent:
    """A runner begins with the run, and its job claims what it was started for."""
    run.becomes("running")
    job = PullAgent(world, run.inputs["agent"], (), "exec", 1)
    shown = show(world, run, run.inputs["run"])
    assert shown.status_code == 201, shown.text
    job._token = shown.json()["token"]
    world.agents.append(job)
    answer = job.asks_for_work("whatever it says")
    assert answer.status_code == 200, answer.text
    assert (job.task["task_id"], job.fence) == (run.inputs["task"], int(run.inputs["fence"]))
    return job


def show(world: "World", run: Run, claim_id: str = "") -> requests.Response:
    """The job's id token, shown to our server."""
    token = world.forge.signer.sign(run.claims("agent-fleet"))
    return requests.post(
        f"{world.url}/api/v1/actions/session",
        json={"claim_id": claim_id},
        headers={"Authorization": f"Bearer {token}"},
        timeout=30,
    )
