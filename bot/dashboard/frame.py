"""What every page has in common: navigation, words made safe, and the headers that it leaves with."""

import re
import secrets
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from markupsafe import Markup, escape

from bot.core import cleaning
from bot.core.text import span
from bot.dashboard.assets import path_of
from bot.dashboard.desk import current_visitor
from bot.service.fleet import Fleet

_CODE: Final = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_LINK: Final = re.compile(r"\[([^\]\[]{1,80})\]\((https?://[^\s()<>\"']{1,500})\)")
_TITLE_CHARS: Final = 120
_SHORT_CHARS: Final = 200

#: The rooms that the navigation leads to.
ROOMS: Final = (("/", "Now"), ("/history", "History"), ("/agents", "Agents"))
#: Those that it leads operators to, besides.
OPERATORS_ROOMS: Final = (("/hosts", "Hosts"), ("/tokens", "Tokens"))

_SAME_FOR_ALL: Final = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def dress(app: Flask, fleet: Fleet, blueprints: frozenset[str]) -> None:
    """Gives the pages of ``blueprints`` their frame, and the templates their words."""
    forge = _origin(fleet.settings.dashboard.forge_url or fleet.settings.forgejo.url)

    def with_headers(response: Response) -> Response:
        if request.blueprint in blueprints:
            response.headers.setdefault("Content-Security-Policy", _policy())
            for name, value in _SAME_FOR_ALL.items():
                response.headers.setdefault(name, value)
        return response

    app.after_request(with_headers)
    app.context_processor(_words)
    app.jinja_env.filters.update(
        prose=prose(forge), title=title, moment=moment, clock=clock, span=span, short=short, visible=cleaning.revealed
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def nonce() -> str:
    """What marks the scripts and styles of the present page as ours."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def prose(forge: str) -> Any:
    """A filter: our sentences, in which ``code`` and links to the forge are marked; everything else is text."""

    def shown(said: str) -> Markup:
        said = cleaning.revealed(said.replace("\u2060", ""), 8000)
        parts, at = [], 0
        for match in _CODE.finditer(said):
            inner = match[2]
            padded = inner.startswith(" ") and inner.endswith(" ") and inner.strip()
            parts += [_linked(said[at : match.start()], forge), Markup("<code>")]
            parts += [escape(inner[1:-1] if padded else inner), Markup("</code>")]
            at = match.end()
        return Markup("").join([*parts, _linked(said[at:], forge)])

    return shown


def title(said: str) -> str:
    """Somebody's title on one line; what tries to stay unseen is shown."""
    line = " ".join(cleaning.revealed(said, 4000).split())
    return line if len(line) <= _TITLE_CHARS else f"{line[: _TITLE_CHARS - 1]}…"


def short(said: str) -> str:
    """A sentence for a small place."""
    return said if len(said) <= _SHORT_CHARS else f"{said[: _SHORT_CHARS - 1]}…"


def moment(at: float) -> Markup:
    """A point in time with its day; – for never."""
    return _time(at, "%Y-%m-%d %H:%M")


def clock(at: float) -> Markup:
    """A point in time to the second, for what is of today."""
    return _time(at, "%H:%M:%S")


def _time(at: float, shape: str) -> Markup:
    if not at:
        return Markup("–")
    when = datetime.fromtimestamp(at, UTC)
    exact = when.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact, exact, when.strftime(shape))


def _linked(said: str, forge: str) -> Markup:
    parts, at = [], 0
    for match in _LINK.finditer(said):
        if forge and _origin(match[2]) == forge:
            parts += [escape(said[at : match.start()]), Markup('<a href="{}">{}</a>').format(match[2], match[1])]
            at = match.end()
    return Markup("").join([*parts, escape(said[at:])])


def _words() -> dict[str, Any]:
    """What every template may use."""
    me = current_visitor()
    rooms = (*ROOMS, *OPERATORS_ROOMS) if me.is_operator else ROOMS
    return {"asset": path_of, "nonce": nonce(), "rooms": rooms, "here": request.path, "me": me}


def _origin(url: str) -> str:
    """Scheme and host, "" for what is no address: somebody may have written it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _policy() -> str:
    """Nothing but ours: no other server, no script or style that is not marked, no frame around it."""
    marked = f"'nonce-{nonce()}'"
    rules = {
        "default-src": "'none'",
        "script-src": marked,
        "style-src": marked,
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
