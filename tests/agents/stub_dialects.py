"""How the stub model's answers look in each provider's interface: a text, or one call of a tool."""

import json
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

Json = dict[str, Any]

INPUT: Final = 100
CACHED: Final = 10
OUTPUT: Final = 20


@dataclass(frozen=True)
class Reply:
    """What the model says: ``text``, or with ``tool`` a call of it."""

    text: str = ""
    tool: str = ""
    arguments: Json | None = None
    #: Part of its ids: a CLI takes two messages of one id for one.
    key: str = field(default_factory=lambda: uuid4().hex)


def frames(*events: Json, named: bool = False) -> bytes:
    """Server-sent events; ``named`` with the type of each before it."""
    written = []
    for event in events:
        name = f"event: {event['type']}\n" if named else ""
        written.append(f"{name}data: {json.dumps(event)}\n\n")
    return "".join(written).encode()


def responses(reply: Reply) -> bytes:
    """OpenAI's Responses."""
    if reply.tool:
        item: Json = {
            "type": "function_call",
            "id": f"fc_{reply.key}",
            "call_id": f"call_{reply.key}",
            "name": reply.tool,
        }
        item["arguments"] = json.dumps(reply.arguments)
    else:
        content = [{"type": "output_text", "text": reply.text, "annotations": []}]
        item = {"type": "message", "role": "assistant", "id": f"msg_{reply.key}", "content": content}
    usage = {
        "input_tokens": INPUT,
        "input_tokens_details": {"cached_tokens": CACHED},
        "output_tokens": OUTPUT,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": INPUT + OUTPUT,
    }
    return frames(
        {"type": "response.created", "response": {"id": f"resp_{reply.key}"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": f"resp_{reply.key}", "usage": usage}},
        named=True,
    )


def chat(reply: Reply, model: str, stream: bool) -> bytes:
    """OpenAI's Chat Completions, in one piece or as a stream."""
    usage = {
        "prompt_tokens": INPUT,
        "completion_tokens": OUTPUT,
        "total_tokens": INPUT + OUTPUT,
        "prompt_tokens_details": {"cached_tokens": CACHED},
    }
    message: Json = {"role": "assistant", "content": reply.text or None}
    if reply.tool:
        called = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
        message["tool_calls"] = [{"index": 0, "id": f"call_{reply.key}", "type": "function", "function": called}]
    reason = "tool_calls" if reply.tool else "stop"
    common = {"id": f"chatcmpl-{reply.key}", "created": 0, "model": model}
    if not stream:
        choice = {"index": 0, "message": message, "finish_reason": reason}
        return json.dumps({**common, "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
    chunk = {**common, "object": "chat.completion.chunk"}
    first = {**chunk, "choices": [{"index": 0, "delta": message, "finish_reason": None}]}
    last = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}
    return frames(first, last) + b"data: [DONE]\n\n"


def anthropic(reply: Reply, model: str) -> bytes:
    """Anthropic's Messages."""
    usage = {"input_tokens": INPUT - CACHED, "cache_read_input_tokens": CACHED, "output_tokens": 1}
    message = {
        "id": f"msg_{reply.key}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "usage": usage,
    }
    if reply.tool:
        block: Json = {"type": "tool_use", "id": f"toolu_{reply.key}", "name": reply.tool, "input": {}}
        delta: Json = {"type": "input_json_delta", "partial_json": json.dumps(reply.arguments)}
    else:
        block, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text}
    reason = "tool_use" if reply.tool else "end_turn"
    return frames(
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": OUTPUT}},
        {"type": "message_stop"},
        named=True,
    )


def gemini(reply: Reply) -> bytes:
    """Google's streamGenerateContent."""
    part: Json = {"functionCall": {"name": reply.tool, "args": reply.arguments}} if reply.tool else {"text": reply.text}
    usage = {
        "promptTokenCount": INPUT,
        "candidatesTokenCount": OUTPUT,
        "cachedContentTokenCount": CACHED,
        "totalTokenCount": INPUT + OUTPUT,
    }
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    return frames({"candidates": [candidate], "usageMetadata": usage})


def error(path: str, status: int, message: str) -> bytes:
    """The provider's error body."""
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "api_error")
    if "/models/" in path:
        name = {401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED"}.get(status, "INTERNAL")
        return json.dumps({"error": {"code": status, "message": message, "status": name}}).encode()
    if path.startswith("/v1/messages"):
        return json.dumps({"type": "error", "error": {"type": kind, "message": message}}).encode()
    code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status, "server_error")
    return json.dumps({"error": {"message": message, "type": kind, "code": code}}).encode()
