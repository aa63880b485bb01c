"""What others may show of us: a badge per repository, and a feed of what has ended.

Badges and feeds are fetched by programs without a session, so they show what the forge shows to anybody, and what the
visitor who is signed in may see. Anonymous lookers need not be allowed for that: a badge in the README of an open
repository tells nothing that its labels do not.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from flask import Blueprint, Response, make_response, render_template, request

from bot.core import badge_text as text
from bot.core import cleaning
from bot.core.errors import Refused, Unavailable
from bot.core.states import State
from bot.dashboard.desk import current_visitor, desk
from bot.dashboard.guard import Access, guard, open_to
from bot.dashboard.trouble import as_pages
from bot.store import Sql, forge_facts, history
from bot.store.forge_facts import KnownRepository
from bot.store.history import Past

BLUEPRINT: Final = Blueprint("badges", __name__, template_folder="templates")
guard(BLUEPRINT)
as_pages(BLUEPRINT)

_ENTRIES: Final = 50
_KEPT_SECS: Final = 60
#: Width of a letter of the badge's font, in pixels, about.
_LETTER: Final = 6.5
_SVG: Final = "image/svg+xml; charset=utf-8"
#: Characters that no XML document may hold, not even escaped (XML 1.0, 2.2).
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GREEN, _BLUE, _RED, _GREY = "#2a7a2a", "#1f5fa8", "#b3261e", "#5c5c5c"


@BLUEPRINT.get("/badge/<owner>/<name>.svg")
@open_to(Access.ANYONE)
def badge(owner: str, name: str) -> Response:
    """How the fleet stands in a repository: what it does now, else how the last task ended."""
    try:
        repo = _shown(f"{owner}/{name}")
    except (Refused, Unavailable):
        repo = None
    said, color = desk().fleet.read(lambda sql: _standing(sql, repo)) if repo else (text.unknown(), _GREY)
    left, right = (round(len(part) * _LETTER) + 12 for part in (text.label(), said))
    drawn = render_template("badge.svg", label=text.label(), said=said, color=color, left=left, right=right)
    answer = make_response(drawn)
    answer.headers["Content-Type"] = _SVG
    answer.headers["Cache-Control"] = f"private, max-age={_KEPT_SECS}"
    answer.headers["Vary"] = "Cookie"
    answer.headers["Content-Security-Policy"] = "default-src 'none'"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # it is made for pages of the forge
    return answer


@BLUEPRINT.get("/feed.atom")
@open_to(Access.ANYONE)
def feed() -> Response:
    """The tasks that ended last, of one repository (``repo=owner/name``) or of all that may be seen."""
    wanted_repo = request.args.get("repo", "")
    repos = [_shown(wanted_repo)] if wanted_repo else desk().rights.shown(current_visitor())
    shown = {repo.id: repo for repo in repos}
    found = desk().fleet.read(lambda sql: history.ended_last(sql, sorted(shown), _ENTRIES))
    answer = make_response(_atom(found, shown))
    answer.headers["Content-Type"] = "application/atom+xml; charset=utf-8"
    return answer


def _shown(name: str) -> KnownRepository:
    """Raises Refused (404) for what this visitor, and anybody, may not see."""
    known = desk().fleet.read(lambda sql: forge_facts.repo_named(sql, name))
    if known is None or not known.watched or not _may_see(known):
        raise Refused(text.nothing_here(), "", 404, "not_here")
    return known


def _may_see(repo: KnownRepository) -> bool:
    rights, visitor = desk().rights, current_visitor()
    return (visitor.login is not None and rights.may_read(visitor, repo)) or rights.is_public(repo)


def _standing(sql: Sql, repo: KnownRepository) -> tuple[str, str]:
    busy = (State.ASSIGNED, State.RUNNING)
    for states, said, color in (
        (busy, text.working, _BLUE),
        ((State.WAITING,), text.asks, _BLUE),
        ((State.QUEUED,), text.queued, _BLUE),
    ):
        count = history.count(sql, repo.id, [x.value for x in states], text.MOST_COUNTED)
        if count:
            return said(count), color
    [*last] = history.ended_last(sql, [repo.id], 1)
    if not last:
        return text.idle(), _GREY
    return text.last(last[0].state), {"done": _GREEN, "failed": _RED}.get(last[0].state, _GREY)


def _atom(found: Sequence[Past], repos: dict[int, KnownRepository]) -> str:
    """Atom (RFC 4287); every text is plain."""
    url = desk().fleet.settings.server.url
    updated = _moment(max((one.ended_at for one in found), default=0.0))
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"<title>{escape(text.feed_title())}</title>",
        f"<id>{escape(url)}/feed.atom</id>",
        f'<link rel="self" href={quoteattr(url + "/feed.atom")}/>',
        f"<updated>{updated}</updated>",
        f"<author><name>{escape(text.label())}</name></author>",
    ]
    for one in found:
        repo = repos[one.repo_id]
        title = cleaning.one_line(one.title, 200)
        place = f"{repo.html_url}/issues/{one.issue}"
        said = text.ended(one.state, repo.full_name, one.issue, one.reason, one.agent)
        lines += [
            "<entry>",
            f"<title>{escape(f'{title} – {one.state}')}</title>",
            f"<id>{escape(url)}/tasks/{escape(one.task_id)}</id>",
            f"<link href={quoteattr(place)}/>" if place.startswith(("http://", "https://")) else "",
            f"<updated>{_moment(one.ended_at)}</updated>",
            f"<summary>{escape(said)}</summary>",
            "</entry>",
        ]
    return _NOT_XML.sub("\ufffd", "\n".join([*(line for line in lines if line), "</feed>", ""]))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
