"""Finding the next task for an agent: one indexed look-up per class that waits, whatever the queue's length."""

from collections.abc import Collection

from bot.core import matching
from bot.core.matching import Candidate
from bot.store import classes
from bot.store.dialect import Sql


def next_task(sql: Sql, agent: Candidate, refused: Collection[str] = (), closed: Collection[int] = ()) -> str | None:
    """The id of the most urgent, longest waiting claimable task that ``agent`` may run, None for none.

    ``refused`` are tasks not to be given to it, ``closed`` repositories that hand out nothing to it now.
    """
    heads = []
    for class_id, key, repo, _ in classes.waiting(sql):
        if key.repo_id not in closed and matching.fits(agent, key, repo):
            heads += _heads(sql, class_id, refused)
    return min(heads)[2] if heads else None


def _heads(sql: Sql, class_id: int, refused: Collection[str]) -> list[tuple[int, float, str]]:
    rows = sql.all(
        """SELECT priority, queued_at, id FROM task WHERE claimable = 1 AND class_id = ?
           ORDER BY priority, queued_at, id LIMIT ?""",
        *(class_id, 1 + len(refused)),
    )
    return [(r[0], r[1], r[2]) for r in rows if r[2] not in refused][:1]
