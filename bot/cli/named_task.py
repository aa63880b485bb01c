"""Which task somebody means: its id, or the place that every list shows, OWNER/REPO#ISSUE."""

import re
from typing import Final

import click

from bot.core import operating_text as text
from bot.core.errors import Refused
from bot.core.task import Task
from bot.store import Sql, forge_facts, tasks

_PLACE: Final = re.compile(r"([^\s#]{1,200})#(\d{1,15})")
#: The argument of every command about one task.
task_argument: Final = click.argument("named", metavar="TASK")


def task_named(sql: Sql, named: str) -> Task:
    """The task with that id, or the newest one of that issue. Raises Refused (404) when there is none."""
    place = _PLACE.fullmatch(named)
    if place is None:
        found = tasks.find(sql, named)
    else:
        known = forge_facts.repo_named(sql, place[1])
        found = tasks.newest_of_issue(sql, known.id, int(place[2])) if known else None
    if found is None:
        raise Refused(text.no_such_task(named), text.name_a_task(), 404, "no_such_task")
    return found
