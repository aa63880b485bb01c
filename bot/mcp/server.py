"""The tools, by name, with what a model reads about each; all they do is ask the desk."""

import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

import bot
from bot.core import mcp_text as text
from bot.mcp.desk import Desk, in_words

T = TypeVar("T")

#: Below every lease that the settings allow by default; only while a task is held.
_BEAT_SECS: Final = 30.0


def serve(desk: Desk) -> None:
    """Speaks on stdin and stdout until they are closed; keeps the leases of what is held meanwhile."""
    over = threading.Event()
    threading.Thread(target=_keep_alive, args=(desk, over), name="heartbeat", daemon=True).start()
    try:
        make_server(desk).run("stdio")
    finally:
        over.set()


def make_server(desk: Desk) -> MCPServer:
    server: MCPServer = MCPServer(
        "agent-fleet", instructions=text.instructions(), version=bot.__version__, log_level="WARNING"
    )
    for tool in (*_agents_tools(desk), *_operators_tools(desk)):
        server.add_tool(tool, structured_output=False)
    return server


def _agents_tools(desk: Desk) -> list[Callable[..., Any]]:
    def register(agent_type: str, capabilities: list[str] | None = None, max_concurrency: int = 1) -> dict[str, Any]:
        """Say who you are: your type (such as claude-code) and what you can do (such as code:python). Do this first."""
        return _ask(lambda: desk.register(agent_type, capabilities or [], max_concurrency))

    def pull_task(wait_secs: int = 0) -> dict[str, Any]:
        """Take the next task that fits you. Its `instructions` say what to do. Waits up to `wait_secs` (at most 25)."""
        return _ask(lambda: desk.pull(wait_secs))

    def heartbeat() -> dict[str, Any]:
        """Say that you live; answers with commands about your tasks. It is also sent for you while you hold one."""
        return _ask(desk.beat)

    def report_progress(
        task_id: str, message: str, checklist: list[dict[str, Any]] | None = None, log: str = ""
    ) -> dict[str, Any]:
        """Tell people how it goes. `checklist` holds {"text": …, "done": true or false}. Stop when it says cancel."""
        return _ask(lambda: desk.progress(task_id, message, checklist or [], log))

    def get_source(task_id: str) -> str:
        """Fetch the source as a git bundle into the work folder; clone from it and commit your work on top."""
        return _ask(lambda: desk.source(task_id))

    def send_result(task_id: str, bundle: str) -> dict[str, Any]:
        """Hand in your commits: the name of a git bundle in the work folder, made on top of the source's commit."""
        return _ask(lambda: desk.result(task_id, bundle))

    def ask_question(task_id: str, question: str) -> dict[str, Any]:
        """Ask people and stop working on the task; with the answer it comes back to you by pull_task."""
        return _ask(lambda: desk.complete(task_id, "question", question))

    def complete_task(task_id: str, summary: str, no_change: bool = False) -> dict[str, Any]:
        """The work is done: `summary` goes into the pull request. `no_change`: nothing is to be changed, and why."""
        return _ask(lambda: desk.complete(task_id, "no_change" if no_change else "done", summary))

    def fail_task(task_id: str, message: str, reason: str = "agent_failed") -> dict[str, Any]:
        """You cannot do it; say why."""
        return _ask(lambda: desk.complete(task_id, "failed", message, reason))

    working: list[Callable[..., Any]] = [register, pull_task, heartbeat, report_progress, get_source, send_result]
    return [*working, ask_question, complete_task, fail_task]


def _operators_tools(desk: Desk) -> list[Callable[..., Any]]:
    def list_tasks(state: list[str] | None = None, repo: str = "", limit: int = 20) -> dict[str, Any]:
        """Tasks, newest first (operator's token). States: queued, running, waiting, review, done, failed …"""
        return _ask(lambda: desk.tasks(state or [], repo, limit))

    def show_task(task_id: str) -> dict[str, Any]:
        """One task: its state, its newest attempt, where it is on the forge."""
        return _ask(lambda: desk.task(task_id))

    def task_log(task_id: str, offset: int = 0) -> str:
        """What the task's agent printed, from byte `offset` on."""
        return _ask(lambda: desk.log(task_id, offset))

    def say(task_id: str, answer: str) -> dict[str, Any]:
        """Answer the question that a task waits for (operator's token)."""
        return _ask(lambda: desk.steer(task_id, "say", {"text": answer}))

    def retry_task(task_id: str, reason: str = "", fresh: bool = False) -> dict[str, Any]:
        """Another attempt of a task that is over (operator's token); `fresh`: from the base, on a new branch."""
        return _ask(lambda: desk.steer(task_id, "retry", {"reason": reason, "fresh": fresh}))

    def cancel_task(task_id: str, reason: str = "") -> dict[str, Any]:
        """Stop a task, running or not (operator's token)."""
        return _ask(lambda: desk.steer(task_id, "cancel", {"reason": reason}))

    return [list_tasks, show_task, task_log, say, retry_task, cancel_task]


def _ask(what: Callable[[], T]) -> T:
    try:
        return in_words(what)
    except ValueError as error:
        raise ToolError(str(error)) from error


def _keep_alive(desk: Desk, over: threading.Event) -> None:
    while not over.wait(_BEAT_SECS):
        if desk.holds_something():
            try:
                in_words(desk.beat)
            except ValueError:
                continue  # the next call of a tool says so to the agent
