"""What an attempt was told, and all that it has printed: to read, to search, to take home."""

import itertools
from typing import Final

from flask import Blueprint, Response, make_response, render_template, request

from bot.core import cleaning
from bot.core import task_page_text as text
from bot.dashboard.desk import desk
from bot.dashboard.guard import Access, guard, must_write, not_here, open_to
from bot.dashboard.log_lines import holding
from bot.dashboard.trouble import as_pages
from bot.service import given_prompts, task_page
from bot.store import run_logs

BLUEPRINT: Final = Blueprint("task_log", __name__, template_folder="templates")
guard(BLUEPRINT)
as_pages(BLUEPRINT)

_MOST_FOUND: Final = 200
_LONGEST_WORDS: Final = 200


@BLUEPRINT.get("/tasks/<task_id>/log.txt")
@open_to(Access.VISITOR)
def log_file(task_id: str) -> Response:
    """As it is kept, as a file."""
    fence, log = _log(task_id)
    answer = make_response(log)
    answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    answer.headers["Content-Disposition"] = f'attachment; filename="{task_id}-{fence}.log"'
    return answer


@BLUEPRINT.get("/tasks/<task_id>/log")
@open_to(Access.VISITOR)
def log_search(task_id: str) -> Response:
    """The lines that hold ``q``."""
    fence, log = _log(task_id)
    wanted = cleaning.one_line(request.args.get("q", ""), _LONGEST_WORDS)
    found = list(itertools.islice(holding(log, wanted), _MOST_FOUND + 1)) if wanted else []
    more = len(found) > _MOST_FOUND
    found = found[:_MOST_FOUND]
    said = text.found(len(found), more=more) if wanted else ""
    page = render_template("log.html", task_id=task_id, fence=fence, wanted=wanted, found=found, said=said)
    return make_response(page)


@BLUEPRINT.get("/tasks/<task_id>/prompt")
@open_to(Access.VISITOR)
def prompt(task_id: str) -> Response:
    """Byte for byte what the attempt was given, with its digest."""
    fence = _attempt(task_id)
    given, written = desk().fleet.read(lambda sql: given_prompts.read(sql, task_id, fence))
    page = render_template("prompt.html", task_id=task_id, given=given, written=written)
    return make_response(page)


def _log(task_id: str) -> tuple[int, str]:
    """The attempt and all that is kept of what it printed. Raises Refused: 404, or 403 for those who may only look."""
    fleet, fence = desk().fleet, _attempt(task_id)
    return fence, task_page.masked(fleet, fleet.read(lambda sql: run_logs.read(sql, task_id, fence)))


def _attempt(task_id: str) -> int:
    """The attempt that is asked for, or the newest. Raises Refused as ``_log`` does."""
    known = task_page.find(desk().fleet, task_id)
    if known is None:
        raise not_here()
    task, repo = known
    must_write(repo)
    said = request.args.get("attempt", "")
    asked = int(said) if said.isascii() and said.isdecimal() and len(said) < len(str(2**53)) else 0
    return asked or task.fence
