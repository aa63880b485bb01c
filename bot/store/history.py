"""One row per task for looking back: who asked, who worked, how long, what it cost, and the words to find it by.

Written in the transaction of the events that it follows from, so it is never behind.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.core import ids, task
from bot.core.events import Claimed, Event
from bot.core.task import Task
from bot.core.words import MOST_KEPT, key, keys_beginning_with, words
from bot.store.dialect import Sql

#: Nobody said what it cost.
UNKNOWN_COST: Final = -1.0
#: Up to so many finds of a word are listed; beyond that each task is asked whether it has the word.
_RARE: Final = 2000
#: Rows of one repository and state at first; twice as many each time that they do not suffice.
_STEP: Final = 200

_COLUMNS: Final = (
    "history.task_id, history.repo_id, history.issue, history.state, history.reason, history.person, history.agent, "
    "history.created_at, history.claimed_at, history.run_secs, history.ended_at, history.cost, history.pull_request, "
    "COALESCE(issue.title, '')"
)


@dataclass(frozen=True)
class Past:
    """``agent`` worked on it last, ``claimed_at`` is the first claim (0 = none), ``run_secs`` all attempts together.

    ``ended_at`` 0 = it has not ended; ``cost`` in US dollars, below 0 = not known.
    """

    task_id: str
    repo_id: int
    issue: int
    state: str
    reason: str
    person: str
    agent: str
    created_at: float
    claimed_at: float
    run_secs: float
    ended_at: float
    cost: float
    pull_request: int
    title: str


@dataclass(frozen=True)
class Wanted:
    """What is looked for; empty = whatever. ``repo_ids`` None = every repository. Times are of creation, epoch seconds.

    ``before`` is the task id that a page begins after. A task fits ``sought`` when each word begins one of its words.
    """

    repo_ids: frozenset[int] | None = None
    states: tuple[str, ...] = ()
    agent: str = ""
    reason: str = ""
    person: str = ""
    since: float = 0.0
    until: float = 0.0
    sought: tuple[str, ...] = ()
    before: str = ""


def follow(sql: Sql, before: Task | None, after: Task, event: Event, at: float) -> None:
    """Brings the row up to ``after``; most events change nothing of it."""
    if before is None:
        sql.later(
            """INSERT INTO history (task_id, repo_id, issue, state, reason, person, agent, created_at, claimed_at,
               run_secs, ended_at, cost, pull_request) VALUES (?, ?, ?, ?, '', ?, '', ?, 0, 0, 0, ?, 0)""",
            *(after.id, after.repo_id, after.issue, after.state.value, after.asked_by, after.created_at, UNKNOWN_COST),
        )
        index(sql, after.id, title_of(sql, after.repo_id, after.issue))
        return
    if isinstance(event, Claimed):
        sql.later(
            """UPDATE history SET state = ?, reason = ?, agent = ?,
               claimed_at = CASE WHEN claimed_at > 0 THEN claimed_at ELSE ? END WHERE task_id = ?""",
            *(after.state.value, reason_of(after), after.agent, at, after.id),
        )
        return
    if (before.state, before.reason, before.message) == (after.state, after.reason, after.message):
        return
    ran = max(0.0, at - before.claimed_at) if before.state.leased and not after.state.leased else 0.0
    sql.later(
        """UPDATE history SET state = ?, reason = ?, run_secs = run_secs + ?, ended_at = ?, pull_request = ?
           WHERE task_id = ?""",
        *(after.state.value, reason_of(after), ran, at if after.state.final else 0.0, after.pull_request, after.id),
    )
    if (before.reason, before.message) != (after.reason, after.message):
        index(sql, after.id, f"{title_of(sql, after.repo_id, after.issue)} {reason_of(after)} {after.message}")


def reason_of(one: Task) -> str:
    return one.reason.value if one.reason else ""


def spent(sql: Sql, task_id: str, cost: float) -> None:
    """All that the task's attempts have cost so far, in US dollars."""
    sql.later("UPDATE history SET cost = ? WHERE task_id = ?", cost, task_id)


def title_of(sql: Sql, repo_id: int, issue: int) -> str:
    return str(sql.value("SELECT title FROM issue WHERE repo_id = ? AND number = ?", repo_id, issue) or "")


def renamed(sql: Sql, repo_id: int, issue: int) -> None:
    """The issue has another title: its tasks are found by that."""
    title = title_of(sql, repo_id, issue)
    rows = sql.all("SELECT data FROM task WHERE repo_id = ? AND issue = ?", repo_id, issue)
    for one in (task.decode(row[0]) for row in rows):
        index(sql, one.id, f"{title} {reason_of(one)} {one.message}")


def index(sql: Sql, task_id: str, text: str) -> None:
    """From now on the task is found by these words."""
    sql.later("DELETE FROM task_word WHERE task_id = ?", task_id)
    found = [key(word) for word in words(text)[:MOST_KEPT]]
    if found:  # in one statement: a hot path, and a transaction that others wait for
        rows = ", ".join("(?, ?)" for _ in found)
        pairs = itertools.chain.from_iterable((word, task_id) for word in found)
        sql.later(f"INSERT INTO task_word (word, task_id) VALUES {rows}", *pairs)


