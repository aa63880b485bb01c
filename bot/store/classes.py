"""Requirement classes: what waiting tasks have in common, so that a claim looks at classes and never at the queue."""

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Final

from bot.core.errors import Refused
from bot.core.matching import ClassKey
from bot.store.dialect import Sql

#: More different label sets than this are refused, so that labels cannot be used to make claims slow.
MAX_CLASSES = 2000

#: Priority, since when it waits, and id of the task of a class that is next.
Head = tuple[int, float, str]


def of(sql: Sql, key: ClassKey) -> int:
    """The id of the class, made when it is new. Raises Refused when there are too many."""
    wanted = _written(key.requirements)
    known = sql.value(
        "SELECT id FROM class WHERE repo_id = ? AND requirements = ? AND reserved_for = ?",
        *(key.repo_id, wanted, key.reserved_for),
    )
    if known is not None:
        return int(known)
    _make_room(sql)
    made = sql.all(
        "INSERT INTO class (repo_id, requirements, reserved_for, waiting) VALUES (?, ?, ?, 0) RETURNING id",
        *(key.repo_id, wanted, key.reserved_for),
    )
    return int(made[0][0])


def count(sql: Sql, class_id: int, change: int) -> None:
    """Keeps the number of claimable tasks of a class; id 0 is no class.

    Where many write at the same time nothing is kept: all claims of a class would wait for one row.
    """
    if class_id and not sql.many_writers:
        sql.run("UPDATE class SET waiting = waiting + ? WHERE id = ?", change, class_id)


def recount(sql: Sql) -> None:
    """Counts anew where the numbers are kept; after a copy from where they are not."""
    sql.run("UPDATE class SET waiting = (SELECT count(*) FROM task WHERE claimable = 1 AND task.class_id = class.id)")


def waiting(sql: Sql, most: int = 1_000_000) -> list[tuple[int, ClassKey, str, int]]:
    """The classes with claimable tasks: (id, key, repository's name now, how many).

    Whoever needs no exact number says the ``most`` to count up to; where the numbers are kept they are exact.
    """
    if sql.many_writers:
        rows = sql.all(_COUNTED, most)
    else:
        rows = sql.all(
            """SELECT class.id, class.repo_id, class.requirements, class.reserved_for, class.waiting, repo.full_name
               FROM class JOIN repo ON repo.id = class.repo_id WHERE class.waiting > 0"""
        )
    return [(r[0], ClassKey(r[1], _read(r[2]), r[3]), r[5], r[4]) for r in rows]


def heads(sql: Sql, refused: Collection[str]) -> list[tuple[int, ClassKey, str, Head]]:
    """The same with the next task of each that is none of ``refused``, in one statement, for servers."""
    rows = sql.all(
        f"""SELECT class.id, class.repo_id, class.requirements, class.reserved_for, repo.full_name,
            head.priority, head.queued_at, head.id FROM class JOIN repo ON repo.id = class.repo_id CROSS JOIN LATERAL
            (SELECT priority, queued_at, id FROM task WHERE claimable = 1 AND task.class_id = class.id
            {none_of(refused)} ORDER BY priority, queued_at, id LIMIT 1) AS head""",
        *refused,
    )
    return [(r[0], ClassKey(r[1], _read(r[2]), r[3]), r[4], (r[5], r[6], r[7])) for r in rows]


def none_of(refused: Collection[str]) -> str:
    """A condition on tasks, with a placeholder for each of ``refused``."""
    return f"AND id NOT IN ({', '.join('?' for _ in refused)})" if refused else ""


#: One look into the index of claimable tasks per class.
_COUNTED: Final = """SELECT class.id, class.repo_id, class.requirements, class.reserved_for, found.n, repo.full_name
    FROM class JOIN repo ON repo.id = class.repo_id CROSS JOIN LATERAL (SELECT count(*) AS n FROM
    (SELECT 1 FROM task WHERE claimable = 1 AND task.class_id = class.id LIMIT ?) AS seen) AS found
    WHERE found.n > 0"""


@lru_cache(MAX_CLASSES)
def _written(requirements: tuple[str, ...]) -> str:
    return json.dumps(requirements, ensure_ascii=False)


@lru_cache(MAX_CLASSES)
def _read(written: str) -> tuple[str, ...]:
    return tuple(json.loads(written))


def _make_room(sql: Sql) -> None:
    if sql.value("SELECT count(*) FROM class") < MAX_CLASSES:
        return
    sql.run("DELETE FROM class WHERE waiting = 0 AND NOT EXISTS (SELECT 1 FROM task WHERE task.class_id = class.id)")
    if sql.value("SELECT count(*) FROM class") >= MAX_CLASSES:
        raise Refused(
            f"There are already {MAX_CLASSES} different sets of labels waiting.",
            "Finish or cancel some of the waiting tasks, or use fewer different `agent:` labels.",
            503,
            "too_many_classes",
        )
