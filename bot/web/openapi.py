"""The OpenAPI 3.1 document, from the endpoints as they are declared."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import bot
from bot.web.answers import PROBLEM, Problem
from bot.web.callers import May
from bot.web.endpoint import Endpoint, Endpoints

_REF: Final = "#/components/schemas/{model}"
_LIBRARY_WORDS: Final = {"title"}

Json = dict[str, Any]


def document(rooms: Sequence[Endpoints]) -> Json:
    """The whole document; equal for equal code."""
    endpoints = [e for room in rooms for e in room.all]
    models = [(m, "validation") for e in endpoints if (m := e.said)]
    models += [(m, "serialization") for e in endpoints for m in e.answers.values() if isinstance(m, type)]
    named, definitions = models_json_schema(
        [*dict.fromkeys(models), (Problem, "serialization")],  # type: ignore[list-item]
        ref_template=_REF,
    )
    schemas: dict[Any, Json] = {model: schema for (model, _), schema in named.items()}
    paths: Json = {}
    for room in rooms:
        for endpoint in room.all:
            paths.setdefault(endpoint.shown_path, {})[endpoint.method.lower()] = _operation(room, endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Agent Fleet", "version": bot.__version__, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "tags": [{"name": room.name, "description": room.about} for room in rooms],
        "paths": paths,
        "components": {
            "schemas": _without_titles(definitions.get("$defs", {})),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def parameters(endpoint: Endpoint) -> Iterator[Json]:
    """What stands in the path, the query and the headers."""
    for place in endpoint.places:
        yield {"name": place, "in": "path", "required": True, "schema": {"type": "string"}}
    if endpoint.asked is not None:
        schema = endpoint.asked.model_json_schema(ref_template=_REF)
        for name, field in schema.get("properties", {}).items():
            about = field.pop("description", None)
            one = {"name": name, "in": "query", "required": name in schema.get("required", ())}
            one["schema"] = _without_titles(_given(_inlined(field, schema.get("$defs", {}))))
            yield one | ({"description": about.replace("``", "`")} if about else {})
    for name, about in endpoint.headers.items():
        if not about.startswith("answered"):
            yield {"name": name, "in": "header", "required": about == "required", "schema": {"type": "string"}}


def _operation(room: Endpoints, endpoint: Endpoint, schemas: Mapping[Any, Json]) -> Json:
    summary, _, rest = endpoint.about.partition("\n\n")
    made: Json = {
        "operationId": f"{room.name}_{endpoint.name}",
        "tags": [room.name],
        "summary": " ".join(summary.split()),
        "x-may-call": endpoint.may.value,
        "security": [] if endpoint.may is May.ANYONE else [{"token": []}],
        "parameters": list(parameters(endpoint)),
        "responses": {str(status): _response(endpoint, status, shape, schemas) for status, shape in _answers(endpoint)},
    }
    if rest:
        made["description"] = " ".join(rest.split())
    if endpoint.said is not None:
        required = any(f.is_required() for f in endpoint.said.model_fields.values())
        made["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": schemas[endpoint.said]}},
        }
    elif endpoint.takes:
        made["requestBody"] = {"required": True, "content": {endpoint.takes: {"schema": {}}}}
    return made


def _answers(endpoint: Endpoint) -> Iterator[tuple[int, type[BaseModel] | str | None]]:
    yield from sorted(endpoint.answers.items())
    for status in refusals(endpoint):
        if status not in endpoint.answers:
            yield status, Problem


def refusals(endpoint: Endpoint) -> list[int]:
    """The statuses with which this call can be refused."""
    found = [411, 503]
    if endpoint.may is not May.ANYONE:
        found += [401, 403]
    if endpoint.asked is not None or endpoint.said is not None:
        found += [400, 422]
    if endpoint.said is not None or endpoint.takes:
        found += [413]
    if endpoint.said is not None or endpoint.takes not in ("", "application/json"):
        found += [415]
    if endpoint.places or endpoint.may is May.AGENT:
        found += [404]
    if endpoint.method in ("POST", "PUT") and endpoint.may is not May.ANYONE:
        found += [409, 422]
    if "webhooks" in endpoint.path:
        found += [403]
    return sorted(set(found))


def _response(
    endpoint: Endpoint, status: int, shape: type[BaseModel] | str | None, schemas: Mapping[Any, Json]
) -> Json:
    made: Json = {"description": HTTPStatus(status).phrase}
    if shape is Problem:
        made["content"] = {PROBLEM: {"schema": schemas[Problem]}}
    elif isinstance(shape, str):
        made["content"] = {shape: {"schema": {"type": "string"} if shape.startswith("text/") else {}}}
    elif shape is not None:
        made["content"] = {"application/json": {"schema": schemas[shape]}}
    headers = {n: a for n, a in endpoint.headers.items() if a.startswith("answered") and status < 300}
    if headers:
        made["headers"] = {
            name: {"description": about.removeprefix("answered: "), "schema": {"type": "string"}}
            for name, about in headers.items()
        }
    return made


def _inlined(value: Any, definitions: Mapping[str, Json]) -> Any:
    """Query parameters stand alone: what they refer to is put in their place."""
    if isinstance(value, dict):
        if "$ref" in value:
            return _inlined(definitions[value["$ref"].rpartition("/")[2]], definitions)
        return {name: _inlined(one, definitions) for name, one in value.items()}
    return [_inlined(one, definitions) for one in value] if isinstance(value, list) else value


def _given(schema: Json) -> Json:
    """A parameter that may be left out cannot be sent as null."""
    kinds = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return kinds[0] if len(kinds) == 1 else schema


def _without_titles(value: Any, of_properties: bool = False) -> Any:
    """Docstrings as Markdown, and without pydantic's titles: each repeats the name of its member, which stays."""
    if isinstance(value, dict):
        return {
            name: _without_titles(one, name == "properties" and not of_properties)
            for name, one in value.items()
            if of_properties or name not in _LIBRARY_WORDS or not isinstance(one, str)
        }
    if isinstance(value, list):
        return [_without_titles(one) for one in value]
    return value.replace("``", "`") if isinstance(value, str) else value
