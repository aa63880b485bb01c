"""What an agent is told to do: a repository's own template, filled in, or the built-in one.

A template knows ``{{ variable }}`` and nothing else. It is the repository's (default branch only) and trusted;
what people wrote on the forge is not: it comes in a fence that nothing inside can close, named as what it is, without
invisible characters and hidden comments.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.core import cleaning, feedback_text
from bot.core import prompt_text as text
from bot.core.errors import Refused
from bot.core.handover import Handover
from bot.core.reasons import Reason

#: Where a repository's own template lies.
PATH: Final = ".forgejo/fleet/PROMPT.md"

#: Every variable of a template and what it stands for.
VARIABLES: Final[Mapping[str, str]] = {
    "repo": "the repository, `owner/name`",
    "issue": "the issue's number",
    "title": "the issue's title, as people's words",
    "body": "the issue's text, as people's words",
    "labels": "the issue's labels, as people's words",
    "base": "the branch that the pull request goes to",
    "branch": "the branch of the task",
    "attempt": "the number of the attempt, from 1",
    "task_id": "the id of the task",
    "agent_type": "the type of the agent, such as `codex-cli`",
    "context": (
        "what happened before: how earlier attempts ended, notes and answers of people, as people's words; empty at "
        "first. Put at the end when the template does not use it"
    ),
    "handover": (
        "what the agent before did, when another one goes on: its branch, summary, notes, last receipt and why it "
        "ended, as people's words; else empty. Put at the end when the template does not use it"
    ),
    "answer": "the answer to the agent's question, as people's words; empty when there was none",
    "how_to_work": (
        "the rules: tests, commits, not to push, when and how to ask. Put at the end when the template does not use it"
    ),
}

_MAX_TEXT: Final = 400_000
_MAX_PROBLEMS: Final = 5
_LINE_BREAK: Final = re.compile(r"\r\n?|\n")
_BRACES: Final = re.compile(r"\{\{(?P<name>[^{}\n]*)\}\}|(?P<open>\{\{)|(?P<close>\}\})|(?P<logic>\{[%#])")


@dataclass(frozen=True)
class Work:
    """What a prompt is about. ``context`` is oldest first; ``answer`` "" = nothing was asked.

    ``kept``: what the same agent had not committed before it asked is still in the checkout. ``why`` and ``news``: the
    pull request is to be reworked, and exactly what is new about it. ``handover``: another agent was at it before.
    """

    repo: str
    issue: int
    title: str
    body: str
    labels: Sequence[str]
    base: str
    branch: str
    attempt: int
    task_id: str
    agent_type: str = ""
    context: Sequence[str] = ()
    answer: str = ""
    kept: bool = False
    why: str = ""
    news: str = ""
    handover: Handover | None = None


def check(template: str) -> None:
    """Raises Refused (``prompt_invalid``) naming each line that is wrong, and what is known."""
    problems = [text.at_line(line, what) for line, what in _problems(template)]
    if not template.strip():
        problems = [text.empty_template()]
    if problems:
        shown = problems[:_MAX_PROBLEMS]
        if len(problems) > len(shown):
            shown.append(text.and_more(len(problems) - len(shown)))
        known = ", ".join(f"`{name}`" for name in VARIABLES)
        reason = text.invalid(PATH, "; ".join(shown))
        raise Refused(reason, text.mend_the_template(known), 422, Reason.PROMPT_INVALID.value)


def render(template: str | None, work: Work) -> str:
    """The whole prompt; ``template`` None = the built-in one. Raises Refused (``prompt_invalid``)."""
    if template is None:
        template = text.DEFAULT_TEMPLATE
    check(template)
    values = _values(work)
    used = {found["name"].strip() for found in _BRACES.finditer(template)}
    filled = _BRACES.sub(lambda found: values[found["name"].strip()], template)
    rest = [text.files_kept()] if work.kept else []
    rest += _rework(work)
    rest += [values[name] for name in ("handover", "context", "how_to_work") if name not in used and values[name]]
    return "\n\n".join([filled.strip(), *rest]) + "\n"


def resume(work: Work, news: Sequence[str]) -> str:
    """What an agent is told that goes on with its session: only what it does not know yet."""
    parts = [text.resumed(work.repo, work.issue, work.attempt)]
    if work.answer:
        parts.append(fenced(text.what_answer(), work.answer))
    if news:
        parts.append(fenced(text.what_news(), _listed(news)))
    if work.handover:
        parts.append(_handover(work.handover))
    parts += _rework(work)
    return "\n\n".join([*parts, text.files_kept() if work.kept else text.files_anew(), text.resumed_how()]) + "\n"


def fenced(what: str, words: str, limit: int = _MAX_TEXT) -> str:
    """People's words, named as such, in a fence longer than any inside them."""
    cut = len(words) > limit
    body = cleaning.for_agents(words, limit).strip("\n")
    more = f"\n{text.was_cut(limit)}" if cut else ""
    return f"{text.people_said(what)}\n\n{cleaning.block(body or text.nothing_said(), limit * 2)}{more}"


def _values(work: Work) -> Mapping[str, str]:
    return {
        "repo": work.repo,
        "issue": str(work.issue),
        "title": fenced(text.what_title(), cleaning.one_line(work.title, 500)),
        "body": fenced(text.what_body(), work.body),
        "labels": fenced(text.what_labels(), "\n".join(cleaning.one_line(x, 100) for x in work.labels)),
        "base": work.base,
        "branch": work.branch,
        "attempt": str(work.attempt),
        "task_id": work.task_id,
        "agent_type": work.agent_type,
        "context": fenced(text.what_context(), _listed(work.context)) if work.context else "",
        "handover": _handover(work.handover) if work.handover else "",
        "answer": fenced(text.what_answer(), work.answer) if work.answer else "",
        "how_to_work": text.HOW_TO_WORK,
    }


def _rework(work: Work) -> list[str]:
    if not work.news:
        return []
    return [feedback_text.rework_how(work.why, work.base), fenced(feedback_text.what_news(), work.news)]


def _handover(former: Handover) -> str:
    how = text.handed_over(former.branch, former.head_sha)
    return f"{how}\n\n{fenced(text.what_handover(), _listed(former.lines()))}"


def _listed(lines: Sequence[str]) -> str:
    """An entry for each; what follows on further lines of one stays part of it, whatever it looks like."""
    return "\n".join(_LINE_BREAK.sub("\n  ", f"- {line}") for line in lines)


def _problems(template: str) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(template.splitlines(), start=1):
        for brace in _BRACES.finditer(line):
            if brace["name"] is not None:
                name = brace["name"].strip()
                if name not in VARIABLES:
                    near = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=0.6)
                    found.append((number, text.unknown_variable(name, near[0] if near else "")))
            elif brace["open"]:
                found.append((number, text.not_closed()))
            elif brace["close"]:
                found.append((number, text.not_opened()))
            else:
                found.append((number, text.no_logic()))
    return found