def page(sql: Sql, wanted: Wanted, limit: int) -> list[Past]:
    """The newest that fit, newest first, after ``wanted.before``.

    Each repository and state by itself: an index has those in order, while several together would have to be sorted.
    """
    repos = [None] if wanted.repo_ids is None else [frozenset({repo_id}) for repo_id in wanted.repo_ids]
    states: list[tuple[str, ...]] = [(state,) for state in wanted.states] or [()]
    parts = [_newest(sql, replace(wanted, repo_ids=r, states=s), limit) for r in repos for s in states]
    return list(itertools.islice(heapq.merge(*parts, key=lambda one: one.task_id, reverse=True), limit))


def _newest(sql: Sql, wanted: Wanted, limit: int) -> Iterator[Past]:
    """Read as far as somebody looks: of many repositories together no more than a little of each is read in vain."""
    step = min(limit, _STEP)
    while True:
        found = _page(sql, wanted, step)
        yield from found
        if len(found) < step:
            return
        wanted, step = replace(wanted, before=found[-1].task_id), min(limit, step * 2)


def _page(sql: Sql, wanted: Wanted, limit: int) -> list[Past]:
    where, values = _where(sql, wanted)
    rows = sql.all(
        f"""SELECT {_COLUMNS} FROM history LEFT JOIN issue ON issue.repo_id = history.repo_id
            AND issue.number = history.issue WHERE {where} ORDER BY history.task_id DESC LIMIT ?""",
        *(*values, limit),
    )
    return [Past(*row) for row in rows]


def ended_last(sql: Sql, repo_ids: Sequence[int], limit: int) -> list[Past]:
    """What ended last in these repositories, newest end first."""
    found: list[Past] = []
    for repo_id in repo_ids:
        rows = sql.all(
            f"""SELECT {_COLUMNS} FROM history LEFT JOIN issue ON issue.repo_id = history.repo_id
                AND issue.number = history.issue WHERE history.repo_id = ? AND ended_at > 0
                ORDER BY ended_at DESC LIMIT ?""",
            *(repo_id, limit),
        )
        found += [Past(*row) for row in rows]
    return heapq.nlargest(limit, found, key=lambda one: one.ended_at)


def count(sql: Sql, repo_id: int, states: Sequence[str], most: int) -> int:
    """How many of the repository's tasks are in these states, counted up to ``most``."""
    marks = ", ".join("?" for _ in states)
    return int(
        sql.value(
            f"SELECT count(*) FROM (SELECT 1 FROM history WHERE repo_id = ? AND state IN ({marks}) LIMIT ?) AS found",
            *(repo_id, *states, most),
        )
    )


def choices(sql: Sql, column: str, limit: int = 200) -> list[str]:
    """The different agents, reasons or people there are, by hops over an index."""
    if column not in ("agent", "reason", "person"):
        raise ValueError(column)
    found: list[str] = []
    last = ""
    while len(found) < limit:
        later = f"SELECT {column} FROM history WHERE {column} > ? AND {column} <> '' ORDER BY {column} LIMIT 1"
        last = sql.value(later, last) or ""
        if not last:
            break
        found.append(last)
    return found


def _where(sql: Sql, wanted: Wanted) -> tuple[str, list[Any]]:
    where, values = ["1 = 1"], list[Any]()
    if wanted.repo_ids is not None:
        where.append(f"history.repo_id IN ({', '.join('?' for _ in wanted.repo_ids) or 'NULL'})")
        values += sorted(wanted.repo_ids)
    if wanted.states:
        where.append(f"state IN ({', '.join('?' for _ in wanted.states)})")
        values += wanted.states
    for clause, value in (
        ("agent = ?", wanted.agent),
        ("reason = ? AND reason <> ''", wanted.reason),
        ("person = ?", wanted.person),
        ("created_at >= ?", wanted.since),
        ("history.task_id >= ?", ids.not_before("t", wanted.since) if wanted.since else ""),
        ("created_at < ?", wanted.until),
        ("history.task_id < ?", ids.not_before("t", wanted.until) if wanted.until else ""),
        ("history.task_id < ?", wanted.before),
    ):
        if value:
            where.append(clause)
            values.append(value)
    for word in wanted.sought:
        keys = keys_beginning_with(word)
        where.append(_has_word(sql, *keys))
        values += keys
    return " AND ".join(where), values


def _has_word(sql: Sql, first: str, end: str) -> str:
    found = sql.all("SELECT 1 FROM task_word WHERE word >= ? AND word < ? LIMIT ?", first, end, _RARE)
    if len(found) < _RARE:
        return "history.task_id IN (SELECT task_id FROM task_word WHERE word >= ? AND word < ?)"
    return """EXISTS (SELECT 1 FROM task_word WHERE task_word.task_id = history.task_id AND word >= ? AND word < ?)"""
