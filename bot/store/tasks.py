"""Reading tasks."""

import heapq
import itertools
import json
import re
from collections.abc import Sequence
from typing import Final

from bot.core import api_text, damage_text, task
from bot.core.errors import Damaged, Refused
from bot.core.task import Task
from bot.store.dialect import Sql


def get(sql: Sql, task_id: str) -> Task:
    """Raises Refused (404) when there is none."""
    found = find(sql, task_id)
    if found is None:
        raise Refused(api_text.no_such_task(task_id), api_text.list_the_tasks(), 404, "no_such_task")
    return found


def find(sql: Sql, task_id: str) -> Task | None:
    """Raises Damaged when it cannot be read."""
    rows = sql.as_found("SELECT data FROM task WHERE id = ?", task_id)
    return _read(task_id, rows[0][0]) if rows else None


def newest_of_issue(sql: Sql, repo_id: int, issue: int) -> Task | None:
    rows = sql.as_found(
        "SELECT id, data FROM task WHERE repo_id = ? AND issue = ? ORDER BY generation DESC LIMIT 1", repo_id, issue
    )
    return _read(*rows[0]) if rows else None


def of_pull_request(sql: Sql, repo_id: int, number: int, branch: str) -> Task | None:
    """The newest task whose pull request this is, or whose branch it comes from."""
    rows = sql.as_found(
        """SELECT id, data FROM task WHERE repo_id = ? AND (pull_request = ? AND pull_request > 0
           OR branch = ? AND branch <> '') ORDER BY id DESC LIMIT 1""",
        *(repo_id, number, branch),
    )
    return _read(*rows[0]) if rows else None


def in_states(sql: Sql, states: Sequence[str], limit: int = 10_000) -> list[Task]:
    """Oldest first."""
    parts = (
        sql.as_found(f"SELECT task.id, task.data {_WITH_HISTORY} ORDER BY history.task_id LIMIT ?", state, limit)
        for state in set(states)
    )
    return [_read(task_id, data) for task_id, data in itertools.islice(heapq.merge(*parts), limit)]


def ids_in_states(sql: Sql, states: Sequence[str]) -> list[str]:
    """Oldest first, whether they can be read or not."""
    return sorted(
        task_id for state in set(states) for (task_id,) in sql.all("SELECT task_id FROM history WHERE state = ?", state)
    )


def _read(task_id: str, data: str) -> Task:
    try:
        data.isascii() or data.encode()  # lone surrogates stand for bytes that are no UTF-8
        return task.decode(data)
    except (KeyError, TypeError, ValueError) as problem:
        reason = damage_text.task_unreadable(task_id, damage_text.why(problem))
        raise Damaged(reason, damage_text.verify_and_restore()) from problem


def after(sql: Sql, task_id: str, limit: int = 500) -> list[Task]:
    """The tasks that follow ``task_id`` ("" = from the first on), oldest first."""
    rows = sql.as_found("SELECT id, data FROM task WHERE id > ? ORDER BY id LIMIT ?", task_id, limit)
    return [_read(*r) for r in rows]


def in_review_of(sql: Sql, repo_id: int) -> list[Task]:
    """The repository's tasks in review, oldest first."""
    rows = sql.as_found(
        f"SELECT task.id, task.data {_WITH_HISTORY} AND history.repo_id = ? ORDER BY history.task_id", "review", repo_id
    )
    return [_read(*r) for r in rows]


def failed_for(sql: Sql, repo_id: int, reason: str, limit: int = 1000) -> list[Task]:
    """The repository's tasks that failed for ``reason``, oldest first."""
    rows = sql.as_found(
        f"""SELECT task.id, task.data {_WITH_HISTORY} AND history.repo_id = ? AND history.reason = ?
            ORDER BY history.task_id LIMIT ?""",
        *("failed", repo_id, reason, limit),
    )
    return [_read(*r) for r in rows]


def held_by(sql: Sql, agent: str) -> list[Task]:
    """The tasks that ``agent`` has a lease on."""
    rows = sql.as_found("SELECT id, data FROM task WHERE agent = ? AND agent <> '' ORDER BY id", agent)
    return [_read(*r) for r in rows]


def place_in_queue(sql: Sql, of: Task) -> int:
    """1 = next among the claimable; 0 when it is not in the queue."""
    if not of.claimable:
        return 0
    ahead = sql.value(
        """SELECT count(*) FROM task WHERE claimable = 1 AND state = 'queued'
           AND (priority, queued_at, id) < (?, ?, ?)""",
        *(of.priority, of.queued_at, of.id),
    )
    return int(ahead) + 1


def page(
    sql: Sql,
    *,
    states: Sequence[str] = (),
    repo_id: int | None = None,
    issue: int | None = None,
    agent: str = "",
    label: str = "",
    since: float = 0.0,
    before_id: str = "",
    limit: int = 50,
) -> list[Task]:
    """One page, newest first, of those before ``before_id`` (keyset). ``label`` is one of the issue's."""
    where, values = [], list[object]()
    for clause, value in (
        ("task.repo_id = ?", repo_id),
        ("task.issue = ?", issue),
        ("task.agent = ?", agent or None),
        ("task.changed_at >= ?", since or None),
        ("task.id < ?", before_id or None),
        (_HAS_LABEL, _in_list(label) if label else None),
    ):
        if value is not None:
            where.append(clause)
            values.append(value)
    if not states:
        only = " AND ".join(where) or "1 = 1"
        parts = [sql.all(f"SELECT id, data FROM task WHERE {only} ORDER BY id DESC LIMIT ?", *values, limit)]
    else:
        # each state by itself, in the order that an index of the history has
        if repo_id is not None:
            where.append("history.repo_id = ?")
            values.append(repo_id)
        if before_id:
            where.append("history.task_id < ?")
            values.append(before_id)
        found = " AND ".join([f"SELECT task.id, task.data {_WITH_HISTORY}", *where])
        parts = [sql.as_found(f"{found} ORDER BY history.task_id DESC LIMIT ?", s, *values, limit) for s in set(states)]
    newest = itertools.islice(heapq.merge(*parts, key=lambda row: row[0], reverse=True), limit)
    return [_read(*row) for row in newest]


#: The history has the tasks of a state in the order of their ids; the task's own indexes have those that changed last.
_WITH_HISTORY: Final = "FROM history JOIN task ON task.id = history.task_id WHERE history.state = ?"

_HAS_LABEL: Final = """EXISTS (SELECT 1 FROM issue WHERE issue.repo_id = task.repo_id AND issue.number = task.issue
    AND issue.labels LIKE ? ESCAPE '!')"""


def _in_list(label: str) -> str:
    """A LIKE pattern for ``label`` as an element of the stored JSON list; letters count without their case."""
    return "%" + re.sub("[!%_]", r"!\g<0>", json.dumps(label)) + "%"


def counts(sql: Sql) -> dict[str, int]:
    """How many tasks there are in each state, counted one by one; what is kept of that is in ``counters``."""
    return {r[0]: r[1] for r in sql.all("SELECT state, count(*) FROM task GROUP BY state")}
