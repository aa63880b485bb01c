"""Filling a database with tasks, agents and repositories, as tests need them."""

from typing import Any

from bot.core.events import Claimed, Event
from bot.core.facts import Repository
from bot.core.task import Task
from bot.store import Sql, Store, attempts, forge_facts, log, tasks
from tests.unit.core.samples import created

REPO = Repository(7, "ann/lab", "main", "http://forge/ann/lab.git", "http://forge/ann/lab")


def a_repo(store: Store, repo_id: int = 7, name: str = "ann/lab") -> None:
    repo = Repository(repo_id, name, "main", f"http://forge/{name}.git", f"http://forge/{name}")
    store.write(lambda sql: forge_facts.remember_repo(sql, repo, 1.0))


def open_task(sql: Sql, task_id: str, *, at: float = 1000.0, **changes: Any) -> Task:
    """A queued task; its issue's number is the one in ``task_id`` unless given."""
    fields = {"issue": int(task_id.rpartition("_")[2])} | changes
    return log.append(sql, None, task_id, created(**fields), cause=f"new:{task_id}", actor="person:ann", at=at)


def a_task(store: Store, task_id: str = "t_1", **changes: Any) -> Task:
    return store.write(lambda sql: open_task(sql, task_id, **changes))


def happens(sql: Sql, task_id: str, event: Event, *, at: float = 1001.0, cause: str = "") -> Task:
    before = tasks.get(sql, task_id)
    cause = cause or f"{event.kind}:{task_id}:{before.version}"
    return log.append(sql, before, task_id, event, cause=cause, actor="fleet", at=at)


def claim(sql: Sql, task_id: str, agent: str = "gpu-1", *, at: float = 1001.0, claim_id: str = "") -> Task:
    """The task with a lease of a minute."""
    fence = tasks.get(sql, task_id).fence + 1
    attempts.open_one(
        sql, task_id, fence, agent=agent, agent_type="codex-cli", host="h", mode="http_pull", claim_id=claim_id,
        at=at, lease_until=at + 60,
    )  # fmt: skip
    return happens(sql, task_id, Claimed(fence, agent, "codex-cli", "h", "http_pull"), at=at)
