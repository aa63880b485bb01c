"""Finding the next task for an agent: one indexed look-up per class that waits, whatever the queue's length."""

from collections.abc import Collection, Iterator

from bot.core import matching, task
from bot.core.matching import Candidate
from bot.core.task import Task
from bot.store import classes
from bot.store.classes import Head
from bot.store.dialect import Sql


def anything_waits(sql: Sql) -> bool:
    """Whether any task at all could be handed out to somebody."""
    return sql.value("SELECT 1 FROM task WHERE claimable = 1 LIMIT 1") is not None


def next_task(
    sql: Sql, agent: Candidate, refused: Collection[str] = (), closed: Collection[int] = (), *, take: bool = False
) -> Task | None:
    """The most urgent, longest waiting claimable task that ``agent`` may run, None for none.

    ``refused`` are tasks not to be given to it, ``closed`` repositories that hand out nothing to it now. To ``take``
    is to lock it until the transaction's end where others claim at the same time: they pass over it.
    """
    for head, class_id in sorted(_fitting(sql, agent, refused, closed)):
        if take and sql.many_writers:
            data = _taken(sql, class_id, refused)
        else:
            data = sql.value("SELECT data FROM task WHERE id = ?", head[2])
        if data is not None:
            return task.decode(data)
    return None


def _fitting(
    sql: Sql, agent: Candidate, refused: Collection[str], closed: Collection[int]
) -> Iterator[tuple[Head, int]]:
    """The heads of the classes whose tasks ``agent`` may run."""
    if sql.many_writers:  # a server is asked once
        for class_id, key, repo, head in classes.heads(sql, refused):
            if key.repo_id not in closed and matching.fits(agent, key, repo):
                yield head, class_id
        return
    for class_id, key, repo, _ in classes.waiting(sql):
        if key.repo_id not in closed and matching.fits(agent, key, repo):
            rows = sql.all(
                """SELECT priority, queued_at, id FROM task WHERE claimable = 1 AND class_id = ?
                   ORDER BY priority, queued_at, id LIMIT ?""",
                *(class_id, 1 + len(refused)),
            )
            yield from [((r[0], r[1], r[2]), class_id) for r in rows if r[2] not in refused][:1]


def _taken(sql: Sql, class_id: int, refused: Collection[str]) -> str | None:
    """The first that nobody else takes. PostgreSQL looks at a row again once it has it locked, so it is claimable."""
    found: str | None = sql.value(
        f"""SELECT data FROM task WHERE claimable = 1 AND class_id = ? {classes.none_of(refused)}
            ORDER BY priority, queued_at, id LIMIT 1 FOR UPDATE SKIP LOCKED""",
        *(class_id, *refused),
    )
    return found
