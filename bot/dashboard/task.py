"""A task's page: what happened and why, what the agent prints, and the buttons for those who may press them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request
from jinja2 import Environment

from bot.core import task_page_text as text
from bot.core import usage_text
from bot.core.facts import Account, Right
from bot.core.task import Task
from bot.dashboard import parts
from bot.dashboard.desk import current_visitor, desk
from bot.dashboard.guard import Access, guard, must_read, must_write, not_here, open_to
from bot.dashboard.log_lines import shortened
from bot.dashboard.streams import Message
from bot.dashboard.trouble import as_pages
from bot.dashboard.visitor import Visitor
from bot.service import pressing, task_page
from bot.service.fleet import Fleet
from bot.service.pressing import Press, Presser
from bot.store import run_logs
from bot.store.forge_facts import KnownRepository

BLUEPRINT: Final = Blueprint("task", __name__, template_folder="templates")
guard(BLUEPRINT)
as_pages(BLUEPRINT)

_PARTS: Final = ("head", "press", "timeline", "attempts", "receipt")
#: Pieces of a log in one go; the rest follows at once.
_PIECES: Final = 50
_LONGEST_NUMBER: Final = 15


@dataclass(frozen=True)
class _Sight:
    """A task as one visitor sees it. ``attempt`` 0 = whichever is the newest."""

    fleet: Fleet
    env: Environment
    task_id: str
    visitor: Visitor
    writes: bool
    attempt: int

    def parts(self) -> dict[str, str]:
        page = task_page.look(self.fleet, self.task_id)
        given = {"page": page, "task": page.task, "writes": self.writes, "csrf": self.visitor.csrf}
        words = {"text": text, "used": usage_text.used}
        return {name: self.env.get_template(f"task_{name}.html").render(**given, **words) for name in _PARTS}

    def fence(self) -> int:
        found = task_page.find(self.fleet, self.task_id)
        return self.attempt or (found[0].fence if found else 0)


@BLUEPRINT.get("/tasks/<task_id>")
@open_to(Access.VISITOR)
def task(task_id: str) -> Response:
    """Readable without scripts; with them it stays up to date and the log grows."""
    sight, known = _sight(task_id)
    made, fence = sight.parts(), sight.fence()
    log = task_page.log_tail(sight.fleet, task_id, fence) if sight.writes and fence else None
    page = render_template(
        "task.html",
        task=known,
        parts=made,
        last=f"{parts.edition(made)}~{fence}.{log.last if log else -1}",
        log=log,
        lines=shortened(log.text) if log else "",
        attempt=sight.attempt,
        writes=sight.writes,
        pressed=text.pressed(request.args.get("pressed", "")),
        text=text,
    )
    return make_response(page)


@BLUEPRINT.get("/tasks/<task_id>/live")
@open_to(Access.VISITOR)
def task_live(task_id: str) -> Response:
    """What changes on the page, and the log from where the browser has it."""
    sight, _ = _sight(task_id)
    rights, signed_in = desk().rights, desk().sessions.still_open()

    def allowed() -> bool:
        found = task_page.find(sight.fleet, task_id)
        return signed_in() and found is not None and rights.may_read(sight.visitor, found[1])

    def look(last: str) -> tuple[list[Message], str]:
        known = task_page.find(sight.fleet, task_id)
        writes = known is not None and rights.may_write(sight.visitor, known[1])
        return _news(replace(sight, writes=writes), last)

    return desk().streams.answer(sight.visitor.name, look, allowed)


@BLUEPRINT.post("/tasks/<task_id>/press/<name>")
@open_to(Access.PERSON)
def task_press(task_id: str, name: str) -> Response:
    """Does what the button says, for those who may, and shows the task again."""
    _, repo = _known(task_id)
    must_write(repo)
    said = request.form
    seen = (said.get("prompt", ""), said.get("commit", ""))
    what = Press(name, _number(said.get("version", "")), said.get("words", ""), *seen)
    pressing.press(desk().fleet, task_id, what, _presser(current_visitor()))
    return redirect(f"/tasks/{task_id}?pressed={name}", 303)  # type: ignore[return-value]


def _presser(visitor: Visitor) -> Presser:
    """Who presses: a person by their account, or an operator, whom no repository's rules bind."""
    if visitor.account_id and not visitor.is_operator:
        return Presser(Account(visitor.account_id, visitor.name))
    return Presser(Account(0, visitor.name), Right.ADMIN)


def _sight(task_id: str) -> tuple[_Sight, Task]:
    """Raises Refused (404) for a task that is not there or not for this visitor."""
    known, repo = _known(task_id)
    visitor, attempt = current_visitor(), _number(request.args.get("attempt", ""))
    writes = desk().rights.may_write(visitor, repo)
    return _Sight(desk().fleet, current_app.jinja_env, task_id, visitor, writes, attempt), known


def _known(task_id: str) -> tuple[Task, KnownRepository]:
    found = task_page.find(desk().fleet, task_id)
    if found is None:
        raise not_here()
    must_read(found[1])
    return found


def _news(sight: _Sight, last: str) -> tuple[list[Message], str]:
    seen, _, at = last.partition("~")
    messages, edition = parts.news(sight.parts(), seen)
    messages = [Message(x.event, x.data, f"{x.id}~{at}" if x.id else "") for x in messages]
    if not sight.writes:
        return messages, f"{edition}~{at}"
    for fence, position, shown in _pieces(sight, at):
        at = f"{fence}.{position}"
        data = json.dumps({"fence": fence, "at": position, "text": shown})
        messages.append(Message("log", data, f"{edition}~{at}"))
    return messages, f"{edition}~{at}"


def _pieces(sight: _Sight, at: str) -> Iterator[tuple[int, int, str]]:
    """What came after ``at`` (attempt and position), to be shown; all of it when another attempt is the newest now."""
    seen, _, position = at.partition(".")
    fence = sight.fence()
    after = _number(position) if _number(seen) == fence and position.isdecimal() else -1
    found = _chunks(sight, fence, after)
    masking = task_page.log_stream(sight.fleet, sight.task_id, fence, after) if found else None
    while found and masking:
        for piece in found:
            yield fence, piece.position, shortened(masking.takes(task_page.revealed(piece.text)))
        found = _chunks(sight, fence, found[-1].position) if len(found) == _PIECES else []


def _chunks(sight: _Sight, fence: int, after: int) -> list[run_logs.Chunk]:
    return sight.fleet.read(lambda sql: run_logs.chunks(sql, sight.task_id, fence, after, _PIECES))


def _number(said: str) -> int:
    """A whole number from outside, 0 for anything else."""
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= _LONGEST_NUMBER else 0
