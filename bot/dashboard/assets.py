"""Scripts, style and icon: small files that come with the program, kept in memory, named by what they hold."""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, abort, request

from bot.dashboard.guard import Access, guard, open_to

BLUEPRINT: Final = Blueprint("assets", __name__)
guard(BLUEPRINT)

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Asset:
    content: bytes
    packed: bytes
    media: str
    path: str


def _read(file: Path) -> Asset:
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(content, gzip.compress(content, mtime=0), _TYPES[file.suffix], f"/assets/{digest}/{file.name}")


_ASSETS: Final = {
    file.name: _read(file)
    for file in sorted((Path(__file__).parent / "static").iterdir())
    if file.suffix in _TYPES  # beside them lie their licences
}


def path_of(name: str) -> str:
    """Where a page finds it; another content has another address. Raises KeyError."""
    return _ASSETS[name].path


@BLUEPRINT.get("/assets/<digest>/<name>")
@open_to(Access.ANYONE)
def asset(digest: str, name: str) -> Response:
    """Never asked for twice by the same browser."""
    found = _ASSETS.get(name)
    if found is None or found.path != f"/assets/{digest}/{name}":
        abort(404)
    packed = request.accept_encodings.quality("gzip") > 0
    response = Response(found.packed if packed else found.content, content_type=found.media)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@BLUEPRINT.get("/favicon.ico")
@open_to(Access.ANYONE)
def favicon() -> Response:
    """Browsers ask for it beside what is no page of ours (a feed, JSON, a badge)."""
    return Response(_ASSETS["icon.svg"].content, content_type=_TYPES[".svg"])
