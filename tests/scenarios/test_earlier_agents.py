"""A pull agent of the earlier agent-fleet: it knows no fences and no bundles, and opens its pull request itself."""

from typing import Any

import requests

from tests.world import World
from tests.world.world import ENROLMENT


class EarlierAgent:
    """Speaks only the earlier wire; works with an account of its own on the forge."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name
        self._account = world.forge.person("robot")
        world.repo.grant(self._account, "write")
        world.fleet.settings.forgejo.agent_accounts.append("robot")
        said = {"agent_type": "codex-cli", "hostname": "box", "capabilities": ["python"], "max_concurrency": 1}
        answer = self._post("agents/register", said)
        assert answer["agent_id"] == name
        assert answer["registry_token"]

    def dequeues(self) -> dict[str, Any]:
        self._world.settles()
        answer = self._post("tasks/dequeue", {"capabilities": ["python"]})
        return dict(answer["task"]) if answer else {}

    def runs(self, task_id: str) -> None:
        assert self._post(f"tasks/{task_id}/status", {"status": "running"})

    def opens_a_pull_request(self, task_id: str, issue: int) -> str:
        branch = f"task/{task_id}"
        self._world.repo.commit(self._account, branch, {"login.py": "fixed\n"})
        pull = self._world.repo.open_pull(self._account, branch, title="Fix", body=f"Closes #{issue}")
        return f"{self._world.forge.url}/ann/demo/pulls/{pull.number}"

    def completes(self, task_id: str, **said: Any) -> requests.Response:
        receipt = {"task_id": task_id, "duration_seconds": 60, "summary": "Done.", "error": None, **said}
        return self._send(f"tasks/{task_id}/complete", receipt)

    def _post(self, path: str, said: dict[str, Any]) -> dict[str, Any]:
        answer = self._send(path, said)
        assert answer.ok, answer.text
        return dict(answer.json()) if answer.content else {}

    def _send(self, path: str, said: dict[str, Any]) -> requests.Response:
        return requests.post(
            f"{self._world.url}/api/v1/{path}",
            json={"agent_id": self._name, **said},
            headers={"Authorization": f"Bearer {ENROLMENT}"},
            timeout=30,
        )


def test_it_works_unchanged_from_label_to_merge(world: World) -> None:
    agent = EarlierAgent(world, "old-1")
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    task = agent.dequeues()
    assert task["issue"] == issue.number
    agent.runs(task["task_id"])
    issue.shows(label="fleet/running")
    url = agent.opens_a_pull_request(task["task_id"], issue.number)
    done = agent.completes(task["task_id"], status="completed", artifacts=[{"type": "pr", "url": url}])
    assert done.status_code == 200, done.text
    issue.shows(label="fleet/review")
    issue.tells("is ready for review")

    pull = world.repo.pulls[-1]
    pull.merge(world.writer.person, head_sha=pull.head_sha)
    issue.shows(label="fleet/done")
    issue.tells(f"#{pull.number} was merged")


def test_a_pull_request_that_is_not_there_is_not_believed(world: World) -> None:
    agent = EarlierAgent(world, "old-1")
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    task = agent.dequeues()
    claimed = [{"type": "pr", "url": f"{world.forge.url}/ann/demo/pulls/999"}]
    refused = agent.completes(task["task_id"], status="completed", artifacts=claimed)
    assert refused.status_code == 422
    assert "there is no pull request 999" in refused.json()["error"]
    issue.shows(label="fleet/queued")


def test_without_a_task_of_its_own_it_changes_nothing(world: World) -> None:
    agent = EarlierAgent(world, "old-1")
    issue = world.writer.opens_issue("Fix the login", labels=["agent:python"])
    task = agent.dequeues()
    world.minutes_pass(4)
    refused = agent.completes(task["task_id"], status="completed", artifacts=[])
    assert refused.status_code == 409
    assert agent.dequeues() == {}, "a task that it has lost is not leased to it again before it registers anew"
    issue.shows(label="fleet/queued")
