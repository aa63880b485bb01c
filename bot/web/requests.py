"""What a request brings: its bytes within a limit, and the models that they must fit."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol, TypeVar

from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.core import api_text as text
from bot.core.errors import Refused
from bot.web import strict_json

_JSON: Final = "application/json"
_CHUNK: Final = 256 * 1024


class Said(BaseModel):
    """A JSON body: exact types, unknown members ignored (they are listed in ``Agent-Fleet-Ignored``)."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, use_attribute_docstrings=True)


class Asked(BaseModel):
    """A query string: text turned into what is asked for."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True)


M = TypeVar("M", bound=BaseModel)


class SupportsWrite(Protocol):
    def write(self, data: bytes, /) -> object: ...


class WrongFields(Refused):
    """422; ``errors`` names each field and what is wrong with it."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__(text.wrong_fields([f"{field}: {message}" for field, message in errors]), "", 422, "fields")
        self.errors = errors


def refuse_chunked(request: Request) -> None:
    """Chunked bodies are cut silently at a size limit by servers in between: their length must be known."""
    if "Transfer-Encoding" in request.headers:
        raise Refused(text.no_length(), text.send_a_length(), 411, "length_required")


def read_bytes(request: Request, limit: int) -> bytes:
    """The whole body. Raises Refused (413) above ``limit`` bytes before anything is read."""
    _refuse_large(request, limit)
    return request.get_data(cache=False)


def stream_to(request: Request, target: SupportsWrite, limit: int, kinds: tuple[str, ...]) -> int:
    """Writes the body to ``target`` piece by piece; returns its length in bytes. Raises Refused (411, 413, 415)."""
    if request.content_length is None:
        raise Refused(text.no_length(), text.send_a_length(), 411, "length_required")
    if request.mimetype not in kinds:
        raise Refused(text.wrong_kind(request.mimetype, kinds), "", 415, "media_type")
    _refuse_large(request, limit)
    done = 0
    while piece := request.stream.read(_CHUNK):
        target.write(piece)
        done += len(piece)
    return done


def read_body(request: Request, model: type[M], limit: int) -> tuple[M, list[str]]:
    """The body as ``model``, and the members that were ignored. Raises Refused (400, 413, 415, 422).

    A model without required members may come without a body.
    """
    _refuse_large(request, limit)
    if not request.content_length and not any(f.is_required() for f in model.model_fields.values()):
        found: object = {}
    elif request.mimetype != _JSON or request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise Refused(text.wrong_kind(request.content_type or "", (_JSON,)), "", 415, "media_type")
    else:
        found = strict_json.loads(request.get_data(cache=False))
    if not isinstance(found, dict):
        raise Refused(text.no_object(), text.send_json(), 400, "malformed")
    return _fitted(model, found), sorted(_ignored(model, found))


def read_query(request: Request, model: type[M]) -> tuple[M, list[str]]:
    """The query string as ``model``; a member that is a list may be given several times. Raises Refused (400, 422)."""
    sent = {name: request.args.getlist(name) for name in request.args}
    for name, values in sent.items():
        if any("\x00" in v or "\ufffd" in v for v in (name, *values)):
            raise Refused(text.not_storable(), "", 400, "malformed")
    many = {name for name, field in model.model_fields.items() if "list" in str(field.annotation)}
    found = {name: values if name in many else values[-1] for name, values in sent.items()}
    return _fitted(model, found), sorted(_ignored(model, found))


def _fitted(model: type[M], found: Mapping[str, Any]) -> M:
    try:
        return model.model_validate(found)
    except ValidationError as problem:
        raise WrongFields(list(_problems(problem))) from problem


def _problems(problem: ValidationError) -> Iterator[tuple[str, str]]:
    for error in problem.errors(include_url=False, include_input=False, include_context=False)[:20]:
        where = ".".join(str(part)[:60] for part in error["loc"])
        yield where, error["msg"].removeprefix("Value error, ")


def _ignored(model: type[BaseModel], found: Mapping[str, Any]) -> Iterator[str]:
    known = {field.alias or name for name, field in model.model_fields.items()}
    return (name for name in found if name not in known)


def _refuse_large(request: Request, limit: int) -> None:
    if (request.content_length or 0) > limit:
        raise Refused(text.too_large(limit), text.send_less(), 413, "too_large")
