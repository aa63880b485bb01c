"""A model on loopback for real agent CLIs: one tool call that writes a file, then a last word.

It speaks OpenAI's Chat Completions and Responses, Anthropic's Messages and Google's generateContent. It takes
the shell tool with the name and schema that the request offers. It has no memory: which turn of a session it
is, it reads from the request, so the second turn of a resumed session writes another line than the first.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from tests.agents.stub_dialects import Json, Reply, anthropic, chat, error, gemini, responses

KEY: Final = "stub-key-0123456789abcdef"
MODEL: Final = "stub-model"
_SHELLS: Final = ("exec_command", "shell", "Bash", "run_shell_command", "bash", "run_commands", "terminal")
_MOST_REQUESTS: Final = 60
_DONE: Final = re.compile(r"Done: turn-(\d+)")
_SUBMIT: Final = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


@dataclass(frozen=True)
class Play:
    """``status``: every request fails so. ``by_text``: no tools, files are edited by an answer's blocks.
    ``submits``: it ends by a command, not by a text. ``command``: instead of the one that writes the file.
    ``question``: what the first turn ends with.
    """

    status: int = 200
    by_text: bool = False
    submits: bool = False
    command: str = ""
    question: str = ""


@dataclass(frozen=True)
class Asked:
    path: str
    body: str = field(repr=False)


class StubModel:
    """``with StubModel(Play()) as model`` serves at ``model.url`` until the end of the block."""

    def __init__(self, play: Play) -> None:
        self.play = play
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"stub": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "StubModel":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    stub: StubModel
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(200, b"", "text/plain")

    def do_GET(self) -> None:
        self._answer(200, json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode())

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        self.stub.asked.append(Asked(path, raw.decode("utf-8", "replace")))
        if path.endswith("count_tokens"):
            self._answer(200, b'{"input_tokens": 100}')
        elif path.endswith(":countTokens"):
            self._answer(200, b'{"totalTokens": 100}')
        elif len(self.stub.asked) > _MOST_REQUESTS:
            self._answer(400, error(path, 400, "stub: this goes round in circles"))
        elif self.stub.play.status != 200:
            self._answer(self.stub.play.status, error(path, self.stub.play.status, "stub: it fails"))
        else:
            self._reply(path, json.loads(raw or b"{}"))

    def _reply(self, path: str, body: Json) -> None:
        reply = decided(body, self.stub.play)
        model, stream = str(body.get("model", MODEL)), bool(body.get("stream"))
        if path.endswith("/responses"):
            self._answer(200, responses(reply), _STREAM)
        elif path.endswith("/chat/completions"):
            self._answer(200, chat(reply, model, stream), _STREAM if stream else _JSON)
        elif path.endswith("/messages"):
            self._answer(200, anthropic(reply, model), _STREAM)
        elif path.endswith(":streamGenerateContent"):
            self._answer(200, gemini(reply), _STREAM)
        else:
            self._answer(404, b'{"error": {"message": "stub: no such address"}}')

    def _answer(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == 429:
            self.send_header("Retry-After", "1")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


_JSON: Final = "application/json"
_STREAM: Final = "text/event-stream"


def decided(body: Json, play: Play) -> Reply:
    """What the model says to this request."""
    turn = 1 + len(set(_DONE.findall(json.dumps(body))))
    last_word = f"Done: turn-{turn}."
    if play.question and turn == 1:
        last_word += f"\n::fleet question {play.question}"
    if play.by_text and "commit message" in json.dumps(body):
        return Reply("Change made.txt")
    if play.by_text:
        lines = "".join(f"turn-{number}\n" for number in range(1, turn + 1))
        return Reply(f"{last_word}\n\nmade.txt\n```\n{lines}```\n")
    tools = dict(_tools(body))
    shell = next((name for name in _SHELLS if name in tools), None)
    if shell is None:
        return Reply("A title")
    if not _answers_a_tool(body):
        return Reply(tool=shell, arguments=_filled(tools[shell], play.command or f"echo turn-{turn} >> made.txt"))
    if play.submits:
        return Reply(last_word, tool=shell, arguments=_filled(tools[shell], _SUBMIT))
    if "finish" in tools:
        return Reply(tool="finish", arguments={"message": last_word})
    return Reply(last_word)


def _tools(body: Json) -> list[tuple[str, Json]]:
    """Name and schema of each tool on offer, whatever the interface."""
    offered: list[Json] = []
    for tool in body.get("tools") or []:
        offered += tool.get("functionDeclarations") or [tool.get("function") or tool]
    schemas = ("parameters", "parametersJsonSchema", "input_schema")
    return [(one.get("name", ""), next((one[name] for name in schemas if one.get(name)), {})) for one in offered]


def _filled(schema: Json, command: str) -> Json:
    """Every required field, and the one that takes the command."""
    properties = schema.get("properties") or {}
    field_name = next((name for name in ("command", "cmd", "commands") if name in properties), "command")
    given: Json = {name: _anything(properties.get(name) or {}) for name in schema.get("required") or []}
    is_list = (properties.get(field_name) or {}).get("type") == "array" or field_name == "commands"
    return given | {field_name: [command] if is_list else command}


def _anything(schema: Json) -> object:
    if schema.get("enum"):
        return schema["enum"][0]
    return {"boolean": False, "integer": 1, "number": 1, "array": [], "object": {}}.get(str(schema.get("type")), "x")


def _answers_a_tool(body: Json) -> bool:
    """Whether the last thing that came is a tool's result."""
    for name in ("messages", "input", "contents"):
        history = body.get(name)
        if isinstance(history, list) and history:
            last = history[-1]
            parts = last.get("content") if isinstance(last.get("content"), list) else last.get("parts") or []
            return (
                last.get("role") == "tool"
                or str(last.get("type", "")).endswith("call_output")
                or any("functionResponse" in part or part.get("type") == "tool_result" for part in parts)
            )
    return False
