"""docs/agent-api-reference.md, from the OpenAPI document: what is served is what is described."""

from collections.abc import Iterator
from typing import Any, Final

from bot.web.application import ROOMS
from bot.web.openapi import document

Json = dict[str, Any]

_INTRODUCTION: Final = """\
# API reference

Generated from the code by `agent-fleet docs build`; the server serves the same as OpenAPI 3.1 at
`/api/v1/openapi.json`. JSON in and out, UTF-8. Times are RFC 3339 in UTC, ids are opaque.

**Tokens.** `Authorization: Bearer …`. Each call names the kind of token it needs: an operator's
(`agent-fleet tokens create --role read|write|admin`; write includes read, admin both), an agent's own
(`agent-fleet agents token NAME`, or handed out once by `register`), or the enrolment token `http_pull_token`,
which also makes an agent's calls, with `agent_id` in them, unless `require_agent_tokens` is set.

**Refusals** are `application/problem+json` (RFC 9457): `detail` says what happened and why, `fix` what to do, `kind`
is a stable name, `errors` (422) names each wrong field. `error` repeats `detail` for agents of the earlier
agent-fleet. 429 and 503 carry `Retry-After`. Bodies need a `Content-Length`.

**Unknown members** of requests are ignored and listed in the header `Agent-Fleet-Ignored`. Every answer carries
`Agent-Fleet-Version`.

**Lists** take `limit` (at most 200) and `cursor`; `next_cursor` of the answer is the next page's, null at the end.

**Fences.** An attempt has a number, its fence, given with the task; every later call about it carries it, and one
that is over is refused with 409. Tokens of agents of the earlier agent-fleet, and the enrolment token, may leave it
out: then it is the attempt that the agent holds now.
"""


def api_reference() -> str:
    """The whole page."""
    return "\n".join(_lines(document(ROOMS))).rstrip() + "\n"


def _lines(made: Json) -> Iterator[str]:
    schemas = made["components"]["schemas"]
    yield _INTRODUCTION
    for tag in made["tags"]:
        yield f"## {tag['description']}\n"
        for path, methods in made["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _call(method.upper(), path, operation)
    yield "## Shapes\n"
    for name, schema in sorted(schemas.items()):
        yield f"### {name}\n"
        yield from _about(schema)
        yield from _members(schema)


def _call(method: str, path: str, operation: Json) -> Iterator[str]:
    yield f"### {method} {path}\n"
    yield f"{operation['summary']}\n"
    if "description" in operation:
        yield f"{operation['description']}\n"
    yield f"- Who: {operation['x-may-call']}"
    for parameter in operation["parameters"]:
        about = " ".join(parameter.get("description", "").split())
        needed = ", required" if parameter["required"] else ""
        yield f"- {parameter['in']} `{parameter['name']}` ({_kind(parameter['schema'])}{needed}) {about}".rstrip()
    body = operation.get("requestBody")
    if body:
        yield f"- body: {_content(body['content'])}"
    for status, answer in operation["responses"].items():
        if int(status) < 300 or "application/json" in answer.get("content", {}):
            headers = "".join(f", header `{name}`: {h['description']}" for name, h in answer.get("headers", {}).items())
            yield f"- {status}: {_content(answer.get('content', {})) or 'no body'}{headers}"
    refused = [s for s, a in operation["responses"].items() if "application/problem+json" in a.get("content", {})]
    yield f"- refused with {', '.join(refused)}\n"


def _about(schema: Json) -> Iterator[str]:
    if "description" in schema:
        yield f"{' '.join(schema['description'].split())}\n"


def _members(schema: Json) -> Iterator[str]:
    properties = schema.get("properties", {})
    if not properties:
        return
    yield "| member | kind | |"
    yield "|---|---|---|"
    for name, member in properties.items():
        about = " ".join(member.get("description", "").split())
        needed = "required" if name in schema.get("required", ()) and "default" not in member else ""
        note = " ".join(x for x in (f"{needed}." if needed else "", about) if x)
        yield f"| `{name}` | {_kind(member)} | {note.replace('|', chr(92) + '|')} |"
    yield ""


def _content(content: Json) -> str:
    return " or ".join(
        _kind(one["schema"]) if media == "application/json" and one["schema"] else f"`{media}`"
        for media, one in content.items()
    )


def _kind(schema: Json) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    limits = [
        f"{word} {schema[key]}"
        for key, word in (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "≤"))
        if key in schema
    ]
    return " ".join([kind, *limits])
