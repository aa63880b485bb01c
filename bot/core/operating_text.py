"""What `tasks`, `events` and `fleet` say at a terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime

from bot.core.task import Task


def moment(at: float) -> str:
    """2026-11-22 11:02:07 UTC; – for never"""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "–"


def no_tasks() -> str:
    return "No task is like that. A label `agent:…` on an issue, or `/fleet run` in a comment, makes one."


def no_such_task(named: str) -> str:
    return f"There is no task {named[:80]!r}."


def name_a_task() -> str:
    return "Name it by its id, or as owner/repo#issue; `agent-fleet tasks list` shows both."


def task_head(task_id: str, repo: str, issue: int, state: str) -> str:
    return f"{task_id}  {repo}#{issue}  {state}"


def fact(label: str, value: str) -> str:
    return f"  {label + ':':<14}{value}"


def task_facts(task: Task) -> list[tuple[str, str]]:
    found = [
        ("asked by", task.asked_by),
        ("needs", ", ".join(task.requirements) or "any agent"),
        ("branch", task.branch),
        ("pull request", f"#{task.pull_request}" if task.pull_request else ""),
        ("held", ", ".join(task.holds)),
        ("agent", task.agent),
        ("why", f"{task.reason.value}: {task.message}".removesuffix(": ") if task.reason else ""),
        ("created", moment(task.created_at)),
        ("changed", moment(task.changed_at)),
    ]
    return [(label, value) for label, value in found if value]


def attempt_line(number: int, agent: str, at: float, outcome: str) -> str:
    return f"  attempt {number}: {agent}, {moment(at)}, {outcome or 'running'}"


def event_line(at: float, task_id: str, kind: str, actor: str, data: Mapping[str, object]) -> str:
    shown = ("fence", "agent", "reason", "hold", "number", "why", "by")
    more = " ".join(f"{name}={data[name]}" for name in shown if data.get(name))
    return "  ".join(part for part in (moment(at), task_id, kind, actor, more) if part)


def tasks_line(counts: Mapping[str, int]) -> str:
    return "Tasks: " + (", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none")


def agents_line(by_status: Mapping[str, int], used: int, offered: int) -> str:
    known = ", ".join(f"{count} {status}" for status, count in sorted(by_status.items())) or "none"
    return f"Agents: {known}; {used} of {offered} slots in use"


def outbox_line(count: int, secs: float) -> str:
    return f"Not shown on the forge yet: {count} changes, the oldest for {secs:.0f} s"


def pause_line(repo: str, agent: str, person: str, reason: str, at: float, until: float) -> str:
    what = f"{agent} in {_where(repo)}" if agent else _where(repo)
    end = f" until {moment(until)}" if until else ""
    return f"Paused: {what}, by {person} on {moment(at)}{end}: {reason}"


def not_paused() -> str:
    return "Nothing is paused."


def paused(repo: str) -> str:
    return f"Nothing new is started in {_where(repo)}; what runs goes on. `agent-fleet fleet resume` ends this."


def halted(repo: str, stopped: int) -> str:
    tasks = f"{stopped} running task{'' if stopped == 1 else 's'}"
    return f"Cancelled {tasks} in {_where(repo)}; nothing new is started. `agent-fleet fleet resume` ends this."


def resumed(repo: str) -> str:
    return f"Work goes on in {_where(repo)}."


def was_not_paused(repo: str) -> str:
    return f"No command has paused {_where(repo)}."


def see_status() -> str:
    return "`agent-fleet fleet status` says what is paused, and by whom."


def unknown_repository(name: str) -> str:
    return f"The fleet does not know {name}."


def set_it_up(name: str) -> str:
    return f"Check its name, or run `agent-fleet setup {name}`."


def _where(repo: str) -> str:
    return repo or "the whole fleet"
