"""A task as somebody may see it: its timeline, attempts, receipt, cost, text and log."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core import buttons, cleaning, receipts, timeline_text, usage, view, why_text
from bot.core.buttons import Button
from bot.core.masking import Masker, Stream
from bot.core.states import State
from bot.core.task import Task
from bot.core.timeline_text import Told
from bot.core.usage import Used
from bot.core.view import AttemptLine, Snapshot
from bot.service import gates, pausing, policies
from bot.service.fleet import Fleet
from bot.service.lookups import agent_facts
from bot.store import (
    Sql,
    agents,
    attempts,
    bodies,
    forge_facts,
    given_prompts,
    log,
    run_logs,
    signed_receipts,
    tasks,
    workflow_runs,
)
from bot.store import overview as store
from bot.store.attempts import Attempt
from bot.store.forge_facts import KnownRepository

#: The newest lines of a timeline, and the newest attempts, that one page shows.
EVENTS: Final = 200
ATTEMPTS: Final = 8
_TAIL_CHARS: Final = 60_000


@dataclass(frozen=True)
class Line:
    """A line of the timeline; ``n`` counts the task's events from 1."""

    n: int
    at: float
    kind: str
    told: Told


@dataclass(frozen=True)
class Run:
    """An attempt, side by side with the others. ``took_secs`` None while it runs; ``usd`` None = nobody said.

    ``told``: what it was given is known.
    """

    attempt: Attempt
    took_secs: float | None
    used: tuple[Used, ...]
    usd: float | None
    page: str
    told: bool


@dataclass(frozen=True)
class Checked:
    """A signed receipt: what each rule found."""

    id: str
    number: int
    result: str
    fence: int
    checks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class TaskPage:
    """``situation`` is what is the matter, ``why`` what keeps it from starting (Markdown lines).

    ``waits`` is the part of a kept change that needs approval, "" = none does.
    ``newer`` is the id of a later task of the same issue, "" = this is the newest.
    """

    task: Task
    repo: str
    title: str
    situation: str
    why: str
    lines: tuple[Line, ...]
    lines_in_all: int
    runs: tuple[Run, ...]
    runs_in_all: int
    used: tuple[Used, ...]
    usd: float | None
    receipt: Checked | None
    links: Mapping[str, str]
    buttons: tuple[Button, ...]
    asked: str
    waits: str
    newer: str


def find(fleet: Fleet, task_id: str) -> tuple[Task, KnownRepository] | None:
    """The task and its repository; None when there is none."""

    def query(sql: Sql) -> tuple[Task, KnownRepository] | None:
        task = tasks.find(sql, task_id)
        repo = forge_facts.repo(sql, task.repo_id) if task else None
        return (task, repo) if task and repo else None

    return fleet.read(query)


def look(fleet: Fleet, task_id: str) -> TaskPage:
    """Raises Refused (404) when there is none."""
    return fleet.read(lambda sql: _look(fleet, sql, tasks.get(sql, task_id)))


@dataclass(frozen=True)
class LogTail:
    """The end of what an attempt has printed; ``left_out``: there is more before it.

    ``last`` is the position of the last piece (-1 = none), from which one goes on.
    """

    fence: int
    text: str
    left_out: bool
    last: int


def log_tail(fleet: Fleet, task_id: str, fence: int) -> LogTail:
    masker = Masker(fleet.settings.secrets())

    def query(sql: Sql) -> LogTail:
        pieces = run_logs.tail(sql, task_id, fence, _TAIL_CHARS + masker.longest)
        begun = bool(pieces) and pieces[0].position == 0
        stream = Stream(masker)
        text = _through(stream, pieces)
        attempt = attempts.get(sql, task_id, fence)
        if attempt is None or not attempt.active:
            text += stream.rest()
        # A secret may have begun in what was not read.
        cut = max(len(text) - _TAIL_CHARS, 0 if begun else masker.longest)
        left_out, text = cut > 0 or not begun, text[max(0, cut) :]
        if left_out and "\n" in text[:-1]:
            text = text.partition("\n")[2]
        return LogTail(fence, text, bool(pieces) and left_out, pieces[-1].position if pieces else -1)

    return fleet.read(query)


def log_stream(fleet: Fleet, task_id: str, fence: int, after: int) -> Stream:
    """What masks the pieces behind the one at ``after`` (-1 = all), also what lies across that seam."""
    masker = Masker(fleet.settings.secrets())
    stream = Stream(masker)
    _through(stream, fleet.read(lambda sql: run_logs.tail(sql, task_id, fence, 2 * masker.longest, before=after + 1)))
    return stream


