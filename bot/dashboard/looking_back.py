"""The history: what is looked for stands in the address; page, CSV and JSON show the same."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, render_template, request

from bot.core import cleaning
from bot.core import history_text as text
from bot.core.errors import Refused
from bot.core.lookback import look_back
from bot.core.reasons import Reason
from bot.core.states import State
from bot.core.words import MOST_SOUGHT, words
from bot.dashboard import charts
from bot.dashboard.desk import current_visitor, desk
from bot.dashboard.guard import Access, guard, open_to
from bot.dashboard.trouble import as_pages
from bot.store import Sql, forge_facts, history
from bot.store.history import Past, Wanted

BLUEPRINT: Final = Blueprint("looking_back", __name__, template_folder="templates")
guard(BLUEPRINT)
as_pages(BLUEPRINT)

_PAGE: Final = 50
#: Tasks that a file holds, and that the numbers are made from, at most: the newest of those that fit.
MOST_TASKS: Final = 10_000
_DAY_SECS: Final = 86_400
_PLACE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: A cell that begins so would be a formula to a spreadsheet; to some the wide signs of East Asia, too.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_COLUMNS: Final = (
    "task", "repository", "issue", "title", "state", "reason", "person", "agent", "created", "waited_secs", "ran_secs",
    "ended", "cost_usd",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """The filter as it stands in the address."""

    states: tuple[str, ...]
    repo: str
    agent: str
    reason: str
    person: str
    first_day: str
    last_day: str
    text: str
    before: str

    def query(self, **changes: str) -> str:
        """As an address has it; ``changes`` replace what is there, "" takes it out."""
        said = {
            "repo": self.repo, "agent": self.agent, "reason": self.reason, "person": self.person,
            "from": self.first_day, "to": self.last_day, "q": self.text, "before": self.before, **changes,
        }  # fmt: skip
        pairs = [("state", state) for state in self.states] + [(k, v) for k, v in said.items() if v]
        return urlencode(pairs)


def asked() -> Asked:
    """The present request's filter. Raises Refused (422) for what cannot be."""
    states = tuple(dict.fromkeys(x for x in request.args.getlist("state") if x))
    for state in states:
        if state not in set(State):
            raise Refused(text.no_such_state(state), text.use_a_state([x.value for x in State]), 422, "fields")
    before = _argument("before")
    if before and not _PLACE.fullmatch(before):
        raise Refused(text.no_such_place(before), text.begin_anew(), 422, "fields")
    sought = _argument("q", 500)
    if len(words(sought)) > MOST_SOUGHT:
        raise Refused(text.too_many_words(MOST_SOUGHT), text.fewer_words(), 422, "fields")
    return Asked(
        states=states,
        repo=_argument("repo"),
        agent=_argument("agent"),
        reason=_argument("reason"),
        person=_argument("person"),
        first_day=_argument("from"),
        last_day=_argument("to"),
        text=sought,
        before=before,
    )


def _argument(name: str, longest: int = 200) -> str:
    return cleaning.one_line(request.args.get(name, ""), longest).strip()


def wanted(sql: Sql, said: Asked, readable: frozenset[int] | None) -> Wanted:
    """The same for the store: never more than ``readable``."""
    repo_ids = readable
    if said.repo:
        known = forge_facts.repo_named(sql, said.repo)
        seen = known is not None and (readable is None or known.id in readable)
        repo_ids = frozenset({known.id}) if known and seen else frozenset()
    return Wanted(
        repo_ids=repo_ids,
        states=said.states,
        agent=said.agent,
        reason=said.reason,
        person=said.person,
        since=_day(said.first_day),
        until=_day(said.last_day) + _DAY_SECS if said.last_day else 0.0,
        sought=tuple(words(said.text)),
        before=said.before,
    )


