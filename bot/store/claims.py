"""Finding the next task for an agent: one indexed look-up per class that waits, whatever the queue's length."""

from collections.abc import Collection

from bot.core import matching
from bot.core.matching import Candidate
from bot.store import classes
from bot.store.dialect import Sql


def anything_waits(sql: Sql) -> bool:
    """Whether any task at all could be handed out to somebody."""
    return sql.value("SELECT 1 FROM task WHERE claimable = 1 LIMIT 1") is not None


def next_task(
    sql: Sql, agent: Candidate, refused: Collection[str] = (), closed: Collection[int] = (), *, take: bool = False
) -> str | None:
    """The id of the most urgent, longest waiting claimable task that ``agent`` may run, None for none.

    ``refused`` are tasks not to be given to it, ``closed`` repositories that hand out nothing to it now. To ``take``
    is to lock it until the transaction's end where others claim at the same time: they pass over it.
    """
    fitting = [
        class_id
        for class_id, key, repo, _ in classes.waiting(sql, most=1)
        if key.repo_id not in closed and matching.fits(agent, key, repo)
    ]
    locks = take and sql.many_writers
    if not locks or len(fitting) > 1:  # of one class alone nobody has to know the head beforehand
        heads = sorted((head, class_id) for class_id in fitting for head in _heads(sql, class_id, refused))
        if not locks:
            return heads[0][0][2] if heads else None
        fitting = [class_id for _, class_id in heads]
    for class_id in fitting:
        taken = _heads(sql, class_id, refused, "FOR UPDATE SKIP LOCKED")
        if taken:
            return taken[0][2]
    return None


def _heads(sql: Sql, class_id: int, refused: Collection[str], locking: str = "") -> list[tuple[int, float, str]]:
    """At most one. PostgreSQL looks at a row again once it has it locked, so it is still claimable."""
    if locking and refused:
        marks = ", ".join("?" for _ in refused)
        where, limit = f"AND id NOT IN ({marks})", 1
    else:
        where, limit = "", 1 + len(refused)
    rows = sql.all(
        f"""SELECT priority, queued_at, id FROM task WHERE claimable = 1 AND class_id = ? {where}
            ORDER BY priority, queued_at, id LIMIT ? {locking}""",
        *(class_id, *(refused if where else ()), limit),
    )
    return [(r[0], r[1], r[2]) for r in rows if r[2] not in refused][:1]