def _through(stream: Stream, pieces: Sequence[run_logs.Chunk]) -> str:
    """Piece by piece: what is shown at a seam depends on where it is, for whoever reads on there."""
    return "".join([stream.takes(revealed(one.text)) for one in pieces])


def revealed(text: str) -> str:
    """Nothing is hidden in it."""
    return cleaning.revealed(text, len(text))


def masked(fleet: Fleet, text: str) -> str:
    """No secret of ours is shown, whoever printed it, nor is anything hidden."""
    return Masker(fleet.settings.secrets()).masked(revealed(text))


def _look(fleet: Fleet, sql: Sql, task: Task) -> TaskPage:
    repo = forge_facts.repo(sql, task.repo_id)
    issue = forge_facts.issue(sql, task.repo_id, task.issue)
    records = log.of_task(sql, task.id)
    runs = attempts.of_task(sql, task.id)
    newest = tasks.newest_of_issue(sql, task.repo_id, task.issue)
    newer = newest.id if newest and newest.id != task.id else ""
    used = usage.total((x.session, usage.read(x.usage.get("models", []))) for x in runs)
    name = repo.full_name if repo else ""
    return TaskPage(
        task=task,
        repo=name,
        title=issue.title if issue else "",
        situation=_situation(sql, task, runs),
        why=_why(fleet, sql, task),
        lines=tuple(Line(x.n, x.at, x.event.kind, timeline_text.told(x)) for x in records[: -EVENTS - 1 : -1]),
        lines_in_all=len(records),
        runs=tuple(_run(sql, x) for x in runs[-ATTEMPTS:]),
        runs_in_all=len(runs),
        used=used,
        usd=_usd(used),
        receipt=_receipt(sql, task.id),
        links=_links(fleet, name, task),
        buttons=() if newer else buttons.possible(task),
        asked=bodies.get(sql, task.prompt_sha256),
        waits=bodies.get(sql, gates.kept(sql, task).excerpt_sha256) if task.kept_sha else "",
        newer=newer,
    )


def _situation(sql: Sql, task: Task, runs: Sequence[Attempt]) -> str:
    lines = [
        AttemptLine(x.fence, x.agent, x.agent_type, x.claimed_at, x.outcome, max(0.0, x.ended_at - x.last_sign_at))
        for x in runs
    ]
    return view.situation(Snapshot(task, attempts=lines, place=tasks.place_in_queue(sql, task)))


def _why(fleet: Fleet, sql: Sql, task: Task) -> str:
    if task.state.final or task.state.leased or task.state is State.REVIEW:
        return ""
    if not task.claimable:
        return why_text.not_in_queue(task)
    now, running = fleet.clock(), store.running_by_agent(sql)
    stops, rules = pausing.stops(sql, task.repo_id, now), policies.of(sql, task.repo_id)
    known = [x for x in agents.listed(sql) if x.status != agents.GONE]
    facts = [agent_facts(x, running.get(x.id, 0), task, stops, rules) for x in known]
    return why_text.explained(task, facts, stops, tasks.place_in_queue(sql, task))


def _run(sql: Sql, attempt: Attempt) -> Run:
    used = usage.read(attempt.usage.get("models", []))
    run = workflow_runs.get(sql, attempt.task_id, attempt.fence)
    took = attempt.ended_at - attempt.claimed_at if attempt.ended_at else None
    told = given_prompts.of_attempt(sql, attempt.task_id, attempt.fence) is not None
    return Run(attempt, took, used, _usd(used), run.page if run else "", told)


def _usd(used: Sequence[Used]) -> float | None:
    """What was reported counts, else what was estimated; None when nothing is known."""
    found = [x.reported_usd if x.reported_usd is not None else x.estimated_usd for x in used]
    known = [x for x in found if x is not None]
    return sum(known) if known else None


def _receipt(sql: Sql, task_id: str) -> Checked | None:
    signed = signed_receipts.of_task(sql, task_id)
    if not signed:
        return None
    last = signed[-1]
    return Checked(last.id, last.number, last.result, last.fence, receipts.checks_of(json.loads(last.body)))


def _links(fleet: Fleet, repo: str, task: Task) -> dict[str, str]:
    """Addresses on the forge as browsers reach it."""
    settings = fleet.settings
    home = f"{(settings.dashboard.forge_url or settings.forgejo.url).rstrip('/')}/{repo}"
    found = {f"Issue #{task.issue}": f"{home}/issues/{task.issue}"}
    if task.pull_request:
        found[f"Pull request #{task.pull_request}"] = f"{home}/pulls/{task.pull_request}"
    if task.pushed_sha:
        found["Branch"] = f"{home}/src/branch/{task.branch}"
    return found