def _day(said: str) -> float:
    if not said:
        return 0.0
    try:
        return datetime.strptime(said, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except (ValueError, OverflowError):
        raise Refused(text.no_such_day(said), text.write_a_day(), 422, "fields") from None


@BLUEPRINT.get("/history")
@open_to(Access.VISITOR)
def page() -> str:
    """Fifty at a time, and what they all say together."""
    said, readable = asked(), desk().rights.readable(current_visitor())

    def look(sql: Sql) -> tuple[list[Past], list[dict[str, Any]], list[Past], dict[str, list[str]]]:
        found = history.page(sql, wanted(sql, said, readable), _PAGE + 1)
        everything = [] if said.before else history.page(sql, wanted(sql, said, readable), MOST_TASKS)
        everybody = readable is None
        chosen = {name: history.choices(sql, name) if everybody else [] for name in ("agent", "person")}
        return found, rows(sql, found[:_PAGE]), everything, chosen

    found, shown, everything, chosen = desk().fleet.read(look)
    total = look_back(everything)
    older = said.query(before=found[_PAGE - 1].task_id) if len(found) > _PAGE else ""
    return render_template(
        "history.html",
        asked=said,
        rows=shown,
        older=older,
        newest=said.query(before="") if said.before else "",
        first_page=not said.before,
        total=total,
        charts=(charts.ended_by_day(total.days), charts.cost_by_day(total.days)),
        date=charts.date,
        cut=len(everything) >= MOST_TASKS,
        most=MOST_TASKS,
        states=[x.value for x in State],
        reasons=[x.value for x in Reason],
        chosen=chosen,
        text=text,
    )


@BLUEPRINT.get("/history.csv")
@open_to(Access.VISITOR)
def as_csv() -> Response:
    """What the page shows from here on, as a table that no spreadsheet takes for formulas."""
    lines = io.StringIO()
    writer = csv.writer(lines, quoting=csv.QUOTE_ALL)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(row[name]) for name in _COLUMNS] for row in _found())
    return _file(lines.getvalue(), "text/csv; charset=utf-8", "history.csv")


@BLUEPRINT.get("/history.json")
@open_to(Access.VISITOR)
def as_json() -> Response:
    """The same as JSON."""
    data = [{name: row[name] for name in _COLUMNS} for row in _found()]
    return _file(json.dumps(data, ensure_ascii=False), "application/json", "history.json")


def _file(body: str, media: str, name: str) -> Response:
    response = make_response(body)
    response.headers["Content-Type"] = media
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _found() -> list[dict[str, Any]]:
    said, readable = asked(), desk().rights.readable(current_visitor())
    return desk().fleet.read(lambda sql: rows(sql, history.page(sql, wanted(sql, said, readable), MOST_TASKS)))


def rows(sql: Sql, found: Sequence[Past]) -> list[dict[str, Any]]:
    """Each task as page and files show it; texts of people on one line, without anything that stays unseen."""
    names = {repo.id: repo.full_name for repo in forge_facts.repos(sql)}
    return list(_rows(found, names))


def _rows(found: Sequence[Past], names: dict[int, str]) -> Iterator[dict[str, Any]]:
    for one in found:
        yield {
            "task": one.task_id,
            "repository": names.get(one.repo_id, ""),
            "issue": one.issue,
            "title": cleaning.one_line(one.title, 300),
            "state": one.state,
            "reason": one.reason,
            "person": one.person,
            "agent": one.agent,
            "created": _moment(one.created_at),
            "waited_secs": round(one.claimed_at - one.created_at, 1) if one.claimed_at else None,
            "ran_secs": round(one.run_secs, 1) if one.run_secs else None,
            "ended": _moment(one.ended_at),
            "cost_usd": round(one.cost, 6) if one.cost >= 0 else None,
        }


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""


def _cell(value: object) -> object:
    """Numbers are numbers; text that a spreadsheet would calculate gets an apostrophe before it."""
    if value is None:
        return ""
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA):
        return f"'{value}"
    return value
