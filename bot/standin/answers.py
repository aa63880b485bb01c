"""What a route answers, and the refusals of which Forgejo has several looks (seen on 15.0)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any

#: Go's encoder writes these three as escapes wherever they stand; text outside ASCII stays as it is.
_ESCAPED_BY_GO = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def go_json(value: Json, *, indent: int | None = None) -> bytes:
    """The bytes Go's encoding/json makes of ``value``, without the newline that API answers end in."""
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return text.translate(_ESCAPED_BY_GO).encode()


@dataclass(frozen=True)
class Reply:
    """A status, a JSON value (or raw bytes, or nothing at all) and headers."""

    status: int = 200
    body: Json = None
    empty: bool = False
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def nothing(status: int = 204) -> Reply:
    """An answer without a body and without a content type."""
    return Reply(status, empty=True)


class Refusal(Exception):
    """The forge says no: becomes an error answer with Forgejo's fields.

    ``message`` None means a bare status with an empty body; ``errors`` None means the field is left out.
    """

    def __init__(self, status: int, message: str | None = None, errors: Sequence[str] | None = None) -> None:
        super().__init__(f"{status} {message or ''}".rstrip())
        self.status = status
        self.message = message
        self.errors = errors

    def reply(self, url: str) -> Reply:
        """The answer as Forgejo words it; ``url`` is the forge's own."""
        if self.message is None:
            return nothing(self.status)
        body: dict[str, Json] = {"message": self.message, "url": f"{url}/api/swagger"}
        if self.errors is not None:
            body["errors"] = list(self.errors)
        return Reply(self.status, body)


def nothing_to_say(status: int) -> Refusal:
    """A bare status: Forgejo answers many 403 with an empty body."""
    return Refusal(status)


def not_found(*errors: str, message: str = "The target couldn't be found.") -> Refusal:
    """A 404 with Forgejo's standard words."""
    return Refusal(404, message, errors)
