"""OpenHands CLI: ``openhands --headless --json`` (PyPI ``openhands``, Python 3.12 or newer; seen: 1.16.0).

JSON events ``{id, source, kind}`` between the lines of a text interface; those are not counted as unknown.
Good is a ``FinishObservation`` or a last message of the agent, without a ``ConversationErrorEvent``. **It exits
0 on API errors too**; its retries take over two minutes and cannot be capped from outside. The session stands
in the last lines (``Conversation ID``), so a killed run cannot be resumed. Its token counts are in its own
files, for the whole conversation; nothing is reported.

It still asks for the names of two hosts, and a repository's ``.openhands/hooks.json`` is run: no switch was found.
"""

import re
from collections.abc import Iterator
from typing import Final

from bot.adapters.base import Job, Line, Said
from bot.adapters.dialect import JsonLines
from bot.adapters.fields import Fields
from bot.adapters.trouble import judged
from bot.adapters.words import doing

_CONVERSATION: Final = re.compile(r"Conversation ID: ([0-9a-f-]{32,36})")


class OpenHands(JsonLines):
    """OpenHands CLI."""

    names = ("openhands",)
    binary = "openhands"
    prompt_on_stdin = False
    inherits = ("LLM_API_KEY", "LLM_BASE_URL", "LLM_MODEL")
    credentials = (".openhands/agent_settings.json",)
    silent = frozenset({"SystemPromptEvent", "CondensationRequest", "Condensation", "AgentErrorEvent", "PauseEvent"})

    def argv(self, job: Job) -> list[str]:
        words = ["openhands", "--headless", "--json", "--yolo", "--override-with-envs", "--exit-without-confirmation"]
        words += ["--resume", job.session] if job.resume else []
        return [*words, "-f", str(job.prompt_file)]

    def environment(self, job: Job) -> dict[str, str]:
        own = {"LLM_MODEL": job.model} if job.model else {}
        return {
            **super().environment(job),
            **own,
            "OPENHANDS_SUPPRESS_BANNER": "1",
            "OPENHANDS_WORK_DIR": str(job.workspace),
            "OPENHANDS_PERSISTENCE_DIR": str(job.home / ".openhands"),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "DO_NOT_TRACK": "1",
        }

    def heard(self, line: Line) -> Iterator[Said]:
        if line.text.startswith("{"):
            yield from super().heard(line)
        elif found := _CONVERSATION.fullmatch(line.text.strip()):
            yield from self.known_session(found[1])
        elif line.text.startswith("Error: "):
            self.trouble = judged(line.text)

    def kind_of(self, event: Fields) -> str:
        return event.text("kind")

    def event(self, kind: str, event: Fields) -> Iterator[Said]:
        match kind:
            case "MessageEvent":
                if event.text("source") == "agent":
                    parts = event.each("llm_message", "content")
                    yield from self.words.hear("\n".join(part.text("text") for part in parts))
                    yield from self.good(kind)
            case "ActionEvent":
                given = event.at("action")
                if given.text("kind") != "FinishAction":
                    self.ended = None
                    yield doing(event.text("tool_name"), given.text("command") or given.text("path"))
            case "ObservationEvent":
                if event.text("observation", "kind") == "FinishObservation":
                    parts = event.each("observation", "content")
                    yield from self.words.hear("\n".join(part.text("text") for part in parts))
                    yield from self.good("FinishObservation")
            case "ConversationErrorEvent":
                yield from self.bad(kind, judged(event.text("detail"), kind=event.text("code")))
            case _:
                self.unknown(kind)
