"""Agents, hosts and tokens: who is there, and the buttons of operators."""

import re
from datetime import UTC, datetime
from typing import Any, Final

from flask import Blueprint, Response, make_response, redirect, render_template, request

from bot.core import cleaning
from bot.core import machines_text as text
from bot.core.errors import Refused
from bot.dashboard.desk import current_visitor, desk
from bot.dashboard.guard import Access, guard, open_to
from bot.dashboard.trouble import as_pages
from bot.service import machines
from bot.settings.values import IDENTIFIER
from bot.store import Sql, agents, attempts, audit, host_checks, hosts, tokens
from bot.store.tokens import Token

BLUEPRINT: Final = Blueprint("machines", __name__, template_folder="templates")
guard(BLUEPRINT)
as_pages(BLUEPRINT)

_GLOB: Final = re.compile(r"[A-Za-z0-9._*-]{1,100}/[A-Za-z0-9._*-]{1,100}")
_MOST_DAYS: Final = 36_500
_SHOWN_DEEDS: Final = 50


@BLUEPRINT.get("/agents")
@open_to(Access.PERSON)
def agents_page() -> str:
    """Everyone who works for the fleet."""
    shown = desk().fleet.read(_agents)
    return render_template("agents.html", visitor=current_visitor(), agents=shown)


@BLUEPRINT.post("/agents/drain")
@open_to(Access.OPERATOR)
def drain_agent() -> Response:
    machines.drain(desk().fleet, _field("agent"), current_visitor().name)
    return _to("/agents")


@BLUEPRINT.post("/agents/undrain")
@open_to(Access.OPERATOR)
def undrain_agent() -> Response:
    machines.undrain(desk().fleet, _field("agent"), current_visitor().name)
    return _to("/agents")


@BLUEPRINT.get("/hosts")
@open_to(Access.OPERATOR)
def hosts_page() -> str:
    """The machines of the configuration, how they stand, and what the last check found."""
    return render_template("hosts.html", visitor=current_visitor(), hosts=desk().fleet.read(_hosts))


@BLUEPRINT.post("/hosts/drain")
@open_to(Access.OPERATOR)
def drain_host() -> Response:
    machines.drain_host(desk().fleet, _field("host"), current_visitor().name)
    return _to("/hosts")


@BLUEPRINT.post("/hosts/undrain")
@open_to(Access.OPERATOR)
def undrain_host() -> Response:
    machines.undrain_host(desk().fleet, _field("host"), current_visitor().name)
    return _to("/hosts")


@BLUEPRINT.post("/hosts/check")
@open_to(Access.OPERATOR)
def check_host() -> Response:
    machines.want_checked(desk().fleet, _field("host"), current_visitor().name)
    return _to("/hosts")


@BLUEPRINT.get("/tokens")
@open_to(Access.OPERATOR)
def tokens_page() -> Response:
    """The tokens of the API by their beginnings, and the newest of what operators did."""
    return _tokens_page("")


@BLUEPRINT.post("/tokens")
@open_to(Access.OPERATOR)
def make_token() -> Response:
    """Shows the new token, this once: it is in the answer and nowhere else."""
    role, agent = _field("role"), _field("agent")
    if role not in tokens.ROLES:
        raise Refused(text.not_a_role(), "", 422, "fields")
    if role == "agent" and not IDENTIFIER.fullmatch(agent):
        raise Refused(text.agent_token_needs_agent(), text.id_rule(), 422, "fields")
    repos = [part for part in re.split(r"[\s,]+", _field("repos", 2000)) if part] if role == "agent" else []
    if any(not _GLOB.fullmatch(repo) for repo in repos):
        raise Refused(text.not_a_glob(), "", 422, "fields")
    secret = machines.make_token(
        desk().fleet,
        role=role,
        name=_field("name", 100),
        agent=agent if role == "agent" else "",
        repos=repos,
        days=_days(_field("days")),
        by=current_visitor().name,
    )
    return _tokens_page(secret)


@BLUEPRINT.post("/tokens/revoke")
@open_to(Access.OPERATOR)
def revoke_token() -> Response:
    machines.revoke_token(desk().fleet, _field("token"), current_visitor().name)
    return _to("/tokens")


def _tokens_page(secret: str) -> Response:
    now = desk().fleet.clock()
    known, deeds = desk().fleet.read(lambda sql: (tokens.listed(sql), audit.newest(sql, limit=_SHOWN_DEEDS)))
    page = make_response(
        render_template(
            "tokens.html",
            visitor=current_visitor(),
            secret=secret,
            tokens=[_token(token, now) for token in reversed(known)],
            deeds=[{"at": _moment(x.at), "person": x.person, "deed": x.deed, "subject": x.subject, "detail": x.detail}
                   for x in deeds],
        )
    )  # fmt: skip
    page.headers["Cache-Control"] = "no-store"
    return page


def _agents(sql: Sql) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "type": one.agent_type,
            "status": one.status,
            "running": attempts.count_running(sql, one.id),
            "slots": one.max_concurrency,
            "capabilities": ", ".join(cleaning.one_line(x, 60) for x in one.capabilities),
            "host": cleaning.one_line(one.host, 100),
            "seen": _moment(one.last_seen),
            "version": cleaning.one_line(one.version, 60),
        }
        for one in agents.listed(sql)
        if one.status != agents.GONE
    ]


def _hosts(sql: Sql) -> list[dict[str, Any]]:
    stand, checks = {host.host: host for host in hosts.listed(sql)}, host_checks.listed(sql)
    known = _agents(sql)
    found = []
    for entry in desk().fleet.settings.hosts:
        state, check = stand.get(entry.host_id), checks.get(entry.host_id)
        here = [agent for agent in known if agent["host"] == entry.host_id]
        found.append(
            {
                "id": entry.host_id,
                "mode": entry.mode,
                "state": state.state if state else "",
                "why": state.why if state else "",
                "since": _moment(state.since) if state else "",
                "seen": _moment(state.seen_at) if state else "",
                "agents": here,
                "running": sum(agent["running"] for agent in here),
                "slots": sum(agent["slots"] for agent in here),
                "draining": bool(here) and all(agent["status"] == agents.DRAINING for agent in here),
                "check": check,
                "checked": _moment(check.done_at) if check else "",
            }
        )
    return found


def _token(token: Token, now: float) -> dict[str, Any]:
    return {
        "prefix": token.prefix,
        "name": token.name,
        "role": token.role,
        "agent": token.agent,
        "repos": ", ".join(token.repos) or "all",
        "made": _moment(token.created_at),
        "used": _moment(token.last_used_at),
        "expires": _moment(token.expires_at),
        "usable": token.usable(now),
        "state": "revoked" if token.revoked_at else "usable" if token.usable(now) else "expired",
    }


def _field(name: str, longest: int = 200) -> str:
    return cleaning.one_line(request.form.get(name, ""), longest).strip()


def _days(said: str) -> int | None:
    if not said:
        return None
    if not (said.isascii() and said.isdigit() and 0 < int(said[:6]) <= _MOST_DAYS and len(said) <= 5):
        raise Refused(text.not_days(), "", 422, "fields")
    return int(said)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at else "–"


def _to(page: str) -> Response:
    return make_response(redirect(page, 303))
